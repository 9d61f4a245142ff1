#!/bin/bash
# SPDX-License-Identifier: ISC
# Every verb, as a person types it and as a program does.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

expect 0 'init' nhictl init
ok 'init names the host' said testhost
ok 'the ledger is 0600' test "$(stat -c %a "$LEDGER")" = 600
ok 'the keys directory is 0700' test "$(stat -c %a /var/lib/nhi/keys)" = 700
ok 'the secret key is 0600' test "$(stat -c %a /var/lib/nhi/keys/*.secret)" = 600
ok 'the snapshot is 0644' test "$(stat -c %a /var/lib/nhi/accounts)" = 644
KID=$(nhictl key list --json | jq -r '.keys[0].kid')
ok 'the key has a random name' grep -qE '^k[a-z2-7]{7}$' <<<"$KID"

expect 0 'status before any policy' nhictl status
ok 'status says that nothing is permitted yet' said 'no rule permits anything yet'

expect 0 'agent add' nhictl agent add ci-bot --owner ops@example.org --purpose 'builds: and, deploys' \
    --review-by 2099-06-30 --group builders
ok 'the home directory is the agent'"'"'s' test "$(stat -c '%a %u %g' /home/ci-bot)" = '700 65537 65537'
expect 0 'agent add --json, --no-home' nhictl agent add build-bot --owner ops --purpose builds \
    --review-by 2099-06-30 --no-home --shell /bin/bash --json
ok 'agent add --json has the agent' json '.ok and .agent.uid == 65538 and .agent.review_by == "2099-06-30"
    and .agent.shell == "/bin/bash" and .agent.groups == []'
ok '--no-home makes none' test ! -e /home/build-bot
expect 0 'agent add --uid' nhictl agent add late-bot --owner ops --purpose late --review-by 2099-06-30 \
    --uid 70000 --home /home/elsewhere --json
ok 'the uid is the one asked for' json '.agent.uid == 70000 and .agent.home == "/home/elsewhere"'
expect 0 'agent list' nhictl agent list
ok 'agent list has a heading and the agent' said 'NAME'
ok 'agent list names the agents' said 'late-bot'
expect 0 'agent list --json' nhictl agent list --json
ok 'agents are an array' json '.ok and (.agents | length == 3) and .agents[0].groups == ["builders"]'
expect 0 'agent show' nhictl agent show ci-bot
ok 'agent show has the purpose' said 'builds: and, deploys'
expect 0 'agent show --json' nhictl agent show ci-bot --json
ok 'agent show --json is one agent' json '.agent.name == "ci-bot" and .agent.state == "active"
    and .agent.last_used == null and (.agent.created | test("^2.*Z$"))'

expect 0 'task open' nhictl task open build-4711 --agent ci-bot --until 2h
ok 'the deadline is a moment and a span' said '(in 2h)'
expect 0 'task open --json, with a moment' nhictl task open job/1 --agent build-bot \
    --until "$(date -u -d '+3 days' +%Y-%m-%dT%H:%M:%SZ)" --json
ok 'task open --json has the task' json '.ok and .task.id == "job/1" and .task.state == "open"
    and .task.closed == null'
expect 0 'task open --concurrent' nhictl task open build-4712 --agent ci-bot --concurrent
expect 0 'task list' nhictl task list --agent ci-bot
ok 'task list has both' said build-4712
expect 0 'task close' nhictl task close build-4712 --reason 'done'
expect 0 'task list --json' nhictl task list --json
ok 'closed tasks are not in the list' json '[.tasks[].id] == ["build-4711", "job/1"]'
expect 0 'task list --all --json' nhictl task list --all --json
ok 'closed tasks are in --all, with the reason' json '.tasks[] | select(.id == "build-4712")
    | .state == "closed" and .reason == "done"'

expect 0 'task open --idle' nhictl task open quiet-1 --agent ci-bot --concurrent --until 2h --idle 30m --json
ok 'shows how long it may be idle' json '.task.idle == 1800 and .task.used == null'
expect 0 'task show' nhictl task show quiet-1
ok 'is shown' said 'idle seconds'
expect 0 'task open' nhictl task open late-1 --agent ci-bot --concurrent --until 2h
if command -v sqlite3 >/dev/null; then
    # As if it were 29 minutes later, then 31, and after the deadline of the other task.
    sqlite3 "$LEDGER" "UPDATE task SET opened = opened - 1740 WHERE id = 'quiet-1'"
    expect 0 'sweep before it was idle for so long' nhictl task show quiet-1 --json
    ok 'it is open' json '.task.state == "open"'
    sqlite3 "$LEDGER" "UPDATE task SET opened = opened - 120 WHERE id = 'quiet-1';
        UPDATE task SET deadline = opened - 1 WHERE id = 'late-1'"
    expect 0 'then' nhictl task show quiet-1 --json
    ok 'it is closed, and the record has the reason' json '.task.state == "closed" and .task.reason == "idle"'
    expect 0 'the other task' nhictl task show late-1 --json
    ok 'is closed at its deadline' json '.task.state == "closed" and .task.reason == "deadline"'
    ok 'each with one event' test "$(sqlite3 -readonly "$LEDGER" "SELECT group_concat(task || cause)
        FROM event WHERE kind = 'task-close' AND task IN ('quiet-1', 'late-1')")" = late-1deadline,quiet-1idle
