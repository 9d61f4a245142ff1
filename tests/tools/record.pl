#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# record.pl write: a record file of libnhi/grant/PROTOCOL from the text of a grant, as an event has it in its detail.
# record.pl read FILE: the text of a record file. It fails unless the file is a whole record. The claim ssh is left out.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;
use POSIX qw(strftime);
use Time::Local;

my @numbers = qw(at up start pstart ns iat nbf exp);
my @words = qw(pid ppid use ssh);
my @flags = qw(handed_off observed became has_cnf);
my @texts = qw(reason source id service subject boot rule policy rhost place root renews owner within kid
    jti sub task aud acc svc par);
my @claims = qw(jti sub task aud acc svc iat exp nbf cnf use par);

sub sum {
    use integer;
    my $h = -3750763034362895579; # 14695981039346656037
    $h = ($h ^ $_) * 1099511628211 for unpack 'C*', $_[0];
    return $h;
}

sub write_record {
    my %r = %{ decode_json(do { local $/; <STDIN> }) };
    %r = (%r, %{ $r{claims} });
    for (qw(iat nbf exp)) {
        next unless defined $r{$_};
        my @t = split /\D/, $r{$_};
        $r{$_} = timegm(@t[5, 4, 3, 2], $t[1] - 1, $t[0]);
    }
    my $cnf = defined $r{cnf} ? decode_base64($r{cnf} =~ tr{_-}{/+}r) : '';
    $r{has_cnf} = $cnf ne '';
    my $flags = 0;
    $flags |= $r{ $flags[$_] } ? 1 << $_ : 0 for 0 .. $#flags;
    my $body = pack('q<8 L<4 S< C2', (map { $r{$_} // 0 } @numbers, @words), $r{ms} // 0, $r{pin}, $flags) . $cnf .
        join '', map { pack 'C/a', $r{$_} // '' } @texts;
    my $all = pack('a4 S<2', 'nhir', 2, 16 + length $body) . $body;
    binmode STDOUT;
    print $all, pack 'q<', sum($all);
}

sub read_record {
    open my $in, '<:raw', $_[0] or die "$_[0]: $!\n";
    my $all = do { local $/; <$in> } // '';
    my ($magic, $version, $length) = unpack 'a4 S<2', $all;
    die "$_[0]: not a whole record\n"
        unless length $all > 16 && $magic eq 'nhir' && $version == 2 && $length == length $all &&
        sum(substr $all, 0, -8) == unpack 'q<', substr $all, -8;
    my %r;
    (@r{ @numbers, @words, qw(ms pin flags) }, my $rest) = unpack 'q<8 L<4 S< C2 a*', substr $all, 8, -8;
    $r{ $flags[$_] } = $r{flags} & 1 << $_ ? JSON::PP::true : JSON::PP::false for 0 .. $#flags;
    $r{cnf} = $r{has_cnf} ? encode_base64(substr($rest, 0, 32, ''), '') =~ tr{/+=}{_-}dr : '';
    @r{@texts} = unpack '(C/a)*', $rest;
    $r{$_} = $r{$_} ? strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $r{$_}) : '' for qw(iat nbf exp);
    $r{claims} = { map { $_ => $r{$_} } grep { $r{$_} } @claims };
    delete @r{ @claims, qw(flags has_cnf ssh) };
    print JSON::PP->new->canonical->encode({ v => 1, %r }), "\n";
}

my $what = shift // '';
$what eq 'write' ? write_record() : $what eq 'read' ? read_record(@ARGV) : die "usage: $0 write | read FILE\n";
