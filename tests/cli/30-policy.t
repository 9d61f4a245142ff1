#!/bin/bash
# Policy files: what is taken, and that a broken one changes nothing.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"
setup_host
D=/etc/nhi/policy.d
RULE='name = "r"; effect = "permit"; agent = "ci-bot"; account = "deploy"; service = "cron";'

rules() {
    nhictl status --json | jq .policy_rules
}

# broken WORDS WHAT TEXT: apply refuses, and says WORDS; the policy stays.
broken() {
    printf '%s\n' "$3" >$D/x.conf
    run nhictl apply
    ok "$2" was_refused 1 "$1"
    ok 'and the policy stays' test "$(rules)" = 1
    rm -f $D/x.conf
}

broken 'x.conf:2: syntax error' 'no libconfig at all' $'\nrules = ; ('
broken "x.conf:3: unknown key 'servce'" 'a misspelled key' "rules = ( {

servce = \"sshd\"; $RULE } );"
broken 'ssh: expected "restrict"' 'an option that gives' "rules = ( { ssh = \"pty\"; $RULE } );"
broken 'ssh: expected "restrict"' 'an option with a value' "rules = ( { ssh = [ \"no-pty\", \"command=id\" ]; $RULE } );"
broken 'a rule that forbids has no session' 'options of a forbid' "rules = ( { ssh = \"restrict\"; ${RULE/permit/forbid} } );"
broken 'pin: expected "refuse" or "record"' 'another pin' "pin = \"no\"; rules = ( { $RULE } );"
echo 'pin = "refuse";' >$D/w.conf
broken 'pin is set twice' 'two pins' "pin = \"record\"; rules = ( { $RULE } );"
rm $D/w.conf
broken "unknown setting 'rule'" 'a misspelled setting' "rule = ( { $RULE } );"
broken 'effect is missing' 'no effect' 'rules = ( { agent = "a"; account = "b"; service = "c"; } );'
broken 'expected "permit" or "forbid"' 'another effect' "rules = ( { ${RULE/permit/allow} } );"
broken 'expected "permit" or "forbid"' 'an effect that is no text' "rules = ( { ${RULE/\"permit\"/1} } );"
broken 'agent is missing' 'no agent' 'rules = ( { effect = "permit"; account = "b"; service = "c"; } );'
broken 'account is missing' 'no account' 'rules = ( { effect = "permit"; agent = "b"; service = "c"; } );'
broken 'service is missing' 'no service' 'rules = ( { effect = "permit"; agent = "b"; account = "c"; } );'
broken 'matches nobody' 'an empty array' "rules = ( { ${RULE/\"deploy\"/[]} } );"
broken 'not a well-formed name' 'an empty name' "rules = ( { ${RULE/\"deploy\"/\"\"} } );"
broken 'not a well-formed name' 'a wildcard' "rules = ( { ${RULE/\"deploy\"/\"*\"} } );"
broken 'not a well-formed name' 'two names in one' "rules = ( { ${RULE/\"deploy\"/\"deploy person\"} } );"
broken 'expected a name in quotes' 'a number' "rules = ( { ${RULE/\"deploy\"/[1, 2]} } );"
broken 'expected a name in quotes' 'a list' "rules = ( { ${RULE/\"deploy\"/(\"deploy\")} } );"
broken 'is there twice' 'a name twice' "rules = ( { ${RULE/\"deploy\"/[\"deploy\", \"deploy\"]} } );"
broken "is another rule's (x.conf:1)" 'a rule name twice' "rules = ( { $RULE },
{ $RULE } );"
broken "is another rule's (test.conf:1)" 'a rule name of another file' "rules = ( { ${RULE/\"r\"/\"deploy\"} } );"
broken 'name: expected' 'a rule name with a space' "rules = ( { ${RULE/\"r\"/\"a b\"} } );"
broken 'rules: expected a list' 'rules that are no list' 'rules = { };'
broken 'rules: expected {' 'a rule that is no group' 'rules = ( "permit" );'
broken 'out of reach' 'root' "rules = ( { ${RULE/\"deploy\"/\"root\"} } );"
broken 'privileged (sudo)' 'a member of sudo' "rules = ( { ${RULE/\"deploy\"/\"boss\"} } );"
broken '@include' 'an include' $'@include "other.conf"\n'
broken 'nested more than 16' 'deep nesting' "rules = $(printf '(%.0s' {1..17})$(printf ')%.0s' {1..17});"
broken 'nested more than 16' 'nesting as deep as a megabyte goes' "a = $(head -c 900000 /dev/zero | tr '\0' '(')"
broken 'syntax error' 'a text that does not end' 'rules = ( { name = "'
printf 'rules = ();\0\n' >$D/x.conf
refused 1 'zero byte' 'a zero byte' nhictl apply
head -c 1048577 /dev/zero | tr '\0' '#' >$D/x.conf
refused 1 'larger than 1 MiB' 'a file that is too large' nhictl apply
printf 'rules = ( { %s } );\n' "$RULE" >$D/x.conf
chmod 0666 $D/x.conf
refused 1 'only root can write' 'a file that others can write' nhictl apply
chmod 0644 $D/x.conf
chown 4002 $D/x.conf
refused 1 'only root can write' 'a file that is not root'"'"'s' nhictl apply
rm $D/x.conf
ln -s /etc/hostname $D/x.conf
refused 1 'only root can write' 'a symbolic link' nhictl apply
rm $D/x.conf
mkfifo $D/x.conf
refused 1 'only root can write' 'a FIFO, without waiting for it' nhictl apply
rm $D/x.conf
chmod 0777 $D
refused 1 'changed by others' 'a directory that others can write' nhictl apply
chmod 0755 $D
ok 'after all of this the policy is the old one' test "$(rules)" = 1

printf '%s\n' '# a comment (((((((((((((((((((' '/* and { { { { { { { { { { { { { { { { { another */' \
    'rules = ( { effect = "forbid"; agent = ["a","b"]; account = "deploy"; service = "cron"; },' \
    '{ name = "other ( [ {"; effect = "permit"; agent = "c"; account = "d"; service = "e"; } );' \
    | sed 's/other ( \[ {/other([{/' >$D/x.conf
echo 'rules = ( { nonsense' >$D/not-read.txt
echo 'rules = ( { nonsense' >$D/.hidden.conf
expect 0 'comments, brackets in names, a rule without a name' nhictl apply
ok 'a rule without a name is called by its place' said '+ forbid x.conf:3: agent a b'
ok 'rules are counted' test "$(rules)" = 3
rm $D/x.conf
expect 0 'apply --dry-run of what was removed' nhictl apply --dry-run
ok 'it lists what would go' said '- forbid x.conf:3'
ok 'and keeps it' test "$(rules)" = 3
rm $D/test.conf
expect 0 'apply of nothing' nhictl apply --json
ok 'nothing is permitted any more' json '.rules == 0 and (.removed | length == 3)'
rmdir $D 2>/dev/null || rm -rf $D
refused 3 'no directory' 'no policy directory' nhictl apply
finish