fi

mkdir -p /etc/nhi/policy.d
echo 'rules = ( { effect = "permit"; agent = "*"; account = "*"; service = "*"; } );' >/etc/nhi/policy.d/all.conf
nhictl apply >/dev/null
expect 0 'issue' nhictl issue --agent ci-bot --task build-4711 --account deploy --service sshd,sudo \
    --ttl 15m
ok 'issue prints the ticket alone' grep -qE '^v4\.public\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$' <<<"$OUT"
printf '%s\n' "$OUT" >ticket.txt
expect 0 'issue --json' nhictl issue --agent ci-bot --task build-4711 --account deploy,ci-bot \
    --account person --service sshd --uses 3 --json
ok 'issue --json has claims and text' json '.ok and .ticket.agent == "ci-bot" and .ticket.host == "testhost"
    and .ticket.accounts == ["deploy", "ci-bot", "person"] and .ticket.services == ["sshd"]
    and .ticket.uses == 3 and (.ticket.exp | test("Z$")) and (.text | startswith("v4.public."))'
CHILD_OF=$(jq -r .ticket.jti <.out)
expect 0 'issue --parent' issue --parent "$CHILD_OF" --json
ok 'the parent is a claim' json ".ticket.parent == \"$CHILD_OF\""
ok 'and does not end later than the parent' \
    test "$(jq -r .ticket.exp <.out)" = "$(nhictl ticket list --json | jq -r ".tickets[] | select(.jti == \"$CHILD_OF\") | .exp")"
CHILD=$(jq -r .ticket.jti <.out)
refused 1 "the parent $CHILD_OF has " 'a child that would outlive its parent' issue --parent "$CHILD_OF" --ttl 1h
ok 'the hint is a lifetime that works' complained 'try: --ttl '
refused 1 'would not end later' 'nor does a renewal outlive the parent' nhictl renew "$CHILD" --ttl 1h
PUB=ssh-ed25519\ AAAAC3NzaC1lZDI1NTE5AAAAIPKLDhyvvzNM1sh6r6ciDjtRArQxH9v2fK5ot16w63lB
echo "$PUB agent@host" >key.pub
expect 0 'issue --bind-key' issue --bind-key key.pub --json
ok 'the ticket is bound to it' json '.ticket.key_bound'
BOUND=$(jq -r .ticket.jti <.out)
refused 1 "bound to the live ticket $BOUND" 'a key for two live tickets' issue --bind-key key.pub
expect 0 'issue --bind-key for another host' issue --host b.example.org --bind-key key.pub --json
expect 0 'revoke that ticket' nhictl revoke --ticket "$(jq -r .ticket.jti <.out)" --reason test
expect 0 'revoke the bound one' nhictl revoke --ticket "$BOUND" --reason test
expect 0 'issue --bind-key after the end of the first' issue --bind-key key.pub --json
expect 0 'revoke that, too' nhictl revoke --ticket "$(jq -r .ticket.jti <.out)" --reason test
expect 0 'issue --cert' issue --host b.example.org --bind-key key.pub --cert --json
ok 'the certificate is beside the key' grep -q '^ssh-ed25519-cert-v01@openssh.com AAAA' key-cert.pub
expect 0 'revoke the certified one' nhictl revoke --ticket "$(jq -r .ticket.jti <.out)" --reason test
refused 2 '--bind-key FILE.pub --cert' '--cert without a key' issue --cert
refused 2 '--bind-key FILE.pub --ssh restrict' '--ssh without a key' issue --ssh no-pty
refused 2 "a name in it is malformed" '--ssh with what gives' issue --ssh pty --bind-key key.pub
refused 2 "a name in it is malformed" '--ssh with a value' issue --ssh command=id --bind-key key.pub
expect 0 'issue for another host' issue --host b.example.org --key "$KID" --json
ok 'the other host is the audience' json '.ticket.host == "b.example.org"'

