#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The structure of the tree: which room reaches which, from the includes and from the symbols of the linker.
#
# A room is a folder. No two reach each other, so that a room can be read knowing only the rooms below it, and the
# effect of a change is clear. Prints TAP and, as comments, the numbers.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Tree;

my ($n, $failed) = (0, 0);

sub ok {
    my ($text, @wrong) = @_;
    $n++;
    $failed++ if @wrong;
    print @wrong ? 'not ' : '', "ok $n - $text\n";
    print "#   $_\n" for @wrong;
}

ok('no two rooms include each other, directly or through others', map { "@$_" } Tree::circles_of_includes());
my ($of_files, $of_rooms) = Tree::circles_of_calls();
ok('no two rooms call each other, directly or through others', map { "@$_" } @$of_rooms);
ok('no circle of files has more than three', map { "@$_" } grep { @$_ > 3 } @$of_files);
my ($declared, @elsewhere) = Tree::declarations();
ok('each public function is declared in the header of its own file', @elsewhere);
ok('no two files of one program have the same name', Tree::same_names());

my %rooms = map { room($_) => 1 } @sources;
printf "# %d rooms, %d sources, %d public functions; the largest circle of files has %d\n", scalar keys %rooms,
    scalar @sources, $declared, (sort { $b <=> $a } (1, map { scalar @$_ } @$of_files))[0];
print "1..$n\n";
exit($failed ? 1 : 0);
