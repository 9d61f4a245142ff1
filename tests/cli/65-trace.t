#!/bin/bash
# SPDX-License-Identifier: ISC
# trace: a history with known events, as text, as JSON and as a page.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/seed.sh
. "$(dirname "$SCRIPT")/seed.sh"
setup_host

expect 0 'a task in which nothing has happened' nhictl trace build-4711
ok 'was opened' said 'opened  root  task build-4711 until'
refused 1 "there is no task 'nothing'" 'a task that never existed' nhictl trace nothing
refused 1 "there is no task 'a b'" 'a malformed ID' nhictl trace 'a b'
refused 1 "there is no agent 'nobody'" 'an agent that never existed' nhictl trace --agent nobody
refused 1 'there is no ticket' 'a ticket that never existed' nhictl trace --ticket AAAAAAAAAAAAAAAAAAAAAA
refused 1 'there is no session' 'a session that never existed' nhictl trace --session a-00000000-1
refused 2 'exactly one' 'nothing' nhictl trace
refused 2 'exactly one' 'two operands' nhictl trace build-4711 --agent ci-bot
run nhictl trace build-4711 --json --html x
ok 'two kinds of output are refused' test "$CODE" = 2

seed
expect 0 'the whole history' nhictl trace build-4711
ok 'has a heading' said "owner    ops@example.org"
sed -n '/^TIME/,/^$/p' .out | sed 's/\(198.51.100.23: \).*, rule/\1WHY, rule/' >got
cat >wanted <<'X'
TIME      STEP      WHO             WHAT
11:00:00  opened    person as root  task build-4711 until 13:00:00
11:00:05  issued    person as root  ticket AAECAwQF… for sshd, sudo until 11:15:05
11:00:30  permit    ci-bot          sshd from 192.0.2.7, rule deploy
11:01:35  permit    ci-bot          sudo, rule deploy
11:01:37  ended     ci-bot          sudo after 2s: closed by itself
11:04:00  ended     ci-bot          sshd after 3m30s: closed by itself
11:06:40  hand-off  ci-bot          sshd from 198.51.100.23: WHY, rule deploy
11:10:00  renewed   root            ticket BBECAwQF… for sshd, sudo until 11:25:00, renews AAECAwQF…
11:10:20  permit    ci-bot          sshd from 192.0.2.7, rule deploy
11:12:40  revoked   root            task build-4711: cancelled <b>&amp; "done"
11:12:41  ended     nhi             sshd after 2m21s: the task is closed
11:13:10  denied    ci-bot          sshd from 192.0.2.7: the task is closed

X
ok 'each step is a line: when, what, who, why' diff got wanted
sed -n '/^BEGAN/,$p' .out >got
cat >wanted <<'X'
BEGAN     LASTED  END      SESSION                     BECAUSE
11:00:30  3m30s   ended    sshd ci-bot from 192.0.2.7  closed by itself
11:01:35  2s      ended    sudo ci-bot                 closed by itself
11:10:20  2m21s   cut off  sshd ci-bot from 192.0.2.7  the task is closed
X
ok 'and so is each session' diff got wanted
export COLUMNS=80
run nhictl trace build-4711
unset COLUMNS
ok 'in 80 columns' test "$(LC_ALL=C.UTF-8 wc -L <.out)" -le 80

expect 0 'as JSON' nhictl trace build-4711 --json
ok 'its heading' json '.ok and .trace == {by: "task", id: "build-4711", host: "testhost", agent: "ci-bot",
    purpose: "builds and deploys", owner: "ops@example.org", agent_state: "active", task: "build-4711", state: "closed",
    opened: .trace.opened, deadline: .trace.deadline, closed: .trace.closed, archived_before: null, reason: "cancelled <b>&amp; \"done\""}'
ok 'its steps' json '(.steps | length == 12) and all(.steps[]; keys == ["account", "agent", "at", "cause", "decision",
    "event", "from", "issuer", "kind", "loginuid", "ms", "owner", "policy", "proof", "reason", "record", "rule", "service",
    "session", "source", "step", "sudo_uid", "task", "text", "ticket", "uid", "who", "within"])'
ok 'who did it, as far as known' json '.steps[0].loginuid == 4002 and .steps[0].sudo_uid == null and .steps[1].sudo_uid == 4002
    and .steps[2].uid == null'
