#!/bin/bash
# SPDX-License-Identifier: ISC
# Who owns an agent: reviews, transfers, and what remains when an owner leaves.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

setup_host
nhictl agent add z-bot --owner ops@example.org --purpose p --review-by 2099-01-01 --no-home >/dev/null
for a in b-bot c-bot; do
    nhictl agent add $a --owner eve@example.org --purpose "work of $a" --review-by 2099-03-01 --no-home >/dev/null
    nhictl task open "task-$a" --agent $a >/dev/null
done
sed -i 's/agent = "ci-bot"/agent = "*"/' /etc/nhi/policy.d/test.conf
nhictl apply >/dev/null
ticket_of() { nhictl issue --agent "$1" --task "task-$1" --account deploy --service sshd; }
ticket_of b-bot >b.ticket
ticket_of c-bot >c.ticket
reason() { nhictl ticket inspect "$1" --json 2>/dev/null | jq -r '.decisions[0].reason'; }
events() { sqlite3 "$LEDGER" "SELECT count(*) FROM event WHERE kind = '$1' AND agent = '$2'"; }
state() { nhictl agent show "$1" --json | jq -c '.agent | [.state, .owner, .suspended_by]'; }

# --- what is mandatory
refused 2 '--owner OWNER is missing' 'no owner' nhictl agent add x --purpose p --review-by 2099-01-01
refused 2 '--purpose TEXT is missing' 'no purpose' nhictl agent add x --owner o --review-by 2099-01-01
refused 2 '--review-by DATE is missing' 'no review date' nhictl agent add x --owner o --purpose p
refused 2 'not in the future' 'a review date that is past' nhictl agent add x --owner o --purpose p --review-by 2020-01-01
refused 2 '1 to' 'an empty owner' nhictl agent add x --owner '' --purpose p --review-by 2099-01-01

# --- two owners that look alike are one
for o in ' eve' 'eve ' '   ' $'eve\u200b' $'e\u00adve' $'eve\u00a0x' $'\u3164' $'eve\ufe0f'; do
    refused 2 'invisible characters' "the owner $(printf %q "$o")" nhictl agent add x --owner "$o" --purpose p --review-by 2099-01-01
done
refused 2 'invisible characters' 'for a transfer' nhictl agent transfer c-bot --owner 'eve '
refused 2 'is blank' 'a purpose of blanks' nhictl agent add x --owner o --purpose '  ' --review-by 2099-01-01
mkdir -p /etc/nhi/agents.d
echo 'agents = ( { name = "odd-bot"; owner = "eve "; purpose = "p"; review_by = "2099-01-01"; } );' >/etc/nhi/agents.d/odd.conf
refused 1 'invisible characters' 'for a declared agent' nhictl apply
rm /etc/nhi/agents.d/odd.conf

# --- a review
refused 2 '--because TEXT is missing' 'certify without a reason' nhictl agent certify ci-bot --review-by 2099-12-31
refused 2 'not in the future' 'until yesterday' nhictl agent certify ci-bot --review-by 2020-01-01 --because x
refused 1 "no agent 'nobody'" 'of an unknown agent' nhictl agent certify nobody --review-by 2099-12-31 --because x
expect 0 'show before the review' nhictl agent show ci-bot --json
ok 'nobody has certified it' json '.agent | .certified == null and .certified_by == null and .because == null'
expect 0 'certify' nhictl agent certify ci-bot --review-by 2099-12-31 --because 'builds every release'
ok 'shows until when' said 2099-12-31
expect 0 'show' nhictl agent show ci-bot --json
ok 'shows when, by whom, why' json '.agent | (.certified | test("Z$")) and .certified_by == "root"
    and .because == "builds every release" and .review_by == "2099-12-31"'
expect 0 'show for people' nhictl agent show ci-bot
ok 'too' said 'builds every release'
ok 'it is an event' test "$(events agent-certify ci-bot)" = 1

