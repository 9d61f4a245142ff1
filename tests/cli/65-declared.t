#!/bin/bash
# SPDX-License-Identifier: ISC
# Agents that files declare: what is refused, and what apply does for each change.
# shellcheck disable=SC2119,SC2317
MANUALS=$(cd "$(dirname "$0")/../../nhictl" && pwd)
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
setup_host
D=/etc/nhi/agents.d
WHO='owner = "ops@example.org"; purpose = "p"; review_by = "2099-06-30";'
ok 'init makes the directory' test "$(stat -c '%a %u' $D)" = '755 0'

declared() { # declared FILE TEXT...: entries of one file
    printf 'agents = (\n%s\n);\n' "${*:2}" >"$D/$1"
}
state() { nhictl agent show "$1" --json | jq -c '.agent | [.state, .owner, .suspended_by, .declared_in]'; }
change() { jq -c "[.agents[] | select(.name == \"$1\") | .change]" </run/t/.out; }
events() { sqlite3 "$LEDGER" "SELECT group_concat(kind) FROM event WHERE agent = '$1'"; }
ledger() { sqlite3 "$LEDGER" 'SELECT * FROM agent; SELECT * FROM agent_group; SELECT count(*) FROM event'; }

# --- what is refused changes nothing
BEFORE=$(ledger)
broken() { # broken WORDS WHAT TEXT
    printf '%s\n' "$3" >$D/x.conf
    refused 1 "$1" "$2" nhictl apply
    ok 'and nothing was changed' test "$(ledger)" = "$BEFORE"
    ok 'which is reported' complained 'nothing was changed'
    rm -f $D/x.conf
}
entry() { broken "$1" "$2" "agents = ( { $3 } );"; }
broken 'agents.d/x.conf:2: syntax error' 'text that is not libconfig at all' $'\nagents = ; ('
broken '@include' 'an include' $'@include "other.conf"\n'
broken 'x.conf:1: unknown setting' 'a misspelled setting' "agent = ( { name = \"a\"; $WHO } );"
broken 'agents: expected a list' 'agents that are not a list' 'agents = { };'
broken 'agents: expected {' 'an agent that is not a group' 'agents = ( "a" );'
broken "x.conf:3: unknown key 'onwer'" 'a misspelled key' "agents = ( {

