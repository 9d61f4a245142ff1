#!/bin/bash
# SPDX-License-Identifier: ISC
# Nothing holds up the end of sessions: no log that nobody reads, no ledger that is locked, damaged or full, no other
# command that ends the same session at the same time, and no caller that stops waiting.
# Invariant: 5.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
echo 'grace = 0;' >/etc/nhi/nhi.conf
must nhictl apply
query() { sqlite3 -readonly -cmd '.timeout 5000' "$STATE/ledger.db" "$1"; }

# in_session FILE COMMAND: BG is an ssh that has begun.
in_session() {
    rm -f "$W/up"
    ssh_bg ci-bot reply "$1" ": >$W/up; $2"
    BG=$!
    disown
    eventually test -e "$W/up" || note "$(cat "$W/bg.err")"
}
is_gone() { [ ! -e "/proc/$1" ]; }
n=0
fresh() { # fresh [OPTION...]: a task, and its ticket.
    n=$((n + 1))
    open_task "t-$n"
    issue "$W/ticket" "t-$n" "$@"
}

# ---- a log that nobody reads ----

start_log() { # start_log PROGRAM ARG...: in place of the previous one.
    [ -z "${COLLECTOR:-}" ] || kill "$COLLECTOR"
    rm -f /dev/log
    "$@" &
    COLLECTOR=$!
    disown
    eventually test -S /dev/log || bail "$1"
}
COLLECTOR=$(pgrep -f '^perl packaging/collect-log.pl')
unread_log() {
    start_log perl -MSocket -e 'socket($l, AF_UNIX, SOCK_DGRAM, 0) && bind($l, sockaddr_un("/dev/log")) or die; sleep'
    perl -MSocket=:DEFAULT,MSG_DONTWAIT -MErrno=EAGAIN -e 'socket($l, AF_UNIX, SOCK_DGRAM, 0) or die;
        connect($l, sockaddr_un("/dev/log")) or die; for (1 .. 100000) { send($l, "x", MSG_DONTWAIT) or exit($! != EAGAIN) } exit 1'
    ok $? 'a log that accepts nothing more'
}

fresh
in_session "$W/ticket" 'sleep 1000'
unread_log
kill -STOP "$WATCH"
capture timeout -s KILL 60 nhictl revoke --task "t-$n"
is "$RC" 0 'nhictl revoke returns' || note "$ERR"
eventually is_gone "$BG"
ok $? 'and the session has ended'
let_go
start_log perl packaging/collect-log.pl "$LOG"

fresh --ttl 20s
in_session "$W/ticket" 'sleep 1000'
unread_log
[ -e "/proc/$BG" ]
ok $? 'a session exists'
eventually is_gone "$BG"
ok $? 'the supervisor ends a session whose ticket expires'

# A log with a stream socket.
start_log perl -MSocket -e '$| = 1; socket($l, AF_UNIX, SOCK_STREAM, 0) && bind($l, sockaddr_un("/dev/log")) &&
    listen($l, 50) or die; chmod 0666, "/dev/log"; open(STDOUT, ">>", shift) or die; $SIG{CHLD} = "IGNORE";
    while (accept(my $c, $l)) { fork() or do { $/ = "\0"; while (<$c>) { s/\0/\n/; print } exit } }' "$LOG"
fresh
in_session "$W/ticket" 'sleep 1000'
mark_log
must nhictl revoke --task "t-$n"
has_logged "nhictl: session ended: .* of task t-$n ended \(revoked:.* service=sshd agent=ci-bot$" \
    'a log with a stream socket gets the line'
start_log perl packaging/collect-log.pl "$LOG"

# Many at once. Its queue holds at least ten; how many more it gets depends on how fast it reads.
fresh
mark_log
for i in {1..24}; do
    ssh_bg ci-bot reply "$W/ticket" 'sleep 1000'
    disown
