#!/bin/bash
# SPDX-License-Identifier: ISC
# A history of a hundred days with known findings: review finds these, and nothing else.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317,SC2016
. "$(dirname "$0")/lib.sh"
export TZ=UTC
TREE=$(cd "$(dirname "$SCRIPT")/../.." && pwd)
GRANTS=/var/lib/nhi/grants
NOW=$(date -d '2030-04-10 00:00:00' +%s)

# at WHEN COMMAND…: WHEN in seconds before the end of the history, which is not written in the order of time.
at() {
    [ ! -e "$LEDGER" ] || sqlite3 "$LEDGER" 'UPDATE setting SET latest = 0'
    FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f "$(date -d "@$((NOW - $1))" '+%Y-%m-%d %H:%M:%S')" "$BUILD/nhictl" "${@:2}"
}
must() { "$@" >must.out 2>&1 || { echo "not ok $((TESTS + 1)) - cannot go on: $*: $(cat must.out)" && exit 99; }; }
day=86400
D() { echo $(($1 * day)); }

must at "$(D 100)" init
ok 'a clean host has no findings' test -z "$(at "$(D 100)" review --fail-on low)"
run at "$(D 100)" review --json --fail-on low
ok 'which is no failure' json '.ok and .findings == []'
echo 'rules = ( { effect = "permit"; agent = "*"; account = "*"; service = "*"; } );' >/etc/nhi/policy.d/all.conf
must at "$(D 100)" apply

