#!/bin/bash
# SPDX-License-Identifier: ISC
# nhictl run when the disk of the ledger is full: at its beginning, at a renewal, at its end.
# Invariant: 6.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
install -d -m 755 "$STATE"
must mount -t tmpfs -o mode=0755,size=2m tmpfs "$STATE"
nhi_up
chmod 1777 "$W"
live() { nhictl ticket list --json | jq '.tickets | length'; }
open_tasks() { nhictl task list --json | jq '.tasks | length'; }
# What the supervisor has yet to fold and to move out of the ledger's log would free space later.
is_settled() {
    [ "$(stat -c %s "$STATE/ledger.db-wal" 2>/dev/null || echo 0)" -le 4096 ] &&
        [ -z "$(find "$STATE/grants" -name '[gs]-*')" ]
}
fill() {
    eventually is_settled || note 'the ledger does not settle'
    dd if=/dev/zero of="$STATE/filler" bs=4096 2>/dev/null
    dd if=/dev/zero of="$STATE/filler2" bs=1 count=4096 2>/dev/null
}
free_again() { rm -f "$STATE"/filler*; }
# run_bg OPTION... -- COMMAND...: RUN is its pid; the command makes $W/up.
run_bg() {
    rm -f "$W/up" "$W/go"
    nhictl run --agent ci-bot --job bg "$@" </dev/null >"$W/bg.out" 2>"$W/bg.err" &
    RUN=$!
    eventually test -e "$W/up" || note "$(cat "$W/bg.err")"
}
# has_said REGEX NAME: the run, on standard error.
has_said() {
    eventually grep -qE -- "$1" "$W/bg.err"
    ok $? "$2" || note "$(cat "$W/bg.err")"
}

# ---- at its beginning ----

fill
capture nhictl run --agent ci-bot --job x --keyring -- touch "$W/ran"
is "$RC" 125 'nothing is run'
like "$ERR" 'no space left' 'with the reason'
[ ! -e "$W/ran" ]
ok $? 'not the command either'
free_again
is "$(live):$(open_tasks)" 0:0 'and nothing is left'

# ---- at a renewal ----

run_bg --keyring --ttl 32s -- sh -c ': >'"$W/up"'; until [ -e '"$W/go"' ]; do sleep 0.1; done; sudo -n id -u'
WAS=$(nhictl ticket list --json | jq -r '.tickets[0].exp')
fill
has_said 'no space left' 'a failed renewal is reported'
free_again
later() { [[ $(nhictl ticket list --json | jq -r '.tickets[0].exp') > $WAS ]]; }
eventually later
ok $? 'and repeated when there is space again'
: >"$W/go"
wait $RUN
is "$?:$(cat "$W/bg.out")" 0:0 'the command has not noticed'

# Not in time: the ticket ends at its announced time, and so does the command.
run_bg --keyring --ttl 4s -- sh -c '/usr/sbin/nhictl askpass >'"$W/text"'; trap : TERM; : >'"$W/up"'
    for i in $(seq 100); do sudo -n id -u; sleep 0.3; done'
END=$(date -d "$(nhictl ticket inspect --json "$W/text" | jq -r .ticket.exp)" +%s)
fill
wait $RUN
RC=$?
unlike "$RC" '^0$' 'a command whose ticket was not renewed in time is ended'
[ "$(date +%s)" -ge "$END" ]
ok $? 'not before its ticket'
# With the last session, every process with the agent's uid ends, also this one if it comes early.
capture as ci-bot sudo -n id
unlike "$RC" '^0$' 'no sudo'
ssh_as ci-bot reply "$W/text" true
unlike "$RC" '^0$' 'no login by the text of --keyring'
free_again
is "$(live):$(open_tasks)" 0:0 'the next command closes what is left'

# ---- at its end ----

run_bg --keyring -- sh -c '/usr/sbin/nhictl askpass >'"$W/text"'; : >'"$W/up"'; until [ -e '"$W/go"' ]; do sleep 0.1; done; exit 42'
is "$(nhictl ticket inspect --json "$W/text" | jq -r '.decisions[0].reason')" permit 'a text for ten minutes'
fill
: >"$W/go"
wait $RUN
is $? 42 'the status is the command'"'"'s'
has_said 'cannot be written .*no space left.*ends with this process' 'what cannot be recorded is reported'
mark_log
ssh_as ci-bot reply "$W/text" true
unlike "$RC" '^0$' 'the text has ended all the same'
has_logged 'reason=revoked' 'with the reason'
free_again
is "$(live):$(open_tasks)" 0:0 'and the next command closes ticket and task'
is "$(nhictl ticket inspect --json "$W/text" | jq -r '.decisions[0].reason')" revoked 'which stay closed'

# ---- renewed, with a revocation that only the reserve has ----

open_task build-1
issue "$W/r" build-1
fill
must nhictl revoke --ticket "$(jti_of "$W/r")" --reason test
free_again
capture nhictl renew "$(jti_of "$W/r")" --ttl 1h
is "$RC" 1 'a ticket that was revoked on a full disk is not renewed when there is space'
like "$ERR" 'is revoked' 'with the reason'

finish