done
are_in() { [ "$(nhictl session list --json | jq '.sessions | length')" = "$1" ]; }
eventually are_in 24
settle_log
kill -STOP "$WATCH"
ENDED=$(nhictl revoke --task "t-$n" --json | jq .sessions.ended)
[ "$ENDED" -gt 12 ]
ok $? "$ENDED sessions end at once"
are_told() { [ "$(since_mark | grep -c "nhictl: session ended: .* of task t-$n ")" -ge 10 ]; }
eventually are_told
ok $? 'the log gets many lines'
let_go

# ---- processes with low priority, on a busy machine ----

fresh
in_session "$W/ticket" 'trap "" TERM; nice -n 19 sleep 1001 & chrt -i 0 sleep 1002 & wait; wait'
runs() { PATIENT=$(pgrep -xf "sleep $1"); }
eventually runs 1001
NICE=$PATIENT
eventually runs 1002
kill -STOP "$WATCH"
capture strace -f -qq -e trace=setpriority,sched_setscheduler -o "$W/trace" nhictl revoke --task "t-$n"
is "$RC" 0 'they end' || note "$ERR"
grep -q "setpriority(PRIO_PROCESS, $NICE, 0)" "$W/trace"
ok $? 'with normal priority, in spite of nice'
grep -q "sched_setscheduler($PATIENT, SCHED_OTHER" "$W/trace"
ok $? 'and in spite of SCHED_IDLE'
let_go

# ---- a ledger that another process holds ----

is_held() { [ -e "$W/held" ]; }
is_held_or_over() { is_held || is_gone "$HOLDER"; }
hold() {
    local i state
    for i in 1 2 3 4 5; do
        rm -f "$W/held" "$W/free"
        sqlite3 -cmd '.timeout 20000' "$STATE/ledger.db" 'begin immediate' ".shell touch $W/held; while [ ! -e $W/free ]; do sleep 0.1; done" 2>"$W/must" &
        HOLDER=$!
        disown
        eventually is_held_or_over
        ! is_held || return 0
        # A stopped process may have held the ledger.
        state=$(ps -o stat= -p "$WATCH")
        kill -CONT "$WATCH"
        sleep "0.$i"
        [[ $state != T* ]] || kill -STOP "$WATCH"
    done
    bail "sqlite3: $(cat "$W/must")"
}
release() {
    : >"$W/free"
    eventually is_gone "$HOLDER"
}

fresh --ttl 28s
in_session "$W/ticket" 'sleep 1000'
FIRST=$BG
issue "$W/ticket" "t-$n" --ttl 30s
in_session "$W/ticket" 'sleep 1000'
hold
[ -e "/proc/$FIRST" ] && [ -e "/proc/$BG" ]
ok $? 'two sessions exist when it is held'
eventually is_gone "$FIRST" && eventually is_gone "$BG"
ok $? 'while it is held, the supervisor ends one session and the other'
[ -e "/proc/$HOLDER" ]
ok $? 'and it is still held'
release
both_are_told() { [ "$(query "select group_concat(reason, ' ') from event where kind = 'session-end' and task = 't-$n'")" = 'expired expired' ]; }
eventually both_are_told
ok $? 'and the ledger has both ends when it is free'

# ---- lockdown ----

# people_go_on NAME: the person who is logged in, and one who logs in.
people_go_on() {
    [ -e "/proc/$PERSON" ]
    ok $? "$1: a person stays"
    ssh_as alice key "$W/key" 'id -un'
    is "$RC:$OUT" 0:alice "$1: a person can log in"
}
ssh_bg alice key "$W/key" ": >$W/person; sleep 1000"
PERSON=$!
disown
eventually test -e "$W/person"

# locks_down NAME BREAK MEND: between these two, by nhictl alone.
locks_down() {
    fresh
    in_session "$W/ticket" 'sleep 1000'
    # The previous login may not have ended yet.
    eventually are_in 1
    kill -STOP "$WATCH"
    $2
    capture timeout 120 nhictl lockdown on --reason test
    is "$RC" 0 "$1: lockdown on" || note "$ERR"
    like "$OUT" '1 session has ended' "$1: it has ended the session of an agent"
    eventually is_gone "$BG"
    ok $? "$1: and it has ended"
    people_go_on "$1"
    mark_log
    ssh_as ci-bot reply "$W/ticket" true
    unlike "$RC" '^0$' "$1: no agent can log in"
    has_logged 'pam_nhi\(sshd:auth\): denied: reason=(lockdown|ledger) account=ci-bot' "$1: and the log shows why"
    $3
    let_go
    must nhictl lockdown off
    ssh_as ci-bot reply "$W/ticket" true
    is "$RC" 0 "$1: they can log in again" || note "$ERR"
}
locks_down 'a locked ledger' hold release

