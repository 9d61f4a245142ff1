#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Numbers that show how far the tree is from what it should be: a table with the limit of each number, and below it the
# places that are counted. With --tap the same as a test. Run make first, and run this from the top of the tree.
#
# Functions are found by the layout of clang-format: a definition begins in the first column, and its { is alone on the
# line after its parameters.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Tree;

my $build = $ENV{BUILD} // 'build';

# Files whose realloc does not grow an array. In any other file it counts as an array that is grown by hand.
my %buffers = (
    'libnhi/base/grow.c'        => 'the helper',
    'libnhi/check/privileged.c' => 'a buffer that fgetpwent_r asks to be larger (ERANGE)',
    'pam_nhi/caller.c'          => 'a buffer that getpwnam_r asks to be larger (ERANGE)',
    'nss_ask/ask.c'             => 'such a buffer, and gids as glibc\'s initgroups_dyn wants them',
    'nss_nhi/initgroups.c'      => 'gids as glibc\'s initgroups_dyn wants them',
    'hostcfg/host_file.c'       => 'a line of text that goes on with the next one',
);
# Functions whose parameters are chosen by a library.
my $of_libraries = qr/^(?:_nss_nhi_|pam_sm_)/;
# Functions that only nhictl needs, and that the linker has to leave out of the module.
my @not_in_pam = qw(nhi_agent_add nhi_policy_replace);

sub code_of {
    my ($f) = @_;
    my $code = $text{$f};
    $code =~ s,/\*.*?\*/, $& =~ s/[^\n]//gr,gse;
    return $code;
}
my %code = map { $_ => code_of($_) } @files;

