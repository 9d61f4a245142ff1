#!/bin/bash
# SPDX-License-Identifier: ISC
# Thousands of replies to a login that cannot be verified become a few events with counts, and keep nobody out.
# Invariant: 21.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
TRY=$BUILD/tests/tools/pamtry

lab_up
mkdir -p /etc/nhi
echo 'denials_every = "10s";' >/etc/nhi/nhi.conf
nhi_up
open_task t-1
issue "$W/ticket" t-1

sql() { sqlite3 -readonly "$STATE/ledger.db" "$1"; }
counted() { sql "SELECT coalesce(sum(detail ->> 'count'), 0) FROM event WHERE kind = 'denials'"; }
records() { find "$STATE/grants" /run/nhi -type f | wc -l; }

had=$(records)
BEGAN=$SECONDS
TRIED=$("$TRY" sshd ci-bot "$W/ticket" flips) || note "$TRIED"
like "$TRIED" '^[0-9]{4}' "each bit of a ticket flipped: $TRIED"
ssh_as ci-bot reply "$W/ticket" id -un
is "$RC/$OUT" 0/ci-bot 'meanwhile a good ticket is permitted'
[ "$(records)" -le "$((had + 8))" ]
ok $? "the flood left no files ($had, then $(records))"

TRIED=${TRIED%% *}
all_counted() { [ "$(counted)" = "$TRIED" ]; }
eventually all_counted
is "$(counted)" "$TRIED" 'all are counted in the trail'
is "$(nhictl status --json | jq .denials_last_hour)" "$TRIED" 'status counts them'
EVENTS=$(sql "SELECT count(*) FROM event WHERE kind = 'denials'")
[ "$EVENTS" -le "$(((SECONDS - BEGAN) / 10 + 2))" ]
ok $? "one event an interval ($EVENTS in $((SECONDS - BEGAN)) seconds)"
is "$(sql "SELECT sum(detail ->> 'sshd') FROM event WHERE kind = 'denials'")" "$TRIED" 'by service'
is "$(sql "SELECT sum(coalesce(detail ->> 'signature', 0) + coalesce(detail ->> 'malformed', 0) + coalesce(detail ->> 'issuer-unknown', 0)
    + coalesce(detail ->> 'no-ticket', 0)) FROM event WHERE kind = 'denials'")" "$TRIED" 'by reason'
like "$(sql "SELECT detail ->> '\$.samples[0]' FROM event WHERE kind = 'denials' LIMIT 1")" \
    '^sshd/ci-bot/127\.0\.0\.1/(signature|malformed|issuer-unknown|no-ticket)$' 'with samples of their sources'
is "$(sql "SELECT max(json_array_length(detail, '\$.samples')) FROM event WHERE kind = 'denials'")" 16 'a few'
capture nhictl audit verify --json
is "$RC" 0 'the chain is whole'

# A person's wrong password on a shared account does not concern us.
before=$(counted)
ssh_as deploy reply "$W/wrong" true
ssh_as alice reply "$W/wrong" true
ssh_as ci-bot reply "$W/wrong" true
one_more() { [ "$(counted)" -gt "$before" ]; }
eventually one_more
is "$(sql "SELECT group_concat(detail ->> '\$.samples[0]') FROM event WHERE kind = 'denials' AND seq > (SELECT max(seq) FROM event WHERE kind = 'grant')
    ORDER BY seq DESC LIMIT 1" | grep -c 'deploy\|alice')" 0 'a wrong password of a person is not counted'

# ---- a dead ticket, again and again, at one account after the other ----

issue "$W/dead" t-1
JTI=$(jti_of "$W/dead")
must nhictl revoke --ticket "$JTI" --reason leaked
counted_of() { nhictl status --json | jq .denials_last_hour; }
before=$(counted_of)
mark_log
BEGAN=$(date +%s)
for _ in 1 2 3 4; do
    for ((i = 0; i < 100; i++)); do
        echo "sshd ci-bot 127.0.0.1 $W/dead"
        echo "sshd deploy 127.0.0.1 $W/dead"
    done | "$TRY" ask | sort | uniq -c
    nhictl status >"$W/x"
done >"$W/tried"
HOURS=$(($(date +%s) / 3600 - BEGAN / 3600 + 1))
is "$(sort -u "$W/tried" | tr -s ' ')" ' 200 deny' 'a revoked ticket is refused 800 times'
settle_log
events=$(sql "SELECT count(*) FROM event WHERE jti = '$JTI' AND decision = 'deny'")
lines=$(since_mark | grep -c "pam_nhi.* ticket=$JTI")
[ "$events" -le $((HOURS * 80)) ] && [ "$lines" -le $((HOURS * 80)) ]
ok $? "that adds $events events to the ledger and $lines lines to the log"
[ "$(find "$STATE/grants" -name 'd-*' | wc -l)" -le $((HOURS * 64)) ]
ok $? 'and no more records than events'
all_of_them() { [ "$(counted_of)" = $((before + 800)) ]; }
eventually all_of_them
is "$(counted_of)" $((before + 800)) 'status counts every one'
more_than_recorded() { nhictl trace --ticket "$JTI" | grep -q 'refused .*revoked.*, [0-9]* times'; }
eventually more_than_recorded
ok $? 'trace shows how often, beyond those that have a record'
recorded=$(sql "SELECT count(*) FROM event WHERE jti = '$JTI' AND kind = 'denial'")
probed=$(nhictl review --json | jq -r '.findings[] | select(.finding == "probing") | .evidence' | grep -o '^[0-9]*')
[ "${probed:-0}" -gt "$recorded" ]
ok $? "review counts them, too (${probed:-none}, of which $recorded have a record)"
finish