# --- a transfer
refused 1 "already belongs to ops@example.org" 'to the same owner' nhictl agent transfer ci-bot --owner ops@example.org
refused 1 "no agent 'nobody'" 'of an unknown agent' nhictl agent transfer nobody --owner x
expect 0 'transfer' nhictl agent transfer ci-bot --owner dev@example.org --reason 'new team'
ok 'names the new owner' said "belongs to dev@example.org, and is active"
ok 'the owner is another one' test "$(state ci-bot)" = '["active","dev@example.org",[]]'
ok 'the event has both owners' test "$(sqlite3 "$LEDGER" \
    "SELECT detail ->> 'from', detail ->> 'to', cause FROM event WHERE kind = 'agent-transfer'")" = \
    'ops@example.org|dev@example.org|new team'
expect 0 'owners' nhictl owner list --json
ok 'transfers are counted' json '[.owners[] | [.owner, .state, .agents_active, .live_tickets, .next_review]] ==
    [["dev@example.org", "active", 1, 0, "2099-12-31"], ["eve@example.org", "active", 2, 2, "2099-03-01"],
     ["ops@example.org", "active", 1, 0, "2099-01-01"]]'

# --- an owner leaves
refused 2 '--reason TEXT is missing' 'without a reason' nhictl owner offboard eve@example.org
refused 1 "there is no owner 'eve'" 'a name that nobody has' nhictl owner offboard eve --reason left
nhictl agent suspend c-bot --reason 'odd hours' >/dev/null
ok 'its ticket works' test "$(reason b.ticket)" = permit
expect 0 'offboard' nhictl owner offboard eve@example.org --reason 'left' --json
ok 'reports what it did' json '[.agents[] | [.name, .was, .live_tickets]] ==
    [["b-bot", "active", 1], ["c-bot", "suspended", 0]] and .sessions.ended == 0'
ok 'all agents are suspended' test "$(state b-bot)" = '["suspended","eve@example.org",["off-boarding"]]'
ok 'one for two reasons' test "$(state c-bot)" = '["suspended","eve@example.org",["hand","off-boarding"]]'
ok 'each with an event' test "$(events agent-suspend b-bot) $(events owner-offboard '')" = '1 1'
ok 'the ticket no longer works' test "$(reason b.ticket)" = agent-suspended
refused 1 'off-boarded already' 'twice' nhictl owner offboard eve@example.org --reason again
expect 0 'status' nhictl status
ok 'names the agents that wait' said 'owner off-boarded: b-bot and others'
expect 0 'owner list' nhictl owner list --json
ok 'shows that, too' json '.owners[1] | [.state, .agents_suspended, .live_tickets, .reason] == ["off-boarded", 2, 0, "left"]'

refused 1 'owner eve@example.org is off-boarded: left' 'add for that owner' nhictl agent add new --owner eve@example.org \
    --purpose p --review-by 2099-01-01 --no-home
refused 1 'is off-boarded' 'transfer to that owner' nhictl agent transfer ci-bot --owner eve@example.org
refused 1 'is off-boarded' 'resume under that owner' nhictl agent resume b-bot
ok 'prints the command to type' complained 'try: nhictl agent transfer b-bot --owner OWNER --resume'
refused 1 'is off-boarded' 'certify under that owner' nhictl agent certify b-bot --review-by 2099-12-31 --because x
refused 1 'suspended' 'issue for it' ticket_of b-bot

