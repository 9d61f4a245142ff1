#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# rendered.pl NHICTL PAGE...: checks the manuals of the tree and these pages as shown by mandoc and, if there is one, by
# the man of Debian, and compares the verbs and options of nhictl with the pages.
use strict;
use warnings;
use utf8;
use open qw(:std :utf8);

my ($nhictl, @generated) = @ARGV;
my $tests = 0;
my @pages = sort @generated, split /\n/, `find . -name '*.[578]' -not -path './.git/*' -not -path './build/*'`;
my %page = map { m{([^/]+)\.(\d)$} ? ("$1($2)" => $_) : () } @pages;
# Pages of other software that ours point to.
my %others = map { $_ => 1 } qw(
    at(1) b2sum(1) bash(1) crontab(1) cvtsudoers(1) doas(1) dpkg(1) getent(1) hostname(1) jq(1) logger(1) loginctl(1) nice(1) nohup(1) pkexec(1)
    prlimit(1) setsid(1) ssh(1) ssh-agent(1) su(1) systemd(1) systemd-run(1) open(2) setsid(2) pam(3) syslog(3) crontab(5)
    limits.conf(5) machine-id(5) nsswitch.conf(5) pam.conf(5) sshd_config(5) sudoers(5) systemd.exec(5) atd(8) cron(8)
    nscd(8) pam-auth-update(8) pam_keyinit(8) pam_loginuid(8) pam_rootok(8) pam_selinux(8) sshd(8) sudo(8)
    systemd-logind.service(8) visudo(8));

# none TEXT FOUND...: passes if nothing is found.
sub none {
    my ($text, @found) = @_;
    $tests++;
    print @found ? "not ok $tests - $text\n" : "ok $tests - $text\n";
    print "#   $_\n" for @found;
}

