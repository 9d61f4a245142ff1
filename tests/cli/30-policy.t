#!/bin/bash
# SPDX-License-Identifier: ISC
# Policy files: what is accepted, and that a broken file changes nothing.
# Invariant: 9.
# shellcheck disable=SC2119,SC2317
MANUALS=$(cd "$(dirname "$0")/../../nhictl" && pwd)
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
setup_host
D=/etc/nhi/policy.d
RULE='name = "r"; effect = "permit"; agent = "ci-bot"; account = "deploy"; service = "cron";'

rules() {
    nhictl status --json | jq .policy_rules
}

# broken WORDS WHAT TEXT: apply refuses with WORDS, and the policy stays.
broken() {
    printf '%s\n' "$3" >$D/x.conf
    run nhictl apply
    ok "$2" was_refused 1 "$1"
    ok 'and the policy stays' test "$(rules)" = 1
    rm -f $D/x.conf
}

broken 'x.conf:2: syntax error' 'text that is not libconfig at all' $'\nrules = ; ('
broken "x.conf:3: unknown key 'servce'" 'a misspelled key' "rules = ( {

servce = \"sshd\"; $RULE } );"
broken 'ssh: expected "restrict"' 'an option that gives' "rules = ( { ssh = \"pty\"; $RULE } );"
broken 'ssh: expected "restrict"' 'an option with a value' "rules = ( { ssh = [ \"no-pty\", \"command=id\" ]; $RULE } );"
broken 'a rule that forbids opens no session' 'ssh options in a rule that forbids' "rules = ( { ssh = \"restrict\"; ${RULE/permit/forbid} } );"
broken "unknown setting 'rule'" 'a misspelled setting' "rule = ( { $RULE } );"
broken 'effect is missing' 'no effect' 'rules = ( { agent = "a"; account = "b"; service = "c"; } );'
broken 'expected "permit" or "forbid"' 'another effect' "rules = ( { ${RULE/permit/allow} } );"
broken 'expected "permit" or "forbid"' 'an effect that is not text' "rules = ( { ${RULE/\"permit\"/1} } );"
broken 'agent is missing' 'no agent' 'rules = ( { effect = "permit"; account = "b"; service = "c"; } );'
broken 'account is missing' 'no account' 'rules = ( { effect = "permit"; agent = "b"; service = "c"; } );'
broken 'service is missing' 'no service' 'rules = ( { effect = "permit"; agent = "b"; account = "c"; } );'
broken 'matches nobody' 'an empty array' "rules = ( { ${RULE/\"deploy\"/[]} } );"
broken 'not a well-formed name' 'an empty name' "rules = ( { ${RULE/\"deploy\"/\"\"} } );"
broken 'not a well-formed name' 'a pattern for an account' "rules = ( { ${RULE/\"deploy\"/\"dep*\"} } );"
broken 'not a well-formed name' 'all accounts and one' "rules = ( { ${RULE/\"deploy\"/[\"*\", \"deploy\"]} } );"
broken 'not a well-formed name' 'two names in one text' "rules = ( { ${RULE/\"deploy\"/\"deploy person\"} } );"
broken 'expected text in quotes' 'a number' "rules = ( { ${RULE/\"deploy\"/[1, 2]} } );"
broken 'expected text in quotes' 'a list' "rules = ( { ${RULE/\"deploy\"/(\"deploy\")} } );"
broken 'given twice' 'a name twice' "rules = ( { ${RULE/\"deploy\"/[\"deploy\", \"deploy\"]} } );"
broken "another rule has the name 'r' (x.conf:1)" 'a rule name twice' "rules = ( { $RULE },
{ $RULE } );"
broken "another rule has the name 'deploy' (test.conf:1)" 'a rule name of another file' "rules = ( { ${RULE/\"r\"/\"deploy\"} } );"
broken 'name: expected' 'a rule name with a space' "rules = ( { ${RULE/\"r\"/\"a b\"} } );"
broken 'rules: expected a list' 'rules that are not a list' 'rules = { };'
broken 'rules: expected {' 'a rule that is not a group' 'rules = ( "permit" );'
broken 'no ticket and no rule may name root' 'root' "rules = ( { ${RULE/\"deploy\"/\"root\"} } );"
broken 'privileged (sudo)' 'a member of sudo' "rules = ( { ${RULE/\"deploy\"/\"boss\"} } );"
broken 'x.conf:2: @include' 'an include' $'\n@include "other.conf"\n'
broken "x.conf:2: syntax error: expected '}' to close the bracket on this line" 'a missing final brace' $'rules = (\n{ effect = "permit";\n'
broken "x.conf:3: syntax error: expected ']' to match the bracket on line 2, found ')'" 'an array without an end' $'rules = (\n{ agent = [ "a"\n) };'
broken "x.conf:2: syntax error: nothing is open that '}'" 'a brace too many' $'rules = ( );\n};'
broken 'x.conf:2: syntax error: expected a quotation mark' 'text without a closing quotation mark' $'\nrules = ( { name = "x; } );\n'
broken 'x.conf:2: syntax error: expected */' 'a comment without an end' $'\n/* rules = ( );\n'
broken 'x.conf:1: syntax error: expected KEY = VALUE' 'no equals sign' 'rules ( );'
broken 'x.conf:10000: more than 10000 rules' 'one rule too many' \
    "rules = ( $(printf '{effect="permit";agent="a%s";account="b";service="c";},\n' {1..10001} | sed '$s/,$/ );/')"
