#!/bin/bash
# A ledger of an older release: the first command that may write brings it forward, whole.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"
OLD=$(dirname "$SCRIPT")/../vectors/ledger-1.sql

nhictl init >/dev/null
sqlite3 "$LEDGER" .schema >fresh.schema
version() { sqlite3 "$LEDGER" 'PRAGMA user_version'; }
VERSION=$(version)
put_old() {
    # And nobody has seen it any further.
    rm -f "$LEDGER"* /var/lib/nhi/mark /run/nhi/mark
    sqlite3 "$LEDGER" <"$OLD" >/dev/null
    chmod 600 "$LEDGER"*
}
put_old
ok 'it is an old one' test "$(version)" = 1
expect 0 'a command that reads' nhictl agent list --json
ok 'agents are as they were' json '[.agents[] | [.name, .uid, .state, .owner]] ==
    [["ci-bot", 65537, "active", "ops@example.org"], ["held-bot", 65538, "suspended", "ops@example.org"],
     ["gone-bot", 65539, "retired", "eve@example.org"]]'
ok 'the ledger is of this version' test "$(version)" = "$VERSION"
# The order of columns that were added differs in nothing but the text.
sqlite3 "$LEDGER" .schema >old.schema
ok 'its schema is that of a new one' cmp <(sort fresh.schema) <(sort old.schema)
ok 'it is whole' test "$(sqlite3 "$LEDGER" 'PRAGMA integrity_check; PRAGMA foreign_key_check')" = ok
ok 'what was suspended is so by hand' test "$(sqlite3 "$LEDGER" "SELECT group_concat(held) FROM agent")" = 0,0,1
expect 0 'and may go on' nhictl agent resume held-bot
expect 0 'its tickets and tasks are there' nhictl ticket list --all --json
ok 'each' json '.tickets | length == 1'
lines() { sqlite3 "$LEDGER" "SELECT agent, account, zone, line FROM rule_index WHERE name = 'all'"; }
lines >old.lines
every() { sqlite3 "$LEDGER" "SELECT zone || ': ' || line FROM $1 WHERE name = 'every'"; }
EVERY=$(printf '%s\t' 'Europe/Berlin: name=every' effect=permit 'agent=ci-* b' $'owner=A B\nC' 'task=build-*' account=deploy \
    'service=sshd sudo' 'source=local unix 192.0.2.0/24' days=62 'hours=480-1080 1320-120' zone=Europe/Berlin bound=3 \
    max_lifetime=1800 max_age=600 max_uses=3 max_sessions=4 max_grants_per_hour=5 ssh=15)
ok 'a rule says what it said' test "$(every rule)" = "${EVERY%$'\t'}" -a "$(every rule_index)" = "${EVERY%$'\t'}"
printf '%s\n' 'rules = ( { name = "all"; effect = "permit"; agent = "ci-bot"; account = "deploy"; service = "sshd"; },' \
    '{ name = "more"; effect = "forbid"; agent = "*"; account = "*"; service = "cron"; } );' >/etc/nhi/policy.d/test.conf
expect 0 'a policy with the same rule and another' nhictl apply
ok 'finds the same rule as before' test -s old.lines -a "$(cat old.lines)" = "$(lines)"
expect 0 'it takes what is new' nhictl agent add new-bot --owner ops --purpose p --review-by 2099-01-01 --no-home
ok 'under the next uid' test "$(nhictl agent show new-bot --json | jq .agent.uid)" = 65540

# Several at once.
put_old
for i in 1 2 3 4 5 6; do nhictl agent list --json >"list.$i" & done
wait
ok 'six at once: each has an answer' test "$(jq -r '.agents | length' list.? | sort -u)" = 3
ok 'and it is brought forward once' test "$(version)" = "$VERSION"

# However much room the disk has: the old one, or the new one, and nothing between them.
sqlite3 "$LEDGER" .schema >new.schema
mount -t tmpfs -o mode=0700,size=1m tmpfs /var/lib/nhi
put_old
sqlite3 "$LEDGER" .schema >old.schema
failed=0
between=
for room in $(seq 0 4 160); do
    put_old
    dd if=/dev/zero of=/var/lib/nhi/room bs=1024 count="$room" 2>/dev/null
    dd if=/dev/zero of=/var/lib/nhi/filler bs=4096 2>/dev/null
    rm /var/lib/nhi/room
    run nhictl agent list
    rm /var/lib/nhi/filler
    case $(version) in
    1) failed=$((failed + 1)) && complained 'older release' && sqlite3 "$LEDGER" .schema | cmp -s old.schema ;;
    *) sqlite3 "$LEDGER" .schema | cmp -s new.schema ;;
    esac || between="$between $room"
done
ok "with $failed times too little room there is nothing between old and new" test -z "$between" -a "$failed" -gt 0 \
    -a "$failed" -lt 40
expect 0 'where there is room' nhictl agent list
ok 'it is brought forward' test "$(version)" = "$VERSION"
umount /var/lib/nhi
finish
