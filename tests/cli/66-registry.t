#!/bin/bash
# SPDX-License-Identifier: ISC
# The registry of agents is copied from one host to another: the same names and uids.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317,SC2016
. "$(dirname "$0")/lib.sh"

# The ledger of one host or the other.
other_host() {
    mv /var/lib/nhi "/var/lib/nhi.$1"
    rm -rf /run/nhi # what a host has seen of its ledger does not belong to the other
    # A tmpfs of this test's own.
    find /home -mindepth 1 -delete
    if [ -d "/var/lib/nhi.$2" ]; then mv "/var/lib/nhi.$2" /var/lib/nhi; else nhictl init >/dev/null; fi
}
uids() { nhictl agent list --json | jq -c '[.agents[] | [.name, .uid, .state]]'; }
all_of() { nhictl agent list --json | jq -c '[.agents[] | {name, uid, state, owner, purpose, review_by, home, shell, groups}]'; }

nhictl init >/dev/null
nhictl agent add a-bot --owner ops@example.org --purpose 'it says "hello\n", {ö} & more;' --review-by 2099-06-30 --group builders >/dev/null
nhictl agent add gone-bot --owner ops@example.org --purpose old --review-by 2099-06-30 >/dev/null
nhictl agent add odd-bot --owner 'Jane "JD" Doe' --purpose odd --review-by 2099-06-30 --uid 70000 --home /home/odd --no-home --shell /bin/bash >/dev/null
nhictl agent add last-bot --owner ops@example.org --purpose last --review-by 2099-06-30 >/dev/null
nhictl agent retire gone-bot >/dev/null
nhictl agent suspend last-bot >/dev/null
expect 0 'agent export --out' nhictl agent export --out agents.conf
ok 'it prints nothing' test -z "$OUT"
expect 0 'agent export' nhictl agent export
ok 'the same to standard output' test "$OUT" = "$(cat agents.conf)"
expect 0 'agent export --json' nhictl agent export --json
ok 'an array and the text' json '(.agents | length) == 4 and (.registry | startswith("# Agents of testhost"))'
WAS=$(all_of)
ok 'exported agents exist already' test "$(nhictl agent import agents.conf --json | jq -c '[.agents[].change] | unique')" = '["there already"]'

other_host one two
expect 0 'a dry run on another host' nhictl agent import agents.conf --dry-run --json
ok 'shows what would be added' json '[.agents[] | [.name, .uid, .change]] == [["a-bot", 65537, "added"],
    ["gone-bot", 65538, "added"], ["odd-bot", 70000, "added"], ["last-bot", 70001, "added"]]'
ok 'and adds nothing' test "$(uids)" = '[]'
groupdel builders
refused 1 'agents.conf:3' 'a group that this host does not have' nhictl agent import agents.conf
ok 'reports what is wrong' complained 'there is no group builders'
ok 'and nothing was imported' test "$(uids)" = '[]'
groupadd -g 4010 builders
expect 0 'agent import' nhictl agent import agents.conf
ok 'everything is the same, including quotes and states' test "$(all_of)" = "$WAS"
ok 'homes exist' test "$(stat -c '%u %a' /home/a-bot /home/last-bot | sort -u | paste -sd,)" = '65537 700,70001 700'
ok 'but not of retired agents' test ! -e /home/gone-bot
ok 'accounts resolve' grep -q last-bot /var/lib/nhi/accounts
expect 0 'again' nhictl agent import - --json <agents.conf
ok 'changes nothing' json '[.agents[].change] | unique == ["there already"]'
ok 'nothing was imported twice' test "$(all_of)" = "$WAS"
expect 0 'a new agent on this host' nhictl agent add new-bot --owner o@example.org --purpose n --review-by 2099-06-30 --json
ok 'gets the next uid' json '.agent.uid == 70002'
nhictl agent export --out two.conf

# The other host gave that uid to another agent meanwhile.
other_host two one
nhictl agent add mine-bot --owner o@example.org --purpose m --review-by 2099-06-30 >/dev/null
before=$(all_of)
refused 1 "uid 70002 of agent new-bot belongs to agent mine-bot on this host" 'a uid that is taken' nhictl agent import two.conf
ok 'nothing was imported' test "$(all_of)" = "$before"
sed 's/70002/65600/' two.conf >low.conf
refused 1 'uids are never used again' 'a uid that was skipped' nhictl agent import low.conf
sed 's/uid = 65537/uid = 65539/' two.conf >moved.conf
refused 1 'a uid never changes' 'an agent with another uid' nhictl agent import moved.conf
sed 's/70002/70003/' two.conf >free.conf
expect 0 'a uid that is free' nhictl agent import free.conf --no-home --json
ok 'is added, and the others stay' json '[.agents[] | select(.change == "added") | .name] == ["new-bot"]'
ok 'without a home' test ! -e /home/new-bot

refused 3 'cannot read' 'a file that does not exist' nhictl agent import none.conf
echo 'agents = ( { name = "x"; } );' >bad.conf
refused 1 'bad.conf:1: owner is missing' 'an incomplete agent' nhictl agent import bad.conf
echo 'agents = ( { name = "x"; owner = "o"; purpose = "p"; review_by = "2099-01-01"; } );' >bad.conf
refused 1 'has no uid' 'an agent without a uid' nhictl agent import bad.conf
echo 'agents = ( { name = "x"; uid = 70100; state = "gone"; owner = "o"; purpose = "p"; review_by = "2099-01-01"; } );' >bad.conf
refused 1 'expected "active"' 'a state that there is not' nhictl agent import bad.conf
head -c 300 /dev/urandom >bad.conf
refused 1 '' 'noise' nhictl agent import bad.conf
: >bad.conf
refused 1 'is empty' 'an empty file' nhictl agent import bad.conf
echo 'agents = ( { name = "x"; state = "retired"; owner = "o"; purpose = "p"; review_by = "2099-01-01"; } );' >/etc/nhi/agents.d/x.conf
refused 1 'only for nhictl agent import' 'agents.d declares no state' nhictl apply
finish
