# SPDX-License-Identifier: ISC
# The structure of the tree: its files, which file includes and calls which, and where functions are declared. For
# tree.pl, which refuses a wrong structure, and measures.pl, which prints how far the tree is from the right one.
package Tree;
use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(@files @sources @headers %text room circles);

my $build = $ENV{BUILD} // 'build';
my @tops = qw(libnhi conf hostcfg nhictl pam_nhi pam_decide nss_nhi sshd_nhi keys_decide nss_ask pam_trial);
# The folders that are linked into each program.
my %programs = (
    nhictl   => [qw(libnhi conf hostcfg nhictl)],
    pam_nhi  => [qw(libnhi pam_nhi)],
    pam_decide => [qw(libnhi pam_nhi pam_decide)],
    nss_nhi  => [qw(libnhi nss_nhi)],
    sshd_nhi => [qw(libnhi sshd_nhi)],
    keys_decide => [qw(libnhi keys_decide)],
    nss_ask  => [qw(libnhi nss_ask)],
);

sub read_file {
    my ($name) = @_;
    open(my $f, '<', $name) or die "$name: $!\n";
    local $/;
    return scalar <$f>;
}

our @files = sort grep { chomp; 1 } `find @tops -name '*.[ch]'`;
our @sources = grep { /\.c$/ } @files;
our @headers = grep { /\.h$/ } @files;
our %text = map { $_ => read_file($_) } @files;

sub room { my ($file) = @_; return $file =~ s,/[^/]*$,,r; }

# The circles of a graph (Tarjan): a list of lists of nodes, without those of one node.
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

# Rooms that include each other, directly or through others.
sub circles_of_includes {
    my %included;
    for my $f (@files) {
        while ($text{$f} =~ /^#include "([^"]+)"/mg) {
            $included{room($f)}{room($1)} = 1 if room($f) ne room($1);
        }
    }
    return circles(\%included);
}

# Which source defines a symbol, from the objects; dies if one is missing.
my (%where, %wants);
sub read_symbols {
    return if %where;
    my %source = map { ("$build/obj/" . $_ =~ s/\.c$/.o/r) => $_ } @sources;
    -e $_ or die "no $_: run make first\n" for sort keys %source;
    open(my $nm, '-|', 'nm', '-A', sort keys %source) or die "nm: $!\n";
    while (<$nm>) {
        my ($object) = split /:/;
        my ($kind, $name) = (split)[-2, -1];
        $where{$name}{$source{$object}} = 1 if $kind =~ /^[TDBRV]$/;
        $wants{$source{$object}}{$name} = 1 if $kind eq 'U';
    }
}

# Files that call each other, and rooms that do, as two lists of circles.
sub circles_of_calls {
    my (%calls, %between);
    read_symbols();
    # Several modules define entry points of the same name, which none of our files calls.
    for my $f (sort keys %wants) {
        for my $name (keys %{$wants{$f}}) {
            my @at = keys %{$where{$name} // {}};
            next if @at != 1 || $at[0] eq $f;
            $calls{$f}{$at[0]} = 1;
            $between{room($f)}{room($at[0])} = 1 if room($f) ne room($at[0]);
        }
    }
    return ([circles(\%calls)], [circles(\%between)]);
}

# How many functions headers declare, and those whose header has another name than the source that defines them.
sub declarations {
    my ($declared, @elsewhere) = (0);
    read_symbols();
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
    return ($declared, @elsewhere);
}

# Files of one program that have the same name.
sub same_names {
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
    return @twice;
}

1;
