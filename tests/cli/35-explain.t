#!/bin/bash
# SPDX-License-Identifier: ISC
# What policy would decide, and why: explain, policy check, policy test.
# shellcheck disable=SC2119,SC2317
TOP=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
setup_host
D=/etc/nhi/policy.d
issue --out t >/dev/null || exit 1
explain() { nhictl explain --account deploy --service "$@"; }

# ---- explain ----

expect 0 'a ticket that a rule permits' explain sshd t
ok 'it names the rule' said 'deploy'
ok 'and reports that it matches' said 'it matches'
expect 0 'as JSON' explain sshd --json --from 192.0.2.7 t
ok 'with all members' json '.decision == "permit" and .rule == "deploy" and (.policy | length == 32) and
    (.rules == [{"rule":"deploy","effect":"permit","matches":true,"fails":null,"because":"it matches"}])'
expect 1 'a service that the ticket does not name' explain cron --json t
ok 'the reason, and what the rule demands' json '.ok == false and .reason == "service" and .rules[0].fails == "service"'
run nhictl explain --account deploy --service sudo - <t
ok 'from standard input' test "$CODE" = 0
refused 2 '--account NAME is missing' 'no account' nhictl explain --service sshd t
refused 1 'no account' 'an account that does not exist' nhictl explain --account nobody-here --service sshd t
refused 1 'not a ticket' 'a file without a ticket' explain sshd /etc/hostname
refused 2 'takes a time such as' 'a malformed time' explain sshd --at noon t

cat >$D/test.conf <<'CONF'
rules = (
  { name = "agent"; effect = "permit"; agent = "cd-*"; account = "deploy"; service = "sshd"; },
  { name = "owner"; effect = "permit"; owner = "qa@example.org"; account = "deploy"; service = "sshd"; },
  { name = "task"; effect = "permit"; agent = "*"; task = "CHG-*"; account = "deploy"; service = "sshd"; },
  { name = "account"; effect = "permit"; agent = "*"; account = "person"; service = "sshd"; },
  { name = "service"; effect = "permit"; agent = "*"; account = "deploy"; service = "su"; },
  { name = "source"; effect = "permit"; agent = "*"; account = "*"; service = "sshd"; source = "10.0.0.0/8"; },
  { name = "hours"; effect = "permit"; agent = "*"; account = "*"; service = "sshd"; days = "mon-fri";
    hours = "08:00-18:00"; zone = "Europe/Berlin"; },
  { name = "bound"; effect = "permit"; agent = "*"; account = "*"; service = "sshd"; bound = "key"; },
  { name = "max_lifetime"; effect = "permit"; agent = "*"; account = "*"; service = "sshd"; max_lifetime = "14m"; },
  { name = "max_uses"; effect = "permit"; agent = "*"; account = "*"; service = "sshd"; max_uses = 3; },
  { name = "max_age"; effect = "permit"; agent = "*"; account = "*"; service = "sshd"; max_age = "1m"; }
);
CONF
expect 0 'a rule for each condition' nhictl apply
ok 'a live ticket loses what it opened' said 'of ci-bot, task build-4711: loses account deploy through sudo'
SOON=$(date -u -d '+2 minutes' +%FT%TZ)
run explain sshd --json --from 192.0.2.7 --at "$SOON" t
ok 'each fails by the condition in its name' \
    json '[.rules[] | select(.rule != "hours") | .rule == .fails] | length == 10 and all'
run explain sshd --from 192.0.2.7 --at "$SOON" t
for words in 'agent is ci-bot' 'owner is ops@example.org' 'task is build-4711' 'account is deploy' 'service is sshd' \
    'source is 192.0.2.7' 'bound to nothing' 'its lifetime is 900s' 'it does not count its uses' 'it was issued 1'; do
    ok "in words: $words" said "$words"
done
printf 'rules = ( { name = "days"; effect = "permit"; agent = "*"; account = "*"; service = "sshd"; days = "%s"; } );\n' \
    "$(LC_ALL=C date -u -d '+3 days' +%a | tr '[:upper:]' '[:lower:]')" >$D/days.conf
nhictl apply >/dev/null
run explain sshd --json t
ok 'a rule with days and without hours fails by its days' json '[.rules[] | select(.rule == "days") | .fails] == ["days"]'
rm $D/days.conf
nhictl apply >/dev/null