sub slurp { open my $f, '<', $_[0] or die "$_[0]: $!\n"; local $/; return <$f> }
sub unstruck { my ($t) = @_; $t =~ s/.\x08//g; return $t }
sub words { my %w = map { $_ => 1 } split ' ', $_[0]; return %w }
sub section { my ($text, $name) = @_; return $text =~ /^$name\n(.*?)(?=^\S)/ms ? $1 : '' }

# ---- how pages look ----

my $has_man = system('command -v man >/dev/null && command -v groff >/dev/null') == 0;
my (%shown, %source);
for my $p (@pages) {
    $source{$p} = slurp($p);
    $shown{$p}{mandoc} = unstruck(scalar `mandoc -T utf8 -O width=78 $p 2>&1`);
    next unless $has_man;
    my $man = "LC_ALL=C.UTF-8 MANPAGER=cat GROFF_NO_SGR=1 MANROFFOPT=-c";
    $shown{$p}{man} = unstruck(scalar `$man MANWIDTH=80 man --warnings -E UTF-8 -l $p 2>$ENV{TMP_OF_RENDERED}`);
    none("$p: man prints no warning", split /\n/, slurp($ENV{TMP_OF_RENDERED}));
    # The two break lines in different places, but not if lines may be long enough. A word that only one of them has
    # is two words that run together.
    my %theirs = words(unstruck(scalar `mandoc -T utf8 -O width=1000 $p`));
    my %ours = words(unstruck(scalar `$man MANWIDTH=1000 man --nh --nj -E UTF-8 -l $p 2>/dev/null`));
    # The man of Debian 13 puts names of sections in quotation marks.
    my %bare = map { s/[“”]//gr => 1 } keys %theirs;
    delete @ours{qw(BSD — –)};
    none("$p: no words run together", grep { !$theirs{$_} && !$bare{s/[“”]//gr} } sort keys %ours);
}
print "# no man or no groff here: only mandoc is tried\n" unless $has_man;
for my $p (@pages) {
    for my $by (sort keys %{ $shown{$p} }) {
        my @lines = split /\n/, $shown{$p}{$by};
        none("$p: at most 80 columns ($by)", grep { length > 80 } @lines);
        # Such a line would be broken if it were too long.
        none("$p: each command is on one line ($by)",
            grep { index($shown{$p}{$by}, $_) < 0 } map { s/\\\(dq/"/gr =~ s/\\e/\\/gr } $source{$p} =~ /^\.Dl (.*)/mg);
        none("$p: no quotes within quotes ($by)", grep { /""/ || /"[\w-]+, "/ || /“[^”]*“/ || /‘[^’]*, [^’]/ } @lines);
    }
    my %has = map { $_ => 1 } $source{$p} =~ /^\.Sh (.*)/mg;
    my @wanted = ('NAME', 'SEE ALSO', $p =~ /7$/ ? () : 'SYNOPSIS', $p =~ /8$/ ? 'EXAMPLES' : ());
    none("$p: has its sections", grep { !$has{$_} } @wanted);
    none("$p: the pages that it points to exist",
        grep { !$page{$_} && !$others{$_} } map { s/ /(/r . ')' } $source{$p} =~ /\bXr (\S+ \d)/g);
}

# ---- verbs and options ----

# verb => its options, each with the name of its value, or ''
my %verbs;
for my $verb (`$nhictl --help` =~ /^  ([a-z]+(?: [a-z]+)?)  /mg) {
    my ($first) = split / /, $verb;
    my $help = `$nhictl $verb --help`;
    $verbs{$first}{$verb} = { $help =~ /^  --([a-z-]+) ?([^ ]*) /mg };
    delete @{ $verbs{$first}{$verb} }{qw(json help)};
}
die "no verbs\n" unless %verbs;
my %any = map { $_ => 1 } qw(json help version), map { map { keys %$_ } values %$_ } values %verbs;

# The indentation of a page: 5 columns in Debian 12, 7 in 13.
my $nhictl_at = qr/ {5}(?: {2})?nhictl/;
my $overview = slurp($page{'nhictl(8)'});
none('nhictl(8) has at most 250 lines', grep { $_ > 250 } scalar(split /\n/, $overview));
none('nhictl(8) points to the page of each verb, with a sentence',
    grep { $overview !~ /^\.It Xr nhictl-$_ 8\n[A-Z]/m } sort keys %verbs);
for my $first (sort keys %verbs) {
    my $p = $page{"nhictl-$first(8)"};
    none("nhictl-$first(8) exists", $p ? () : $first);
    next unless $p;
    my (@missing, @unsaid, @swallowed, %here);
    # One line for each form; its further lines are indented more.
    my $synopsis = section($shown{$p}{man} // $shown{$p}{mandoc}, 'SYNOPSIS') =~ s/(?<=\S) +/ /gr;
    my ($forms) = $source{$p} =~ /^\.Sh SYNOPSIS\n(.*?)^\.Sh/ms;
    for my $verb (sort keys %{ $verbs{$first} }) {
        my (undef, $second) = split / /, $verb;
        push @swallowed, $verb unless $synopsis =~ ($second ? qr/^$nhictl_at $first (?:\w+ \| )*$second\b/m : qr/^$nhictl_at $first\b/m);
        my $options = $verbs{$first}{$verb};
        for my $o (sort keys %$options) {
            $here{$o} = 1;
            push @missing, "--$o of $verb" unless $source{$p} =~ /^\.It Fl -$o\b(?!-)/m;
            push @missing, "--$o of $verb, in the synopsis" unless $forms =~ /-$o\b(?!-)/;
            next unless $options->{$o} ne '';
            push @unsaid, "--$o" if grep { !/[Dd]efault|[Rr]equired/ } $source{$p} =~ /^\.It Fl -$o\b(?!-)(.*?)^\.(?:It|El)/msg;
        }
    }
    none("nhictl-$first(8): a line of the synopsis for each verb", @swallowed);
    none("nhictl-$first(8): each option", @missing);
    none("nhictl-$first(8): the default of each option that takes a value, or that it is required", @unsaid);
    none("nhictl-$first(8): lists only options of its verbs",
        grep { !$here{$_} } $source{$p} =~ /^\.It Fl -([a-z-]+)/mg);
}
for my $p (@pages) {
    none("$p: names only options that exist",
        grep { !$any{$_} } map { /Fl -([a-z][a-z-]*)/g } grep { !/^\.Fl -(?:preserve-env|loginuid)/ } split /\n/, $source{$p});
}
print "1..$tests\n";
