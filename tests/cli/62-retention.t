#!/bin/bash
# SPDX-License-Identifier: ISC
# The supervisor archives events that are older than keep_days, and loses none, wherever it is killed.
# shellcheck source=tests/cli/lib.sh disable=SC2015,SC2016,SC2119,SC2317
. "$(dirname "$0")/lib.sh"
DIR=/var/lib/nhi/archive
NOW=$(date +%s)
# at DAYS COMMAND…: so many days ago
at() {
    [ ! -e "$LEDGER" ] || sqlite3 "$LEDGER" 'UPDATE setting SET latest = 0'
    FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f "$(date -d "@$((NOW - $1 * 86400))" '+%Y-%m-%d %H:%M:%S')" \
        "$BUILD/nhictl" "${@:2}"
}
sql() { sqlite3 "$LEDGER" "$1"; }
days() { # days DAYS: how long events stay
    echo "keep_days = $1; supervisor = \"optional\";" >/etc/nhi/nhi.conf
    nhictl apply >/dev/null
}
# watch_until CONDITION…: a supervisor until then, for a while at most
watch_until() {
    local i code=1
    "$BUILD/nhictl" watch >/dev/null 2>watch.err &
    WATCH=$!
    for ((i = 0; i < 400; i++)); do
        if "$@"; then
            code=0
            break
        fi
        sleep 0.05
    done
    stop_watch
    return $code
}
first() { sql 'SELECT coalesce(min(seq), 0) FROM event'; }
begins_at() { [ "$(first)" = "$1" ]; }
no_child() { begins_at "$1" && [ -z "$(cat "/proc/$WATCH/task/$WATCH/children")" ]; }
proven() {
    local f all=()
    for f in "$DIR"/trail-*; do all+=(--archive "$f"); done
    nhictl audit verify "${all[@]}" --json | jq -e ".first == 1 and .archived == 0 and .fault == null"
}

# ---- a host of more than a year ----

at 500 init >/dev/null
at 500 agent add ci-bot --owner ops@example.org --purpose 'builds and deploys' --review-by 2099-06-30 >/dev/null
cat >/etc/nhi/policy.d/test.conf <<'CONF'
rules = ( { name = "deploy"; effect = "permit"; agent = "ci-bot"; account = "deploy"; service = ["sshd", "sudo"]; } );
CONF
at 490 apply >/dev/null
at 480 task open old-1 --agent ci-bot --until 1d >/dev/null
at 420 agent suspend ci-bot --reason 'odd hours' >/dev/null
OLD=$(sql 'SELECT max(seq) FROM event')
at 390 agent resume ci-bot >/dev/null
sql 'UPDATE setting SET latest = 0'
nhictl audit export >all
cp -a /var/lib/nhi before

ok 'without a setting, what is older than 400 days goes' watch_until no_child $((OLD + 1))
FILE=$DIR/$(printf 'trail-%012d-%012d' 1 "$OLD")
ok 'into one file that has the numbers in its name' test "$(ls "$DIR")" = "${FILE##*/}"
ok 'that only root can read' test "$(stat -c %a "$DIR" "$FILE" | tr '\n' ' ')" = '700 600 '
ok 'with the lines of the trail' cmp <(head -n "$OLD" all) "$FILE"
ok 'an event records it' test "$(sql "SELECT detail ->> 'first', detail ->> 'until', detail ->> 'file' FROM event
    WHERE kind = 'archive'")" = "1|$OLD|$FILE"
ok 'all of it is verified' proven
expect 0 'a reader' nhictl trace old-1 --json
ok 'reports what is archived' json '.trace.archived_before != null'

# ---- how long ----

# stop_traced: the supervisor under strace, which itself takes no signal
stop_traced() {
    local children=
    read -r children <"/proc/$WATCH/task/$WATCH/children"
    [ -z "$children" ] || kill "$children" 2>/dev/null
    while [ -e "/proc/$WATCH" ]; do sleep 0.02; done
} 2>/dev/null
# begins: whether a supervisor begins to archive: it ends after its first round, and no sooner.
begins() {
    rm -f /run/nhi/watch
    strace -f -qq -o trace -e trace=prctl "$BUILD/nhictl" watch >/dev/null 2>&1 &
    WATCH=$!
    until [ -e /run/nhi/watch ]; do sleep 0.02; done
    stop_traced
    grep -q PR_SET_PDEATHSIG trace
}
if command -v strace >/dev/null; then
    days 0
    ok 'keep_days = 0: nothing is archived' eval '! begins'
    days 100
    ok 'keep_days = 100: something may be' begins
fi

# ---- what is still needed ----