# To the second, before and after the last Sunday of March, on which the clock in Berlin goes forward.
hours() { # hours true|false MOMENT
    run explain sshd --json --at "$2" t
    ok "hours at $2: $1" json "[.rules[] | select(.rule == \"hours\") | .matches] == [$1]"
}
hours false 2027-03-26T06:59:59Z
hours true 2027-03-26T07:00:00Z
hours true 2027-03-26T16:59:59Z
hours false 2027-03-26T17:00:00Z
hours false 2027-03-28T10:00:00Z
hours false 2027-03-29T05:59:59Z
hours true 2027-03-29T06:00:00Z
hours true 2027-03-29T15:59:59Z
hours false 2027-03-29T16:00:00Z
hours false 2027-10-29T05:59:59Z
hours true 2027-10-29T06:00:00Z
hours false 2027-11-01T06:59:59Z
hours true 2027-11-01T07:00:00Z
hours true 2034-03-01T09:00:00Z
hours false 2050-03-01T09:00:00Z
# The hour that is left out in spring never comes, and the one that is repeated in autumn counts twice.
cat >$D/test.conf <<'CONF'
rules = ( { name = "hours"; effect = "permit"; agent = "*"; account = "*"; service = "sshd"; days = "sun";
            hours = "02:00-03:00"; zone = "Europe/Berlin"; } );
CONF
expect 0 'a rule for the hour in which the clock is changed' nhictl apply
hours false 2027-03-28T00:59:59Z
hours false 2027-03-28T01:00:00Z
hours true 2027-03-21T01:00:00Z
hours true 2027-04-04T00:00:00Z
hours false 2027-10-30T23:59:59Z
hours true 2027-10-31T00:00:00Z
hours true 2027-10-31T00:59:59Z
hours true 2027-10-31T01:00:00Z
hours true 2027-10-31T01:59:59Z
hours false 2027-10-31T02:00:00Z
refused 1 'no event 99999' 'an event that does not exist' nhictl explain 99999
refused 1 'is not a decision' 'an event of another kind' nhictl explain 1

# ---- policy test ----

cp -r "$TOP/packaging/examples" .
cp -r examples as-shipped
expect 0 'our own example' nhictl policy test --policy examples/policy.d examples/policy-tests.conf
ok 'it counts the tests' said '5 passed, 0 failed'
sed -i '0,/expect = "permit"/s//expect = "deny"/; s/rule = "ci-nightly"/rule = "other"/' examples/policy-tests.conf
expect 1 'two tests with other results' nhictl policy test --json --policy examples/policy.d examples/policy-tests.conf
ok 'which' json '.ok == false and ([.tests[] | select(.result == "failed") | .decision] == ["permit", "permit"])'
expect 0 'as another user, without a ledger' \
    setpriv --reuid 4002 --clear-groups "$BUILD/nhictl" policy test --policy as-shipped/policy.d as-shipped/policy-tests.conf
bad() {
    printf '%s\n' "$2" >bad.conf
    refused 1 "$1" "$1" nhictl policy test --policy examples/policy.d bad.conf
}
bad 'expected tests' 'rules = ();'
bad 'expected tests' 'tests = ();'
bad 'every test names' 'tests = ( { agent = "a"; task = "t"; account = "b"; service = "c"; } );'
bad "unknown key 'form'" 'tests = ( { form = "192.0.2.1"; } );'
bad 'from: expected' 'tests = ( { from = "host.example.org"; } );'
bad 'at: expected a time' 'tests = ( { at = "noon"; } );'
bad 'expect: expected "permit" or "deny"' 'tests = ( { expect = "maybe"; } );'
bad "bad.conf:1: syntax error: expected '}'" 'tests = ( {'
{
    cat "$TOP/packaging/examples/policy-tests.conf"
    head -c 1048576 /dev/zero | tr '\0' '#'
    echo 'what nobody would read'
} >long.conf
refused 1 'long.conf: larger than 1 MiB' 'more than the limit of a file' nhictl policy test --policy examples/policy.d long.conf
mkfifo examples/policy.d/x.conf
refused 1 'x.conf: expected a regular file' 'a FIFO among the policy files' \
    nhictl policy test --policy examples/policy.d "$TOP/packaging/examples/policy-tests.conf"
rm examples/policy.d/x.conf
mkdir root.d
echo 'rules = ( { name = "all"; effect = "permit"; agent = "*"; account = "*"; service = "*"; } );' >root.d/x.conf
echo 'tests = ( { agent = "a"; task = "t"; account = "root"; service = "su"; expect = "permit"; } );' >root.conf
run nhictl policy test --json --policy root.d root.conf
ok 'root cannot be reached in a test either' json '[.tests[] | .result, .decision, .reason] == ["failed", "deny", "privileged"]'
refused 3 'cannot read' 'a file that does not exist' nhictl policy test --policy examples/policy.d no.conf
refused 3 'cannot read' 'a directory that does not exist' nhictl policy test --policy no.d examples/policy-tests.conf

