#!/bin/bash
# SPDX-License-Identifier: ISC
# When nothing can be written, sessions that must end still end, and nothing is reported as revoked.
# Invariant: 6.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
mount --bind "$STATE" "$STATE" 2>/dev/null || { install -d "$STATE" && mount --bind "$STATE" "$STATE"; }
# Everybody can open the directory, and lock it.
flock "$STATE" sleep 300 &
LOCKER=$!
disown
capture timeout 30 nhictl init
is "$RC" 0 'a lock on the directory of the ledger does not hold up init' || note "$ERR"
capture timeout 30 nhictl audit key
is "$RC" 0 'nor the command that makes the key of the trail' || note "$ERR"
rm -rf "${STATE:?}"/*
nhi_up
kill "$LOCKER"

live() {
    open_task "t-$1"
    issue "$W/t-$1" "t-$1"
    "$SSH_TOOL" ci-bot reply "$W/t-$1" "exec sleep 77$1" </dev/null >/dev/null 2>&1 &
    disown
    eventually pgrep -f "^sleep 77$1\$" >/dev/null
}
live 1
live 2
live 3
kill "$WATCH"
eventually test ! -e /run/nhi/watch
orphan other-bot sleep 779
eventually pgrep -f '^sleep 779$' >/dev/null
must mount -o remount,bind,ro "$STATE"
capture timeout 60 nhictl revoke --ticket "$(jti_of "$W/t-1")" --reason stolen
is "$RC $(pgrep -fc '^sleep 771$')" '3 0' 'revoke: its session has ended, and the exit status is an error' || note "$OUT $ERR"
like "$ERR" 'holds only until this host is restarted' 'it reports how long the revocation lasts'
unlike "$ERR" 'not an error' 'and why, in the words of the system'
is "$(pgrep -fc '^sleep 77[23]$')" 2 'no other session has ended'
capture timeout 60 nhictl lockdown on
is "$RC $(pgrep -fc '^sleep 77[23]$')" '3 0' 'lockdown on: every session has ended, and the exit status is an error' || note "$OUT $ERR"
like "$ERR" 'holds only until this host is restarted' 'it reports how long the lockdown lasts'
like "$(nhictl lockdown status 2>&1)" '^lockdown' 'the host is locked down'
is "$(pgrep -fc '^sleep 779$')" 0 'processes without a session have ended as well'
must mount -o remount,bind,rw "$STATE"
nhictl status >/dev/null 2>&1
rm -f /run/nhi/reserve
is "$(nhictl ticket show "$(jti_of "$W/t-1")" --json 2>/dev/null | jq -r .ticket.state)" revoked 'the next command that can write keeps the revocation'
like "$(nhictl lockdown status)" '^lockdown' 'and the lockdown'
must nhictl lockdown off

# ---- no file may grow: a limit of the caller ----

start_watch
live 4
live 5
kill "$WATCH"
eventually test ! -e /run/nhi/watch
capture timeout 60 bash -c "(ulimit -f 0; exec nhictl revoke --ticket '$(jti_of "$W/t-4")' --reason stolen) 2>&1 | cat; exit \${PIPESTATUS[0]}"
is "$RC $(pgrep -fc '^sleep 774$')" '3 0' 'revoke under ulimit -f 0: its session has ended, and the exit status is an error' || note "$OUT $ERR"
like "$OUT" 'NOT revoked' 'it reports that the ticket is not revoked'
is "$(pgrep -fc '^sleep 775$')" 1 'the other session continues'
finish
