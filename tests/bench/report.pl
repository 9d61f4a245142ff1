#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The table of the benchmark out of its figures.
#
#   report.pl table|json FIGURES HINTS
#
# FIGURES has a line for each figure, NAME MINIMUM MEDIAN RUNS, HINTS a line for each thing that the machine or the build
# does not have. The rows are at the end of this file; tests/README.md describes the JSON.
use strict;
use warnings;

my ($form, $figures, $hints) = @ARGV;
my %figure;
for (lines($figures)) {
    my ($name, $minimum, $median, $runs) = split;
    $figure{$name} = { minimum => $minimum, median => $median, runs => $runs };
}
my @hints = lines($hints);
my @rows = map { row($_) } grep { /^[a-z]/ } <DATA>;
$form eq 'json' ? print_json() : print_table();

sub lines {
    open my $in, '<', $_[0] or return;
    chomp(my @lines = <$in>);
    return @lines;
}

# ID | KIND | LIMIT | FIGURE | BESIDE | TEXT. BESIDE: what the figure is divided by, or empty. "A-B" is a difference of
# two figures. A limit with > is a least, and - is none.
sub row {
    chomp(my $line = shift);
    my ($id, $unit, $limit, $of, $beside, $what) = map { s/^\s+|\s+$//gr } split /\|/, $line, 6;
    my %r = (id => $id, unit => $unit, what => $what, limit => $limit eq '-' ? undef : $limit, compared => $beside ne '');
    my ($ours, $other) = (value($of), $beside eq '' ? undef : value($beside));
    if (!$ours && value("$of.more")) {
        $ours = value("$of.more");
        $r{more} = 1;
    }
    @r{qw(minimum median runs)} = @$ours{qw(minimum median runs)} if $ours;
    @r{qw(beside_minimum beside_median)} = @$other{qw(minimum median)} if $other;
    if ($ours && $other && $other->{median} > 0 && $other->{minimum} > 0) {
        $r{ratio} = $ours->{median} / $other->{median};
        $r{ratio_of_minima} = $ours->{minimum} / $other->{minimum};
    }
    $r{missing} = 1 if !$ours || ($beside ne '' && !defined $r{ratio});
    $r{met} = met($r{limit}, $beside ne '' ? $r{ratio} : $r{median}) if !$r{missing} && defined $r{limit};
    $r{met} = 0 if $r{more};
    return \%r;
}

sub value {
    my ($name, $less) = split /-/, shift;
    my $f = $figure{$name} or return;
    return $f if !defined $less;
    my $g = $figure{$less} or return;
    return { runs => $f->{runs}, map { $_ => $f->{$_} - $g->{$_} } qw(minimum median) };
}

sub met {
    my ($limit, $value) = @_;
    return $limit =~ /^>(.*)/ ? $value >= $1 : $value <= $limit;
}

# ---- for people ----

sub shown {
    my ($unit, $value) = @_;
    return '' if !defined $value;
    return $value >= 1e6 ? sprintf('%.2f M', $value / 1e6) : sprintf('%.0f', $value) if $unit eq 'count';
    return sprintf '%.1f MB', $value / 1e6 if $unit eq 'bytes';
    return sprintf '%.1f MB', $value / 1024 if $unit eq 'KiB';
    return $value >= 1e6 ? sprintf('%.2f s', $value / 1e6)
        : $value >= 1000 ? sprintf('%.2f ms', $value / 1000)
        :                  sprintf('%.2f us', $value);
}

sub print_table {
    my $form = "%-2s%-43s %9s %9s %9s %7s %7s  %s\n";
    my %count = (met => 0, over => 0, open => 0);
    printf $form, '', '', 'minimum', 'median', 'beside', 'ratio', 'of min', 'target';
    for my $r (@rows) {
        my $unit = $r->{unit};
        my $target = '';
        if (defined $r->{limit}) {
            my ($least, $n) = $r->{limit} =~ /^(>?)(.*)/;
            $target = ($least ? '>= ' : '<= ') . ($r->{compared} ? "$n x" : shown($unit, $n));
        }
        if ($r->{missing}) {
            $count{open}++;
            printf "%-2s%-43s %s\n", '?', $r->{what}, 'not there yet';
            next;
        }
        $count{ $r->{met} ? 'met' : 'over' }++ if defined $r->{met};
        printf $form, defined $r->{met} && !$r->{met} ? '!' : '', $r->{what}, ($r->{more} ? '> ' : '') . shown($unit, $r->{minimum}),
            shown($unit, $r->{median}), shown($unit, $r->{beside_median}),
            (map { defined ? sprintf '%.2f', $_ : '' } @$r{qw(ratio ratio_of_minima)}), $target;
    }
    print "\nEach ratio is of medians, the next of minima. ! the target is not met, ? not there yet.\n";
    print "$count{met} targets met, $count{over} not met, $count{open} rows not there yet\n";
    print map { "- $_\n" } @hints;
    return;
}

# ---- for programs ----

sub print_json {
    require JSON::PP;
    my @out;
    for my $r (@rows) {
        my %o = map { $_ => $r->{$_} } grep { defined $r->{$_} } qw(id unit what limit);
        $o{$_} = 0 + $r->{$_} for grep { defined $r->{$_} }
            qw(minimum median runs beside_minimum beside_median ratio ratio_of_minima);
        $o{$_} = $r->{$_} ? JSON::PP::true() : JSON::PP::false() for grep { defined $r->{$_} } qw(met more missing);
        push @out, \%o;
    }
    my %numbers = map { my $f = $figure{$_}; $_ => { map { $_ => 0 + $f->{$_} } keys %$f } } keys %figure;
    print JSON::PP->new->canonical->pretty->encode({ rows => \@out, figures => \%numbers, notes => \@hints });
    return;
}

__DATA__
ticket       | us    | 2.5   | cycle.ticket.inner | cycle.floor.inner | PAM cycle, shown ticket / floor
key          | us    | 2.3   | cycle.key.inner | cycle.floor.inner | PAM cycle, bound key / floor
ticket-fast  | us    | 2.0   | cycle.ticket.fast.inner | cycle.floor.inner | the same, ticket, durability = fast
key-fast     | us    | 1.8   | cycle.key.fast.inner | cycle.floor.inner | the same, key, durability = fast
instructions | count | 3e6   | cycle.ticket.instructions-cycle.none.instructions | | PAM cycle, shown ticket: instructions
calls        | count | 250   | cycle.ticket.calls-cycle.none.calls | | PAM cycle, shown ticket: system calls
floor-instr  | count | -     | cycle.floor.instructions-cycle.none.instructions | | the floor: instructions
floor-calls  | count | -     | cycle.floor.calls-cycle.none.calls | | the floor: system calls
process      | us    | 2     | cycle.ticket.wall | cycle.permit.wall | whole process, shown ticket / pam_permit
person-sshd  | us    | 1.5   | person.sshd.inner | person.sshd.permit.inner | a person, sshd / pam_permit
person-su    | us    | 2     | person.su.inner | person.su.permit.inner | a person, su with 8 ancestors / pam_permit
person-sudo  | us    | 2     | person.sudo.inner | person.sudo.permit.inner | a person, sudo with 8 ancestors / pam_permit
observed     | us    | 2     | observed.inner | observed.permit.inner | an observed account by key / pam_permit
shared       | us    | 2     | shared.inner | shared.permit.inner | a shared account by key / pam_permit
peer-unix    | us    | -     | peer.unix.inner | cycle.floor.inner | peer: pam_unix, sha512 / floor
peer-google  | us    | -     | peer.google.inner | cycle.floor.inner | peer: pam_google_authenticator / floor
peer-agent   | us    | -     | peer.agent.inner | cycle.floor.inner | peer: pam_ssh_agent_auth / floor
peer-krb5    | us    | -     | peer.krb5.inner | cycle.floor.inner | peer: pam_krb5 / floor
sudo-ticket  | us    | 1.25  | sudo.ticket.wall | sudo.permit.wall | sudo -n true, session ticket / pam_permit
sudo-person  | us    | 1.03  | sudo.person.wall | sudo.person.plain.wall | sudo -n true, a person / without us
ssh-key      | us    | 1.03  | ssh.key.wall | ssh.plain.wall | ssh, bound key / plain key
ssh-ticket   | us    | 1.03  | ssh.ticket.wall | ssh.plain.wall | ssh, shown ticket / plain key
helper       | us    | 1.5   | helper.wall | helper.true.wall | AuthorizedKeysCommand / true
bad          | us    | 0.999 | auth.bad.inner | auth.permitted.inner | bad signature / permitted
revoked      | us    | 0.999 | auth.revoked.inner | auth.permitted.inner | revoked / permitted
at-revoked   | us    | 1.1   | scale.revoked.inner | scale.empty.inner | PAM cycle at 10^6 revocations / empty
at-past      | us    | 1.1   | scale.past.inner | scale.empty.inner | ... at 10^6 past tickets
at-live      | us    | 1.1   | scale.live.inner | scale.empty.inner | ... at 10^5 live tickets of the account
at-groups    | us    | 1.1   | scale.groups.inner | scale.empty.inner | ... with 10^4 groups in /etc/group
at-rules     | us    | 1.1   | scale.rules.inner | scale.empty.inner | ... with 10^4 rules of others
in-revoked   | count | 1.1   | scale.revoked.instructions | scale.empty.instructions | instructions at 10^6 revocations / empty
in-past      | count | 1.1   | scale.past.instructions | scale.empty.instructions | ... at 10^6 past tickets
in-live      | count | 1.1   | scale.live.instructions | scale.empty.instructions | ... at 10^5 live tickets of the account
in-groups    | count | 1.1   | scale.groups.instructions | scale.empty.instructions | ... with 10^4 groups in /etc/group
in-rules     | count | 1.1   | scale.rules.instructions | scale.empty.instructions | ... with 10^4 rules of others
gone-0       | us    | 15000 | gone.0 | | revoke until the process is gone
gone-100     | us    | 16000 | gone.100 | | ... beside 100 other sessions
gone-1000    | us    | 25000 | gone.1000 | | ... beside 1,000 other sessions
crowd        | us    | 1e6   | crowd.p99 | | 1,000 sessions revoked at once, p99 gone
counted      | us    | 1.2   | counted.inner | uncounted.inner | rule with max_sessions / without, 1,000 processes
state-new    | us    | 150000 | state.new | | a new state file at 10^5 live tickets
publish      | us    | 150000 | publish.wall | | ... from the ledger, nhictl publish
state-revoke | us    | 5000  | state.wait | | a revocation meanwhile takes longer by
state-during | us    | -     | state.revoke.wall | state.alone.wall | ... the whole of it / alone
state-change | us    | 1000  | state.change | | one change of the state
state-size   | bytes | 60e6  | state.size | | the state at 10^5 live tickets
state-peak   | bytes | 120e6 | state.peak | | while a new one is written
status-1000  | us    | 15000 | status.sessions.cpu | | status at 1,000 sessions, CPU
status-tasks | us    | 15000 | status.tasks.cpu | | status at 10^5 tasks, CPU
status-past  | us    | 15000 | status.past.cpu | | status at 10^6 past tickets, CPU
metrics-1000 | us    | 15000 | metrics.sessions.cpu | | metrics at 1,000 sessions, CPU
metrics-tasks | us   | 15000 | metrics.tasks.cpu | | metrics at 10^5 tasks, CPU
metrics-past | us    | 15000 | metrics.past.cpu | | metrics at 10^6 past tickets, CPU
watch-idle   | us    | 1000  | watch.idle | | supervisor, idle: CPU in a second
watch-login  | us    | 3000  | watch.login | | supervisor: CPU for one login, 1,000 sessions
name-1e3     | us    | 1.2   | nhi.name.1000 | bare.name.1000 | getpwnam_r among 10^3 / bare hash
name-1e4     | us    | 1.2   | nhi.name.10000 | bare.name.10000 | ... among 10^4
name-1e5     | us    | 1.2   | nhi.name.100000 | bare.name.100000 | ... among 10^5
name-1e6     | us    | 1.2   | nhi.name.1000000 | bare.name.1000000 | ... among 10^6
uid-1e3      | us    | 1.2   | nhi.uid.1000 | bare.uid.1000 | getpwuid_r among 10^3 / bare hash
uid-1e6      | us    | 1.2   | nhi.uid.1000000 | bare.uid.1000000 | ... among 10^6
miss-1e3     | us    | 1.2   | nhi.missname.1000 | bare.missname.1000 | no such name among 10^3 / bare hash
miss-1e6     | us    | 1.2   | nhi.missname.1000000 | bare.missname.1000000 | ... among 10^6
missuid-1e6  | us    | 1.2   | nhi.missuid.1000000 | bare.missuid.1000000 | no such uid among 10^6 / bare hash
name-calls   | count | 0     | nhi.name.calls | | getpwnam_r: system calls of one look-up
name-instr   | count | -     | nhi.name.instructions | bare.name.instructions | getpwnam_r: instructions / bare hash
id           | us    | 1.05  | id.1000000.wall | id.10.wall | id agent at 10^6 / 10
snapshot     | us    | 1e6   | snapshot.1000000 | | agent add at 10^6, snapshot missing
snapshot-1e5 | us    | -     | snapshot.100000 | | ... at 10^5
snapshot-one | us    | 300000 | snapshot.1000000.change | | the next agent add at 10^6
files        | us    | -     | source.files | source.bare | peer: getpwnam_r in files, 10^4 / bare hash
extrausers   | us    | -     | source.extrausers | source.bare | ... in extrausers
db           | us    | -     | source.db | source.bare | ... in db
cache        | us    | -     | source.cache | source.bare | ... in libnss-cache
userdb       | us    | -     | source.systemd | source.bare | ... in systemd's userdb
import       | us    | 2e6   | import | | agent import of 10^4
bulk-issue   | count | >20000 | bulk.issue | | tickets issued in bulk, a second
bulk-revoke  | count | >50000 | bulk.revoke | | revocations in bulk, a second
issue        | us    | 2     | issue.wall | flush.wall | one issue / a process with one flush
revoke       | us    | 2     | revoke.wall | flush.wall | one revocation / a process with one flush
busy         | us    | 150000 | busy | | revocation while the ledger is busy: gone
trace        | us    | 500000 | trace.wall | | trace of 10^5 events of one agent
trace-memory | KiB   | 30720 | trace.rss | | ... its memory