mkdir -m 700 "$W/saved"
save() { mv "$STATE"/ledger.db* "$W/saved"; }
put_back() {
    rm -rf "$STATE"/ledger.db*
    mv "$W/saved"/ledger.db* "$STATE"
}
unreadable() { save && mkdir "$STATE/ledger.db"; }
damaged() { save && (umask 077 && head -c 90000 /dev/urandom >"$STATE/ledger.db"); }
locks_down 'no ledger' save put_back
locks_down 'a ledger that cannot be read' unreadable put_back
locks_down 'a damaged ledger' damaged put_back

# The supervisor keeps watching the same directory; the file system is full.
kill "$WATCH"
eventually test ! -e /run/nhi/watch
cp -a "$STATE" "$W/state"
mount -t tmpfs -o size=4m,mode=0700 state "$STATE"
cp -a "$W/state/." "$STATE"
start_watch
fill() {
    head -c 100000000 /dev/zero >"$STATE/filler" 2>/dev/null
    is "$(echo x 2>/dev/null >"$STATE/more" && cat "$STATE/more")" '' 'nothing more can be written'
}
empty() { rm "$STATE/filler" "$STATE/more"; }
locks_down 'a full disk' fill empty

# ---- several commands that end the same session at once ----

for i in 1 2 3 4 5; do
    fresh
    in_session "$W/ticket" 'sleep 1000'
    for verb in "revoke --task t-$n" "revoke --ticket $(jti_of "$W/ticket")" 'revoke --agent ci-bot'; do
        # shellcheck disable=SC2086 # words
        nhictl $verb >/dev/null 2>&1 &
        echo $!
    done >"$W/pids"
    while read -r pid; do eventually is_gone "$pid"; done <"$W/pids"
    eventually is_gone "$BG"
done
all_have_ended() { [ "$(query "select count(distinct task) from event where kind = 'session-end' and task in
    ('t-$n', 't-$((n - 1))', 't-$((n - 2))', 't-$((n - 3))', 't-$((n - 4))')")" = 5 ]; }
eventually all_have_ended
must nhictl status
is "$(query "select count(*) || ' ' || count(distinct within) from event where kind = 'session-end' and task in
    ('t-$n', 't-$((n - 1))', 't-$((n - 2))', 't-$((n - 3))', 't-$((n - 4))')")" '5 5' \
    'three commands and the supervisor: each session ends once'

# ---- a caller that stops waiting ----

echo 'grace = 30;' >/etc/nhi/nhi.conf
must nhictl apply
fresh
in_session "$W/ticket" 'trap "" TERM HUP; sleep 1000; sleep 1000; sleep 1000'
mark_log
# A background process of this shell would ignore it.
perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' nhictl revoke --task "t-$n" >"$W/revoked" 2>&1 &
REVOKE=$!
has_logged "session ended: .* of task t-$n" 'nhictl revoke waits for the end of the grace'
kill -INT "$REVOKE"
wait "$REVOKE" 2>/dev/null
is "$?" 130 'and is interrupted'
is_ending() { nhictl session list --json | jq -e ".sessions[] | select(.task == \"t-$n\")" >/dev/null; }
is_ending
ok $? 'while the session exists'
ssh_as ci-bot reply "$W/ticket" true
unlike "$RC" '^0$' 'the revocation stays'
eventually is_gone "$BG"
ok $? 'and the supervisor ends the session'
has_ended() { [ "$(query "select reason from event where kind = 'session-end' and task = 't-$n'")" = revoked ]; }
eventually has_ended
ok $? 'which is in the ledger'
people_go_on 'after all of that'

finish
