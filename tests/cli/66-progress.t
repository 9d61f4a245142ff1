#!/bin/bash
# SPDX-License-Identifier: ISC
# How far a long command is, on a terminal and nowhere else; and what is long stays whole.
# shellcheck source=tests/cli/lib.sh disable=SC2015,SC2016,SC2119,SC2317
. "$(dirname "$0")/lib.sh"
setup_host
stop_watch
trap - EXIT
PTY=$BUILD/tests/tools/pty
if ! [ -x "$PTY" ] || ! command -v faketime >/dev/null; then
    skip 'progress' 'no terminal, or no faketime'
    finish
fi
sqlite3 "$LEDGER" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO event (at, kind, host, agent, owner, task, jti, kid, account, service, source, origin, decision, reason,
    rule, policy, proof, record, within, session, cause, detail, prev, hash) SELECT 1700000000 + i, 'grant', host,
    'ci-bot', 'ops@example.org', 'build-4711', 'bench00000000000000001', '', 'deploy', 'sshd', 'prompt', '192.0.2.7',
    'permit', '', 'deploy', '', '', NULL, '', '', '', '{}', printf('%064d', i - 1), printf('%064d', i) FROM n, setting;"
# slow COMMAND…: a thousand times as slow, by its own clock
slow() { faketime -f '+0 x10000' "$@"; }
lasts() { slow "$PTY" -- "$BUILD/nhictl" trace --agent ci-bot; }
run lasts
ok 'on a terminal, it counts' said 'reading events: '
ok 'the count is taken away before the answer' eval '[[ $OUT == *[0-9]$'"'\\r\\033'"'\[Kagent\ * ]]'
run slow "$BUILD/nhictl" trace --agent ci-bot
ok 'elsewhere, it does not' test -z "$ERR"
ok 'the answer has each event' test "$(grep -c 'permit  *ci-bot' .out)" = 3000
run slow "$PTY" -- "$BUILD/nhictl" trace --agent ci-bot --json
ok 'with --json, it does not' eval '! said "reading events"'
run nhictl trace --agent ci-bot --json
ok 'which is one object with each event' json '[.steps[] | select(.kind == "grant")] | length == 3000'

# ---- an answer that cannot be written ----

run eval 'nhictl trace --agent ci-bot --json >/dev/full'
ok 'a full disk is reported' test "$CODE" = 3
run eval 'nhictl ticket list --json >/dev/full'
ok 'for a list, too' test "$CODE" = 3
finish
