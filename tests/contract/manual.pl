#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# tests/contract/manual.pl TABLE: prints where tests/contract/table differs from "obeys every code", as the rows of
# pam_nhi(8), which tests/house/contract.t compares.
use strict;
use warnings;

my %debian = (bookworm => 12, trixie => 13);
my %name = ('sshd-key' => 'sshd, public key', 'sshd-prompt' => 'sshd, prompt', 'sshd-password' => 'sshd, password',
    unit => 'PAMName=');
my (@order, %rows);

my @names = qw(open_err symbol_err service_err system_err buf_err perm_denied auth_err cred_insufficient
    authinfo_unavail user_unknown maxtries new_authtok_reqd acct_expired session_err cred_unavail cred_expired
    cred_err no_module_data conv_err authtok_err authtok_recovery_err authtok_lock_busy authtok_disable_aging
    try_again abort authtok_expired module_unknown bad_item conv_again incomplete);

# The codes after which it continues, in short form. None: it obeys.
sub text {
    my %on = map { $_ => 1 } @_;
    return 'not asked' if $on{'-'};
    my @on = grep { $on{$_} } @names;
    my @off = grep { !$on{$_} } @names;
    return '' if !@on;
    return 'every code' if !@off;
    return join ', ', @on if @on <= @off;
    return 'all but ' . join ', ', @off;
}

while (<>) {
    next if /^#|^$/;
    my ($release, $program, $phase, @on) = split;
    my $text = text(@on) or next;
    my $key = "$program $phase";
    push @order, $key if !$rows{$key};
    push @{ $rows{$key}{$text} }, $debian{$release};
    push @{ $rows{$key}{order} }, $text if @{ $rows{$key}{$text} } == 1;
}
for my $key (@order) {
    my ($program, $phase) = split ' ', $key;
    for my $text (@{ $rows{$key}{order} }) {
        my @in = @{ $rows{$key}{$text} };
        my $where = @in == 2 || $program eq 'sudo-rs' ? '' : "; Debian $in[0]";
        printf ".It %s Ta %s Ta %s%s\n", $name{$program} // $program, $phase, $text, $where;
    }
}
