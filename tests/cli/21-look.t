#!/bin/bash
# SPDX-License-Identifier: ISC
# Look before you end: --dry-run of each verb that ends something changes nothing and counts what would end, and on a
# terminal such a verb asks.
# Invariant: 16.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

setup_host
nhictl agent add two-bot --owner ops@example.org --purpose p --review-by 2099-01-01 >/dev/null
nhictl task open two-1 --agent two-bot >/dev/null
issue >a.txt
issue >b.txt
issue --host hostb >c.txt
JTI=$(nhictl ticket inspect a.txt --json | jq -r .ticket.jti)
KID=$(nhictl key list --json | jq -r '.keys[0].kid')
nhictl key add theirs k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI --agents ci-bot --accounts deploy \
    --services sshd --max-ttl 1h >/dev/null
# But for the newest time that was seen, which every command moves on.
everything() {
    sqlite3 -readonly "$LEDGER" .dump | sed '/INTO setting /s/[0-9]\{10\}//g'
    nhictl lockdown status
    # What logins read, and what is kept for when nothing can be written.
    find /run/nhi /var/lib/nhi -name 'state-1*' -o -name reserve -o -name bound-1 | sort | xargs cat | sha256sum
}

# would TICKETS AGENTS COMMAND...
would() {
    local tickets=$1 agents=$2 before
    shift 2
    before=$(everything)
    expect 0 "$* --dry-run" nhictl "$@" --dry-run --json
    ok 'counts what would end' json ".ok and .dry_run and .would_end == {\"agents\": $agents, \"tickets\": $tickets, \"sessions\": 0}"
    ok 'names the sessions' json '.ends == []'
    expect 0 "$* --dry-run, for people" nhictl "$@" --dry-run
    ok 'says that nothing was changed' said 'nothing was changed'
    everything >/run/t/after; echo "$before" >/run/t/before; diff /run/t/before /run/t/after | sed "s/^/# /";     ok 'and nothing was' test "$(everything)" = "$before"
}
would 2 0 revoke build-4711
would 2 0 revoke --task build-4711
ok 'another host'"'"'s ticket is named' said hostb
would 1 0 revoke --ticket "$JTI"
would 2 0 revoke --agent ci-bot
would 2 0 revoke --issuer "$KID"
would 2 0 task close build-4711
would 2 1 agent suspend ci-bot
would 2 1 agent retire ci-bot
would 2 2 owner offboard ops@example.org --reason left
would 3 2 lockdown on
would 0 0 key retire theirs
would 0 0 key revoke theirs --reason lost
refused 1 "there is no session 'x'" 'session kill --dry-run of what does not exist' nhictl session kill x --dry-run
refused 1 "there is no task 'nope'" 'revoke --dry-run of what does not exist' nhictl revoke nope --dry-run
nhictl task open shut-1 --agent two-bot --concurrent >/dev/null
nhictl task close shut-1 >/dev/null
refused 1 'already closed' 'what would be refused is refused' nhictl task close shut-1 --dry-run

printf '%s\n' '--task build-4711' >lines
before=$(everything)
refused 2 'cannot be combined' 'revoke --dry-run --from' nhictl revoke --dry-run --from lines
printf '%s\n' '--task build-4711 --dry-run' >lines
refused 1 '--dry-run cannot be in a line' 'nor in a line' nhictl revoke --from lines
ok 'neither has ended anything' test "$(everything)" = "$before"

# --- on a terminal
# at ANSWER COMMAND...: what is typed there after the command
at() {
    local answer=$1
    shift
    script -qec "$BUILD/nhictl $*" /dev/null <<<"$answer"
}
before=$(everything)
for answer in n '' no x yikes yy; do
    run at "$answer" task close build-4711
    ok "it asks, and '$answer' is no" test "$CODE" = 1
    ok 'and says so' said 'nothing was changed'
done
ok 'nothing was' test "$(everything)" = "$before"
ok 'the question has the count' said 'close task build-4711: 2 live tickets and 0 sessions end, and tickets for other hosts do not. Go on? [y/N]'
expect 0 'y is yes' at y task close two-1
ok 'it is closed' test "$(nhictl task show two-1 --json | jq -r .task.state)" = closed
expect 0 '--yes does not ask' at '' agent suspend two-bot --yes
ok 'the agent is suspended' test "$(nhictl agent show two-bot --json | jq -r .agent.state)" = suspended
run at n lockdown on
ok 'lockdown on asks' test "$CODE" = 1
expect 0 'but not with a reason' at n lockdown on --reason drill
ok 'it is in force' test "$(nhictl lockdown status --json | jq .lockdown)" = true
nhictl lockdown off >/dev/null
expect 0 'nor does revoke with a reason' at n revoke --ticket "$JTI" --reason leaked
run at n owner offboard ops@example.org --reason left
ok 'others ask with a reason, too' test "$CODE" = 1
expect 0 'without a terminal nothing is asked' nhictl task close build-4711

# --- what cannot be counted can be ended
nhictl task open late-1 --agent ci-bot >/dev/null
cp "$LEDGER" whole.db
head -c 65536 /dev/urandom >"$LEDGER"
rm -f "$LEDGER"-wal "$LEDGER"-shm
run nhictl revoke --task late-1 --dry-run
ok 'a look needs the ledger' test "$CODE" = 3
run at n revoke --task late-1
ok 'on a terminal it asks all the same' said 'what ends could not be counted. Go on?'
expect 0 'and does it' at y revoke --task late-1
ok 'by the reserve' said 'the reserve keeps the revocation in force'
run nhictl lockdown on --dry-run
ok 'lockdown says what it cannot count' complained 'agents and tickets are not counted'
expect 0 'and locks down' nhictl lockdown on
finish