broken 'nested more than 16' 'deep nesting' "rules = $(printf '(%.0s' {1..17})$(printf ')%.0s' {1..17});"
broken 'nested more than 16' 'nesting as deep as a megabyte permits' "a = $(head -c 900000 /dev/zero | tr '\0' '(')"
broken 'x.conf:1: syntax error' 'text without an end' 'rules = ( { name = "'
# Conditions.
condition() { broken "$1" "$2" "rules = ( { $3 $RULE } );"; }
condition 'source: ' 'a name as a source' 'source = "host.example.org";'
condition 'source: ' 'bits after the prefix' 'source = "10.0.0.1/8";'
condition 'source: ' 'a prefix that is too long' 'source = "10.0.0.0/33";'
condition 'source: ' 'IPv6 with such bits' 'source = "2001:db8::1/32";'
condition 'source: an empty list' 'no source' 'source = [];'
condition 'days: ' 'no day' 'days = "someday";'
condition 'days: ' 'half a range' 'days = "mon-";'
condition 'hours: ' 'no span' 'hours = "8-18";'
condition 'hours: ' 'an hour too many' 'hours = "08:00-24:01";'
condition 'hours: ' 'an empty span' 'hours = "08:00-08:00";'
condition 'zone: given without days or hours' 'a zone without hours' 'zone = "UTC";'
condition "zone: this host does not know 'Nowhere/City'" 'a zone that does not exist' 'hours = "08:00-18:00"; zone = "Nowhere/City";'
condition 'zone: expected a name' 'a path as a zone' 'hours = "08:00-18:00"; zone = "../../etc/passwd";'
condition 'bound: expected "key"' 'another binding' 'bound = "hand";'
condition 'max_lifetime: expected a time span' 'a number as a span' 'max_lifetime = 900;'
condition 'max_uses: expected a number from 1' 'no uses' 'max_uses = 0;'
condition 'max_uses: expected a number from 1' 'a number beyond 32 bits' 'max_uses = 4294967297L;'
# Which a newer libconfig refuses itself.
condition 'x.conf:1: ' 'a number beyond 64 bits' 'max_uses = 99999999999999999999;'
condition 'max_uses: expected a number from 1' 'half a use' 'max_uses = 0.5;'
condition 'max_sessions: expected a number' 'a negative number' 'max_sessions = -1;'
condition 'owner: expected an owner' 'an owner with a line end' 'owner = "a\nb";'
condition 'duplicate setting name' 'a key twice' 'task = "a"; task = "b";'
broken 'a rule that forbids grants nothing to count' 'a cap in a rule that forbids' "rules = ( { max_sessions = 1; ${RULE/permit/forbid} } );"

