#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Takes the place of a syslog daemon: what arrives at /dev/log goes to FILE, one message a line,
# without its priority. For lab and demo. Usage: collect-log.pl FILE
use strict;
use warnings;
use Socket;

my $file = shift or die "usage: collect-log.pl FILE\n";
open(my $out, '>>', $file) or die "$file: $!\n";
select($out);
$| = 1;
unlink('/dev/log');
socket(my $log, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
bind($log, sockaddr_un('/dev/log')) or die "bind /dev/log: $!\n";
chmod(0666, '/dev/log') or die "chmod /dev/log: $!\n";
while (defined(recv($log, my $line, 65536, 0))) {
    $line =~ s/^<\d+>//;
    $line =~ s/[\0\n]+$//;
    $line =~ s/([\0-\x08\x0a-\x1f\x7f])/sprintf('\\x%02x', ord($1))/ge;
    print "$line\n";
}
