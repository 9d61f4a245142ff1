#!/bin/bash
# SPDX-License-Identifier: ISC
# nhictl watch: sessions end when their ticket does, without any command.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
capture nhictl watch
is "$RC" 1 'a second one: refused'
is "$(stat -c %a /run/nhi /run/nhi/watch)" $'700\n600' 'what it writes is root'"'"'s'

query() { sqlite3 -readonly -cmd '.timeout 5000' "$STATE/ledger.db" "$1"; }

# in_session FILE COMMAND [-tt]: BG is an ssh that has begun; it writes $W/up.
in_session() {
    rm -f "$W/up"
    ssh_bg ci-bot reply "$1" ${3:+"$3"} ": >$W/up; $2"
    BG=$!
    eventually test -e "$W/up" || note "$(cat "$W/bg.out")"
}
last_end() { query "select reason from event where kind = 'session-end' order by seq desc limit 1"; }
ended_for() { [ "$(last_end)" = "$1" ]; }
# over NAME REASON: the session ends by itself.
over() {
    eventually test ! -e "/proc/$BG"
    ok $? "$1"
    eventually sh -c "nhictl session list --json | jq -e '.sessions == []' >/dev/null"
    eventually ended_for "$2"
    is "$(last_end)" "$2" "$1: with the reason"
}
event_count() { query "select count(*) from event where kind = 'session-end'"; }

open_task t-1
mark_log
issue "$W/short" t-1 --ttl 15s
in_session "$W/short" 'trap "" TERM HUP; setsid sleep 1001 & sleep 1000; sleep 1000'
over 'a ticket expires' expired
SENTENCE="session ended: ticket $(jti_of "$W/short") of task t-1 expired"
has_logged "$SENTENCE account=ci-bot service=sshd agent=ci-bot" 'the log reports it for a session without a terminal'
! pgrep -f 'sleep 100[01]' >/dev/null
ok $? 'nothing is left'
is "$(event_count)" 1 'one event'

issue "$W/renewed" t-1 --ttl 15s
SECONDS=0
in_session "$W/renewed" "until [ -e $W/go ]; do sleep 0.1; done; echo survived"
must nhictl renew "$(jti_of "$W/renewed")" --ttl 5m --out "$W/renewed.new"
until [ "$SECONDS" -gt 16 ]; do sleep 0.5; done
: >"$W/go"
wait "$BG"
is "$?:$(cat "$W/bg.out")" 0:survived 'a renewal moves the end'
must nhictl revoke --ticket "$(jti_of "$W/renewed.new")"
must nhictl task close t-1

open_task t-3
issue "$W/in" t-3
in_session "$W/in" 'sleep 1000'
sed 's/effect = "permit"/effect = "forbid"/' /etc/nhi/policy.d/e2e.conf >"$W/policy"
cp /etc/nhi/policy.d/e2e.conf "$W/kept"
cp "$W/policy" /etc/nhi/policy.d/e2e.conf
like "$(nhictl apply --dry-run --json | jq -c '[.ends[] | [.agent, .task, .account, .service]]')" '\["ci-bot","t-3","ci-bot","sshd"\]' \
    'apply --dry-run names the session that would end'
capture nhictl apply
like "$RC$ERR" '^1.*live tickets? .* open nothing any more' 'and apply asks for --force'
must nhictl apply --force
over 'policy no longer permits it' forbidden
cp "$W/kept" /etc/nhi/policy.d/e2e.conf
must nhictl apply
must nhictl task close t-3
open_task t-4
issue "$W/in" t-4

