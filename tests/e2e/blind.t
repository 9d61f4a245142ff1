#!/bin/bash
# SPDX-License-Identifier: ISC
# The supervisor reports that it lives only while it can see, with however few descriptors.
# Invariant: 19.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for eval
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
open_task t-1
issue "$W/t-1" t-1 --no-pin

up() { nhictl metrics 2>/dev/null | sed -n 's/^nhi_supervisor_up //p'; }
says_blind() { [ "$(cut -d' ' -f3 /run/nhi/watch)" != 0 ]; }
says_alive() { ! says_blind; }

# ---- a ledger that it cannot read ----

mark_log
VERSION=$(sqlite3 -cmd '.timeout 5000' "$STATE/ledger.db" 'pragma user_version')
must sqlite3 -cmd '.timeout 5000' "$STATE/ledger.db" "pragma user_version = $((VERSION + 1))"
eventually says_blind
ok $? 'a ledger of a newer release: its heartbeat reports that it cannot be read'
has_logged 'watch: the ledger or the sessions cannot be read' 'so does the log'
is "$(up)" 0 'so do metrics'
must sqlite3 -cmd '.timeout 5000' "$STATE/ledger.db" "pragma user_version = $VERSION"
# Nothing that it could read has changed: it looks again by itself.
eventually says_alive
ok $? 'it looks again, and lives'
has_logged 'watch: the ledger and the sessions can be read again' 'and reports that'
is "$(up)" 1 'in metrics'
ssh_as ci-bot reply "$W/t-1" true
is "$RC" 0 'agents are permitted'

# told NAME WORD TEXT [FINDING]: what is reported for a bad heartbeat. HEART writes it, again each time, since it ages
# while the other commands run.
told() {
    eval "$HEART"
    is "$(nhictl status --json | jq -r .supervisor)" "$2" "$1: status has a word for it"
    eval "$HEART"
    like "$(nhictl status)" "$3" "$1: and describes it"
    eval "$HEART"
    is "$(nhictl doctor --json | jq -r '[.findings[].finding | select(startswith("watch-"))] | join(" ")')" \
        "${4:-watch-failed}" "$1: so does doctor"
    eval "$HEART"
    is "$(up)" 0 "$1: so do metrics"
    ssh_as ci-bot reply "$W/t-1" true
    unlike "$RC" '^0$' "$1: agents are denied"
}
hold_watch
HEART='printf "%s %s 0\n" "$(uptime_now)" "$((VERSION - 1))" >/run/nhi/watch'
told 'one of a release before this one' 'of another release' 'is from another release, and ends nothing'
HEART='printf "%s %s 0\n" "$(uptime_now)" "$((VERSION + 1))" >/run/nhi/watch'
told 'a heartbeat of a newer release' 'of another release' 'is from another release, and ends nothing'
HEART='printf "%s %s 8\n" "$(uptime_now)" "$VERSION" >/run/nhi/watch'
told 'a supervisor that cannot read the ledger' 'cannot see' 'cannot read the ledger or the sessions'
HEART='beat_at "$(($(uptime_now) - 100))"'
told 'a supervisor that stopped' 'stopped' 'has not looked for 1[0-9][0-9] seconds'
let_go

# ---- few descriptors ----

kill "$WATCH"
eventually test ! -e /run/nhi/watch
LIMIT=28
# shellcheck disable=SC2016 # for the shell that becomes it
capsh --drop=cap_sys_resource -- -c 'ulimit -n "$0" && exec nhictl watch' "$LIMIT" &
WATCH=$!
disown
eventually test -e /run/nhi/watch
ttl=40
issue "$W/many" t-1 --no-pin --ttl "${ttl}s"
COUNT=30
for ((i = 0; i < COUNT; i++)); do
    "$SSH_TOOL" ci-bot reply "$W/many" 'exec sleep 4711' </dev/null >/dev/null 2>&1 &
    disown
done
all_in() { [ "$(pgrep -fc '^sleep 4711$')" = "$COUNT" ]; }
none_in() { [ "$(pgrep -fc '^sleep 4711$')" = 0 ]; }
eventually all_in || note "$(pgrep -fc '^sleep 4711$') are in"
is "$(awk '/open files/ { print $4 }' "/proc/$WATCH/limits")" "$LIMIT" "more sessions, $COUNT, than descriptors"
wait_out "$W/many"
eventually none_in
ok $? 'they end with their ticket'
eventually beats
says_alive
ok $? 'and its heart beats'
finish
