#!/bin/bash
# SPDX-License-Identifier: ISC
# A ledger of an older release: the first command of a later release that may write upgrades it completely. The later
# release is made up: nhictl with two more versions of the ledger's tables (tests/next).
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"
OLD=$(dirname "$SCRIPT")/../vectors/ledger-1.sql
next() { "$BUILD/tests/next/nhictl" "$@"; }

version() { sqlite3 "$LEDGER" 'PRAGMA user_version'; }
schema() { sqlite3 "$LEDGER" .schema; }
nhictl init >/dev/null
VERSION=$(version)
schema >today.schema
TIE=$(sqlite3 "$LEDGER" "SELECT 'machine = ' || quote(machine) || ', boot = ' || quote(boot) FROM setting")
put_old() {
    # And no newer state of it was seen.
    rm -f "$LEDGER"* /var/lib/nhi/mark /run/nhi/mark
    sqlite3 "$LEDGER" <"$OLD" >/dev/null
    sqlite3 "$LEDGER" "UPDATE setting SET $TIE"
    chmod 600 "$LEDGER"*
}
rm -r /var/lib/nhi
next init >/dev/null
schema >fresh.schema
LATER=$(version)
ok 'a later release has other tables' test "$LATER" = $((VERSION + 2)) -a "$(cmp today.schema fresh.schema)" != ''

put_old
ok 'the ledger is an old one' test "$(version)" = 1
[ "$VERSION" != 1 ] || ok 'its tables are those that this release makes' cmp <(sort today.schema) <(schema | sort)
lines() { sqlite3 "$LEDGER" "SELECT agent, account, zone, line FROM rule_index WHERE name = 'all'"; }
lines >old.lines
expect 0 'a command of its own release' nhictl agent list
expect 1 'doctor, which only looks' next doctor --json
ok 'finds that it is older' json '[.findings[] | select(.finding | startswith("ledger-"))] | length == 1 and
    .[0].finding == "ledger-older" and .[0].fix == "run: nhictl status"'
ok 'and does not change it' test "$(version)" = 1
expect 0 'a command that reads' next agent list --json
ok 'agents are unchanged' json '[.agents[] | [.name, .uid, .state, .owner]] ==
    [["ci-bot", 65537, "active", "ops@example.org"], ["held-bot", 65538, "suspended", "ops@example.org"],
     ["gone-bot", 65539, "retired", "eve@example.org"]]'
ok 'the ledger is of this version' test "$(version)" = "$LATER"
schema >old.schema
ok 'its schema is that of a new one' cmp <(sort fresh.schema) <(sort old.schema)
ok 'it is whole' test "$(sqlite3 "$LEDGER" 'PRAGMA integrity_check; PRAGMA foreign_key_check')" = ok
ok 'each step was taken, in order' \
    test "$(sqlite3 "$LEDGER" "SELECT group_concat(agent || '=' || colour) FROM made_up")" = ci-bot=grey,gone-bot=grey,held-bot=red
expect 0 'a suspended agent can be resumed' next agent resume held-bot
expect 0 'its tickets and tasks exist' next ticket list --all --json
ok 'each' json '.tickets | length == 1'
expect 0 'its trail' next audit verify
every() { sqlite3 "$LEDGER" "SELECT zone || ': ' || line FROM $1 WHERE name = 'every'"; }
EVERY=$(printf '%s\t' 'Europe/Berlin: name=every' effect=permit 'agent=ci-* b' $'owner=A B\nC' 'task=build-*' account=deploy \
    'service=sshd sudo' 'source=local unix 192.0.2.0/24' days=62 'hours=480-1080 1320-120' zone=Europe/Berlin bound=3 \
    max_lifetime=1800 max_age=600 max_uses=3 max_sessions=4 max_grants_per_hour=5 ssh=15)
ok 'a rule is unchanged' test "$(every rule)" = "${EVERY%$'\t'}" -a "$(every rule_index)" = "${EVERY%$'\t'}"
printf '%s\n' 'rules = ( { name = "all"; effect = "permit"; agent = "ci-bot"; account = "deploy"; service = "sshd"; },' \
    '{ name = "more"; effect = "forbid"; agent = "*"; account = "*"; service = "cron"; } );' >/etc/nhi/policy.d/test.conf
expect 0 'a policy with the same rule and another' next apply
ok 'finds the same rule as before' test -s old.lines -a "$(cat old.lines)" = "$(lines)"
expect 0 'new agents can be added' next agent add new-bot --owner ops --purpose p --review-by 2099-01-01 --no-home
ok 'under the next uid' test "$(next agent show new-bot --json | jq .agent.uid)" = 65540

# Back to this release.
refused 3 'was made by a newer release of nhictl' 'the older release, after that' nhictl agent list
refused 3 'was made by a newer release of nhictl' 'also when it writes' nhictl task open t-1 --agent ci-bot
ok 'it leaves the ledger unchanged' test "$(version)" = "$LATER"
expect 1 'doctor of the older release' nhictl doctor --json
ok 'finds that it is newer' json '[.findings[] | select(.finding == "ledger-newer")] | length == 1'
expect 0 'the later release continues with it' next agent list

# A backup of each.
next backup later.backup >/dev/null
refused 1 'newer release' 'the backup of a later release' nhictl restore later.backup
put_old
rm /etc/nhi/policy.d/test.conf
expect 0 'a backup by this release' nhictl backup today.backup
rm -f "$LEDGER"* /var/lib/nhi/mark /run/nhi/mark
expect 0 'is restored by the later one' next restore today.backup
ok 'as a ledger of its own' test "$(version)" = "$LATER"
ok 'with its agents' test "$(next agent list --json | jq -r '[.agents[].state] | join(" ")')" = 'suspended suspended retired'
ok 'that took each step' test "$(sqlite3 "$LEDGER" "SELECT colour FROM agent WHERE name = 'held-bot'")" = red
expect 0 'and its trail' next audit verify

# Several at once.
put_old
for i in 1 2 3 4 5 6; do next agent list --json >"list.$i" & done
wait
ok 'six at once: each has an answer' test "$(jq -r '.agents | length' list.? | sort -u)" = 3
ok 'and it is upgraded once' test "$(version)" = "$LATER"

# With any amount of space on the disk: the old ledger or the new one, and nothing between them.
schema >new.schema
mount -t tmpfs -o mode=0700,size=1m tmpfs /var/lib/nhi
put_old
schema >old.schema
failed=0
between=
for room in $(seq 0 4 160); do
    put_old
    dd if=/dev/zero of=/var/lib/nhi/room bs=1024 count="$room" 2>/dev/null
    dd if=/dev/zero of=/var/lib/nhi/filler bs=4096 2>/dev/null
    rm /var/lib/nhi/room
    run next agent list
    rm /var/lib/nhi/filler
    case $(version) in
    1) failed=$((failed + 1)) && complained 'older release' && schema | cmp -s old.schema ;;
    *) schema | cmp -s new.schema ;;
    esac || between="$between $room"
done
ok "with $failed times too little space there is nothing between old and new" test -z "$between" -a "$failed" -gt 0 \
    -a "$failed" -lt 40
expect 0 'with enough space' next agent list
ok 'it is upgraded' test "$(version)" = "$LATER"
umount /var/lib/nhi
finish
