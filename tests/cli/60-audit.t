#!/bin/bash
# SPDX-License-Identifier: ISC
# The trail is verified, and every change to it outside of nhictl is found, with the event where it was made.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

shopt -s extglob
setup_host
issue --out ticket >/dev/null
nhictl revoke --task build-4711 --reason $'caf\u00e9 "closed"' >/dev/null
nhictl agent suspend ci-bot --reason 'odd hours' >/dev/null
for ((i = 0; i < 400; i++)); do
    [ -s /var/lib/nhi/head ] && break
    sleep 0.05
done
ok 'the supervisor signs heads that can be kept elsewhere' test -s /var/lib/nhi/head
expect 0 'they match the trail' nhictl audit verify --head /var/lib/nhi/head --json
ok 'each' json '.heads == 1'
kill "$WATCH" && trap - EXIT
LAST=$(sqlite3 "$LEDGER" 'SELECT max(seq) FROM event')

# ---- sound ----

expect 0 'an unchanged trail' nhictl audit verify --json
ok 'is verified' json ".ok and .events == $LAST and .first == 1 and .last == $LAST and .fault == null and .heads == 0"
ok 'up to the hash that is stored' json ".hash == \"$(sqlite3 "$LEDGER" "SELECT hash FROM event WHERE seq = $LAST")\""
expect 0 'for people' nhictl audit verify
ok 'it reports that' said "proven: $LAST events"
ok 'and what it cannot show' said 'without a head kept on another host this cannot show'
expect 0 'a head' nhictl audit head --out head
ok 'one signed line' grep -qE '^v4\.public\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$' head
expect 0 'for programs' nhictl audit head --json
ok 'with the number and the hash' json ".event == $LAST and .host == \"testhost\" and (.hash | length) == 64
    and (.head | startswith(\"v4.public.\"))"
expect 0 'its key' nhictl audit key --json
ok 'is a public one' json '(.public | startswith("k4.public.")) and (.fingerprint | startswith("k4.pid."))'
KEY=$(nhictl audit key --json | jq -r .public)
ok 'only root can read the secret half' test "$(stat -c %a /var/lib/nhi/keys/_audit.secret)" = 600
expect 0 'compared with the head' nhictl audit verify --head head --json
ok 'it matches' json '.ok and .heads == 1'
expect 0 'compared with several heads' nhictl audit verify --head <(cat head head) --key "$KEY" --json
ok 'all match' json '.ok and .heads == 2'
sed 's/.$/A/; s/AA$/BA/' head >forged
refused 1 'was not signed with the key of this trail' 'a changed head' nhictl audit verify --head forged
refused 1 'is not a signed head' 'another file' nhictl audit verify --head /etc/hostname
refused 1 'contains no signed head' 'nothing' nhictl audit verify --head /dev/null
refused 1 'was not signed with the key of this trail' 'another key' nhictl audit verify --head head \
    --key "$(nhictl key export "$(nhictl key list --json | jq -r '.keys[0].kid')" --json | jq -r .public)"
refused 2 'is not a public key' 'a malformed key' nhictl audit verify --head head --key x

# ---- a stranger's verifier: the recipe of the manual, without any of our code ----

stranger() { # reads lines of events
    local prev=0000000000000000000000000000000000000000000000000000000000000000 line hash
    while IFS= read -r line; do
        hash=${line##*,\"hash\":\"}
        hash=${hash%\"\}}
        [[ $line == *",\"prev\":\"$prev\",\"hash\":\"$hash\"}" ]] || return 1
        [ "$(printf '%s}' "${line%,\"hash\":*}" | b2sum -l 256)" = "$hash  -" ] || return 1
        prev=$hash
    done
    [ "$prev" = "$1" ]
}
nhictl audit export >exported
ok 'a stranger with b2sum verifies the export' stranger "$(sqlite3 "$LEDGER" "SELECT hash FROM event WHERE seq = $LAST")" <exported
sed '3s/ops/opz/' exported >edited
ok 'and finds an edit' eval '! stranger x <edited'

# ---- changes outside of nhictl ----

empty_log
cp "$LEDGER" whole.db
# tampered SQL: on a copy, in the place of the ledger.
tampered() {
    rm -f "$LEDGER"*
    cp whole.db "$LEDGER"
    chmod 600 "$LEDGER"
    sqlite3 "$LEDGER" "$1" || echo "# $1"
}
ALL_FOUND=1
# found FAULT EVENT SQL [OPTION...]: the fault (a glob) is reported, at that event.
found() {
    local fault=$1 event=$2 sql=$3
    shift 3
    tampered "$sql"
    run nhictl audit verify --json "$@"
    # shellcheck disable=SC2254,SC2027
    case "$CODE $(jq -r '"\(.fault) \(.event)"' <.out)" in
    "1 "$fault" $event") N=$((N + 1)) ;;
    *)
        ALL_FOUND=0
        echo "# $sql: $CODE $OUT"
        ;;
    esac
}
all_found() {
    ok "$1 ($N)" test "$ALL_FOUND" = 1 -a "$N" -gt 0
    ALL_FOUND=1
    N=0
}
N=0

COLUMNS_OF_EVENT=$(sqlite3 "$LEDGER" "SELECT name FROM pragma_table_info('event') WHERE name NOT IN ('seq', 'prev', 'hash')")
for ((i = 1; i <= LAST; i++)); do
    for column in $COLUMNS_OF_EVENT; do
        found '@(edited|unreadable)' "$i" "UPDATE event SET $column = $([ "$column" = at ] && echo "at + 1" || echo "coalesce($column, '') || 'x'") WHERE seq = $i"
    done
    found '@(edited|broken)' "$i" "UPDATE event SET prev = replace(hash, '0', '1') WHERE seq = $i"
    found edited "$i" "UPDATE event SET hash = iif(hash LIKE 'a%', 'b', 'a') || substr(hash, 2) WHERE seq = $i"
done
all_found 'each column of each event, changed'
for ((i = 1; i <= LAST; i++)); do
    found unreadable "$i" "UPDATE event SET detail = CAST(detail || X'0078' AS TEXT) WHERE seq = $i"
done
all_found 'text after the end of each, where C stops reading'
for ((i = 1; i < LAST; i++)); do
    if [ "$i" = 1 ]; then
        found missing 1 "DELETE FROM event WHERE seq = 1"
    else
        found missing "$i" "DELETE FROM event WHERE seq = $i"
    fi
done
all_found 'each event except the last, removed'
for ((i = 1; i < LAST; i++)); do
    # The first wrong event is the earlier of the two.
    found edited "$i" "UPDATE event SET seq = -1 WHERE seq = $i; UPDATE event SET seq = $i WHERE seq = $((i + 1));
        UPDATE event SET seq = $((i + 1)) WHERE seq = -1"
done
all_found 'each two neighbours, swapped'
for ((i = 1; i <= LAST; i++)); do
    # One more, with a right hash of its own; the later ones get higher numbers.
    found edited "$i" "UPDATE event SET seq = -seq WHERE seq >= $i; UPDATE event SET seq = 1 - seq WHERE seq < 0;
        INSERT INTO event SELECT $i, at, kind, host, 'forged', owner, task, jti, kid, account, service, source, origin,
        decision, reason, rule, policy, proof, NULL, within, session, cause, detail, prev, hash FROM event WHERE seq = $((i + 1))"
done
all_found 'an event, inserted at each place'
for ((i = 1; i <= LAST; i++)); do
    found truncated "$i" "DELETE FROM event WHERE seq >= $i"
done
all_found 'the end, cut off at each place, is found by the numbers that were given'
for ((i = 1; i <= LAST; i++)); do
    found truncated "$i" "DELETE FROM event WHERE seq >= $i; UPDATE sqlite_sequence SET seq = $i - 1 WHERE name = 'event'" --head head
done
all_found 'and with those changed, too, by a head that was kept elsewhere'
tampered "DELETE FROM event WHERE seq >= $LAST; UPDATE sqlite_sequence SET seq = $LAST - 1 WHERE name = 'event'"
expect 0 'which only a head can show' nhictl audit verify
tampered "UPDATE event SET kind = printf('%.*c', 40, 'x') WHERE seq = 3"
refused_at() { [ "$CODE" = 1 ] && jq -e '.fault == "unreadable" and .event == 3' <.out; }
run nhictl audit verify --json
ok 'an event that is larger than any can be' refused_at

# No number is given twice, so that a gap stays.
tampered "DELETE FROM event WHERE seq >= $LAST"
nhictl agent resume ci-bot >/dev/null
run nhictl audit verify --json
ok 'what was cut off stays a gap when there are new events' jq -e ".fault == \"missing\" and .event == $LAST" <.out

# All of it rewritten, with another history.
rm -rf /var/lib/nhi.old
cp -a /var/lib/nhi/keys keys
rm -rf /var/lib/nhi
nhictl init >/dev/null
rm -rf /var/lib/nhi/keys
cp -a keys /var/lib/nhi/keys
for ((i = 0; i <= LAST; i++)); do nhictl lockdown off >/dev/null; done
expect 0 'a trail that root has rewritten is verified' nhictl audit verify
run nhictl audit verify --head head --json
ok 'but not against the head' jq -e ".fault == \"rewritten\" and .event == $LAST" <.out
run nhictl audit verify --head head
ok 'which is reported to people' said 'NOT proven: event'
finish
