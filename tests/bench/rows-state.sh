# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Rows of the published state at 100,000 live tickets: a new file, and what /run has of it while it is written.
# shellcheck source=tests/bench/lib.sh

rows_state() {
    local empty
    if ! has_verb publish; then
        hint 'nhictl publish: not there yet, so nothing is published'
        return
    fi
    use_fixture live
    progress 'a new file of the published state'
    in_turn 10 <<END
publish nhictl publish
END
    rm -rf /run/nhi/* /run/nhi-public/*
    empty=$(run_used)
    must nhictl publish
    put state.size "$(($(run_used) - empty))"
    peak_while nhictl publish
    put state.peak "$((PEAK - empty))"
    revoke_meanwhile
}

# A revocation while somebody publishes without a pause.
revoke_meanwhile() {
    local publisher
    (while :; do nhictl publish; done) >/dev/null 2>&1 &
    publisher=$!
    in_turn 10 <<END
state.revoke nhictl revoke --ticket $(unknown_jti)
END
    kill "$publisher"
    wait "$publisher" 2>/dev/null
}

# Bytes of /run in use, files that have lost their name included.
run_used() { df -B1 --output=used /run | tail -n 1; }

# peak_while COMMAND...: PEAK is the most that it had meanwhile
peak_while() {
    local pid now
    PEAK=0
    "$@" >/dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        now=$(run_used)
        [ "$now" -le "$PEAK" ] || PEAK=$now
    done
    wait "$pid"
}
