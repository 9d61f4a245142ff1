#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Which tests try to break which invariant of DESIGN.md.
#
#   tests/tools/test-map.pl          the table of tests/README.md, with the counts of the last run as build/tap has them
#   tests/tools/test-map.pl --check  TAP: each invariant has a test that names it, no test names an unknown one, and
#                                    tests/README.md has the same table except for the counts
#
# A test names what it tries to break in its head: "Invariants: 4, 7."
use strict;
use warnings;

my $build = $ENV{BUILD} // 'build';
my (%title, %tests, @bad);

open my $design, '<', 'DESIGN.md' or die "DESIGN.md: $!\n";
while (<$design>) {
    $title{$1} = $2 if /^(\d+)\. \*\*(.+?)\.?\*\*/;
}
close $design;

for my $file (sort glob 'tests/*/*.t tests/*/test_*.c tests/fault/*.c tests/fuzz/*.c') {
    open my $f, '<', $file or die "$file: $!\n";
    while (<$f>) {
        last if $. > 40;
        next unless m{^(?:#|/\*| \*)\s*Invariants?: ([\d, ]+)};
        for my $n ($1 =~ /\d+/g) {
            push @bad, "$file names invariant $n, which DESIGN.md does not have" unless $title{$n};
            push @{ $tests{$n} }, $file;
        }
    }
    close $f;
}
push @bad, map { "no test names invariant $_" } grep { !$tests{$_} } sort { $a <=> $b } keys %title;

# How many tests the last run counted in that file; the program of a C file has its name without the ending.
sub counted {
    my ($file) = @_;
    (my $name = $file) =~ s/\.c$//;
    $name =~ tr{/}{_};
    open my $f, '<', "$build/tap/$name" or return undef;
    my ($ok, $bad) = (0, 0);
    while (<$f>) {
        next if /# (SKIP|TODO)/;
        $ok++  if /^ok \d/;
        $bad++ if /^not ok \d/;
    }
    close $f;
    return $bad ? "$ok, $bad failed" : $ok;
}

sub table {
    my ($counts) = @_;
    my $t = "| invariant | tests that try to break it |\n|---|---|\n";
    for my $n (sort { $a <=> $b } keys %title) {
        my @files = map {
            my $file = $_;
            my $c = $counts ? counted($file) : undef;
            "`" . ($file =~ s{^tests/}{}r) . "`" . (defined $c ? " ($c)" : '');
        } @{ $tests{$n} // [] };
        $t .= "| $n. $title{$n} | " . join(', ', @files) . " |\n";
    }
    return $t;
}

if (($ARGV[0] // '') ne '--check') {
    print table(1);
    exit;
}
my $page = do { local (@ARGV, $/) = 'tests/README.md'; <> } // '';
$page =~ s/^(.*?)(\| invariant.*\n)(?=\n|\z).*/$2/s;
$page =~ s/` \(\d+(, \d+ failed)?\)/`/g;
push @bad, 'tests/README.md has another table: put in what tests/tools/test-map.pl prints' if $page ne table(0);
print @bad ? "not ok 1 - each invariant has tests that name it\n" : "ok 1 - each invariant has tests that name it\n";
print "#   $_\n" for @bad;
print "1..1\n";
exit(@bad ? 1 : 0);