# A warning, once for each moment at which it would end, and then the reason for its end.
echo 'warn = "12s";' >>/etc/nhi/nhi.conf
must nhictl apply
issue "$W/warned" t-4 --ttl 20s
mark_log
in_session "$W/warned" 'sleep 1000' -tt
eventually grep -q 'session ends at' "$W/bg.out"
ok $? 'its terminal is warned'
ok "$(test -e "/proc/$BG"; echo $?)" 'before the end'
must nhictl renew "$(jti_of "$W/warned")" --ttl 17s --out "$W/warned.new"
over 'the terminal of a session that expires' expired
is "$(grep -c "nhi: session ends at .*Z: ticket .* of task t-4 (expired)" "$W/bg.out")" 2 \
    'it was warned of each of the two moments once'
like "$(tail -n 3 "$W/bg.out")" "nhi: session ended: ticket .* of task t-4 expired" 'and shows why it ended'
has_logged "session ends at .* of task t-4 \(expired\) account=ci-bot service=sshd agent=ci-bot" 'so does the log'
rm /etc/nhi/nhi.conf
must nhictl apply

mark_log
nhictl run --agent ci-bot --task t-4 -- sleep 1000 &
RUN=$!
eventually sh -c "nhictl session list --json | jq -e '.sessions[0].service == \"nhictl-run\"' >/dev/null"
must nhictl session kill "$(nhictl session list --json | jq -r '.sessions[0].session')"
wait "$RUN"
has_logged "session ended: ticket .* of task t-4 was ended \(by-hand\) account=ci-bot service=nhictl-run" \
    'the log reports it for a job under its account'
issue "$W/in" t-4

# The ledger cannot be written: the reserve has the revocation, and the supervisor reads that.
in_session "$W/in" 'sleep 1000'
sqlite3 -cmd '.timeout 20000' "$STATE/ledger.db" 'begin immediate' \
    ".shell : >$W/held; until [ -e $W/enough ]; do sleep 0.1; done" &
HOLDER=$!
eventually test -e "$W/held" || bail 'nobody holds the ledger'
capture timeout 60 nhictl revoke --ticket "$(jti_of "$W/in")" --reason test
is "$RC" 0 'revoked while another process holds the ledger' || note "$ERR"
like "$OUT" 'the reserve keeps the revocation in force' 'by the reserve'
eventually test ! -e "/proc/$BG"
ok $? 'the session ends'
: >"$W/enough"
wait "$HOLDER"

# People continue.
must nhictl task close t-4
open_task t-5
issue "$W/five" t-5
rm -f "$W/go"
ssh_bg alice key "$W/key" "until [ -e $W/go ]; do sleep 0.1; done; echo alice"
PERSON=$!
in_session "$W/five" 'sleep 1000'
must nhictl revoke --task t-5
eventually test ! -e "/proc/$BG"
ok $? 'one session ends'
ok "$(test -e "/proc/$PERSON"; echo $?)" 'a person stays'
: >"$W/go"
wait "$PERSON"
is "$?" 0 'to the end'

# ---- sessions that end by themselves: each once in the ledger, and how ----

ends_of() { query "select count(*) from event where kind = 'session-end' and task = '$1'"; }
has_ended() { [ "$(ends_of "$1")" != 0 ]; }
# ended_as TASK REASON NAME: by itself, once, and the event names the grant that opened the session.
ended_how() {
    query "select e.reason || ' ' || g.task from event e, event g
        where e.kind = 'session-end' and e.task = '$1' and g.kind = 'grant' and g.record = e.within"
}
is_told() { has_ended "$1" && [ -n "$(ended_how "$1")" ]; }
ended_as() {
    eventually is_told "$1"
    is "$(ended_how "$1")" "$2 $1" "$3"
}
open_task e-1
issue "$W/e" e-1
ssh_as ci-bot reply "$W/e" true
ended_as e-1 closed 'a session that its program closed'
# A login that begins and ends between two looks of the supervisor.
for i in 1 2 3 4 5 6; do
    open_task "q-$i"
    issue "$W/e" "q-$i"
    ssh_as ci-bot reply "$W/e" true
    eventually is_told "q-$i" || break
