#!/bin/bash
# SPDX-License-Identifier: ISC
# What the supervisor maintains besides sessions: the log of the ledger, and what status shows.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
wal() { stat -c %s "$STATE/ledger.db-wal" 2>/dev/null || echo 0; }
is_small() { [ "$(wal)" -le 4096 ]; }
records() { find "$STATE/grants" -name 'g-*' | wc -l; }
none_waits() { [ "$(records)" = 0 ]; }

open_task t-1
issue "$W/ticket" t-1 --no-pin
ssh_as ci-bot reply "$W/ticket" 'for i in 1 2 3; do sudo -n id; done'
is "$RC" 0 'a login, and three calls of sudo'
eventually none_waits
ok $? 'their records are folded without any command'
eventually is_small
ok $? "and the log of the ledger is emptied" || note "$(wal) bytes"

# A reader that somebody has stopped in its transaction keeps the log from being emptied, and nothing waits for it.
cat >"$W/reader.sql" <<S
BEGIN;
SELECT count(*) FROM event;
.shell touch $W/reading; exec sleep 1000
S
sqlite3 -readonly "$STATE/ledger.db" <"$W/reader.sql" >/dev/null &
READER=$!
disown
eventually test -e "$W/reading"
ssh_bg ci-bot reply "$W/ticket" ": >$W/in; sleep 1000"
BG=$!
eventually test -e "$W/in"
eventually none_waits
ok $? 'beside a stopped reader, records are folded'
! is_small
ok $? "the log has to stay ($(wal) bytes)"
before=$(stat -c %y /run/nhi/watch)
capture timeout 60 nhictl revoke --ticket "$(jti_of "$W/ticket")"
is "$RC" 0 'a ticket is revoked' || note "$ERR"
eventually test ! -e "/proc/$BG"
ok $? 'and its session ends'
has_beaten() { [ "$(stat -c %y /run/nhi/watch)" != "$before" ]; }
eventually has_beaten
ok $? 'the heartbeat of the supervisor continues'
pkill -P "$READER"
kill "$READER" 2>/dev/null
must nhictl task close t-1
eventually is_small
ok $? 'without the reader the log is emptied again' || note "$(wal) bytes"

# ---- what needs attention ----

like "$(nhictl status --json | jq -c .attention)" '^\[\]$' 'nothing needs attention'
must nhictl task open soon --agent ci-bot --until 200s
like "$(nhictl status)" 'task soon ends in [0-9]+ seconds' 'a task that ends soon'
must nhictl task close soon
open_task t-2
issue "$W/ticket" t-2
ssh_bg ci-bot reply "$W/ticket" ": >$W/in2; sleep 1000"
BG=$!
eventually test -e "$W/in2"
behind_its_back "INSERT INTO revocation VALUES (2, 't-2', $NOW_SQL, 'cancelled')"
like "$(nhictl status)" '1 ended session is still running \([ap]-' 'a session that has ended while the supervisor is stopped'
let_go
eventually test ! -e "/proc/$BG"
none_is_left() { ! nhictl status | grep -q 'still running'; }
eventually none_is_left
ok $? 'then it has gone'

finish