# ---- policy check ----

finds() { # finds KIND WHAT RULES
    printf 'rules = ( %s );\n' "$3" >$D/test.conf
    run nhictl policy check --json
    ok "$2" json "[.findings[].kind] | index(\"$1\")"
    ok 'and the exit status is negative' test "$CODE" = 1
}
GOOD='{ name = "good"; effect = "permit"; agent = "ci-bot"; account = "deploy"; service = "sshd"; }'
printf 'rules = ( %s );\n' "$GOOD" >$D/test.conf
expect 0 'a rule without a finding' nhictl policy check
ok 'reports that' said 'No findings'
finds broad 'everything, for everybody' '{ name = "all"; effect = "permit"; agent = "*"; account = "*"; service = "*"; }'
finds broad 'every agent and every account' '{ name = "all"; effect = "permit"; agent = "*"; account = "*"; service = "su"; }'
finds shadowed 'a rule below one that forbids' "$GOOD, { name = \"no\"; effect = \"forbid\"; agent = \"ci-*\"; account = \"*\"; service = \"*\"; }"
finds shadowed 'a rule below a wider one' "$GOOD, { name = \"wide\"; effect = \"permit\"; agent = \"ci-*\"; account = [ \"deploy\", \"person\" ]; service = [ \"sudo\", \"sshd\" ]; }"
finds unmatched 'an unknown agent' "${GOOD/ci-bot/cd-*}"
finds unmatched 'an account that does not exist' "${GOOD/\"deploy\"/\"nobody-here\"}"
finds shared 'ssh options for an account of people' "${GOOD/service/ssh = \"restrict\"; service}"
echo 'max_lifetime = "1h";' >/etc/nhi/nhi.conf
finds lifetime 'a lifetime above the limit of the host' "${GOOD/service/max_lifetime = \"2h\"; service}"
printf 'rules = ( %s, %s );\n' "$GOOD" "${GOOD/good\"/other\"; source = \"10.0.0.0\/8\"}" >$D/test.conf
run nhictl policy check --json
ok 'a narrower rule beside a wider one is one finding, about the narrower one' \
    json '[.findings[] | [.rule, .kind]] == [["other", "shadowed"]]'

# ---- signed here, and not issued here ----

printf 'rules = ( %s );\n' "${GOOD/\"sshd\"/[\"sshd\", \"sudo\"]}" >$D/test.conf
rm /etc/nhi/nhi.conf
nhictl apply >/dev/null
issue --out copy >/dev/null || exit 1
expect 0 'a ticket that was issued here' explain sshd copy
# As somebody with a copy of the key would make one: no ledger knows it.
sqlite3 "$LEDGER" "PRAGMA foreign_keys = off; DELETE FROM ticket_account WHERE jti = '$(nhictl ticket inspect --json copy | jq -r .ticket.jti)';
    DELETE FROM ticket WHERE jti = '$(nhictl ticket inspect --json copy | jq -r .ticket.jti)'"
expect 1 'a ticket that was not' explain sshd copy --json
ok 'is refused for that reason' json '.reason == "not-recorded"'
refused 1 'was not issued here' 'nor is it imported' nhictl import copy

# ---- an issuer whose tickets may open tasks ----

# In a ledger with the same name the key is another issuer's: what was signed here then comes from elsewhere.
issue --out open >/dev/null || exit 1
OPEN=$(nhictl ticket inspect --json open | jq -r .ticket.jti)
sqlite3 "$LEDGER" "UPDATE issuer SET own = 0, opens_tasks = 1; DELETE FROM ticket_account WHERE jti = '$OPEN';
    DELETE FROM ticket WHERE jti = '$OPEN'"
expect 0 'an open task' explain sshd open
nhictl task close build-4711 >/dev/null
expect 1 'a closed task' explain sshd open --json
ok 'stays closed for it' json '.reason == "task-closed"'
sqlite3 "$LEDGER" "UPDATE ticket SET task = 'theirs-1'; DELETE FROM task"
expect 0 'a task that this host does not know' explain sshd open
expect 0 'which is ended here' nhictl revoke --unseen --task build-4711
expect 1 'no longer opens anything' explain sshd open --json
ok 'for that reason' json '.reason == "revoked"'
finish
