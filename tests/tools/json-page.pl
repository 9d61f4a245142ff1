#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# json-page.pl PAGE: the members that nhi-json(5) names, a line each: verb, tab, path, space, types with | between them.
# The verb is empty for what every answer has, and a star for what a verb may have that the page does not list. Objects
# that the page describes once stand wherever a member is one. "Ar setting" stands for each setting that nhi.conf(5)
# beside it has.
use strict;
use warnings;

my (%object, %verb, @of, $every);
open my $settings, '<', $ARGV[0] =~ s/nhi-json\.5$/nhi.conf.5/r or die "nhi.conf.5: $!\n";
my @settings = map { /^\.It Li (.*)/ ? grep { !/^(?:host|uid_min|uid_max)$/ } split / , /, $1 : () } <$settings>;
while (<>) {
    if (/^\.Sh (.*)/) { $every = $1 eq 'EVERY ANSWER'; @of = $every ? (\@{ $verb{''} }) : () }
    elsif (/^\.Ss The (.*) object$/) { @of = (\@{ $object{$1} }) }
    elsif (/^\.Ss (.*)/) { @of = map { \@{ $verb{$_} } } split / , /, $1 }
    elsif (/^\.It Ar setting Pq (.*)/) { for my $to (@of) { push @$to, [".$_", $1] for @settings } }
    elsif (/^\.It Va (.*) Pq (.*)/) { for my $to (@of) { push @$to, [".$_", $2] for split / , /, $1 } }
}
# The reason of explain is an object if a reason was given as the operand.
push @{ $verb{explain} }, [$_->[0], $_->[1]] for @{ delete $verb{'explain reason'} // [] };

sub member {
    my ($verb, $path, $type) = @_;
    my $null = $type =~ s/ or null$// ? '|null' : '';
    if ($type =~ /^array of (.*?)s?$/) {
        print "$verb\t$path array$null\n";
        member($verb, "$path\[]", $1);
    } elsif ($type =~ /^(.+) object$/) {
        die "no object '$1'\n" unless $object{$1};
        print "$verb\t$path object$null\n";
        member($verb, $path . $_->[0], $_->[1]) for @{ $object{$1} };
    } else {
        die "no type '$type'\n" unless $type =~ /^(string|number|boolean|object|string or number)$/;
        print "$verb\t$path ", $type =~ s/ or /|/r, "$null\n";
    }
}
$verb{'*'} = [map { ([".$_", "$_ object"], [".${_}s", "array of $_ objects"]) } grep { !/ / } sort keys %object];
for my $v (sort keys %verb) { member($v, @$_) for @{ $verb{$v} } }