# Settings.
setting() {
    printf '%s\n' "$3" >/etc/nhi/nhi.conf
    run nhictl apply
    ok "$2" was_refused 1 "$1"
    rm -f /etc/nhi/nhi.conf
}
setting 'pin: expected "refuse" or "record"' 'another pin' 'pin = "no";'
setting 'duplicate setting name' 'two pins' $'pin = "refuse";\npin = "record";'
setting 'head_every: at most "7d"' 'heads too far apart' 'head_every = "8d"';
setting 'denials_every: at most "7d"' 'counts too far apart' 'denials_every = "8d"';
setting 'warn: at most "1h"' 'a warning a day before the end' 'warn = "1d";'
setting "nhi.conf:2: unknown setting 'pine'" 'a misspelled setting of the host' $'\npine = "refuse";'
setting 'host differs from the value given to nhictl init (testhost' 'another name of the host' 'host = "other";'
setting 'uid_min differs from the value' 'another range' 'uid_min = 70000;'
setting 'max_lifetime: expected a time span' 'no lifetime' 'max_lifetime = "0s";'
chmod 0777 /etc/nhi
refused 1 'users other than root can change' 'a directory of settings that other users can write' nhictl apply
chmod 0755 /etc/nhi

printf '\nrules = ();\0\n' >$D/x.conf
refused 1 'x.conf:2: zero byte in the file' 'a zero byte' nhictl apply
head -c 1048577 /dev/zero | tr '\0' '#' >$D/x.conf
refused 1 'larger than 1 MiB' 'a file that is too large' nhictl apply
printf 'rules = ( { %s } );\n' "$RULE" >$D/x.conf
chmod 0666 $D/x.conf
refused 1 'only root can write' 'a file that other users can write' nhictl apply
chmod 0644 $D/x.conf
chown 4002 $D/x.conf
refused 1 'only root can write' 'a file that is not root'"'"'s' nhictl apply
rm $D/x.conf
mkdir $D/x.conf
refused 1 'x.conf: expected a regular file' 'a directory' nhictl apply
rmdir $D/x.conf
mv $D $D.real
mkdir /run/theirs
chown 4002 /run/theirs
ln -s /run/theirs $D
refused 1 'users other than root can change' 'a symbolic link to a directory of another user' nhictl apply
rm $D
mv $D.real $D
ln -s /etc/hostname $D/x.conf
refused 1 'only root can write' 'a symbolic link' nhictl apply
rm $D/x.conf
mkfifo $D/x.conf
refused 1 'only root can write' 'a FIFO, without waiting for it' nhictl apply
rm $D/x.conf
chmod 0777 $D
refused 1 'users other than root can change' 'a directory that other users can write' nhictl apply
chmod 0755 $D
ok 'after all of this the policy is still the old one' test "$(rules)" = 1

printf '%s\n' '# a comment (((((((((((((((((((' '/* and { { { { { { { { { { { { { { { { { another */' \
    'rules = ( { effect = "forbid"; agent = ["a","b"]; account = "deploy"; service = "cron"; },' \
    '{ name = "other ( [ {"; effect = "permit"; agent = "c"; account = "d"; service = "e"; } );' \
    | sed 's/other ( \[ {/other([{/' >$D/x.conf
echo 'rules = ( { nonsense' >$D/not-read.txt
echo 'rules = ( { nonsense' >$D/.hidden.conf
expect 0 'comments, brackets in names, a rule without a name' nhictl apply
ok 'a rule without a name is named by its place' said '+ forbid x.conf:3: agent a b'
ok 'rules are counted' test "$(rules)" = 3
rm $D/x.conf
expect 0 'apply --dry-run of what was removed' nhictl apply --dry-run
ok 'it lists what would be removed' said '- forbid x.conf:3'
ok 'and keeps it' test "$(rules)" = 3
# What takes most away needs --force.
for _ in 1 2 3; do nhictl issue --agent ci-bot --task build-4711 --account deploy --service sshd >/dev/null; done
nhictl issue --agent ci-bot --task build-4711 --account ci-bot --service sudo >/dev/null
cp $D/test.conf kept.conf
sed -i 's/"sshd", *"sudo"/"sudo"/' $D/test.conf
live=$(nhictl ticket list --json | jq '.tickets | length')
refused 1 "live tickets" 'most tickets would open nothing any more' nhictl apply
ok 'says how many' grep -qE "of $live live tickets [0-9]+ open nothing any more" <<<"$ERR"
expect 0 'it can be looked at' nhictl apply --dry-run
ok 'with each of them' test "$(grep -c 'loses account deploy through sshd' .out)" -ge 3
ok 'nothing has changed' test "$(nhictl ticket list --json | jq '.tickets | length')" = "$live"
cp kept.conf $D/test.conf
nhictl revoke --agent ci-bot >/dev/null

