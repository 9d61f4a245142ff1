#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# manual.pl PAGE [SECTION N]: block N of the section of a page in mdoc, as a reader sees it; without SECTION, a
# line "SECTION<tab>number of blocks" for each that has any.
use strict;
use warnings;

my ($page, $wanted, $number) = @ARGV;
my ($section, $in, %count, @order) = ('', 0);
open my $f, '<', $page or die "$page: $!\n";
while (<$f>) {
    chomp;
    if (/^\.S[sh] (.*)/) { $section = $1; next }
    if (/^\.Bd -literal/) { $in = 1; push @order, $section if !$count{$section}++; next }
    if (/^\.Ed/) { $in = 0; next }
    next unless $in && defined $wanted && $section eq $wanted && $count{$section} == $number;
    s/\\e/\\/g;
    s/\\&//g;
    print "$_\n";
}
print map { "$_\t$count{$_}\n" } @order unless defined $wanted;