again() {
    rm -rf /var/lib/nhi /run/nhi
    cp -a "$1" /var/lib/nhi
    nhictl publish >/dev/null
}
rm -rf /var/lib/nhi /run/nhi
at 40 init >/dev/null
at 40 agent add ci-bot --owner ops@example.org --purpose 'builds and deploys' --review-by 2099-06-30 >/dev/null
at 30 apply >/dev/null
at 20 task open build-1 --agent ci-bot --until 25d --concurrent >/dev/null
NEEDED=$(($(sql 'SELECT max(seq) FROM event') + 1))
at 12 issue --agent ci-bot --task build-1 --account deploy --service sshd --ttl 1d --out t >/dev/null
at 11 task open build-2 --agent ci-bot --until 25d --concurrent >/dev/null
at 10 issue --agent ci-bot --task build-2 --account deploy --service sshd --ttl 1d --out u >/dev/null
sql "UPDATE setting SET latest = 0; UPDATE ticket SET exp = $NOW + 86400 WHERE task = 'build-1'"
ok 'the ticket is live' eval 'nhictl ticket list --json >.out && json "[.tickets[] | .state] == [\"live\"]"'
days 5
ok 'the events since the issue of a live ticket stay' watch_until no_child "$NEEDED"
ok 'all of it is verified' proven

# ---- nothing is lost ----

echo 'supervisor = "optional";' >/etc/nhi/nhi.conf
again before
mkdir -m 700 "$DIR"
mount -t tmpfs -o size=16k,mode=700 tmpfs "$DIR"
dd if=/dev/zero of="$DIR/filler" bs=4096 2>/dev/null
if command -v strace >/dev/null; then
    strace -f -qq -o trace -e trace=exit_group "$BUILD/nhictl" watch >/dev/null 2>&1 &
    WATCH=$!
    until grep -qs 'exit_group(3)' trace; do sleep 0.05; done
    stop_traced
    ok 'a full disk: everything stays in the ledger' begins_at 1
    ok 'no file is left' test "$(ls -A "$DIR")" = filler
fi
umount "$DIR"
ok 'and with space it goes' watch_until no_child $((OLD + 1))

again before
coproc WRITER { sqlite3 "$LEDGER"; }
echo "BEGIN IMMEDIATE; SELECT 'held';" >&"${WRITER[1]}"
read -r _ <&"${WRITER[0]}"
there() { [ -e "$FILE" ]; }
ok 'while another writes, the file is made' watch_until there
ok 'and the ledger keeps its events' begins_at 1
# apart: the process that archives has neither the supervisor's lock nor what the supervisor waits for.
apart() {
    local child fds
    child=$(cat "/proc/$WATCH/task/$WATCH/children")
    fds=$(readlink "/proc/${child% }/fd/"*) && ! grep -qE 'watch\.lock|anon_inode' <<<"$fds"
} 2>/dev/null
ok 'by a process with no descriptor of the supervisor' watch_until apart
echo 'COMMIT;' >&"${WRITER[1]}"
# Once it has gone, the shell may have forgotten both.
pid=$WRITER_PID input=${WRITER[1]:-}
[ -z "$input" ] || eval "exec $input>&-"
wait "$pid"
ok 'the next supervisor takes the same file up' eval 'I=$(stat -c %i "$FILE"); watch_until no_child $((OLD + 1)) &&
    [ "$(stat -c %i "$DIR"/trail-*)" = "$I" ]'
ok 'all of it is verified' proven

# A file with the same first event that is not of this trail.
again before
mkdir -m 700 "$DIR"
head -n 3 all | sed 's/"kind":"/&x/' >"$DIR/trail-000000000001-000000000003"
chmod 600 "$DIR/trail-000000000001-000000000003"
cp -a "$DIR/trail-000000000001-000000000003" other
ok 'a file that is not of this trail is no archive of it' watch_until no_child $((OLD + 1))
ok 'and is left alone' cmp other "$DIR/trail-000000000001-000000000003"
rm "$DIR/trail-000000000001-000000000003"
ok 'all of it is verified' proven

# Killed, supervisor and all, at each call that changes a file.
if command -v strace >/dev/null; then
    KILLS=0
    BROKEN=0
    for call in fsync linkat pwrite64 fdatasync; do
        for nth in 1 2 3 5 8; do
            again before
            strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$nth" \
                "$BUILD/nhictl" watch >/dev/null 2>&1 &
            WATCH=$!
            disown "$WATCH"
            for ((i = 0; i < 20; i++)); do [ -e "/proc/$WATCH" ] && ! begins_at $((OLD + 1)) || break; sleep 0.05; done
            begins_at $((OLD + 1)) || KILLS=$((KILLS + 1))
            stop_traced
            watch_until begins_at $((OLD + 1)) && proven >/dev/null && [ -z "$(find "$DIR" -name '.*' -type f)" ] &&
                [ "$(ls "$DIR")" = "${FILE##*/}" ] || BROKEN=1
            [ "$BROKEN" = 0 ] || { echo "# $call $nth"; break 2; }
        done
    done
    ok "killed at $KILLS places: all events are in the ledger or in its archive" test "$BROKEN" = 0 -a "$KILLS" -gt 10
else
    skip 'killed at many places' 'no strace'
fi
finish