# The manuals' own examples.
example() { sed -n '/^\.Bd -literal -offset indent$/,/^\.Ed/{//!p}' "$MANUALS/$1"; }
example nhi-policy.5 >$D/x.conf
example nhi.conf.5 >/etc/nhi/nhi.conf
expect 0 'the examples of the manuals' nhictl apply
ok 'all of their rules' test "$(rules)" = 4
ok 'one that names only an owner' said '+ permit nightly: owner "ops@example.org", account *,'
ok 'in words' said '+ permit release: agent ci-*, task CHG-*, account deploy, service sshd sudo, source 10.20.0.0/16 2001:db8:20::/48, days mon tue wed thu fri, hours 08:00-18:00 Europe/Berlin, max_lifetime 3600s, ssh no-agent-forwarding'
expect 0 'the same again' nhictl apply --json
ok 'changes nothing' json '.changed == false and .added == [] and .removed == [] and .max_lifetime == 28800'
rm $D/x.conf /etc/nhi/nhi.conf

# Changes are shown before they are made. Everything except the mark of the latest time that the ledger has seen,
# which moves with the clock.
state() {
    find /var/lib/nhi /etc/nhi -type f ! -name 'ledger.db*' -exec sha256sum {} + | sort
    sqlite3 -readonly /var/lib/nhi/ledger.db .dump | grep -v '^INSERT INTO setting'
    sqlite3 -readonly -line /var/lib/nhi/ledger.db 'SELECT * FROM setting' | grep -v '^ *latest ='
}
nhictl apply >/dev/null
cp $D/test.conf test.conf
sed -i 's/"sudo"/"su"/' $D/test.conf
echo 'max_lifetime = "1h"; pin = "record"; head_every = "2h"; denials_every = "5m";' >/etc/nhi/nhi.conf
# The last program to close the ledger empties its log: the supervisor at any time, and any verb that reads.
kill -STOP "$WATCH"
until grep -q '^State:.T' "/proc/$WATCH/status"; do sleep 0.02; done
nhictl status >/dev/null
state >before
expect 0 'apply --dry-run of a rule that is changed' nhictl apply --dry-run
ok 'it shows both forms' said '- permit deploy: agent ci-bot' && said '+ permit deploy: agent ci-bot'
ok 'it is neither new nor removed' said '0 added, 0 removed, 1 changed'
ok 'settings, too' said '~ max_lifetime: 1h, now none'
ok 'each' said '~ pin: record, now refuse'
expect 0 'as JSON' nhictl apply --dry-run --json
ok 'with all members' json '.added == [] and .removed == [] and .modified == ["deploy"] and
    .settings == ["max_lifetime", "pin", "head_every", "denials_every"] and .changed and .dry_run'
state >after
kill -CONT "$WATCH"
ok 'nothing on the disk has changed' cmp before after
diff before after | sed 's/^/# /'
cp test.conf $D/test.conf
rm /etc/nhi/nhi.conf
# A ticket that the host's settings no longer permit also loses its accounts and services.
issue --ttl 30m --out t >/dev/null || exit 1
echo 'max_lifetime = "15m";' >/etc/nhi/nhi.conf
expect 0 'a limit of the host below the lifetime of a ticket' nhictl apply --dry-run --json
ok 'is shown as a loss' json '.modified == [] and (.loses | length > 0)'
rm /etc/nhi/nhi.conf

rm $D/test.conf
refused 1 'this removes every rule (there are 1), and nothing is permitted any more' 'apply of nothing' nhictl apply
ok 'which shows it first' complained 'try: nhictl apply --dry-run, then nhictl apply --force'
expect 0 'and of nothing with --force' nhictl apply --force --json
ok 'nothing is permitted any more' json '.rules == 0 and .removed == ["deploy"]'
rmdir $D 2>/dev/null || rm -rf $D
refused 3 'no directory' 'no policy directory' nhictl apply
finish
