#!/bin/bash
# SPDX-License-Identifier: ISC
# Each setting, from nhi.conf through the ledger, the trail, a backup and a restore; and the manual has each.
# Invariant: 12.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
MANUAL=$(dirname "$(readlink -f "$0")")/../../nhictl/nhi.conf.5
. "$(dirname "$0")/lib.sh"
setup_host
kill "$WATCH" && wait "$WATCH" 2>/dev/null
trap - EXIT
expect 0 'apply without settings' nhictl apply
line() { sqlite3 -readonly "$LEDGER" 'SELECT line FROM setting'; }
ok 'the ledger keeps what differs from an empty nhi.conf' test "$(line)" = ''

# The keys are those that the message for an unknown one lists. The first three are given to nhictl init.
echo 'nonsense = 1;' >/etc/nhi/nhi.conf
refused 1 'unknown setting' 'an unknown setting' nhictl apply
read -ra KEYS < <(sed -n 's/;.*//; s/,//g; s/ or / /; s/.*expected //p' .err)
read -ra MANUALS < <(sed -n 's/^\.It Li //p' "$MANUAL" | tr -d ',' | tr '\n' ' ')
ok 'the manual has each, in the same order' test "${KEYS[*]}" = "${MANUALS[*]}"
KEYS=("${KEYS[@]:3}")

# other KEY: sets TEXT and VALUE to one that is not the default, as it is written and as JSON has it.
other() {
    printf '%s = "?";\n' "$1" >/etc/nhi/nhi.conf
    nhictl apply >.out 2>.err
    case $(cat .err) in
    *'expected a number'*) TEXT=7 VALUE=7 ;;
    *'expected a time span'*) TEXT='"2m"' VALUE=120 ;;
    *) TEXT=$(sed -n 's/.* or \("[a-z-]*"\).*/\1/p' .err) VALUE=$TEXT ;;
    esac
}
changed() { sqlite3 -readonly "$LEDGER" "SELECT detail FROM event WHERE kind = 'policy-apply' ORDER BY seq DESC LIMIT 1"; }
for key in "${KEYS[@]}"; do
    ok "$key: the manual has its default" grep -qzP "\n\.It Li $key\n((?!\.It )[^\n]*\n)*Default:" "$MANUAL"
    rm /etc/nhi/nhi.conf
    nhictl apply >/dev/null
    other "$key"
    echo "$key = $TEXT;" | tee /etc/nhi/nhi.conf >>all.conf
    expect 0 "$key = $TEXT" nhictl apply --json
    ok 'is what changed' json ".settings == [\"$key\"] and .$key == $VALUE and .changed"
    ok 'is in the ledger' test "$(line)" = "$key=${VALUE//\"/}"
    ok 'is in the event' test "$(changed | jq -c ".$key")" = "$VALUE"
    expect 0 'a second apply' nhictl apply --json
    ok 'changes nothing' json '.settings == [] and (.changed | not)'
done

cp all.conf /etc/nhi/nhi.conf
expect 0 'all of them together' nhictl apply
line >line.before
ok 'are in the ledger' test "$(wc -w <line.before)" = "${#KEYS[@]}"
expect 0 'a backup' nhictl backup /run/t/b
rm -f "$LEDGER"*
expect 0 'and a restore' nhictl restore /run/t/b --next-uid 90000
ok 'the settings are the same' cmp line.before <(line)
expect 0 'apply, of the same file' nhictl apply --json
ok 'finds no difference' json '.settings == [] and (.changed | not)'
rm /etc/nhi/nhi.conf
expect 0 'without nhi.conf' nhictl apply --json
ok 'each goes back to its default' json ".settings == $(printf '%s\n' "${KEYS[@]}" | jq -R . | jq -sc .)"
ok 'and the ledger keeps none' test "$(line)" = ''
finish