done
is "$(ended_how "q-$i") $i" "closed q-$i 6" 'and some that were short'
for i in 1 2 3 4 5 6; do must nhictl task close "q-$i"; done
open_task e-2
issue "$W/e" e-2
in_session "$W/e" 'sleep 1000'
pgrep -f 'sshd.*: ci-bot' | xargs -r kill -KILL
pkill -KILL -u ci-bot
ended_as e-2 gone 'a session whose processes were all killed'
wait "$BG"
# Sessions that begin and lose their processes before the supervisor has read them: nothing reports their end to it.
open_task g-1
issue "$W/e" g-1
hold_watch || bail 'the supervisor writes all the time'
for _ in 1 2 3; do in_session "$W/e" 'sleep 1000'; done
pgrep -f 'sshd.*: ci-bot' | xargs -r kill -KILL
pkill -KILL -u ci-bot
no_process() { ! pgrep -f 'sshd.*: ci-bot' && ! pgrep -u ci-bot; } >/dev/null
eventually no_process
is "$(find /run/nhi/sessions -name '[ap]-*' | wc -l)" 3 'three sessions without processes'
let_go
ends_are() { [ "$(ends_of "$1")" = "$2" ]; }
eventually ends_are g-1 3
is "$(query "select group_concat(distinct reason) from event where kind = 'session-end' and task = 'g-1'")" gone \
    'which began and ended while the supervisor did not look, have ended'
is "$(find /run/nhi/sessions -name '[ap]-*' | wc -l)" 0 'none of them is left'
must nhictl task close g-1
open_task e-3
issue "$W/e" e-3
in_session "$W/e" 'sleep 1000'
must nhictl session kill "$(nhictl session list --json | jq -r '.sessions[0].session')"
ended_as e-3 by-hand 'a session that was ended by hand'
is "$(query "select count(*) from event where kind = 'session-kill' and task = 'e-3'")" 1 \
    'and who did that'
# What a reboot leaves: the ledger, and nothing in /run.
open_task e-4
issue "$W/e" e-4
in_session "$W/e" 'sleep 1000'
is_open() { [ "$(query "select count(*) from session where ended = 0 and task = '$1'")" = 1 ]; }
eventually is_open e-4
ok $? 'an open session is known to the ledger'
kill "$WATCH"
eventually test ! -e /run/nhi/watch
sed 's/./0/' /proc/sys/kernel/random/boot_id >"$W/boot"
cmp -s "$W/boot" /proc/sys/kernel/random/boot_id && sed -i 's/./1/' "$W/boot"
pgrep -f 'sshd.*: ci-bot' | xargs -r kill -KILL
pkill -KILL -u ci-bot
wait "$BG"
rm -rf /run/nhi
# The other boot ended before this one began, as it would have.
must sqlite3 -cmd '.timeout 10000' "$STATE/ledger.db" "UPDATE setting SET latest = CAST(strftime('%s') AS INTEGER) - $(cut -d. -f1 /proc/uptime) - 60, generation = generation + 1"
mount --bind "$W/boot" /proc/sys/kernel/random/boot_id
start_watch
ended_as e-4 reboot 'a session that a reboot has ended'
is "$(query 'select count(*) from session where ended = 0')" 0 'none stays open for ever'
umount /proc/sys/kernel/random/boot_id
# This boot is the next one again.
must sqlite3 -cmd '.timeout 10000' "$STATE/ledger.db" "UPDATE setting SET boot = '', generation = generation + 1"
must nhictl status
must nhictl status
is "$(query "select count(*) - count(distinct within) from event where kind = 'session-end'")" \
    0 'no session has ended twice'
for i in 1 2 3 4; do must nhictl task close "e-$i"; done

# ---- tasks that end by themselves ----

