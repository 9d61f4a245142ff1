#!/bin/bash
# SPDX-License-Identifier: ISC
# revoke: what a word is, and that a word which nothing has is a typing error unless it is said to be meant.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

setup_host
nhictl task open what-1 --agent ci-bot --concurrent >/dev/null
nhictl issue --agent ci-bot --task what-1 --account deploy --service sshd >ticket.txt
JTI=$(nhictl ticket inspect ticket.txt --json | jq -r .ticket.jti)
refused 1 "there is no task 'what-2'" 'revoke --task of a task that is not known' nhictl revoke --task what-2
ok 'proposes to look at the nearest one' complained 'try: nhictl task show what-1'
refused 1 "there is no task 'what-2'" 'revoke of a word that is nothing' nhictl revoke what-2
ok 'neither has ended anything' nhictl ticket inspect ticket.txt
expect 0 'the ID can still be used' nhictl task open what-2 --agent ci-bot --concurrent
expect 0 'revoke --unseen --task' nhictl revoke --unseen --task what-3
refused 1 'was used before' 'it cannot be used then' nhictl task open what-3 --agent ci-bot --concurrent
refused 1 'there is no task' 'too short a beginning of an ID' nhictl revoke -- "${JTI:0:5}"
sqlite3 "$LEDGER" "INSERT INTO ticket (jti, kid, agent, task, host, accounts, services, iat, nbf, exp, uses, origin, recorded, root)
    SELECT substr(jti, 1, 8) || 'AAAAAAAAAAAAAA', kid, agent, task, host, accounts, services, iat, nbf, exp, uses, origin,
    recorded, substr(jti, 1, 8) || 'AAAAAAAAAAAAAA' FROM ticket WHERE jti = '$JTI'"
refused 1 'several tickets' 'the beginning of two IDs' nhictl revoke -- "${JTI:0:8}"
expect 0 'the beginning of one' nhictl revoke --json -- "${JTI:0:10}"
ok 'revokes that ticket' json ".revoked | .kind == \"ticket\" and .id == \"$JTI\""
nhictl issue --agent ci-bot --task what-1 --account deploy --service sshd >ticket.txt
nhictl agent add twice-bot --owner ops@example.org --purpose p --review-by 2099-01-01 >/dev/null
nhictl task open twice-bot --agent twice-bot >/dev/null
refused 1 "'twice-bot' is a task and an agent: say which" 'a word that is two things' nhictl revoke twice-bot
expect 0 'a task alone' nhictl revoke what-1 --reason 'is over' --json
ok 'revokes the task' json '.revoked | .kind == "task" and .id == "what-1" and .live_tickets == 2'
expect 0 'an agent' nhictl revoke ci-bot --json
ok 'revokes what it has' json '.revoked | .kind == "agent" and .id == "ci-bot"'
refused 2 'exactly one' 'a word and an option' nhictl revoke what-2 --agent ci-bot
expect 0 'a ticket that was never seen' nhictl revoke --json AAAAAAAAAAAAAAAAAAAAAQ
ok 'by its whole ID' json '.revoked | .kind == "ticket" and .seen == false'
refused 1 'a file says what each word is' 'in a file a word must be said' nhictl revoke --from - <<<'what-2'

# --- without a ledger that can be read
nhictl task open late-1 --agent ci-bot --concurrent >/dev/null
cp "$LEDGER" whole.db
head -c 65536 /dev/urandom >"$LEDGER"
rm -f "$LEDGER"-wal "$LEDGER"-shm
run nhictl revoke late-1
ok 'a word cannot be looked up' test "$CODE" = 3
ok 'and has to be said' complained 'must be said: --task, --agent, --ticket or --issuer'
expect 0 'a task that is not known' nhictl revoke --task late-2
ok 'is revoked all the same' said 'revoked task late-2'
ok 'and that is said' complained 'so whether there is a task '"'late-2'"' is not known; it is revoked all the same'
expect 0 'a ticket' nhictl revoke AAAAAAAAAAAAAAAAAAAAAg
ok 'needs no look' said 'revoked ticket AAAAAAAAAAAAAAAAAAAAAg'
finish
