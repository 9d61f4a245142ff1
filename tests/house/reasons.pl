#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The list of reasons as pam_nhi(8) has it, from libnhi/policy/reason_list.h.
use strict;
use warnings;

open(my $in, '<', 'libnhi/policy/reason_list.h') or die "reason_list.h: $!\n";
my $text = do { local $/; <$in> };
$text =~ s/\\\n\s*//g;

# A line of mdoc(7): what is to be typed, a page of the manual, or text.
sub lines {
    my ($sentence) = @_;
    my $out = '';
    while ($sentence =~ /\G(?:`([^`]+)`([.,;:]?)|([a-z][a-z-]*)\((\d)\)([.,;:]?)|((?:(?!`|[a-z][a-z-]*\(\d\)).)+))\s*/gs) {
        my ($typed, $after, $page, $section, $behind, $words) = ($1, $2, $3, $4, $5, $6);
        if (defined $typed) {
            $typed =~ s/-/\\-/g;
            $out .= ".Ql $typed" . ($after ne '' ? " $after" : '') . "\n";
        } elsif (defined $page) {
            $out .= ".Xr $page $section" . ($behind ne '' ? " $behind" : '') . "\n";
        } else {
            $words =~ s/\s+$//;
            $words =~ s/([.:]) (?=[A-Z])/$1\n/g;
            $out .= "$words\n";
        }
    }
    return $out;
}

while ($text =~ /\bX\((\w+), "([^"]+)", ([^"]+?), "((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\)/g) {
    my ($name, $flags, $meaning, $cause, $remedy) = ($2, $3, map { s/\\"/"/gr } $4, $5, $6);
    print ".It Cm $name\n", ucfirst $meaning, ".\n", lines($cause), lines($remedy);
}