# Each is [file, line, name, parameters, body].
sub functions {
    my ($f) = @_;
    my @found;
    my $parens = qr/(?<parens>\((?:[^(){};]++|(?&parens))*+\))/;
    while ($code{$f} =~ /^[A-Za-z_][^;{}#=]{0,200}?\b(\w+)$parens\n\{\n(.*?)^\}/msg) {
        my ($name, $given, $body) = ($1, $2, $3);
        my $line = 1 + (substr($code{$f}, 0, $-[1]) =~ tr/\n//);
        my $list = substr $given, 1, -1;
        1 while $list =~ s/\([^()]*\)//g;
        my $count = $list =~ /^\s*(?:void)?\s*$/ ? 0 : 1 + ($list =~ tr/,//);
        push @found, [$f, $line, $name, $count, $body];
    }
    return @found;
}

# Counters that a loop could declare itself: the function uses them in counting for loops only.
sub loose_counters {
    my ($body) = @_;
    my @loose;
    my %names;
    $names{$1}++ while $body =~ /\bfor \((\w+) = [^;]*;[^;]*; (?:\1(?:\+\+|--)|\+\+\1|--\1)\)/g;
    for my $i (sort keys %names) {
        my $rest = $body;
        # Removes the loops that use it, with their body: braces that close in the same column, or one statement.
        $rest =~ s/^( *)for \(\Q$i\E = [^\n]*(?:\n\1 {5,}[^\n]*)*\{\n.*?^\1\}//msg;
        $rest =~ s/^( *)for \(\Q$i\E = [^\n]*\n(?:\1 +[^\n]*\n)*//mg;
        $rest =~ s/^ *(?:size_t|int|unsigned|uint\d+_t|int\d+_t) [^;(]*;\n//mg;
        push @loose, $i if $rest !~ /\b\Q$i\E\b/;
    }
    return @loose;
}

my @rows;
# $most: the limit; undef: this row has none.
sub row {
    my ($what, $now, $most, @which) = @_;
    push @rows, { what => $what, now => $now, most => $most, which => \@which };
}

my ($of_files, $of_rooms) = Tree::circles_of_calls();
my @of_includes = Tree::circles_of_includes();
my ($largest) = sort { $b <=> $a } 1, map { scalar @$_ } @$of_files;
row('files in the largest circle of files', $largest, 3, map { "@$_" } grep { @$_ == $largest } @$of_files);
row('circles of rooms', @$of_rooms + @of_includes, 0, map { "@$_" } @$of_rooms, @of_includes);

my ($declared, @elsewhere) = Tree::declarations();
row("public functions, of $declared, in a header of another name", scalar @elsewhere, 0, @elsewhere);
my @twice = Tree::same_names();
row('names of files that occur twice in one program', scalar @twice, 0, @twice);

my @by_hand;
for my $f (@files) {
    push @by_hand, "$f:" . (1 + (substr($code{$f}, 0, $-[0]) =~ tr/\n//))
        while !$buffers{$f} && $code{$f} =~ /\breallocarray\(|\brealloc\(/g;
}
row('arrays that are grown by hand', scalar @by_hand, 0, @by_hand);

my @functions = map { functions($_) } @files;
my @wide = sort { $b->[3] <=> $a->[3] || $a->[0] cmp $b->[0] } grep { $_->[3] > 5 && $_->[2] !~ $of_libraries } @functions;
row('functions, of ' . @functions . ', with more than 5 parameters', scalar @wide, 10,
    map { "$_->[3]: $_->[2], $_->[0]:$_->[1]" } @wide);
row('parameters of the one that has most', @wide ? $wide[0][3] : 5, 6);

if (`clang-format --version 2>/dev/null` ne '') {
    my %unlike;
    open(my $out, '-|', "clang-format --dry-run @files 2>&1") or die "clang-format: $!\n";
    while (<$out>) { $unlike{$1} = 1 if /^([^:\n]+):\d+:\d+: warning:/ }
    row('files that clang-format would change', scalar keys %unlike, 0, sort keys %unlike);
} else {
    row('files that clang-format would change', 'not known: no clang-format', undef);
}

my (@sizeof, @void, @counters);
for my $f (@files) {
    push @sizeof, $f while $code{$f} =~ /\bsizeof\b(?!\()/g;
    push @void, $f while $code{$f} =~ /\(void\)\s*(?:v?snprintf|fclose)\b/g;
}
push @counters, map { my $f = $_; map { "$_, $f->[0]:$f->[1] $f->[2]" } loose_counters($f->[4]) } @functions;
row('sizeof without parentheses', scalar @sizeof, 0, @sizeof);
row('(void) before snprintf and fclose', scalar @void, 0, @void);
row('counters that their loop could declare', scalar @counters, 0, @counters);

my $module = "$build/pam_nhi.so";
my %has = map { (split)[-1] => 1 } `nm $module`;
my ($bytes) = (`size $module`)[1] =~ /^\s*(\d+)/;
my @carried = grep { $has{$_} } @not_in_pam;
row('functions of nhictl alone in pam_nhi.so', scalar @carried, 0, @carried);
row('bytes of text in pam_nhi.so', $bytes, undef);

my $failed = 0;
for my $i (1 .. @rows) {
    my $r = $rows[$i - 1];
    my $ok = !defined $r->{most} || $r->{now} <= $r->{most};
    $failed ||= !$ok;
    if (($ARGV[0] // '') eq '--tap') {
        my $most = defined $r->{most} ? ", at most $r->{most}" : '';
        print $ok ? '' : 'not ', "ok $i - $r->{what}: $r->{now}$most\n";
        print map { "#   $_\n" } @{$r->{which}} if !$ok;
    } else {
        printf "%-66s %8s %8s\n", 'what', 'now', 'at most' if $i == 1;
        printf "%-66s %8s %8s\n", $r->{what}, $r->{now}, $r->{most} // '-';
    }
}
if (($ARGV[0] // '') eq '--tap') {
    print '1..' . @rows . "\n";
} else {
    print map { my $r = $_; map { "$r->{what}: $_\n" } @{$r->{which}} } @rows;
    print "not an array: $_: $buffers{$_}\n" for sort keys %buffers;
}
exit($failed ? 1 : 0);
