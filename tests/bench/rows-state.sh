# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Rows of the published state at 100,000 live tickets: a new file, what /run has of it while it is written, a revocation
# meanwhile, and one change.
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
    progress 'one change of the published state'
    # shellcheck disable=SC2046 # three numbers each
    put state.change $("$TOOLS/state_change")
    # shellcheck disable=SC2046
    put state.new $("$TOOLS/state_change" new)
    must nhictl publish
}

# A revocation while somebody publishes without a pause, and how much longer it takes than otherwise.
revoke_meanwhile() {
    local publisher
    in_turn 20 <<END
state.alone nhictl revoke --ticket $(unknown_jti)
END
    (while :; do nhictl publish; done) >/dev/null 2>&1 &
    publisher=$!
    in_turn 20 <<END
state.revoke nhictl revoke --ticket $(unknown_jti)
END
    kill "$publisher"
    wait "$publisher" 2>/dev/null
    # The last one of it may still be at work.
    eventually no_publisher || bail 'nhictl publish does not end'
    awk '$1 == "state.alone.wall" { least = $2; middle = $3 }
        $1 == "state.revoke.wall" { print "state.wait", ($2 > least ? $2 - least : 0), ($3 > middle ? $3 - middle : 0), $4 }' \
        "$RESULTS" >"$W/wait"
    cat "$W/wait" >>"$RESULTS"
}

no_publisher() { ! pgrep -x nhictl >/dev/null; }

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
