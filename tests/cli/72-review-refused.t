#!/bin/bash
# SPDX-License-Identifier: ISC
# Denials without records of their own, and jobs that did not run, are in review as they are in status.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317,SC2016
. "$(dirname "$0")/lib.sh"

setup_host
sql() { sqlite3 -cmd '.timeout 10000' "$LEDGER" "$1"; }
# refused_event RECORD COUNT AGENT ACCOUNT SERVICE FROM REASON [TICKET]: a counter that became an event.
refused_event() {
    sql "INSERT INTO event (at, kind, host, agent, owner, task, jti, kid, account, service, source, origin, decision,
        reason, rule, policy, proof, within, session, cause, record, detail, prev, hash) VALUES (strftime('%s') - 60,
        'refused', 'testhost', '$3', '', '', '${8:-}', '', '$4', '$5', '', '$6', 'deny', '$7', '', '', '', '', '', '', '$1',
        '{\"count\":$2}', '', '')"
}
found() { jq -r '.findings[] | "\(.finding) \(.agent) \(.evidence)"' <<<"$OUT"; }
has() { found | grep -qF -- "$1"; }
has_no() { ! has "$1"; }
review() { run nhictl review --json "$@"; }

review
ok 'at first there is no finding' test "$(found)" = ''
refused_event A 1 ci-bot ci-bot sshd 192.0.2.7 agent-suspended
refused_event B 3 ci-bot ci-bot sshd 192.0.2.7 agent-suspended
review
ok 'below the limit there is no finding' has_no 'refused ci-bot'
refused_event C 1 ci-bot ci-bot doas '' expired
review
ok 'at the limit there is one' has 'refused ci-bot refused 5 times: ci-bot through doas: expired, ci-bot through sshd: agent-suspended'
ok 'and it is not an attempt' has_no probing
review --denials 6
ok 'below the limit it is not found' has_no refused
ok 'with a command that works' nhictl trace --agent ci-bot
refused_event D 9 ci-bot deploy sshd 192.0.2.7 account AAECAwQFBgcICQoLDA0ODw
review
ok 'attempts are found as probing' has 'probing ci-bot 9 attempts were denied: deploy through sshd: account'
ok 'the others stay' has 'refused ci-bot refused 5 times'
refused_event G 2 ci-bot deploy sshd 192.0.2.8 account
review
ok 'without a ticket anybody may have tried' has 'refused ci-bot refused 7 times'
refused_event E 100 '' deploy sshd 192.0.2.7 no-ticket
review
ok 'what strangers try from other hosts is not counted for anybody' has_no 'deploy through sshd: no-ticket'
refused_event F 100 '' deploy doas '' no-ticket
review
ok 'what is tried on the host itself is reported' has 'refused null refused 100 times: deploy through doas: no-ticket'
run nhictl review
ok 'to people as well' said 'no agent: refused'
run nhictl review --html -
ok 'and on the page' said 'deploy through doas: no-ticket'
expect 0 'without older ones' nhictl review --window 30s --json
ok 'none of them' has_no refused

# --- jobs
nhictl agent suspend ci-bot >/dev/null
expect 125 'a job that is refused' nhictl run --agent ci-bot --job nightly -- true
expect 0 'status' nhictl status --json
WHY=$(jq -r '.refused_jobs[0].why' <<<"$OUT")
review
ok 'is found, with the reason that status shows' has "refused-job ci-bot job nightly did not run or did not finish"
ok 'which is the same' has ": $WHY"
ok 'with a command that works' nhictl trace --agent ci-bot
finish
