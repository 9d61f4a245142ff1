#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# bars.pl FILE.png RRGGBB: the bars of that colour in a screenshot, which begin in one column and are at least 3 pixels
# high and wide, as X Y WIDTH HEIGHT, each at its widest.
use strict;
use warnings;
use Compress::Zlib;

my ($file, $colour) = @ARGV;
open(my $in, '<:raw', $file) or die "$file: $!\n";
my $png = do { local $/; <$in> };
substr($png, 0, 8) eq "\x89PNG\r\n\x1a\n" or die "no PNG\n";
my ($at, $data, $w, $h, $depth, $type) = (8, '');
while ($at < length $png) {
    my ($len, $kind) = unpack('N a4', substr($png, $at, 8));
    my $body = substr($png, $at + 8, $len);
    ($w, $h, $depth, $type) = unpack('N N C C', $body) if $kind eq 'IHDR';
    $data .= $body if $kind eq 'IDAT';
    $at += 12 + $len;
}
$depth == 8 && ($type == 2 || $type == 6) or die "unexpected kind of PNG\n";
my $n = $type == 6 ? 4 : 3;
my $raw = uncompress($data) // die "damaged\n";
my @before = (0) x ($w * $n);
my (%open, @done);
for my $y (0 .. $h - 1) {
    my ($filter, @line) = unpack('C*', substr($raw, $y * ($w * $n + 1), $w * $n + 1));
    for my $i (0 .. $#line) {
        my ($a, $b, $c) = ($i >= $n ? $line[$i - $n] : 0, $before[$i], $i >= $n ? $before[$i - $n] : 0);
        my $add = 0;
        if    ($filter == 1) { $add = $a }
        elsif ($filter == 2) { $add = $b }
        elsif ($filter == 3) { $add = ($a + $b) >> 1 }
        elsif ($filter == 4) {
            my ($pa, $pb, $pc) = (abs($b - $c), abs($a - $c), abs($a + $b - 2 * $c));
            $add = $pa <= $pb && $pa <= $pc ? $a : $pb <= $pc ? $b : $c;
        }
        $line[$i] = ($line[$i] + $add) & 255 if $add;
    }
    @before = @line;
    my $hex = '';
    $hex .= sprintf('%02x%02x%02x', @line[$_ * $n .. $_ * $n + 2]) eq $colour ? '#' : '.' for 0 .. $w - 1;
    my %now;
    while ($hex =~ /(#{3,})/g) {
        my ($x, $width) = (pos($hex) - length $1, length $1);
        my $old = $open{$x};
        $now{$x} = [ $x, $old ? $old->[1] : $y, $old && $old->[2] > $width ? $old->[2] : $width, $old ? $old->[3] + 1 : 1 ];
    }
    push @done, map { $open{$_} } grep { !exists $now{$_} } keys %open;
    %open = %now;
}
print "@$_\n" for sort { $a->[1] <=> $b->[1] } grep { $_->[3] >= 3 } @done;
