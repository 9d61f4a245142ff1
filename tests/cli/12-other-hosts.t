#!/bin/bash
# SPDX-License-Identifier: ISC
# Ending something on the host that issued it reports where it is still valid, and the printed commands end it there.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317,SC2016
. "$(dirname "$0")/lib.sh"

# The ledger and settings of one host or the other.
be() { # be HOST FORMER
    # One that ends late would take the heartbeat of the next one away, or record its ledger as the one last seen.
    stop_watch
    for dir in /var/lib/nhi /etc/nhi; do
        mv "$dir" "$dir.$2"
        [ ! -d "$dir.$1" ] || mv "$dir.$1" "$dir"
    done
    rm -rf /run/nhi
    hostname "$1"
    [ -d /var/lib/nhi ] || setup_host
    start_watch
}
here() { be testhost hostb; }
there() { be hostb testhost; }

setup_host
KID=$(nhictl key list --json | jq -r '.keys[0].kid')
nhictl key export "$KID" >/run/t/key.pub
there
nhictl key add "$KID" "$(cat /run/t/key.pub)" --agents ci-bot --accounts deploy --services sshd,sudo \
    --max-ttl 1h --opens-tasks >/dev/null || exit 1
here

for_b() { issue --host hostb "$@"; }
# opens FILE, opens FILE denied: on the other host.
opens() {
    there
    run nhictl ticket inspect "$1" --json
    here
    jq -e '.decisions[0].reason | . != null and (. == "permit") == ("'"${2:-}"'" == "")' <<<"$OUT"
}
jti_of() { nhictl ticket inspect "$1" --json 2>/dev/null | jq -r .ticket.jti; }
# types COMMAND: on the other host.
types() {
    there
    run bash -c "nhictl() { \"$BUILD/nhictl\" \"\$@\"; }; $1"
    here
    test "$CODE" = 0
}

# --- a task
T="it's;\$(touch" # with characters that a shell would interpret
nhictl task open "$T" --agent ci-bot --concurrent >/dev/null
nhictl issue --agent ci-bot --task "$T" --account deploy --service sshd >a.txt
nhictl issue --agent ci-bot --task "$T" --account deploy --service sshd --host hostb >b.txt
nhictl issue --agent ci-bot --task "$T" --account deploy --service sshd --host hosta >c.txt
for_b >other.txt
A=$(jti_of a.txt) B=$(jti_of b.txt) C=$(jti_of c.txt) OTHER=$(jti_of other.txt)
ok 'a ticket for another host opens there' opens b.txt
expect 0 'revoking its task' nhictl revoke --task "$T" --reason over --json
ok 'counts only what was live here' json '.revoked.live_tickets == 1'
ok 'names the tickets of other hosts, by host' json "[.other_hosts[] | [.host, .jti]] == [[\"hosta\", \"$C\"], [\"hostb\", \"$B\"]]"
ok 'with agent, task and end' json '.other_hosts[0] | .agent == "ci-bot" and .task == "it'"'"'s;$(touch" and (.exp | test("^20"))'
TYPE=$(jq -r '.other_hosts[1].type' <<<"$OUT")
expect 0 'again' nhictl revoke --task "$T"
ok 'people get the same list' said "$C"
ok 'with the host' said hostb
ok 'with the command to type' said "$TYPE"
ok 'but not the ticket for this host' test "${OUT/$A/}" = "$OUT"
ok 'nor one of another task' test "${OUT/$OTHER/}" = "$OUT"
ok 'until the command is typed, the ticket works there' opens b.txt
ok 'the command can be typed' types "$TYPE"
ok 'after that it no longer works' opens b.txt denied
ok 'another ticket does' opens other.txt

# --- nothing of that kind
issue >here.txt
expect 0 'a ticket for this host' nhictl revoke --ticket "$(jti_of here.txt)" --json
ok 'no other host is named' json '.revoked.live_tickets == 1 and .other_hosts == []'

# --- a ticket and its child
for_b --parent "$OTHER" --ttl 5m >child.txt
CHILD=$(jti_of child.txt)
expect 0 'a ticket for another host' nhictl revoke --ticket "$OTHER" --json
ok 'is named with its child' json "[.other_hosts[].jti] == [\"$OTHER\", \"$CHILD\"] and .revoked.live_tickets == 0"
ok 'each with its own command' json "[.other_hosts[].type] == [\"nhictl revoke --ticket $OTHER\", \"nhictl revoke --ticket $CHILD\"]"