ok 'rule and policy' json '.steps[2].rule == "deploy" and .steps[2].policy == "0123456789abcdef0123456789abcdef"'
ok 'a hand-off that was refused' json '.steps[6] | .kind == "hand-off" and .decision == "deny" and .reason == "pin"'
ok 'its sessions' json '(.sessions | length == 3) and all(.sessions[]; keys == ["account", "agent", "began", "ended", "from",
    "live", "reason", "record", "rule", "seconds", "service", "session", "task", "ticket"])'
ok 'and their durations' json '[.sessions[].seconds] == [210, 2, 141]'

expect 0 'for an agent' nhictl trace --agent ci-bot --json
ok 'more than one task' json '(.steps | length == 13) and .trace.task == null and (.steps[12].kind == "agent-add")'
expect 0 'for a ticket' nhictl trace --ticket "$NEXT" --json
ok 'and its lineage, with its task' json '[.steps[].step] == ["opened", "issued", "permit", "permit", "ended", "ended",
    "hand-off", "renewed", "permit", "revoked", "ended", "denied"]'
expect 0 'for a session' nhictl trace --session "$S1" --json
ok 'and what was opened in it' json '[.steps[].step] == ["opened", "issued", "permit", "permit", "ended", "ended"]
    and [.sessions[].service] == ["sshd", "sudo"]'
expect 0 'by its handle' nhictl trace --session a-0f5c21d8-59 --json
ok 'and how it ended' json '[.sessions[].reason] == ["task-closed"]'

# The page.
expect 0 'the page' nhictl trace build-4711 --html -
cp .out page
ok 'is complete' grep -q '^</html>$' page
ok 'loads nothing' test "$(grep -ciE '<script|<link|<img|<iframe|https?:|url\(|@import|onload' page)" = 0
ok 'and could not load anything' grep -q "default-src 'none'" page
bars() {
    sed -n 's/.*class="bar session\( [a-z]*\)\?" style="left:\([0-9.]*\)%;width:\([0-9.]*\)%".*/\2 \3\1/p' page
}
# 790 seconds, and 40 more on each side: 870 in all.
ok 'sessions are bars on a time scale' diff <(bars) <(printf '%s\n' '8.046 24.138' '15.517 0.230' '75.862 16.207 cut')
ok 'a denial is a mark' test "$(grep -o 'class="mark"' page | wc -l)" = 2
ok 'the revocation is a line' test "$(grep -c 'class="end"' page)" = 1
ok 'its values are text' grep -qF 'cancelled &#60;b&#62;&#38;amp; &#34;done&#34;' page
ok 'and never markup' test "$(grep -c '<b>&amp' page)" = 0
balanced() {
    perl -0777 -ne 's/<!DOCTYPE[^>]*>|<meta[^>]*>|<style>.*?<\/style>//gs; my @s;
        while (/<(\/?)([a-z0-9]+)(?:\s+[a-z-]+="[^"<>]*")*>|</g) { die "bare <" unless defined $2;
            if ($1) { die "$2" unless @s && pop(@s) eq $2 } else { push @s, $2 } } exit(@s ? 1 : 0)' page
}
ok 'its elements are well-formed' balanced
expect 0 'to a file' nhictl trace build-4711 --html page.html
ok 'which is root'"'"'s alone' test "$(stat -c %a page.html)" = 600
ok 'with the same content' diff <(grep -v footer page) <(grep -v footer page.html)
ln -s page.html link.html
refused 3 'not a regular file' 'a link is not followed' nhictl trace build-4711 --html link.html

# Whatever anybody wrote into the ledger.
sql "UPDATE event SET cause = 'x</td></tr><script>alert(1)</script>' || char(27) || '[2J' || char(8238) || '%n%s' || char(10)
    || '\"><img src=x>', agent = agent WHERE kind = 'revoke'; UPDATE task SET reason = '<script>' || char(155)"
expect 0 'a hostile reason' nhictl trace build-4711
ok 'on a terminal is escaped' said 'task build-4711: x</td></tr><script>alert(1)</script>\x1b[2J\u202e%n%s\x0a'
ok 'on one line' test "$(sed -n '/^TIME/,/^$/p' .out | wc -l)" = 14
expect 0 'in JSON' nhictl trace build-4711 --json
ok 'is a string' json '.steps[9].cause | contains("\u001b[2J") and contains("%n%s\n\"><img")'
nhictl trace build-4711 --html - >page
ok 'is text in a page' test "$(grep -ciE '<script|<img' page)" = 0
ok 'which is still well-formed' balanced
ok 'and has no control characters' test "$(LC_ALL=C grep -cP '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae|\xc2[\x80-\x9f]' page)" = 0
finish
