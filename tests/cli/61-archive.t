#!/bin/bash
# SPDX-License-Identifier: ISC
# Old events are moved from the ledger into files, and the chain is verified across all of them.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

setup_host
issue --out ticket >/dev/null
nhictl agent suspend ci-bot --reason 'odd hours' >/dev/null
nhictl agent resume ci-bot >/dev/null
kill "$WATCH" && trap - EXIT
sql() { sqlite3 "$LEDGER" "$1"; }
tick() { # until the clock shows another second; prints it
    local from
    from=$(date +%s)
    while [ "$(date +%s)" = "$from" ]; do sleep 0.05; done
    date -u +%Y-%m-%dT%H:%M:%SZ
}
nhictl audit export >all
FIRST=$(tick)
LAST=$(sql 'SELECT max(seq) FROM event')
HASH=$(sql "SELECT hash FROM event WHERE seq = $LAST")
nhictl revoke --task build-4711 --reason over >/dev/null
cp -a /var/lib/nhi before

# ---- a refusal leaves everything in its place ----

archive() { nhictl audit archive --before "$FIRST" "$@"; }
whole() { [ "$(sql 'SELECT min(seq) FROM event')" = 1 ] && [ -z "$(find . -name '*.part*')" ]; }
refused 2 '--out FILE is missing' 'no file' archive
refused 2 'a time in the past' 'a moment in the future' nhictl audit archive --before 2099-01-01T00:00:00Z --out a1
expect 0 'no event is that old' nhictl audit archive --before 2001-01-01T00:00:00Z --out a1
ok 'it reports that' said 'no event is older than 2001-01-01T00:00:00Z'
ok 'no file is made, and nothing was removed' test ! -e a1 -a "$(sql 'SELECT min(seq) FROM event')" = 1
expect 0 'nothing that old, --json' nhictl audit archive --before 2001-01-01T00:00:00Z --out a1 --json
ok 'with the members of an archive' json '[.events, .first, .last, .hash, .file] == [0, null, null, null, null]'
echo mine >a1
refused 1 'a1 already exists' 'a file that exists' archive --out a1
ok 'is left alone' test "$(cat a1)" = mine
ln -sf nowhere a1
refused 1 'a1 already exists' 'a link that exists' archive --out a1
rm a1
mkdir full && mount -t tmpfs -o size=16k tmpfs full
dd if=/dev/zero of=full/filler bs=4096 2>/dev/null
refused 3 'cannot write full/a1' 'no space' archive --out full/a1
ok 'nothing is left of it' test "$(ls full)" = filler
umount full
sql "UPDATE event SET cause = 'edited' WHERE seq = 2"
refused 1 'fails verification at event 2 (edited)' 'a trail that is not sound' archive --out a1
ok 'nothing was archived' whole
ok 'and no file made' test ! -e a1
sql "UPDATE event SET cause = '' WHERE seq = 2"

# ---- the cut ----

expect 0 'the old events' archive --out a1 --json
ok 'are reported' json ".events == $LAST and .first == 1 and .last == $LAST and .hash == \"$HASH\" and .file == \"a1\""
ok 'the file is what export printed' cmp all a1
ok 'only root can read it' test "$(stat -c %a:%h a1)" = 600:1
ok 'the ledger continues after them' test "$(sql 'SELECT min(seq) FROM event')" = $((LAST + 1))
ok 'an event records it' test "$(sql "SELECT detail ->> 'first', detail ->> 'until', detail ->> 'hash', detail ->> 'file'
    FROM event WHERE kind = 'archive'")" = "1|$LAST|$HASH|a1"
ok 'the ledger remembers it' test "$(sql 'SELECT archived, archived_hash FROM setting')" = "$LAST|$HASH"
expect 0 'it is verified from the cut on' nhictl audit verify --json
ok 'and reports that' json ".archived == $LAST and .first == $((LAST + 1)) and .fault == null"
expect 0 'for people' nhictl audit verify
ok 'reports that, too' said "events 1 to $LAST are in archives"
expect 0 'with the archive' nhictl audit verify --archive a1 --json
ok 'it is verified from the start' json '.archived == 0 and .first == 1 and .fault == null'

# ---- verbs that read report what they cannot know ----

refused 1 "event 2 is in an archive: it was archived before $FIRST" 'explain' nhictl explain 2
expect 0 'trace' nhictl trace build-4711 --json
ok 'names what is archived' json ".trace.archived_before == \"$FIRST\""
nhictl trace build-4711 --html page
ok 'on its page' grep -q 'Older events are archived' page
expect 0 'review' nhictl review --json
ok 'reports it' json ".archived_before == \"$FIRST\""
ok 'to people' complained "events before $FIRST are archived"
expect 0 'export' nhictl audit export
ok 'reports it' complained "events 1 to $LAST are in archives"