expect 0 'ticket list' nhictl ticket list
ok 'ticket list has the live ones' test "$(wc -l <.out)" = 5
expect 0 'ticket list --json' nhictl ticket list --agent ci-bot --task build-4711 --json
ok 'tickets are an array, newest first' json '(.tickets | length == 4) and .tickets[0].host == "b.example.org"'
expect 0 'ticket show' nhictl ticket show "$CHILD_OF"
ok 'ticket show has the state' said live
expect 0 'ticket show --json' nhictl ticket show "$CHILD_OF" --json
ok 'ticket show --json has the row' json '.ticket.origin == "issued" and .ticket.grants == 0
    and .ticket.state == "live"'

rm /etc/nhi/policy.d/all.conf
nhictl apply --force >/dev/null
expect 1 'ticket inspect before any rule' nhictl ticket inspect ticket.txt
ok 'the error has the reason' complained 'no rule permits'
mkdir -p /etc/nhi/policy.d
cp "$(dirname "$SCRIPT")/../../packaging/examples/policy.d/policy.conf" /etc/nhi/policy.d/
expect 0 'apply --dry-run' nhictl apply --dry-run
ok 'dry-run lists the rule' said '+ permit'
expect 0 'status after a dry run' nhictl status --json
ok 'dry-run changes nothing' json '.policy_rules == 0'
expect 0 'apply --json' nhictl apply --json
ok 'apply --json lists names' json '.ok and (.added | length > 0) and .removed == [] and .dry_run == false'
expect 0 'apply again' nhictl apply
ok 'apply is idempotent' said '0 added, 0 removed'
expect 0 'ticket inspect' nhictl ticket inspect ticket.txt
ok 'ticket inspect shows the decision' said permit
ok 'ticket inspect never prints the ticket' test "$(grep -c v4.public .out)" = 0
expect 0 'ticket inspect - --json' nhictl ticket inspect - --json <ticket.txt
ok 'ticket inspect --json has the decisions' json '.ok and .ticket.issuer_state == "active"
    and .decisions[0] == {"account":"deploy","service":"sshd","decision":"permit","reason":"permit"}'

expect 0 'key export' nhictl key export "$KID"
ok 'key export prints the public key and nothing else' grep -qE '^k4\.public\.[A-Za-z0-9_-]{43}$' <<<"$OUT"
PUBLIC=$OUT
expect 0 'key export --json' nhictl key export "$KID" --json
ok 'key export --json has the fingerprint' json '.fingerprint | startswith("k4.pid.")'
expect 0 'key rotate' nhictl key rotate --json
ok 'the new key has the same bounds' json '.key.agents == ["*"] and .key.max_ttl == 86400 and .key.own'
NEW=$(jq -r .key.kid <.out)
ok 'rotate made another key' test "$NEW" != "$KID"
expect 0 'a ticket of the rotated key still opens' nhictl ticket inspect ticket.txt
expect 0 'issue signs with the new key' issue --json
ok 'its footer names the new key' json ".ticket.kid == \"$NEW\""
expect 0 'key retire' nhictl key retire "$KID"
ok 'the secret of a retired key is gone' test ! -e "/var/lib/nhi/keys/$KID.secret"
expect 1 'a ticket of the retired key opens nothing' nhictl ticket inspect ticket.txt --json
ok 'the reason is the issuer' json '.ok == false and .decisions[0].reason == "issuer-retired"'

# Another host, whose ticket is imported here.
OTHER=$(nhictl key list --json | jq -r '.keys[] | select(.state == "active") | .kid')
expect 0 'key list' nhictl key list
ok 'key list has the retired key' said retired
expect 0 'issue for import' issue
printf '%s\n' "$OUT" >import.txt
PUBLIC=$(nhictl key export "$OTHER")
mv /var/lib/nhi /var/lib/nhi.first
nhictl init --host testhost >/dev/null
nhictl agent add ci-bot --owner o --purpose p --review-by 2099-06-30 --no-home >/dev/null
expect 0 'key add' nhictl key add "$OTHER" "$PUBLIC" --agents ci-bot --accounts deploy,ci-bot \
    --services '*' --max-ttl 1h --json
ok 'key add --json has the bounds' json '.key.own == false and .key.services == ["*"]
    and .key.accounts == ["deploy", "ci-bot"] and .key.max_ttl == 3600 and .key.opens_tasks == false'
