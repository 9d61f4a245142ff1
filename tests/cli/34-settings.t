#!/bin/bash
# SPDX-License-Identifier: ISC
# Each setting, from nhi.conf through the ledger, the trail, a backup and a restore; the manual has each.
# Invariant: 12.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
MANUAL=$(dirname "$(readlink -f "$0")")/../../nhictl/nhi.conf.5
. "$(dirname "$0")/lib.sh"
setup_host
stop_watch
trap - EXIT
expect 0 'apply without settings' nhictl apply
line() { sqlite3 -readonly "$LEDGER" 'SELECT line FROM setting'; }
ok 'without settings, the line in the ledger is empty' test "$(line)" = ''

# The keys, from the message about an unknown one. The first three are given to nhictl init.
echo 'nonsense = 1;' >/etc/nhi/nhi.conf
refused 1 'unknown setting' 'an unknown setting' nhictl apply
read -ra KEYS < <(sed -n 's/;.*//; s/,//g; s/ or / /; s/.*expected //p' .err)
read -ra MANUALS < <(sed -n 's/^\.It Li //p' "$MANUAL" | tr -d ',' | tr '\n' ' ')
ok 'the manual has each setting, in the same order' test "${KEYS[*]}" = "${MANUALS[*]}"
KEYS=("${KEYS[@]:3}")

# other KEY: sets TEXT and VALUE to a value that is not the default, as written in the file and in JSON.
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
    ok "$key is the only change" json ".settings == [\"$key\"] and .$key == $VALUE and .changed"
    ok "$key is in the ledger" test "$(line)" = "$key=${VALUE//\"/}"
    ok "$key is in the event" test "$(changed | jq -c ".$key")" = "$VALUE"
    expect 0 'a second apply' nhictl apply --json
    ok 'the second apply changes nothing' json '.settings == [] and (.changed | not)'
done

cp all.conf /etc/nhi/nhi.conf
expect 0 'all settings together' nhictl apply
line >line.before
ok 'all settings are in the ledger' test "$(wc -w <line.before)" = "${#KEYS[@]}"
expect 0 'a backup' nhictl backup /run/t/b
rm -f "$LEDGER"*
expect 0 'and a restore' nhictl restore /run/t/b --next-uid 90000
ok 'the settings are the same' cmp line.before <(line)
expect 0 'apply with the same file' nhictl apply --json
ok 'apply with the same file finds no difference' json '.settings == [] and (.changed | not)'
rm /etc/nhi/nhi.conf
expect 0 'without nhi.conf' nhictl apply --json
ok 'each setting returns to its default' json ".settings == $(printf '%s\n' "${KEYS[@]}" | jq -R . | jq -sc .)"
ok 'the line in the ledger is empty again' test "$(line)" = ''
finish