# ---- more archives ----

nhictl agent suspend ci-bot --reason again >/dev/null
SECOND=$(tick)
nhictl agent resume ci-bot >/dev/null
expect 0 'a second one' nhictl audit archive --before "$SECOND" --out a2
nhictl agent suspend ci-bot --reason late >/dev/null
THIRD=$(tick)
expect 0 'a third one' nhictl audit archive --before "$THIRD" --out a3
for files in 'a1 a2 a3' 'a2 a3' 'a3' ''; do
    archives=()
    for file in $files; do archives+=(--archive "$file"); done
    expect 0 "verified with: ${files:-none}" nhictl audit verify "${archives[@]}"
done
ok 'the lines of all are one chain' eval 'cat a1 a2 a3 <(nhictl audit export 2>/dev/null) | jq -se "[.[].seq] == [range(1; length + 1)]
    and ([.[1:][].prev] == [.[:-1][].hash])"'

# ---- bad archives ----

# bad WHAT FAULT EVENT FILE…
bad() {
    local what=$1 fault=$2 event=$3 archives=()
    shift 3
    for file in "$@"; do archives+=(--archive "$file"); done
    run nhictl audit verify --json "${archives[@]}"
    ok "$what" eval "[ \$CODE = 1 ] && json '.fault == \"$fault\" and .event == $event'"
}
END2=$(tail -n1 a2 | jq .seq)
END3=$(tail -n1 a3 | jq .seq)
sed '3s/"kind":"/&x/' a1 >bad
bad 'an edited event' edited 3 bad a2 a3
sed 3d a1 >bad
bad 'a removed event' missing 3 bad a2 a3
sed '$d' a1 >bad
bad 'the last event cut off' missing "$LAST" bad a2 a3
sed '3{h;d};4{G}' a1 >bad
bad 'two swapped' missing 3 bad a2 a3
head -c -100 a1 >bad
bad 'a torn line' unreadable "$LAST" bad a2 a3
: >bad
bad 'an empty file' missing 1 bad
bad 'two archives swapped' repeated 1 a2 a1 a3
bad 'one archive twice' repeated 1 a1 a1 a2 a3
bad 'an archive left out' missing $((LAST + 1)) a1 a3
bad 'the last archive left out' missing $((END2 + 1)) a1 a2

# The same again, for another host with as many events.
cp -a /var/lib/nhi ours
rm -rf /var/lib/nhi
nhictl init >/dev/null
while [ "$(sql 'SELECT max(seq) FROM event')" -lt "$LAST" ]; do nhictl lockdown off >/dev/null; done
nhictl audit export >foreign
rm -rf /var/lib/nhi
mv ours /var/lib/nhi
head -n "$LAST" foreign >bad
bad 'an archive of another host' broken $((LAST + 1)) bad a2 a3
nhictl lockdown off >/dev/null
sql "DELETE FROM event WHERE seq <= $((END3 + 1))"
bad 'no event records the archives' missing 1

# ---- cut off ----

# Between the file and the ledger: everything is still in the ledger, and the next attempt reports that.
rm -rf /var/lib/nhi a1
cp -a before /var/lib/nhi
cp all a1
refused 1 'a1 already exists' 'a whole file, and a ledger that still has everything' archive --out a1
bad 'which verify reports' repeated 1 a1
rm a1
expect 0 'once the file is removed' archive --out a1
expect 0 'it is verified' nhictl audit verify --archive a1

# Killed at each call that changes a file.
if command -v strace >/dev/null; then
    KILLS=0
    BROKEN=0
    for call in openat write fsync linkat unlinkat pwrite64 fdatasync; do
        for nth in 1 2 3 5 8 13; do
            rm -rf /var/lib/nhi a1
            cp -a before /var/lib/nhi
            { strace -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$nth" \
                "$BUILD/nhictl" audit archive --before "$FIRST" --out a1 && continue; } >/dev/null 2>&1
            KILLS=$((KILLS + 1))
            if [ "$(nhictl audit verify --json | jq '.first == 1 and .ok')" = true ]; then
                rm -f a1
                archive --out a1 >/dev/null || BROKEN=1
            fi
            nhictl audit verify --archive a1 >/dev/null && cmp -s a1 all || BROKEN=1
            [ "$BROKEN" = 0 ] || { echo "# $call $nth"; break 2; }
            [ -z "$(find . -maxdepth 1 -name '.a1*')" ] || BROKEN=1
        done
    done
    ok "killed at $KILLS places: all events are in the ledger, or archived and removed" test "$BROKEN" = 0 -a "$KILLS" -gt 10
else
    skip 'killed at many places' 'no strace'
fi
finish
