#!/usr/bin/perl
# The shape of the tree: which room reaches which, from what is included and from what the linker sees.
#
# A room is a folder. No two reach each other, so that each can be read knowing only those below it, and it is clear what
# a change can touch. Prints TAP and, as comments, the numbers.
use strict;
use warnings;

my $build = $ENV{BUILD} // 'build';
my @tops = qw(libnhi conf hostcfg nhictl pam_nhi nss_nhi sshd_nhi nss_ask pam_trial);
# What is linked into one program.
my %programs = (
    nhictl   => [qw(libnhi conf hostcfg nhictl)],
    pam_nhi  => [qw(libnhi pam_nhi)],
    nss_nhi  => [qw(libnhi nss_nhi)],
    sshd_nhi => [qw(libnhi sshd_nhi)],
    nss_ask  => [qw(libnhi nss_ask)],
);
my ($n, $failed) = (0, 0);

sub ok {
    my ($text, @wrong) = @_;
    $n++;
    $failed++ if @wrong;
    print @wrong ? 'not ' : '', "ok $n - $text\n";
    print "#   $_\n" for @wrong;
}

sub read_file {
    my ($name) = @_;
    open(my $f, '<', $name) or die "$name: $!\n";
    local $/;
    return scalar <$f>;
}

sub room { my ($file) = @_; return $file =~ s,/[^/]*$,,r; }

# The circles of a graph (Tarjan): a list of lists of nodes, those of one node left out.
sub circles {
    my ($arrows) = @_;
    my (%index, %low, %on, @stack, @found, $visit);
    my $count = 0;
    $visit = sub {
        my ($v) = @_;
        $index{$v} = $low{$v} = $count++;
        push @stack, $v;
        $on{$v} = 1;
        for my $w (sort keys %{$arrows->{$v} // {}}) {
            if (!defined $index{$w}) {
                $visit->($w);
                $low{$v} = $low{$w} if $low{$w} < $low{$v};
            } elsif ($on{$w}) {
                $low{$v} = $index{$w} if $index{$w} < $low{$v};
            }
        }
        return if $low{$v} != $index{$v};
        my @circle;
        do {
            push @circle, pop @stack;
            delete $on{$circle[-1]};
        } until $circle[-1] eq $v;
        push @found, [sort @circle] if @circle > 1;
    };
    $visit->($_) for grep { !defined $index{$_} } sort keys %$arrows;
    return @found;
}

my @files = sort grep { chomp; 1 } `find @tops -name '*.[ch]'`;
my @sources = grep { /\.c$/ } @files;
my @headers = grep { /\.h$/ } @files;
my %text = map { $_ => read_file($_) } @files;

# ---- what is included ----

my %included;
for my $f (@files) {
    while ($text{$f} =~ /^#include "([^"]+)"/mg) {
        $included{room($f)}{room($1)} = 1 if room($f) ne room($1);
    }
}
ok('no two rooms include each other, directly or over others', map { "@$_" } circles(\%included));

# ---- what is called ----

my (%where, %wants, %program);
for my $f (@sources) {
    my $object = "$build/obj/" . $f =~ s/\.c$/.o/r;
    -e $object or print("not ok 2 - cannot go on: no $object: run make first\n"), exit 1;
    for (`nm $object`) {
        my ($kind, $name) = (split)[-2, -1];
        $where{$name}{$f} = 1 if $kind =~ /^[TDBRV]$/;
        $wants{$f}{$name} = 1 if $kind eq 'U';
    }
}
# Entry points of modules have the same names everywhere; none of ours calls them.
my (%calls, %between);
for my $f (sort keys %wants) {
    for my $name (keys %{$wants{$f}}) {
        my @at = keys %{$where{$name} // {}};
        next if @at != 1 || $at[0] eq $f;
        $calls{$f}{$at[0]} = 1;
        $between{room($f)}{room($at[0])} = 1 if room($f) ne room($at[0]);
    }
}
ok('no two rooms call each other, directly or over others', map { "@$_" } circles(\%between));
my @circles = circles(\%calls);
ok('no circle of files has more than three', map { "@$_" } grep { @$_ > 3 } @circles);

# ---- where a function is declared ----

my ($declared, @elsewhere) = (0);
for my $h (@headers) {
    my $code = $text{$h};
    $code =~ s,/\*.*?\*/,,sg;
    while ($code =~ /\b(\w+)\((?:[^()]|\([^()]*\))*\)\s*(?:__attribute__\(\([^;]*\)\))?\s*;/g) {
        my ($name, @at) = ($1, keys %{$where{$1} // {}});
        next if @at != 1;
        $declared++;
        push @elsewhere, "$name: defined in $at[0], declared in $h" if $at[0] =~ s/\.c$//r ne $h =~ s/\.h$//r;
    }
}
ok('each public function is declared in the header of its own file', @elsewhere);

# ---- names ----

my @twice;
for my $p (sort keys %programs) {
    my %seen;
    for my $f (@sources) {
        my ($top, $base) = $f =~ m,^([^/]+)/.*?([^/]+)\.c$,;
        next if !grep { $_ eq $top } @{$programs{$p}};
        push @twice, "$p: $seen{$base} and $f" if $seen{$base};
        $seen{$base} = $f;
    }
}
ok('no two files of one program have the same name', @twice);

my %rooms = map { room($_) => 1 } @sources;
printf "# %d rooms, %d sources, %d public functions; the largest circle of files has %d\n", scalar keys %rooms,
    scalar @sources, $declared, (sort { $b <=> $a } (1, map { scalar @$_ } @circles))[0];
print "1..$n\n";
exit($failed ? 1 : 0);
