#!/bin/bash
# nhictl watch: sessions end when their ticket does, without anybody's command.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
capture nhictl watch
is "$RC" 1 'a second one: refused'
is "$(stat -c %a /run/nhi /run/nhi/watch)" $'700\n600' 'what it writes is root'"'"'s'

# in_session FILE COMMAND [-tt]: BG is an ssh that has begun; it writes $W/up
in_session() {
    rm -f "$W/up"
    ssh_bg ci-bot reply "$1" ${3:+"$3"} ": >$W/up; $2"
    BG=$!
    eventually test -e "$W/up" || note "$(cat "$W/bg.out")"
}
# over NAME REASON: the session ends by itself
over() {
    eventually test ! -e "/proc/$BG"
    ok $? "$1"
    eventually sh -c "nhictl session list --json | jq -e '.sessions == []' >/dev/null"
    is "$(sqlite3 -readonly "$STATE/ledger.db" "select reason from event where kind = 'session-end' order by seq desc limit 1")" \
        "$2" "$1: with the reason"
}
event_count() { sqlite3 -readonly "$STATE/ledger.db" "select count(*) from event where kind = 'session-end'"; }

open_task t-1
mark_log
issue "$W/short" t-1 --ttl 3s
in_session "$W/short" 'trap "" TERM HUP; setsid sleep 1001 & sleep 1000; sleep 1000'
over 'a ticket expires' expired
SENTENCE="session ended: ticket $(jti_of "$W/short") of task t-1 expired"
has_logged "$SENTENCE account=ci-bot service=sshd agent=ci-bot" 'a session without a terminal is told in the log'
! pgrep -f 'sleep 100[01]' >/dev/null
ok $? 'nothing is left'
is "$(event_count)" 1 'one event'

issue "$W/renewed" t-1 --ttl 4s
in_session "$W/renewed" "until [ -e $W/go ]; do sleep 0.1; done; echo survived"
must nhictl renew "$(jti_of "$W/renewed")" --ttl 5m --out "$W/renewed.new"
sleep 5
: >"$W/go"
wait "$BG"
is "$?:$(cat "$W/bg.out")" 0:survived 'renewal moves the end'
must nhictl revoke --ticket "$(jti_of "$W/renewed.new")"
must nhictl task close t-1

open_task t-3
issue "$W/in" t-3
in_session "$W/in" 'sleep 1000'
sed 's/effect = "permit"/effect = "forbid"/' /etc/nhi/policy.d/e2e.conf >"$W/policy"
cp /etc/nhi/policy.d/e2e.conf "$W/kept"
cp "$W/policy" /etc/nhi/policy.d/e2e.conf
must nhictl apply
over 'policy withdraws it' forbidden
cp "$W/kept" /etc/nhi/policy.d/e2e.conf
must nhictl apply
must nhictl task close t-3
open_task t-4
issue "$W/in" t-4

# A warning, once for each moment at which it would end, and then why it ended.
echo 'warn = "4s";' >>/etc/nhi/nhi.conf
must nhictl apply
issue "$W/warned" t-4 --ttl 6s
mark_log
in_session "$W/warned" 'sleep 1000' -tt
eventually grep -q 'session ends at' "$W/bg.out"
ok $? 'its terminal is warned'
[ -e "/proc/$BG" ]
ok $? 'before the end'
must nhictl renew "$(jti_of "$W/warned")" --ttl 7s --out "$W/warned.new"
over 'the terminal of a session that expires' expired
is "$(grep -c "nhi: session ends at .*Z: ticket .* of task t-4 (expired)" "$W/bg.out")" 2 \
    'it was warned of each of the two moments once'
like "$(tail -n 3 "$W/bg.out")" "nhi: session ended: ticket .* of task t-4 expired" 'and told why it ended'
has_logged "session ends at .* of task t-4 \(expired\) account=ci-bot service=sshd agent=ci-bot" 'so is the log'
rm /etc/nhi/nhi.conf
must nhictl apply

mark_log
nhictl run --agent ci-bot --task t-4 -- sleep 1000 &
RUN=$!
eventually sh -c "nhictl session list --json | jq -e '.sessions[0].service == \"nhictl-run\"' >/dev/null"
must nhictl session kill "$(nhictl session list --json | jq -r '.sessions[0].session')"
wait "$RUN"
has_logged "session ended: ticket .* of task t-4 was ended \(by-hand\) account=ci-bot service=nhictl-run" \
    'a job is told in the log under its account'
issue "$W/in" t-4

# The ledger cannot be written: the reserve has it, and the supervisor reads that.
in_session "$W/in" 'sleep 1000'
sqlite3 "$STATE/ledger.db" 'begin immediate' '.shell sleep 6' &
HOLDER=$!
sleep 0.3
capture timeout 30 nhictl revoke --ticket "$(jti_of "$W/in")" --reason test
is "$RC" 0 'revoked while somebody holds the ledger' || note "$ERR"
eventually test ! -e "/proc/$BG"
ok $? 'the session ends'
wait "$HOLDER"

# People go on.
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
[ -e "/proc/$PERSON" ]
ok $? 'a person stays'
: >"$W/go"
wait "$PERSON"
is "$?" 0 'to the end'

# It sleeps: of its own accord it wakes for a heartbeat.
wakes() { awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$WATCH/status"; }
before=$(wakes)
sleep 2
[ "$(($(wakes) - before))" -le 10 ]
ok $? "idle, it wakes $(($(wakes) - before)) times in two seconds"
must nhictl status
open_task t-6
issue "$W/six" t-6
kill "$WATCH"
eventually test ! -e /run/nhi/watch
ok $? 'SIGTERM ends it, and its heartbeat'
mark_log
ssh_as ci-bot reply "$W/six" true
unlike "$RC" '^0$' 'without it nobody is let in by a ticket'
has_logged 'pam_nhi\(sshd:auth\): denied: reason=no-supervisor' 'with the reason'
like "$(nhictl status)" 'nhictl watch does not run' 'and status says so'
ssh_as alice key "$W/key" true
is "$RC" 0 'people are'
echo 'supervisor = "optional"; grace = 0;' >/etc/nhi/nhi.conf
must nhictl apply
ssh_as ci-bot reply "$W/six" true
is "$RC" 0 'unless the host says otherwise'
rm /etc/nhi/nhi.conf
must nhictl apply
start_watch
ssh_as ci-bot reply "$W/six" true
is "$RC" 0 'it is back'
# Killed, or stopped: it says nothing any more.
kill -KILL "$WATCH"
ssh_as ci-bot reply "$W/six" true
is "$RC" 0 'killed, it is missed after a while only'
printf '%s\n' "$(($(cut -d. -f1 /proc/uptime) - 31))" >/run/nhi/watch
ssh_as ci-bot reply "$W/six" true
unlike "$RC" '^0$' 'an old heartbeat is none'
printf '%s\n' "$(($(cut -d. -f1 /proc/uptime) + 100))" >/run/nhi/watch
ssh_as ci-bot reply "$W/six" true
unlike "$RC" '^0$' 'nor is one of the future'

finish
