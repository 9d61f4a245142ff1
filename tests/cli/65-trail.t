#!/bin/bash
# SPDX-License-Identifier: ISC
# Each event is sent as one harmless line, once, with its number and its hash: syslog, the journal, export, follow.
# Invariant: 15.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

# receive SOCKET FILE: writes what arrives at the socket, one record for each datagram, with \x1e between two.
cat >receive.pl <<'PERL'
use strict; use warnings; use Socket;
my ($path, $file) = @ARGV;
open(my $out, '>>', $file) or die; select($out); $| = 1;
unlink($path);
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($path)) or die;
open(my $up, '>', "$file.up");
while (defined(recv($s, my $d, 1048576, 0))) { print "$d\x1e\n" }
PERL
RECEIVERS=
receive() {
    rm -f "$2.up"
    perl receive.pl "$1" "$2" &
    RECEIVERS="$RECEIVERS $!"
    RECEIVER=$!
    disown "$RECEIVER"
    until [ -e "$2.up" ]; do sleep 0.02; done
}
stop() {
    kill "$1" 2>/dev/null
    while kill -0 "$1" 2>/dev/null; do sleep 0.02; done
}
# shellcheck disable=SC2086
trap 'kill $RECEIVERS 2>/dev/null' EXIT
events() { sqlite3 -readonly "$LEDGER" "SELECT seq FROM event WHERE seq > ${1:-0} ORDER BY seq"; }
last() { sqlite3 -readonly "$LEDGER" 'SELECT max(seq) FROM event'; }
hash_of() { sqlite3 -readonly "$LEDGER" "SELECT hash FROM event WHERE seq = $1"; }
# numbers FILE: numbers of the events in it, in the order of their arrival.
numbers() { grep -aoE 'event=[0-9]+ ' "$1" | tr -dc '0-9\n'; }
arrived() { # arrived FILE: all events arrived once, in order; waits for a slow receiver.
    local i
    for ((i = 0; i < 200; i++)); do
        [ "$(numbers "$1")" = "$(events "${2:-0}")" ] && return 0
        sleep 0.05
    done
    numbers "$1" | tr '\n' ' '
    return 1
}

# ---- syslog ----

receive /dev/log syslog
nhictl init >/dev/null
nhictl agent add ci-bot --owner $'J\u00f6rg <ops@example.org>' --purpose 'builds' --review-by 2099-06-30 --no-home >/dev/null
nhictl task open build-4711 --agent ci-bot --until 2h >/dev/null
nhictl task close build-4711 --reason 'not any more' >/dev/null
ok 'each event is a line, once, in order' arrived syslog
ok 'with its owner, escaped' grep -qa 'kind=agent-add host=testhost agent=ci-bot owner="J\\u00f6rg <ops@example.org>"' syslog
ok 'with the cause' grep -qa 'kind=task-close .* cause="not any more"' syslog
ok 'with its hash' grep -qa "^<[0-9]*>... .. ..:..:.. nhi\[[0-9]*\]: event=2 .* hash=$(hash_of 2)" syslog
ok 'with a facility that only root can read' grep -qaE '^<8[56]>' syslog

stop "$RECEIVER"
nhictl lockdown on >/dev/null
nhictl lockdown off >/dev/null
receive /dev/log syslog
ok 'a line that no log accepted' test "$(numbers syslog | wc -l)" -lt "$(last)"
nhictl status >/dev/null
ok 'is sent later, once, in order' arrived syslog

