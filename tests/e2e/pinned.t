#!/bin/bash
# SPDX-License-Identifier: ISC
# Any local user calls su for an agent, answers with other bytes, and stops it wherever they like: it never reads the
# ledger, so that what is written from then on leaves the write-ahead log.
# Invariants: 5, 20.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
STOPAT=$BUILD/tests/tools/stopat
SU=(setpriv --reuid alice --regid alice --init-groups "$PTY" 'word: ' "$W/wrong" -- su ci-bot -c true)
chmod 644 "$W/wrong"
# checkpoint: 0 if the log has been emptied; waits for other processes.
checkpoint() { sqlite3 -cmd '.timeout 5000' "$STATE/ledger.db" 'PRAGMA wal_checkpoint(TRUNCATE)' | cut -d'|' -f1 | tail -n 1; }
# reads PID: whether it has one of the five locks of a reader, which are bytes of ledger.db-shm.
reads() {
    awk -v pid="$1" -v inode="$(stat -c %i "$STATE/ledger.db-shm" 2>/dev/null)" \
        '$5 == pid && $6 ~ ":" inode "$" && $7 >= 123 && $7 <= 127 { found = 1 } END { exit !found }' /proc/locks
}
# stop_at K: STOPPED, if one of the stopped processes is reading then; ENDED, if it makes fewer calls.
stop_at() {
    local pid reader='' rc=0
    STOPPED=$("$STOPAT" /usr/bin/su "$1" stop -- "${SU[@]}" 2>/dev/null </dev/null) || rc=$?
    [ "$rc" != 3 ] || ENDED=1
    [ "$rc" = 0 ] || return 1
    for pid in $STOPPED; do
        ! reads "$pid" || reader=$pid
    done
    [ -n "$reader" ] || { let_die && return 1; }
}
let_die() {
    local pid
    for pid in $STOPPED; do
        kill -KILL "$pid" 2>/dev/null
        eventually_gone "$pid"
    done
}

STOPPED='' ENDED='' K=1
until stop_at "$K" || [ -n "$ENDED" ]; do K=$((K + 9)); done
is "$ENDED" 1 "su, stopped at one of its calls after the other, never reads the ledger" || note "it does at call $K"
note "$K calls"
STOPPED=$("$STOPAT" /usr/bin/su "$((K / 2))" stop -- "${SU[@]}" 2>/dev/null </dev/null)
must nhictl task open while --agent ci-bot --until 2h --concurrent
is "$(checkpoint)" 0 'while it is stopped, what is written leaves the write-ahead log'
let_die
finish