refused 1 'task' 'import of an unknown task' nhictl import import.txt
nhictl task open build-4711 --agent ci-bot >/dev/null
expect 0 'import' nhictl import import.txt
expect 0 'import again' nhictl import - --json <import.txt
ok 'the same ticket is known' json '.ok and .ticket.agent == "ci-bot"'
JTI=$(jq -r .ticket.jti <.out)
expect 0 'the imported ticket is listed' nhictl ticket show "$JTI" --json
ok 'its origin is import' json '.ticket.origin == "imported"'
if command -v sqlite3 >/dev/null; then
    sqlite3 "$LEDGER" "UPDATE ticket SET services = 'cron' WHERE jti = '$JTI'"
    refused 1 'IDs are never used again' 'import of another ticket with the same ID' nhictl import import.txt
    sqlite3 "$LEDGER" "UPDATE ticket SET services = 'sshd sudo' WHERE jti = '$JTI'"
fi
expect 0 'key revoke' nhictl key revoke "$OTHER" --reason stolen
ok 'key revoke counts what it ended' said '1 live ticket'
refused 1 'revoked' 'import under a revoked key' nhictl import import.txt
rm -rf /var/lib/nhi
mv /var/lib/nhi.first /var/lib/nhi

CHILD_OF=$(issue --json | jq -r .ticket.jti)
issue --parent "$CHILD_OF" >/dev/null
expect 0 'revoke --ticket' nhictl revoke --ticket "$CHILD_OF" --reason 'not needed'
ok 'the child went with it' said '2 live tickets'
expect 0 'revoke --ticket again' nhictl revoke --ticket "$CHILD_OF" --json
ok 'revoke is idempotent' json '.ok and .revoked.live_tickets == 0 and .revoked.held_in == "ledger"'
expect 0 'revoke an unseen ticket' nhictl revoke --ticket AAAAAAAAAAAAAAAAAAAAAA
ok 'it reports that the ticket was not known' said 'not known here yet'
expect 0 'revoke --agent' nhictl revoke --agent ci-bot
issue >ticket.txt
expect 0 'a ticket issued in the same second as the revocation opens' nhictl ticket inspect ticket.txt
expect 0 'agent suspend' nhictl agent suspend ci-bot --reason 'odd hours'
expect 1 'a suspended agent'"'"'s ticket opens nothing' nhictl ticket inspect ticket.txt --json
ok 'the reason is the agent' json '.decisions[0].reason == "agent-suspended"'
expect 0 'agent resume' nhictl agent resume ci-bot --json
ok 'agent resume --json' json '.agent.state == "active"'
expect 0 'a resumed agent'"'"'s ticket opens' nhictl ticket inspect ticket.txt
expect 0 'revoke --task' nhictl revoke --task build-4711 --reason cancelled
ok 'revoke --task says what it ended' grep -qE '^revoked task build-4711: [0-9]+ live ticket' <<<"$OUT"
expect 0 'task show --json' nhictl task show build-4711 --json
ok 'a revoked task is closed, with its tickets' json '.task.state == "closed"
    and .task.reason == "cancelled" and (.tickets | length > 3)'
expect 0 'revoke --issuer' nhictl revoke --issuer "$NEW" --reason lost --json
ok 'the secret of a revoked key is gone' test ! -e "/var/lib/nhi/keys/$NEW.secret"
expect 0 'rotate without an active key' nhictl key rotate
nhictl task open build-4713 --agent ci-bot >/dev/null
nhictl issue --agent ci-bot --task build-4713 --account deploy --service sshd >/dev/null
ok 'every account has its shell' test "$(grep -c nologin /var/lib/nhi/accounts)" = 0
expect 0 'agent retire' nhictl agent retire ci-bot --reason replaced --json
ok 'agent retire --json' json '.agent.state == "retired" and .live_tickets == 1'
ok 'a retired agent resolves without a shell' grep -q nologin /var/lib/nhi/accounts
expect 0 'its tasks are closed' nhictl task list --agent ci-bot --json
ok 'no open task is left' json '.tasks == []'
expect 0 'status without the supervisor' nhictl status --json
ok 'whose absence it reports' json '.attention == ["the supervisor is not running: agents are denied; systemctl enable --now nhi-watch, or keep nhictl watch running in another way"]'
start_watch
expect 0 'status' nhictl status --json
ok 'status counts' json '.ok and .agents_retired == 1 and .agents_active == 2 and .clock == "good"
    and .live_tickets == 0 and .attention == [] and .host == "testhost"'

events() {
    sqlite3 -readonly "$LEDGER" "SELECT count(*) FROM event WHERE kind = '$1'"
}
if command -v sqlite3 >/dev/null; then
    for kind in init agent-add agent-suspend agent-resume agent-retire task-open task-close issue revoke \
        key-rotate key-retire policy-apply; do
        ok "there is an event of $kind" test "$(events $kind)" -gt 0
    done
    ok 'events name who acted' test "$(sqlite3 -readonly "$LEDGER" \
        "SELECT json_extract(detail, '\$.uid') FROM event WHERE kind = 'task-close' LIMIT 1")" = 0
fi
finish