onwer = \"x\"; name = \"a\"; $WHO } );"
broken "x.conf:2: agent a is declared twice (x.conf:1)" 'twice' "agents = ( { name = \"a\"; $WHO },
{ name = \"a\"; $WHO } );"
broken 'uid 70000 belongs to agent a (x.conf:1)' 'a uid twice' "agents = ( { name = \"a\"; uid = 70000; $WHO },
{ name = \"b\"; uid = 70000; $WHO } );"
entry 'duplicate' 'a key twice' "name = \"a\"; name = \"b\"; $WHO"
entry 'name is missing' 'no name' "$WHO"
entry 'owner is missing' 'no owner' 'name = "a"; purpose = "p"; review_by = "2099-01-01";'
entry 'purpose is missing' 'no purpose' 'name = "a"; owner = "p"; review_by = "2099-01-01";'
entry 'review_by is missing' 'no review date' 'name = "a"; owner = "p"; purpose = "p";'
entry 'x.conf:1: name: expected' 'a malformed name' "name = \"A b\"; $WHO"
entry 'owner: expected' 'an empty owner' 'name = "a"; owner = ""; purpose = "p"; review_by = "2099-01-01";'
entry 'purpose: expected' 'text of two lines' 'name = "a"; owner = "o"; purpose = "p\nq"; review_by = "2099-01-01";'
entry 'review_by: expected a date' 'a malformed date' 'name = "a"; owner = "o"; purpose = "p"; review_by = "soon";'
entry 'review_by: expected a date' 'a day that does not exist' 'name = "a"; owner = "o"; purpose = "p"; review_by = "2099-02-30";'
entry 'x.conf:1: review_by: the date is in the past' 'a day in the past' \
    'name = "a"; owner = "o"; purpose = "p"; review_by = "2020-02-03";'
entry 'uid: expected a number' 'a uid of 0' "name = \"a\"; uid = 0; $WHO"
entry 'x.conf:1: uid 5000 is outside' 'a uid that is not an agent'"'"'s' "name = \"a\"; uid = 5000; $WHO"
entry 'never used again' 'a uid that was used' "name = \"a\"; uid = 65537; $WHO"
entry 'home: expected an absolute path' 'a home that is not a path' "name = \"a\"; home = \"x\"; $WHO"
entry "home '/home/../root'" 'a home with ..' "name = \"a\"; home = \"/home/../root\"; $WHO"
entry "shell '/nowhere'" 'a shell that does not exist' "name = \"a\"; shell = \"/nowhere\"; $WHO"
entry 'make_home: expected true or false' 'a malformed flag' "name = \"a\"; make_home = 1; $WHO"
entry 'x.conf:1: there is no group nosuch' 'a group that does not exist' "name = \"a\"; group = \"nosuch\"; $WHO"
entry 'leads to root' 'a privileged group' "name = \"a\"; group = [\"builders\", \"sudo\"]; $WHO"
entry 'already has an account deploy' 'a local account' "name = \"deploy\"; $WHO"
entry 'is the group of all agents' 'the group of agents' "name = \"nhi-agents\"; $WHO"
entry 'was made by hand with another purpose, shell or group' 'different from an agent that was added by hand' "name = \"ci-bot\"; $WHO"
mkdir -p /home/taken
entry 'does not belong to the agent' 'a home that is somebody else'"'"'s' "name = \"taken\"; $WHO"
echo 'rules = ( { nonsense' >/etc/nhi/policy.d/x.conf
declared a.conf "{ name = \"a-bot\"; $WHO }"
refused 1 'policy.d/x.conf' 'good agents beside a broken policy' nhictl apply
rm /etc/nhi/policy.d/x.conf $D/a.conf
ok 'and change nothing either' test "$(ledger)" = "$BEFORE"
declared a.conf "{ name = \"a-bot\"; $WHO }"
chmod 0666 $D/a.conf
refused 1 'only root can write' 'a file that others can write' nhictl apply
chmod 0644 $D/a.conf
chmod 0777 $D
refused 1 'users other than root can change' 'a directory that others can write' nhictl apply
chmod 0755 $D
ok 'nor does that' test "$(ledger)" = "$BEFORE"

# --- new agents
declared b.conf "{ name = \"b-bot\"; group = \"builders\"; $WHO }, { name = \"c-bot\"; uid = 70001; make_home = false; $WHO }"
expect 0 'apply --dry-run' nhictl apply --dry-run --json
ok 'shows what would be done' json '[.agents[] | [.name, .change]] ==
    [["c-bot", "added"], ["a-bot", "added"], ["b-bot", "added"]] and .declared == 3'
ok 'and changes nothing' test "$(ledger)" = "$BEFORE"
expect 0 'apply' nhictl apply
ok 'reports that' said 'added'
expect 0 'the agents exist' nhictl agent list --json
ok 'with the uids asked for, and the next free ones' json '[.agents[] | [.name, .uid, .declared_in]] ==
    [["ci-bot", 65537, null], ["c-bot", 70001, "b.conf"], ["a-bot", 70002, "a.conf"], ["b-bot", 70003, "b.conf"]]'
ok 'a home belongs to the agent' test "$(stat -c '%a %u %g' /home/a-bot)" = '700 70002 70002'
ok 'or is not made' test ! -e /home/c-bot
ok 'each with an event that names its file' test "$(sqlite3 "$LEDGER" \
    "SELECT group_concat(detail ->> 'file') FROM event WHERE kind = 'agent-add' AND agent <> 'ci-bot'")" = b.conf,a.conf,b.conf
BEFORE=$(ledger | grep -c '')
expect 0 'apply again' nhictl apply --json
ok 'changes nothing' json '.agents == [] and .changed == false'

# --- an entry that is removed, and put back
nhictl task open task-b --agent b-bot >/dev/null
sed -i 's/agent = "ci-bot"/agent = "*"/' /etc/nhi/policy.d/test.conf
nhictl apply >/dev/null
nhictl issue --agent b-bot --task task-b --account deploy --service sshd >b.ticket
reason() { nhictl ticket inspect b.ticket --json 2>/dev/null | jq -r '.decisions[0].reason'; }
ok 'its ticket works' test "$(reason)" = permit
nhictl agent suspend c-bot --reason 'odd hours' >/dev/null
mv $D/b.conf b.conf
expect 0 'apply --dry-run without a file' nhictl apply --dry-run
ok 'shows which agents would be suspended' said suspended
expect 0 'apply without the file' nhictl apply --json
ok 'suspends its agents' test "$(change b-bot)$(change c-bot)$(change a-bot)" = '["suspended"]["suspended"][]'
ok 'and deletes nothing' test "$(state b-bot)" = '["suspended","ops@example.org",["removal"],"b.conf"]'
ok 'with one more reason' test "$(state c-bot)" = '["suspended","ops@example.org",["hand","removal"],"b.conf"]'
ok 'their tickets are denied' test "$(reason)" = agent-suspended
ok 'an agent without a file stays active' test "$(state ci-bot)" = '["active","ops@example.org",[],null]'
expect 0 'apply once more' nhictl apply --json
ok 'does it once' json '.agents == []'
mv b.conf $D/b.conf
expect 0 'apply with the file back' nhictl apply --json
ok 'resumes those agents' test "$(change b-bot)$(change c-bot)" = '["resumed"]["declared"]'
ok 'and no others' test "$(state b-bot) $(state c-bot)" = \
    '["active","ops@example.org",[],"b.conf"] ["suspended","ops@example.org",["hand"],"b.conf"]'
ok 'their tickets work' test "$(reason)" = permit
ok 'with events' test "$(events b-bot)" = 'agent-add,task-open,issue,agent-suspend,agent-resume'
expect 0 'an agent that was suspended by hand' nhictl agent resume c-bot
declared b.conf "{ name = \"b-bot\"; group = \"builders\"; $WHO }"
expect 0 'one removed entry of a file' nhictl apply --json
ok 'is enough' test "$(change b-bot)$(change c-bot)" = '[]["suspended"]'
expect 0 'resume by hand an agent that is no longer declared' nhictl agent resume c-bot
ok 'reports what it is now' said 'made by hand'
ok 'it has no file' test "$(state c-bot)" = '["active","ops@example.org",[],null]'
expect 0 'apply' nhictl apply --json
ok 'leaves it alone' json '.agents == []'
declared c.conf "{ name = \"c-bot\"; $WHO }"
expect 0 'a file with the same entry' nhictl apply --json
ok 'takes it over' test "$(change c-bot)" = '["adopted"]'
ok 'and is recorded as its file' test "$(state c-bot)" = '["active","ops@example.org",[],"c.conf"]'

# --- changes
declared c.conf "{ name = \"c-bot\"; uid = 70002; $WHO }"
refused 1 'c.conf:2: uid: agent c-bot has 70001' 'another uid' nhictl apply
declared c.conf "{ name = \"c-bot\"; home = \"/srv/c\"; $WHO }"
refused 1 'c.conf:2: home: agent c-bot has /home/c-bot' 'another home' nhictl apply
declared c.conf "{ name = \"c-bot\"; uid = 70001; home = \"/home/c-bot\"; ${WHO/ops/dev} }"
expect 0 'another owner' nhictl apply --json
ok 'is a transfer' json '.agents == [{"name": "c-bot", "change": "transferred", "from": "ops@example.org", "to": "dev@example.org"}]'
ok 'with its event' test "$(sqlite3 "$LEDGER" \
    "SELECT detail ->> 'from', detail ->> 'to', detail ->> 'file' FROM event WHERE kind = 'agent-transfer'")" = \
    'ops@example.org|dev@example.org|c.conf'
declared c.conf "{ name = \"c-bot\"; group = \"builders\"; owner = \"dev@example.org\"; purpose = \"q: r\"; shell = \"/bin/bash\";
    review_by = \"2099-07-01\"; }"
expect 0 'all other changes' nhictl apply --json
ok 'are made' test "$(change c-bot)" = '["purpose","shell","groups","review"]'
expect 0 'and in the passwd line' nhictl agent show c-bot --json
ok 'each' json '.agent | .purpose == "q: r" and .shell == "/bin/bash" and .groups == ["builders"] and .review_by == "2099-07-01"'
ok 'in the snapshot, too' grep -q 'q  r' <(strings /var/lib/nhi/accounts)
ok 'with events' test "$(events c-bot | grep -o 'agent-[a-z]*' | tail -3 | xargs)" = 'agent-change agent-transfer agent-change'
expect 0 'certify' nhictl agent certify c-bot --review-by 2099-12-31 --because needed
expect 0 'apply after a review' nhictl apply --json
ok 'keeps its date' json '.agents == []'
sed -i 's/2099-07-01/2099-08-01/' $D/c.conf
expect 0 'a new date in the file' nhictl apply --json
ok 'counts' json '.agents == [{"name": "c-bot", "change": "review", "from": "2099-12-31", "to": "2099-08-01"}]'
sqlite3 "$LEDGER" "UPDATE agent SET review_by = 1499990400, file_review = 1499990400 WHERE name = 'c-bot'"
sed -i 's/2099-08-01/2017-07-14/' $D/c.conf
expect 0 'a date that has passed meanwhile' nhictl apply
sed -i 's/2017-07-14/2017-07-15/' $D/c.conf
refused 1 'c.conf:2: review_by: the date is in the past' 'another such date' nhictl apply
sed -i 's/2017-07-15/2099-01-01/' $D/c.conf
expect 0 'a transfer by hand' nhictl agent transfer c-bot --owner third@example.org
ok 'the file decides in the end' complained 'declared in /etc/nhi/agents.d/c.conf'
mv $D/c.conf $D/d.conf
expect 0 'another file' nhictl apply --json
ok 'takes it over' test "$(state c-bot)" = '["active","dev@example.org",[],"d.conf"]'

# --- owners who left, agents that are retired
nhictl owner offboard dev@example.org --reason left >/dev/null
expect 0 'apply when an owner has left' nhictl apply
ok 'resumes none' test "$(state c-bot)" = '["suspended","dev@example.org",["off-boarding"],"d.conf"]'
mv $D/d.conf d.conf
nhictl apply >/dev/null
mv d.conf $D/d.conf
refused 1 'd.conf:2: owner dev@example.org is off-boarded' 'nor does a file that is put back' nhictl apply
sed -i 's/dev@/ops@/' $D/d.conf
expect 0 'until it names another owner' nhictl apply
ok 'who resumes it' test "$(state c-bot)" = '["suspended","ops@example.org",["off-boarding"],"d.conf"]'
expect 0 'by hand' nhictl agent resume c-bot
declared e.conf "{ name = \"e-bot\"; ${WHO/ops/dev} }"
refused 1 'e.conf:2: owner dev@example.org is off-boarded' 'a new agent of that owner' nhictl apply
rm $D/e.conf
expect 0 'retire' nhictl agent retire a-bot
ok 'reports that a file declares it' complained 'declared in /etc/nhi/agents.d/a.conf'
refused 1 'a.conf:2: agent a-bot is retired' 'apply after that' nhictl apply
rm $D/a.conf
expect 0 'until the entry is removed' nhictl apply --json
ok 'which changes nothing' json '.agents == []'

# --- no directory at all
mv $D /etc/nhi/away
refused 1 'there is no directory /etc/nhi/agents.d, which declared 2 agents: an empty' 'a directory that is gone' nhictl apply
ok 'suspends none' test "$(state c-bot)" = '["active","ops@example.org",[],"d.conf"]'
mkdir -m 0755 $D
expect 0 'an empty directory' nhictl apply --json
ok 'suspends all that were declared' test "$(jq -c '[.agents[] | .change]' <.out)" = '["suspended","suspended"]'
ok 'and no others' test "$(nhictl status --json | jq .agents_active)" = 1
rmdir $D
expect 0 'no directory, when nothing is declared any more' nhictl apply
mkdir -m 0755 $D

# --- the manual's own example
sed -n '/^\.Bd -literal/,/^\.Ed/{//!p}' "$MANUALS/nhi-agents.5" >$D/x.conf
sed -i 's/ci-bot/ci2-bot/; s/70001/70099/' $D/x.conf
expect 0 'the example of the manual' nhictl apply --json
ok 'registers both' test "$(change ci2-bot)$(change backup-bot)" = '["added"]["added"]'
ok 'as described' test "$(nhictl agent show backup-bot --json | jq -c '.agent | [.uid, .home, .shell, .owner]')" = \
    '[70099,"/var/lib/backup-bot","/bin/bash","dba@example.org"]'
finish