# --- task close
nhictl task open t2 --agent ci-bot --concurrent >/dev/null
nhictl issue --agent ci-bot --task t2 --account deploy --service sshd --host hostb >t2.txt
expect 0 'task close' nhictl task close t2 --json
TYPE=$(jq -r '.other_hosts[0].type' <<<"$OUT")
ok 'names the ticket' json "[.other_hosts[] | .jti] == [\"$(jti_of t2.txt)\"] and .task.state == \"closed\""
ok 'the printed command can be typed there' types "$TYPE"
ok 'and ends the ticket' opens t2.txt denied

# --- an agent
for_b >agent.txt
expect 0 'agent suspend' nhictl agent suspend ci-bot --json
ok 'names every ticket of the agent' json "[.other_hosts[].jti] | index(\"$(jti_of agent.txt)\") and index(\"$B\")"
TYPE=$(jq -r '.other_hosts[-1].type' <<<"$OUT")
ok 'the printed command can be typed there' types "$TYPE"
ok 'and its tickets are denied' opens agent.txt denied
types 'nhictl agent resume ci-bot'
ok 'the agent can be resumed there' opens agent.txt
expect 0 'agent resume' nhictl agent resume ci-bot --json
ok 'names no ticket' json '.other_hosts == null'
expect 0 'revoke --agent' nhictl revoke --agent ci-bot --json
TYPE=$(jq -r '.other_hosts[-1].type' <<<"$OUT")
ok 'the printed command can be typed there' types "$TYPE"
ok 'and ends the ticket' opens agent.txt denied

# --- off-boarding, a declaration that is removed
for_b >left.txt
expect 0 'owner offboard' nhictl owner offboard ops@example.org --reason left --json
ok 'names the tickets' json "[.other_hosts[].jti] | index(\"$(jti_of left.txt)\")"
nhictl owner return ops@example.org --resume >/dev/null
mkdir -p /etc/nhi/agents.d
echo 'agents = ( { name = "file-bot"; owner = "o"; purpose = "p"; review_by = "2099-01-01"; make_home = false; } );' \
    >/etc/nhi/agents.d/x.conf
nhictl apply >/dev/null
nhictl task open file --agent file-bot >/dev/null
nhictl issue --agent file-bot --task file --account deploy --service sshd --host hostb >file.txt
expect 0 'apply that changes no agent' nhictl apply --json
ok 'names none' json '.other_hosts == []'
rm /etc/nhi/agents.d/x.conf
expect 0 'apply that suspends an agent' nhictl apply --json
ok 'names its tickets' json "[.other_hosts[] | [.jti, .type]] == [[\"$(jti_of file.txt)\", \"nhictl agent suspend file-bot\"]]"

# --- keys
for_b >key.txt
expect 0 'key rotate' nhictl key rotate
expect 0 'key retire' nhictl key retire "$KID" --json
ok 'names what the key signed for others' json "[.other_hosts[] | [.jti, .type]] | index([[\"$(jti_of key.txt)\", \"nhictl key retire $KID\"]])"
ok 'and not what expired or was for this host' json "[.other_hosts[].host] | unique == [\"hosta\", \"hostb\"]"
expect 0 'key revoke' nhictl key revoke "$KID" --reason stolen --json
TYPE=$(jq -r '.other_hosts[-1].type' <<<"$OUT")
ok 'the printed command can be typed there' types "$TYPE"
ok 'and ends what the key signed' opens key.txt denied

# --- agent retire
for_b >retire.txt
expect 0 'agent retire' nhictl agent retire ci-bot --json
ok 'names the ticket' json "[.other_hosts[].jti] | index(\"$(jti_of retire.txt)\")"

# --- the reserve
mkdir /run/full
mount -t tmpfs -o mode=0755,size=1m tmpfs /run/full
cp -a /var/lib/nhi/. /run/full && mount --move /run/full /var/lib/nhi
dd if=/dev/zero of=/var/lib/nhi/filler bs=4096 2>/dev/null
dd if=/dev/zero of=/var/lib/nhi/filler2 bs=1 count=4096 2>/dev/null
expect 0 'revoke on a full disk' nhictl revoke --issuer "$KID" --json
ok 'is kept in the reserve' json '.revoked.held_in == "reserve"'
ok 'and names the tickets, too' json "[.other_hosts[].jti] | index(\"$B\")"
finish
