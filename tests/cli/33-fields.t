#!/bin/bash
# SPDX-License-Identifier: ISC
# Each field of a rule, from the file through the ledger, a backup and a restore: none is lost, or a rule would permit
# more than was written.
# Invariant: 12.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
MANUAL=$(dirname "$(readlink -f "$0")")/../../nhictl/nhi-policy.5
. "$(dirname "$0")/lib.sh"
setup_host
stop_watch
trap - EXIT
# The fields of the table, from the message about an unknown key.
echo 'rules = ( { nonsense = 1; } );' >/etc/nhi/policy.d/test.conf
refused 1 'unknown key' 'an unknown key' nhictl policy check
read -ra FIELDS < <(sed -n 's/;.*//; s/,//g; s/ or / /; s/.*expected //p' .err)
ok 'the manual has the same keys' test "${FIELDS[*]}" = "$(sed -n 's/ ,//g; s/^\.It Li //p' "$MANUAL" | paste -sd ' ')"

# The fields that every rule below has; for the others the example of the manual is used.
NEEDED=' name effect agent account service '
example() { grep -E "^([a-z].*; )?$1 = .*;\$" "$MANUAL" | head -n 1; }
for field in "${FIELDS[@]}"; do
    says=
    [[ $NEEDED == *" $field "* ]] || says=$(example "$field")
    ok "$field is tried" test "$NEEDED$says" != "${NEEDED/ $field /}"
    echo "{ name = \"$field\"; effect = \"permit\"; agent = [ \"ci-*\", \"b\" ]; account = [ \"deploy\" ];" \
        "service = [ \"sshd\", \"sudo\" ]; $says }," >>rules
done
{
    echo 'rules = ('
    cat rules
    echo '{ name = "forbid"; effect = "forbid"; agent = "*"; account = "*"; service = "*"; task = "never"; } );'
} >/etc/nhi/policy.d/test.conf
expect 0 'a rule for each' nhictl apply
lines() { sqlite3 -readonly "$LEDGER" "SELECT name, zone, line FROM rule WHERE version = (SELECT policy FROM setting) ORDER BY name"; }
# The index by which the decision finds rules.
found() { sqlite3 -readonly "$LEDGER" "SELECT pattern, agent, account, name, zone, line FROM rule_index ORDER BY 1, 2, 3, 4"; }
lines >lines.before
found >found.before
ok 'each rule is in the ledger' test "$(wc -l <lines.before)" -ge "$((${#FIELDS[@]} + 1))"
for field in "${FIELDS[@]}"; do
    ok "$field is in the line of its rule" grep -qP "^$field\\|.*(^|\\||\t)$field=" lines.before
done

expect 0 'a backup' nhictl backup /run/t/b
rm -f "$LEDGER"*
expect 0 'and a restore' nhictl restore /run/t/b --next-uid 90000
lines >lines.after
found >found.after
ok 'the rules are the same' cmp lines.before lines.after
ok 'the index of rules is the same' cmp found.before found.after
expect 0 'apply with the same files' nhictl apply --json
ok 'apply with the same files finds no difference' json '.changed == false or (.added == [] and .removed == [] and .modified == [])'

# policy check finds a rule that others make superfluous: a table says when a value of a field covers another.
WIDE='agent = "*"; account = "*"; service = "*";'
narrow() {
    case $NEEDED in
    *" $1 "*) echo "${WIDE/$1 = \"\*\"/$1 = \"b\"}" ;;
    *) echo "$WIDE $(example "$1")" ;;
    esac
}
# covers IS OUTER INNER: whether a rule with OUTER forbids everything that a rule with INNER permits.
covers() {
    printf 'rules = ( { name = "outer"; effect = "forbid"; %s }, { name = "inner"; effect = "permit"; %s } );\n' "$2" "$3" \
        >/etc/nhi/policy.d/test.conf
    run nhictl policy check --json
    json "[.findings[] | select(.kind == \"shadowed\").rule] == $1"
}
for field in "${FIELDS[@]}"; do
    [[ $field == name || $field == effect ]] && continue
    ok "a rule without $field covers one with it" covers '["inner"]' "$WIDE" "$(narrow "$field")"
    covers '[]' "$(narrow "$field")" "$WIDE" >/dev/null 2>&1
    # A key that forbidding rules may not have is not a condition.
    complained "a rule that forbids" && continue
    ok "a rule with $field does not cover one without" covers '[]' "$(narrow "$field")" "$WIDE"
    [[ $field == max_* ]] || continue
    ten=$(narrow "$field" | sed 's/[0-9]\+/&0/')
    ok "a greater $field covers a smaller one" covers '["inner"]' "$ten" "$(narrow "$field")"
    ok "a smaller $field does not cover a greater one" covers '[]' "$(narrow "$field")" "$ten"
done
finish
