#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# manual-commands.pl PAGE...: each command line of nhictl that the pages show as an example, page, tab, command.
use strict;
use warnings;

for my $page (@ARGV) {
    open my $f, '<', $page or die "$page: $!\n";
    my ($in, $text) = (0, '');
    while (<$f>) {
        if (/^\.Bd -literal/) { $in = 1 }
        elsif (/^\.Ed/) { $in = 0 }
        elsif (s/^\.Dl // || $in) { $text .= $_ }
    }
    $text =~ s/\\e/\\/g;
    $text =~ s/\\\(dq/"/g;
    $text =~ s/\\&//g;
    $text =~ s/\\\n\s*//g;
    for (split /\n/, $text) {
        next if /^\s*#/ || !/(?:^|[ =\/])nhictl ([a-z].*)/;
        # Up to the next command.
        my $command = $1 =~ s/ +(?:\||\|\||&&|&|#|<<).*//r;
        print "$page\tnhictl $command\n";
    }
}