state_of() { query "select state || ' ' || reason from task where id = '$1'"; }
is_closed() { [ "$(state_of "$1")" != '1 ' ]; }
must nhictl task open d-1 --agent ci-bot --concurrent --until 8s
must nhictl task open i-1 --agent ci-bot --concurrent --until 2h --idle 15s
must nhictl task open i-2 --agent ci-bot --concurrent --until 2h --idle 15s
issue "$W/i-2" i-2
in_session "$W/i-2" "until [ -e $W/i-go ]; do sleep 0.1; done"
SECONDS=0
eventually is_closed d-1
is "$(state_of d-1)" '2 deadline' 'a task is closed at its deadline'
eventually is_closed i-1
is "$(state_of i-1)" '2 idle' 'one that is not used, after its idle time'
until [ "$SECONDS" -gt 16 ]; do sleep 0.5; done # more than its idle time
is "$(state_of i-2)" '1 ' 'one with a live session is not'
: >"$W/i-go"
wait "$BG"
eventually is_closed i-2
is "$(state_of i-2)" '2 idle' 'until some time after that'
is "$(query "select count(*) from event where kind = 'task-close' and task in ('d-1', 'i-1', 'i-2')")" 3 'one event for each'

# One login: only the session that began is read, and not the record of another one, which is not root's here.
open_task in-1
issue "$W/first" in-1
issue "$W/second" in-1
in_session "$W/first" "until [ -e $W/in-go ]; do sleep 0.1; done"
FIRST=$BG
RECORD=/run/nhi/sessions/$(nhictl session list --json | jq -r '.sessions[0].session')
count=$(event_count)
SECONDS=0
until [ "$SECONDS" -gt 1 ]; do sleep 0.2; done # what the list and the first login were a reason for
mark_log
chown 1001 "$RECORD"
ssh_as ci-bot reply "$W/second" true
is "$RC" 0 'beside a session that cannot be read, another begins'
eventually sh -c "! ls -A /run/nhi/sessions | grep -qv '^$(basename "$RECORD")\$'"
ok $? 'and ends'
have_ended() { [ "$(event_count)" -gt "$count" ]; }
eventually have_ended
ok $? 'which is recorded'
! logged 'watch: .* cannot be read'
ok $? 'and the other one was not looked at'
chown 0 "$RECORD"
: >"$W/in-go"
wait "$FIRST"
must nhictl task close in-1

# It sleeps: by itself it wakes only for a heartbeat.
wakes() { awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$WATCH/status"; }
before=$(wakes)
sleep 2
after=$(wakes)
ok "$(test $((after - before)) -le 10; echo $?)" "idle, it wakes $((after - before)) times in two seconds"
must nhictl status
open_task t-6
issue "$W/six" t-6
kill "$WATCH"
eventually test ! -e /run/nhi/watch
ok $? 'SIGTERM ends it, and its heartbeat'
mark_log
ssh_as ci-bot reply "$W/six" true
unlike "$RC" '^0$' 'without it no ticket is permitted'
has_logged 'pam_nhi\(sshd:auth\): denied: reason=no-supervisor' 'with the reason'
like "$(nhictl status)" 'the supervisor is not running' 'and status reports it'
ssh_as alice key "$W/key" true
is "$RC" 0 'people are'
echo 'supervisor = "optional"; grace = 0;' >/etc/nhi/nhi.conf
must nhictl apply
ssh_as ci-bot reply "$W/six" true
is "$RC" 0 'unless the settings permit it'
rm /etc/nhi/nhi.conf
must nhictl apply
start_watch
ssh_as ci-bot reply "$W/six" true
is "$RC" 0 'it is back'
# Killed, or stopped: it no longer writes a heartbeat.
kill -KILL "$WATCH"
ssh_as ci-bot reply "$W/six" true
is "$RC" 0 'killed, it is missed only after a while'
beat_at "$(($(uptime_now) - 31))"
ssh_as ci-bot reply "$W/six" true
unlike "$RC" '^0$' 'an old heartbeat does not count'
beat_at "$(($(uptime_now) + 100))"
ssh_as ci-bot reply "$W/six" true
unlike "$RC" '^0$' 'nor does one from the future'

finish