# As if the sender was killed before it could record that.
printf '%020d\n' "$(($(last) - 1))" >/var/lib/nhi/sent
nhictl status >/dev/null
twice() { [ "$(grep -ac "event=$(last) .*hash=$(hash_of "$(last)")" syslog)" = 2 ]; }
eventually() {
    local i
    for ((i = 0; i < 200; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}
ok 'cut off between the line and the mark, it is sent again under its number' eventually twice
: >syslog.at-once
stop "$RECEIVER"
receive /dev/log syslog.at-once
FROM=$(last)
for i in 1 2 3 4 5 6 7 8 9 10; do nhictl lockdown off >/dev/null & done
wait
nhictl status >/dev/null
ok 'ten at once: each once, in order' arrived syslog.at-once "$FROM"

# A log that accepts nothing more.
stop "$RECEIVER"
cat >deaf.pl <<'PERL'
use Socket;
unlink('/dev/log'); socket(my $s, AF_UNIX, SOCK_DGRAM, 0); bind($s, sockaddr_un('/dev/log'));
socket(my $c, AF_UNIX, SOCK_DGRAM, 0); connect($c, sockaddr_un('/dev/log'));
use Fcntl; fcntl($c, F_SETFL, O_NONBLOCK); 1 while send($c, 'x', 0);
open(my $up, '>', 'deaf.up'); sleep 1000;
PERL
perl deaf.pl &
DEAF=$!
RECEIVERS="$RECEIVERS $DEAF"
disown "$DEAF"
until [ -e deaf.up ]; do sleep 0.02; done
expect 0 'a full log holds up nobody' nhictl lockdown off
FROM=$(($(last) - 1))
stop "$DEAF"
receive /dev/log syslog.after
nhictl status >/dev/null
ok 'and gets the line later' arrived syslog.after "$FROM"
stop "$RECEIVER"
rm -f /dev/log

# ---- the journal ----

mkdir -p /run/systemd/journal
receive /run/systemd/journal/socket journal
FROM=$(last)
nhictl task open build-4712 --agent ci-bot --until 2h >/dev/null
nhictl revoke --task build-4712 --reason 'by the journal' >/dev/null
ok 'the journal gets each, once, in order' arrived journal "$FROM"
record() { tr -d '\n' <journal | tr '\036' '\n' | grep -a "NHI_EVENT=$1NHI"; }
one_record() { # of the newest event, with all of these fields
    local text=
    text=$(perl -0777 -ne 'print((grep { /^NHI_EVENT='"$(last)"'$/m } split(/\x1e\n/))[0])' journal)
    for field in "$@"; do
        grep -qxF "$field" <<<"$text" || { echo "$field"; return 1; }
    done
}
ok 'with a field for each member' one_record SYSLOG_IDENTIFIER=nhi PRIORITY=5 NHI_KIND=revoke NHI_AGENT=ci-bot \
    NHI_TASK=build-4712 'NHI_CAUSE=by the journal' 'NHI_OWNER=J\u00f6rg <ops@example.org>' NHI_HOST=testhost \
    "NHI_HASH=$(hash_of "$(last)")" "NHI_PREV=$(hash_of $(($(last) - 1)))"
receive /dev/log both
FROM=$(last)
nhictl lockdown off >/dev/null
ok 'a syslog beside it gets it as well' arrived both "$FROM"
stop "$RECEIVER"
rm -f /dev/log
receive /run/systemd/journal/dev-log behind
ln -s /run/systemd/journal/dev-log /dev/log
nhictl lockdown off >/dev/null
ok 'behind /dev/log it is the journal once more, which has it already' test "$(numbers behind)" = ""
ok 'once' test "$(numbers journal | sort | uniq -d)" = ""
stop "$RECEIVER"
rm -f /dev/log

# ---- export and follow ----

expect 0 'export' nhictl audit export
ok 'has a line for each event' test "$(jq -r .seq <.out)" = "$(events)"
ok 'one JSON object in each' jq -se 'any(.[]; .kind == "agent-add" and .owner == "J\u00f6rg <ops@example.org>" and (.hash | length) == 64)' <.out
expect 0 'from a number on' nhictl audit export --after 3
ok 'the events after it' test "$(jq -r .seq <.out)" = "$(events 3)"
expect 0 'up to a moment' nhictl audit export --until 2020-01-01T00:00:00Z
ok 'the events before it' test "$OUT" = ''
"$BUILD/nhictl" audit follow --after 2 >followed &
FOLLOW=$!
RECEIVERS="$RECEIVERS $FOLLOW"
nhictl lockdown on --reason 'while followed' >/dev/null
followed() { [ "$(jq -r .seq <followed)" = "$(events 2)" ]; }
ok 'follow prints existing and new events' eventually followed
kill -TERM "$FOLLOW"
wait "$FOLLOW"
ok 'until SIGTERM' test $? = 0
"$BUILD/nhictl" audit follow >followed.new &
FOLLOW=$!
RECEIVERS="$RECEIVERS $FOLLOW"
FROM=$(last)
listens() { [[ $(readlink /proc/"$1"/fd/* 2>/dev/null) == *signalfd* ]]; }
until listens "$FOLLOW"; do sleep 0.02; done
nhictl lockdown off >/dev/null
followed_new() { [ -s followed.new ] && [ "$(jq -r .seq <followed.new | tail -n 1)" = "$(last)" ] && [ "$(jq -r .seq <followed.new | head -n 1)" -ge "$FROM" ]; }
ok 'without a number, only new ones' eventually followed_new
kill -TERM "$FOLLOW"

# ---- whatever an event has in it ----

BIG=$(head -c 65536 /dev/zero | tr '\0' 'A')
cat >hostile.sql <<SQL
INSERT INTO event SELECT max(seq) + 1, 0, 'x' || char(10) || 'event=1 forged', 'h', char(27) || '[2J', char(8238) || 'gnitirw',
 '%n%s%n', '"},{"seq":9', 'k', 'a' || char(7), 's', 'p', 'f', 'd', 'r', 'u', '%x', 'p' || char(155), NULL, 'n', 's',
 char(1) || char(127), '{"x":"$BIG' || char(10) || char(8238) || '"}', hash, hash FROM event;
SQL
receive /dev/log hostile
sqlite3 "$LEDGER" <hostile.sql
nhictl status >/dev/null
expect 0 'a hostile event is exported' nhictl audit export --after "$(($(last) - 1))"
one_line() { [ "$(wc -l <"$1")" = 1 ] && ! LC_ALL=C grep -q '[^ -~]' "$1"; }
ok 'as one line of printable ASCII' one_line .out
ok 'that is JSON' jq -e '.kind == "x\nevent=1 forged" and (.detail.x | length) == 65538' <.out
arrived_hostile() { grep -qa "event=$(last) " hostile; }
ok 'it is sent to the log' eventually arrived_hostile
sed 's/\x1e$//' hostile >hostile.line
ok 'as one line' one_line hostile.line
ok 'and to the journal, each field on its line' test "$(perl -0777 -ne 'print scalar(grep { !/^[A-Z_]+=[ -~]*$/ } map { split(/\n/) }
    grep { /^NHI_EVENT='"$(last)"'$/m } split(/\x1e\n/))' journal)" = 0
ok 'no line has a ticket in it' eval '! grep -qa "v4\.public\." syslog syslog.* both journal followed .out'
finish
