# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Rows of what writes: one issue and one revocation against a flushed page, many at once, and a revocation while somebody
# else holds the ledger.
# shellcheck source=tests/bench/lib.sh

rows_verbs() {
    mount_state "$DISK/state"
    must nhictl status
    start_watch
    progress 'one issue, one revocation'
    in_turn 20 <<END
issue nhictl issue --agent ci-bot --task build-1 --account ci-bot --service sshd
revoke nhictl revoke --ticket $(unknown_jti)
flush $TOOLS/flush $STATE/flush
start nhictl --version
END
    rm -f "$STATE/flush"
    count issue nhictl issue --agent ci-bot --task build-1 --account ci-bot --service sshd
    count revoke nhictl revoke --ticket "$(unknown_jti)"
    count status nhictl status
    rows_busy
    rows_import
    rows_bulk
}

# Somebody holds the write lock of the ledger, for as long as this takes.
rows_busy() {
    local holder
    progress 'a revocation while the ledger is busy'
    mkfifo "$W/hold"
    sqlite3 "$STATE/ledger.db" <"$W/hold" &
    holder=$!
    exec 8>"$W/hold"
    issue "$W/busy" build-1
    "$CYCLE" -c "$STACKS/ours" -f "$FROM" -s -r "$W/busy" sshd ci-bot >"$W/busy.pid" 2>"$W/sessions.err" 3>&- 8>&- &
    eventually test -s "$W/busy.pid" || bail "a session: $(cat "$W/sessions.err")"
    printf '.timeout 20000\nBEGIN IMMEDIATE;\n' >&8
    eventually grep -q "POSIX .* WRITE $holder " /proc/locks || bail 'no lock'
    "$TOOLS/gone" -n nhictl revoke --ticket "$(jti_of "$W/busy")" <"$W/busy.pid" 8>&- >"$W/gone" 2>/dev/null
    put busy "$(cut -d' ' -f3 "$W/gone")"
    exec 8>&-
    wait "$holder"
}

# 10,000 agents from a file; not longer than ten seconds.
rows_import() {
    local began
    progress 'import of 10,000 agents'
    seq 10000 | awk -v first="$(sqlite3 -readonly "$STATE/ledger.db" 'SELECT next_uid FROM setting')" '
        BEGIN { print "agents = (" }
        { print between "{ name=\"n-" $1 "\"; uid=" first + $1 "; owner=\"ops\"; purpose=\"builds\"; review_by=\"2099-06-30\"; }"
          between = "," }
        END { print ");" }' >"$W/agents.conf"
    began=$(date +%s%N)
    timeout -s KILL 10 nhictl agent import --no-home "$W/agents.conf" >"$W/import" 2>&1
    case $? in
    0) put import "$((($(date +%s%N) - began) / 1000))" ;;
    137) put import.more 10000000 ;;
    *) hint "agent import failed: $(head -n 1 "$W/import")" ;;
    esac
}

BULK=20000

# each_second NUMBER COMMAND...: how many of them a second, rounded
each_second() {
    local number=$1 began
    shift
    began=$(date +%s%N)
    must "$@"
    echo $((number * 1000000000 / ($(date +%s%N) - began)))
}

# Tickets for one agent and task from a file, and the revocation of each; twice, on a ledger of their own.
rows_bulk() {
    progress "$BULK tickets issued and revoked from a file"
    use_fixture empty
    rm -rf "$DISK/bulk"
    cp -a "$DISK/fixtures/empty" "$DISK/bulk"
    mount_state "$DISK/bulk"
    must nhictl publish
    yes -- '--agent ci-bot --task build-1 --account ci-bot --service sshd' | head -n "$BULK" >"$W/many"
    for _ in 1 2; do
        each_second "$BULK" nhictl issue --from "$W/many" >>"$W/bulk-issued"
        sqlite3 -readonly "$STATE/ledger.db" "SELECT '--ticket ' || jti FROM ticket ORDER BY n DESC LIMIT $BULK" >"$W/ended"
        each_second "$BULK" nhictl revoke --from "$W/ended" >>"$W/bulk-revoked"
    done
    put_all bulk.issue <"$W/bulk-issued"
    put_all bulk.revoke <"$W/bulk-revoked"
}
