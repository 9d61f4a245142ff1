#!/bin/bash
# SPDX-License-Identifier: ISC
# Every single bit flipped, every truncation, and other bytes by the 64 KiB, through the PAM stack of sshd as it is
# installed; and malformed names. A sample takes every 13th of them.
# Invariant: 8.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

TRY=$BUILD/tests/tools/pamtry
STEP=$(depth 13 1)

lab_up
nhi_up
open_task build-1
issue "$W/ticket" build-1

for mode in flips cuts rubbish; do
    capture "$TRY" sshd ci-bot "$W/ticket" "$mode" "$STEP"
    is "$RC" 0 "$mode: $OUT, and then the ticket itself is permitted"
    like "$OUT" '^[1-9][0-9]* refused$' "$mode: some were tried"
done
must nhictl status
is "$(sqlite3 -readonly "$STATE/ledger.db" "select count(*) from event where kind = 'grant'")" 3 'a grant for each permit, and no other'

# ---- names ----

long=$(printf 'a%.0s' {1..33})
for name in '..' 'ci/bot' 'ci:bot' $'ci\nbot' "$long" 'Ci-bot' '-bot' 'ci bot' ''; do
    capture nhictl agent add "$name" --owner ops@example.org --purpose work --review-by 2099-01-01
    like "$RC" '^[12]$' "agent add refuses $(printf '%q' "$name")"
done
is "$(nhictl agent list --json | jq '[.. | .name? // empty | select(. == "ci-bot" or . == "other-bot")] | length')" 2 \
    'the agents are still those two'
is "$(nhictl agent list --json | jq '.agents | length')" 2 'and no others'
is "$(getent -s nhi passwd | wc -l)" 2 'nor has the snapshot others'

ssh_as ci-bot reply "$W/wrong" id
wrong=${ERR//ci-bot@/@}
for name in '..' 'ci:bot' $'ci\nbot' "$long" 'nobody-knows-me'; do
    # The client itself may refuse a name; what reaches sshd must look like a wrong password.
    ssh_as "$name" reply "$W/ticket" id
    is "$RC:$OUT" 255: "login as $(printf '%q' "$name") with a good ticket is refused"
    if [[ $ERR == *'Permission denied'* ]]; then
        is "${ERR//"$name"@/@}" "$wrong" 'and looks like a wrong password'
    fi
done

finish
