# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Rows of one decision beside a million revocations and past tickets, 100,000 live ones, many groups and rules of others,
# and of what reports on such a ledger.
# shellcheck source=tests/bench/lib.sh

GROUPS_MANY=10000
RULES_MANY=9996 # with ours, at most 10,000

# decide NAME: one PAM cycle by a new ticket, and its instructions
decide() {
    issue "$W/scale" build-1
    in_turn 20 <<END
$1 $CYCLE -c $STACKS/ours -f $FROM -r $W/scale sshd ci-bot
END
    count "$1" "$CYCLE" -c "$STACKS/ours" -f "$FROM" -r "$W/scale" sshd ci-bot
}

rows_scale() {
    local name
    for name in empty revoked past live; do
        progress "a decision: $name"
        use_fixture "$name"
        decide "scale.$name"
        [ "$name" != past ] || report_on past
    done
    progress 'a decision: groups, rules'
    use_fixture empty
    many_groups decide scale.groups
    many_rules
    decide scale.rules
    rm /etc/nhi/policy.d/many*.conf
    must nhictl apply
    use_fixture tasks
    report_on tasks
    use_fixture events
    progress 'trace'
    in_turn 2 <<END
trace nhictl trace --agent ci-bot
END
}

# many_groups COMMAND...: in a private copy of the machine /etc/group may be anything
many_groups() {
    cp -p /etc/group "$W/group"
    seq "$GROUPS_MANY" | awk '{ print "bench" $1 ":x:" 300000 + $1 ":alice" }' >>/etc/group
    "$@"
    cat "$W/group" >/etc/group
}

# A file of rules may have 1 MiB.
many_rules() {
    local file per=2499
    for ((file = 0; file * per < RULES_MANY; file++)); do
        seq "$((file * per + 1))" "$(((file + 1) * per))" | awk '
            BEGIN { print "rules = (" }
            { print between "{ name = \"r" $1 "\"; effect = \"permit\"; agent = \"agent-" $1 "\"; account = \"deploy\";" \
                " service = [ \"sshd\" ]; }"; between = "," }
            END { print ");" }' >"/etc/nhi/policy.d/many$file.conf"
    done
    must nhictl apply
}

# report_on NAME: what status and metrics take
report_on() {
    progress "status and metrics: $1"
    in_turn 10 <<END
status.$1 nhictl status
metrics.$1 nhictl metrics
END
}