agent() { # agent NAME [REVIEW-BY [OWNER]]
    must at "$(D 100)" agent add "$1" --owner "${3:-ops@example.org}" --purpose "work of $1" --review-by "${2:-2099-01-01}" \
        --no-home
}
# ticket AGENT TASK WHEN [OPTION…]: sets JTI and CLAIMS of a new ticket.
ticket() {
    local text
    at "$3" task open "$2" --agent "$1" --until 30d --concurrent >/dev/null 2>&1
    must at "$3" issue --agent "$1" --task "$2" --account deploy --service sshd,sudo,cron --out t.txt "${@:4}"
    text=$(sed 's/^v4.public.//; s/\..*//' t.txt | tr '_-' '/+')
    case $((${#text} % 4)) in 2) text=$text== ;; 3) text=$text= ;; esac
    CLAIMS=$(base64 -d <<<"$text" | head -c -64)
    JTI=$(jq -r .jti <<<"$CLAIMS")
    rm t.txt
}
KID=$(nhictl key list --json | jq -r '.keys[0].kid')
N=0
# seen WHEN SOURCE ADDRESS [REASON [PLACE]]: a decision on that ticket, as pam_nhi records it.
seen() {
    local id pin=0 place=${5:-$3} reason=${4:-permit}
    N=$((N + 1))
    id=$(printf 'record%015dA' $N)
    [ -n "$place" ] && [ "$2" = prompt ] && pin=1
    jq -ncj --arg id "$id" --argjson at $((NOW - $1)) --arg reason "$reason" --arg source "$2" --arg rhost "$3" \
        --arg place "$place" --argjson pin $pin --arg root "$JTI" --arg kid "$KID" --argjson claims "$CLAIMS" \
        '{v: 1, id: $id, at: $at, reason: $reason, source: $source, service: "sshd", subject: "deploy", rule: "all.conf:1",
          rhost: $rhost, boot: "00000000-0000-0000-0000-000000000000", pid: 1, start: 1, ppid: 1, pstart: 1, place: $place,
          pin: $pin, handed_off: ($reason == "pin" and false), observed: false, root: $root, renews: "", kid: $kid, policy: "",
          ms: 0, claims: $claims}' | perl "$TREE/tests/tools/record.pl" write >"$GRANTS/g-$id"
    chmod 600 "$GRANTS/g-$id"
}
used() { # used AGENT: an agent without any finding.
    ticket "$1" "job-$1" "$(D 5)" --ttl 15m
    seen $((5 * day - 600)) ledger ''
}

# --- agents without findings
agent good-bot
used good-bot
agent busy-bot
ssh-keygen -q -t ed25519 -N '' -f busy
for i in 1 2 3 4 5; do
    ticket busy-bot "build-$i" "$(D $((6 - i)))" --ttl 10m --bind-key busy.pub
    seen $(((6 - i) * day - 60)) key 192.0.2.1
    seen $(((6 - i) * day - 500)) key 192.0.2.1
done
agent dead-bot 2030-02-01
must at "$(D 99)" agent retire dead-bot

# --- one agent, one finding
agent gone-bot 2099-01-01 "Eve <script>alert(1)</script> & 'co'"
used gone-bot
must at "$(D 3)" owner offboard "Eve <script>alert(1)</script> & 'co'" --reason left
agent late-bot 2030-03-20
used late-bot
agent older-bot 2030-02-01
used older-bot
agent idle-bot
agent many-bot
for kind in build deploy backup report scan; do
    ticket many-bot "$kind-900" "$(D 4)" --ttl 10m
    seen $((4 * day - 300)) ledger ''
done
ticket many-bot 4711 "$(D 4)" --ttl 10m
seen $((4 * day - 300)) ledger ''
agent share-bot
for i in 1 2 3 4; do
    ticket share-bot share-1 "$(D $i)" --ttl 10m
    seen $((i * day - 300)) prompt "192.0.2.$i"
done
agent hand-bot
ticket hand-bot hand-1 "$(D 2)" --ttl 10m
seen $((2 * day - 300)) prompt 192.0.2.1
seen $((2 * day - 400)) prompt 198.51.100.9 pin
HANDED=$JTI
agent twice-bot
ticket twice-bot twice-1 "$(D 2)" --ttl 10m --no-pin
seen $((2 * day - 300)) prompt '' permit s-00000000-1-1
seen $((2 * day - 400)) prompt '' permit s-00000000-2-2
agent key-bot
ssh-keygen -q -t ed25519 -N '' -f key
ticket key-bot key-1 "$(D 2)" --ttl 10m --bind-key key.pub
seen $((2 * day - 300)) key 192.0.2.1
seen $((2 * day - 400)) key 192.0.2.2
agent probe-bot
ticket probe-bot probe-1 "$(D 2)" --ttl 10m
for reason in account service policy forbidden session; do seen $((2 * day - 300)) ledger '' $reason; done
seen $((2 * day - 300)) ledger '' expired
seen $((2 * day - 400)) ledger ''
agent bearer-bot
ticket bearer-bot bearer-1 "$(D 2)" --ttl 10m
for i in 1 2 3 4 5; do seen $((2 * day - 100 * i)) prompt 192.0.2.1; done
agent long-bot
for i in 1 2 3; do
    ticket long-bot "long-$i" "$(D $i)" --ttl 8h
    seen $((i * day - 300)) ledger ''
done
agent stand-bot
for i in 8 7 6 5 4 3 2 1; do
    ticket stand-bot stand-1 "$(D $i)" --ttl 24h
    seen $((i * day - 80000)) ledger ''
done
agent quiet-bot
used quiet-bot
ticket quiet-bot 'quiet-$1' $((2 * day)) --ttl 20h
for hours in 30 12; do
    must at $((hours * 3600)) renew "$JTI" --ttl 20h
    JTI=$(sqlite3 "$LEDGER" "SELECT jti FROM ticket WHERE task = 'quiet-\$1' ORDER BY n DESC LIMIT 1")
done
agent fresh-bot
ticket fresh-bot fresh-1 "$(D 5)" --ttl 10m
seen $((5 * day - 300)) ledger ''
ticket fresh-bot fresh-1 600 --ttl 1h

review() { at 0 review --json "$@" >.out; CODE=$?; OUT=$(cat .out); }
found() { jq -r '.findings[] | "\(.level) \(.finding) \(.owasp) \(.agent)"' <.out; }
review
found >got
cat >want <<'W'
high owner-gone NHI1 gone-bot
high review-overdue NHI1 older-bot
high handed-off NHI2 hand-bot
high handed-off NHI2 twice-bot
high probing NHI2 probe-bot
medium review-overdue NHI1 late-bot
medium unused NHI1 idle-bot
medium quiet-task NHI7 quiet-bot
medium standing NHI7 stand-bot
medium overused NHI9 many-bot
medium shared-agent NHI9 share-bot
medium shared-key NHI9 key-bot
low bearer NHI4 bearer-bot
low overlong NHI7 long-bot
W
ok 'exactly what is in the history is found, the most serious first' cmp got want
diff want got | sed 's/^/# /'
ok 'every finding has evidence, a command and the title of its entry' json \
    '.ok and ([.findings[] | .evidence, .command, .owasp_title] | all(length > 5)) and (.findings | length) == 14'
ok 'no failure without --fail-on' test "$CODE" = 0

# --- the evidence
evidence() { jq -r ".findings[] | select(.agent == \"$1\") | .evidence" <.out; }
command_of() { jq -r ".findings[] | select(.agent == \"$1\") | .command" <.out; }
ok 'addresses' test "$(evidence share-bot)" = 'seen with 4 addresses: 192.0.2.1, 192.0.2.2, 192.0.2.3 and 1 more'
ok 'kinds of tasks' test "$(evidence many-bot)" = '6 unrelated kinds of tasks: (numbers), backup-, build- and 3 more'
ok 'attempts, and no others' grep -q '^5 attempts were denied: deploy through sshd: account, deploy through sshd: forbidden, ' <(evidence probe-bot)
ok 'a ticket' grep -qF "ticket $HANDED was shown in another place" <(evidence hand-bot)
ok 'two process trees' grep -q 'in 2 places: s-00000000-1-1, s-00000000-2-2' <(evidence twice-bot)
ok 'two days' test "$(evidence idle-bot)" = 'never used since 2029-12-31'
ok 'the use of tickets' test "$(evidence long-bot)" = '3 of 3 tickets lived 10 times as long as they were used, which was 5m at most'
ok 'a span' test "$(evidence quiet-bot)" = 'task quiet-$1 has 1 live ticket, and was never used for 2d'

# --- each limit alone removes one finding
moves() { # moves LINE OPTION VALUE
    review "$2" "$3"
    found >got
    ok "$2 $3" cmp got <(grep -v "$1" want)
}
moves 'unused' --unused 101d
moves 'quiet-task' --quiet 49h
moves 'standing' --standing 20d
moves 'overlong' --longer 97
moves 'shared-agent' --sources 4
moves 'overused' --kinds 6
moves 'probing' --denials 6
moves 'bearer' --bearers 6
review --window 25h
ok 'older events than the window are not counted' test -z "$(found | grep -E 'probing|handed|shared|bearer|overused')"

# --- as a nightly job
expect 1 '--fail-on low' at 0 review --fail-on low
expect 1 '--fail-on high' at 0 review --fail-on high
ok 'text has the command' said 'nhictl agent certify older-bot --review-by 2030-10-07 --because TEXT'
ok 'one line of text, whatever the name' test "$(grep -c '' .out)" = 42
refused 2 "'grave' is not a well-formed LEVEL" 'another level' at 0 review --fail-on grave

# --- a page
expect 0 'review --html' at 0 review --html page.html
ok 'prints nothing' test -z "$OUT"
ok 'is root'"'"'s alone' test "$(stat -c %a page.html)" = 600
ok 'has each finding' test "$(grep -c '<article class="' page.html)" = 14
ok 'has no script, whatever the name of an owner' test "$(grep -ciE '<script|javascript:|<img|<link|<iframe|@import|url\(' page.html)" = 0
ok 'but shows the name' grep -qF '&#60;script&#62;alert(1)&#60;/script&#62; &#38; &#39;co&#39;' page.html
ok 'loads nothing' test "$(grep -coE '(src|href)=|https?://' page.html)" = 0
expect 0 'to standard output' at 0 review --html -
ok 'the same' test "$OUT" = "$(cat page.html)"
expect 2 'two outputs at once' at 0 review --html - --json
expect 1 'a page and a failure' at 0 review --html page.html --force --fail-on medium

# --- the commands do what they promise
resolve() { # resolve AGENT
    local cmd
    review
    cmd=$(command_of "$1")
    cmd=${cmd/OWNER/third@example.org}
    cmd=${cmd/TEXT/needed}
    expect 0 "$cmd" eval "at 0 ${cmd#nhictl }"
    review
    ok 'and that finding is gone' test -z "$(found | grep " $1\$")"
}
resolve gone-bot
resolve older-bot
resolve late-bot

# --- what would end something is only shown
look() { # look AGENT COMMAND: then COMMAND ends it
    local cmd
    review
    cmd=$(command_of "$1")
    before=$(found | grep -c " $1\$")
    expect 0 "$cmd" eval "at 0 ${cmd#nhictl }"
    review
    ok 'which ends nothing' test "$(found | grep -c " $1\$")" = "$before"
    # shellcheck disable=SC2086 # words
    expect 0 "$2" at 0 ${2#nhictl }
    review
    ok 'and that finding is gone' test -z "$(found | grep " $1\$")"
}
look idle-bot 'nhictl agent retire idle-bot --reason unused'
# shellcheck disable=SC2016 # that is its name
look quiet-bot 'nhictl task close quiet-$1 --reason quiet'
finish
