#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Compares two files of counts, lines of NAME NUMBER: compare.pl OLD NEW. Prints each that changed by more than one per
# cent, and what fails. Exit status 1: one is more than five per cent above the old one, or is missing.
use strict;
use warnings;

my ($old, $new) = map { read_counts($_) } @ARGV;
my ($worse, $better) = (0, 0);
for my $name (sort keys %{ { %$old, %$new } }) {
    my ($was, $is) = ($old->{$name}, $new->{$name});
    if (!defined $was || !defined $is) {
        printf "%-28s %12s %12s  %s\n", $name, $was // '-', $is // '-', defined $is ? 'not in the file' : 'not counted';
        $worse++;
        next;
    }
    my $change = ($is - $was) * 100 / ($was || 1);
    my $more = $is > $was * 1.05 + 2;
    printf "%-28s %12d %12d  %+.1f %%%s\n", $name, $was, $is, $change, $more ? '  too many' : '' if abs $change > 1;
    $worse++ if $more;
    $better++ if $is < $was * 0.95 - 2;
}
print "$better are more than 5 % below tests/bench/counts: make bench-counts writes it anew\n" if $better;
printf "%d counts, %d of them too high\n", scalar keys %$new, $worse;
exit($worse > 0);

sub read_counts {
    my %count;
    open my $in, '<', $_[0] or die "$_[0]: $!\n";
    while (<$in>) {
        next if /^#/;
        my ($name, $number) = split;
        $count{$name} = $number;
    }
    return \%count;
}
