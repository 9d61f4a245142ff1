#!/bin/bash
# SPDX-License-Identifier: ISC
# While another process is writing and does not come to its end, revocations and lockdown take effect all the same.
# Invariant: 6.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

setup_host
stop_watch
PATIENT=8 # seconds: other commands wait ten
issue >ticket.txt
JTI=$(nhictl ticket list --json | jq -r '.tickets[0].jti')
nhictl task open other --agent ci-bot --concurrent >/dev/null

denied() { nhictl explain ticket.txt --account deploy --service sshd --json 2>/dev/null | jq -r .reason; }
# holds COMMAND…: waits until it has its lock.
holds() {
    rm -f /run/t/held
    "$@" &
    HOLDER=$!
    while [ ! -e /run/t/held ]; do sleep 0.01; done
}
let_go() {
    pkill -P "$HOLDER"
    kill "$HOLDER" 2>/dev/null
    wait "$HOLDER" 2>/dev/null
}

for what in publisher ledger; do
    if [ $what = publisher ]; then
        holds flock /run/nhi/state.lock sh -c 'touch /run/t/held; exec sleep 1000'
    else
        holds sh -c "(echo 'BEGIN IMMEDIATE;'; echo '.shell touch /run/t/held'; exec sleep 1000) | sqlite3 $LEDGER"
    fi
    expect 0 "revoke waits for no $what" timeout $PATIENT "$BUILD/nhictl" revoke --unseen --task "task-$what" --json
    ok 'the reserve has it' json '.ok and .revoked.held_in == "reserve"'
    expect 0 'nor does revoke --ticket' timeout $PATIENT "$BUILD/nhictl" revoke --ticket "$JTI"
    ok 'it says so' said 'the reserve keeps the revocation in force'
    expect 0 'nor lockdown on' timeout $PATIENT "$BUILD/nhictl" lockdown on --reason $what
    expect 0 'the host is locked down' timeout $PATIENT "$BUILD/nhictl" lockdown status
    ok 'it says that, too' said 'no agent may log in'
    let_go
    expect 0 'afterwards any command takes the revocations in' nhictl status --json
    ok 'the reserve is empty' json '[.attention[] | select(test("in the reserve"))] == []'
    ok 'the ledger has the ticket' test "$(nhictl ticket show "$JTI" --json | jq -r .ticket.state)" = revoked
    ok 'the trail has who locked the host down, and why' test \
        "$(sqlite3 -readonly "$LEDGER" "SELECT cause FROM event WHERE kind = 'lockdown-on' ORDER BY seq DESC LIMIT 1")" = "$what"
    nhictl lockdown off >/dev/null
    ok 'the ticket is denied' test "$(denied)" = revoked
    issue >ticket.txt
    JTI=$(nhictl ticket inspect --json ticket.txt | jq -r .ticket.jti)
    ok 'another one is not' test "$(denied)" = no-supervisor
done
finish