# --- and its agents are taken over
expect 0 'transfer alone' nhictl agent transfer b-bot --owner dev@example.org
ok 'reports that it is still suspended' said 'and is suspended'
ok 'stays suspended' test "$(state b-bot)" = '["suspended","dev@example.org",["off-boarding"]]'
expect 0 'resume' nhictl agent resume b-bot
ok 'the agent is active again' test "$(state b-bot)" = '["active","dev@example.org",[]]'
ok 'its old ticket stays dead' test "$(reason b.ticket)" = revoked
ticket_of b-bot >b2.ticket
ok 'a new one works' test "$(reason b2.ticket)" = permit
expect 0 'transfer --resume of what was suspended by hand as well' nhictl agent transfer c-bot --owner dev@example.org --resume
ok 'stays suspended by hand' test "$(state c-bot)" = '["suspended","dev@example.org",["hand"]]'
refused 1 'was not suspended because its owner was off-boarded, but: odd hours' 'transfer --resume of what was suspended by hand' \
    nhictl agent transfer c-bot --owner third@example.org --resume
ok 'prints the command to type' complained 'nhictl agent resume c-bot'

# --- an owner who comes back
nhictl agent resume c-bot >/dev/null
ok 'tickets of agents that were suspended earlier are dead as well' test "$(reason c.ticket)" = revoked
expect 0 'offboard another owner' nhictl owner offboard dev@example.org --reason moved
ok 'suspends three' test "$(nhictl status --json | jq -c "[.agents_active, .agents_suspended]")" = "[1,3]"
refused 1 'is not off-boarded' 'return of an owner who never left' nhictl owner return ops@example.org
refused 1 "there is no owner 'nobody'" 'return of an unknown owner' nhictl owner return nobody
expect 0 'return' nhictl owner return dev@example.org
ok 'agents of that owner wait' test "$(state ci-bot)" = '["suspended","dev@example.org",["off-boarding"]]'
expect 0 'and are resumed one by one' nhictl agent resume ci-bot
nhictl agent suspend b-bot >/dev/null
nhictl owner offboard dev@example.org --reason moved >/dev/null
expect 0 'return --resume' nhictl owner return dev@example.org --resume --reason 'back' --json
ok 'counts' json '.owner | [.state, .agents_active, .agents_suspended] == ["active", 2, 1]'
ok 'resumes what leaving suspended, and nothing else' test "$(state b-bot)" = '["suspended","dev@example.org",["hand"]]'

# --- a retired agent
expect 0 'retire' nhictl agent retire ci-bot --reason 'replaced'
refused 1 'is retired, which cannot be undone' 'transfer of it' nhictl agent transfer ci-bot --owner x
refused 1 'is retired, which cannot be undone' 'certify of it' nhictl agent certify ci-bot --review-by 2099-12-31 --because x
nhictl owner offboard dev@example.org --reason moved >/dev/null
ok 'stays retired when its owner leaves' test "$(state ci-bot)" = '["retired","dev@example.org",[]]'
refused 1 'exists (retired)' 'its name is not given again' nhictl agent add ci-bot --owner z --purpose p \
    --review-by 2099-01-01
refused 1 'never used again' 'nor is its uid' nhictl agent add d-bot --owner z --purpose p --review-by 2099-01-01 --uid 65537

# --- a review that is overdue
nhictl agent transfer c-bot --owner z --resume >/dev/null
ticket_of c-bot >c2.ticket
sqlite3 "$LEDGER" "UPDATE agent SET review_by = 1600000000 WHERE name = 'c-bot'"
ok 'an overdue agent may still log in' test "$(reason c2.ticket)" = permit
expect 0 'status' nhictl status
ok 'status reports it' said 'review overdue: c-bot'
echo 'overdue = "deny";' >/etc/nhi/nhi.conf
expect 0 'unless the settings deny it' nhictl apply --force --json
ok 'which is reported' json '.overdue == "deny" and .changed'
ok 'then it is denied' test "$(reason c2.ticket)" = agent-overdue
expect 0 'certify' nhictl agent certify c-bot --review-by 2099-12-31 --because needed
ok 'a review permits it again' test "$(reason c2.ticket)" = permit
echo 'overdue = "no";' >/etc/nhi/nhi.conf
refused 1 'nhi.conf:1: overdue: expected "report" or "deny"' 'a word that it does not know' nhictl apply
finish
