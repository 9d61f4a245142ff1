#!/bin/bash
# SPDX-License-Identifier: ISC
# The events of a task, made by real sshd and sudo: listed, and shown by a real browser.
export NHI_LAB_ALSO=browser
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
command -v chromium >/dev/null || bail 'no chromium here: NHI_LAB_ALSO=browser packaging/lab.sh hosts ...'

lab_up
nhi_up
open_task build-1
issue "$W/ticket" build-1

ssh_as ci-bot reply "$W/ticket" 'sudo -n id'
is "$RC" 0 'a login, and sudo in it'
# And one that stays.
ssh_as ci-bot reply "$W/ticket" 'touch in; sleep 1000; sleep 1000' &
INSIDE=$!
eventually test -e /home/ci-bot/in || bail 'no session'
# sshd ends the first only after its client has gone.
one_is_open() { [ "$(nhictl session list --json | jq '.sessions | length')" = 1 ]; }
eventually one_is_open
# The supervisor records the end of the first.
both_are_known() { [ "$(nhictl trace build-1 --json | jq '.sessions | length')" = 2 ]; }
eventually both_are_known
sleep 1.2 # in which nothing happens, so that it takes some time
nhictl trace build-1 --json >"$W/live.json"
is "$(jq -c '[.sessions[] | select(.live) | .service]' "$W/live.json")" '["sshd"]' 'one that is live'
LIVE=$(jq -r '.sessions[] | select(.live) | .session' "$W/live.json")
is "$LIVE" "$(nhictl session list --json | jq -r '.sessions[0].session')" 'is in the list of sessions, too'
like "$(nhictl trace build-1)" 'live +sshd ci-bot' 'as the list shows'
nhictl trace build-1 --html "$W/live.html"
ok $? 'as a page'

# Its ticket is found where it should not be.
install -d "$W/leak"
cp "$W/ticket" "$W/leak/notes.txt"
capture nhictl scan --revoke "$W/leak"
is "$RC" 1 'scan --revoke finds the ticket'
like "$OUT" '1 session has ended' 'and ends its session'
wait "$INSIDE"
sleep 1.1 # an end is recorded to the second
ssh_as ci-bot reply "$W/ticket" id
unlike "$RC" '^0$' 'which no longer opens anything'

nhictl trace build-1 --json >"$W/story.json"
# Sessions that end by themselves do so in their own time.
is "$(jq -r '[.steps[] | select(.reason != "closed" and .reason != "gone" and .kind != "policy-apply") | .step + " " + (.service // "")]
    | map(rtrimstr(" ")) | join(", ")' "$W/story.json")" \
    'opened, issued, permit sshd, permit sudo, permit sshd, revoked, ended sshd, denied sshd' \
    'all events, in order'
is "$(jq -r '[.steps[] | select(.step == "revoked")][0].cause' "$W/story.json")" \
    "leaked: found in $W/leak/notes.txt, line 1" 'the cause of its end'
is "$(jq -r '[.steps[] | select(.step == "denied")][0].reason' "$W/story.json")" revoked 'the reason for the denial'
is "$(jq -r '[.steps[] | select(.decision == "permit") | .owner] | unique | join(" ")' "$W/story.json")" \
    "$(nhictl agent show ci-bot --json | jq -r .agent.owner)" 'the owner'
is "$(jq -c --arg s "$LIVE" '.sessions[] | select(.session == $s) | [.live, .reason, (.seconds >= 1)]' "$W/story.json")" \
    '[false,"revoked",true]' 'the session that was cut off'
is "$(nhictl trace --session "$LIVE" --json | jq -c '[.steps[] | select(.kind != "policy-apply") | .step]')" '["opened","issued","permit","revoked","ended"]' \
    'the events of that session'
nhictl trace build-1 --html "$W/story.html"

# ---- in a browser ----

browser() { # browser PAGE OPTION...
    timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
        --user-data-dir="$W/chromium" --enable-logging=stderr --window-size=1280,1600 "${@:2}" "file://$1" \
        2>"$W/browser.log"
}
# The places of the bars on a page, in pixels: the chart begins at 297 and is 895 wide.
wanted() {
    sed -n 's/.*class="bar session\( [a-z]*\)\?" style="left:\([0-9.]*\)%;width:\([0-9.]*\)%".*/\2 \3/p' "$1" |
        awk '{ printf "%d %d\n", 297 + $1 * 8.95 + .5, $2 * 8.95 + .5 }'
}
near() { # near WANTED GOT: as many, each within 2 pixels, except for the edge of a cut-off bar (5) and arrows (12).
    paste "$1" "$2" | awk '{ if (NF != 4 || ($1 - $3) ^ 2 > 4 || ($2 > 10 && ($4 < $2 - 7 || $4 > $2 + 14))) bad = 1 }
        END { exit bad || NR == 0 }'
}
for page in live story; do
    browser "$W/$page.html" --dump-dom >"$W/$page.dom"
    ok $? "the browser reads the page ($page)"
    ! grep -q CONSOLE "$W/browser.log"
    ok $? 'and reports no error'
    is "$(grep -o 'class="bar session' "$W/$page.dom" | wc -l)" "$(jq '.sessions | length' "$W/$page.json")" \
        'each session is a bar'
    # Without the text on and beside them.
    sed 's/<span class="note[^<]*<\/span>//g' "$W/$page.html" >"$W/bars.html"
    browser "$W/bars.html" --screenshot="$W/$page.png" >"$W/x"
    wanted "$W/$page.dom" >"$W/wanted"
    # Those of the key are smaller; a live one ends in an arrow of 12 pixels.
    perl tests/tools/bars.pl "$W/$page.png" 3b6fb6 | awk '$4 >= 10 { print $1, $3 }' >"$W/got"
    near "$W/wanted" "$W/got"
    ok $? 'and they are in their places' || paste "$W/wanted" "$W/got" | sed 's/^/# /'
done
is "$(grep -c 'bar session live' "$W/live.dom") $(grep -c 'bar session live' "$W/story.dom")" '1 0' 'the live one has an arrow'
is "$(grep -c 'bar session cut' "$W/story.dom")" 1 'the one that was cut off has an edge'
is "$(grep -c 'class="end"' "$W/story.dom")" 1 'and the revocation is a line'
browser "$W/story.html" --no-pdf-header-footer --print-to-pdf="$W/story.pdf"
like "$(head -c 5 "$W/story.pdf")" '^%PDF-' 'it can be printed'
# What could run, or be loaded, does not: and then the browser reports that.
sed 's/<h1>/<script>document.title="ran"<\/script><img src="file:\/\/\/etc\/hostname"><h1>/' "$W/story.html" >"$W/bad.html"
browser "$W/bad.html" --dump-dom >"$W/bad.dom"
ok "$(! grep -q '<title>ran' "$W/bad.dom" && grep -q CONSOLE "$W/browser.log"; echo $?)" 'a script in a page does not run'
finish
