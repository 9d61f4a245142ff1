#!/bin/bash
# SPDX-License-Identifier: ISC
# --help of every command, and its example.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

TREE=$(cd "$(dirname "$SCRIPT")/../.." && pwd)
mapfile -t COMMANDS < <(verbs)
ok 'the overview lists every command' test "${#COMMANDS[@]}" -ge 24
for command in "${COMMANDS[@]}"; do
    # shellcheck disable=SC2086 # noun and verb are two words
    expect 0 "$command --help" nhictl $command --help
    ok "$command --help is 100 columns wide at most" test "$(sed -n '/^  --/p' .out | wc -L)" -le 100
    ok "$command --help names --json" said --json
    page=nhictl-${command%% *}
    ok "$command --help names its page" said "manual: $page(8)"
    ok "that page exists: $page" compgen -G "$TREE/nhictl/*/$page.8"
    cp .out "help"
    # shellcheck disable=SC2086
    expect 0 "help $command" nhictl help $command
    ok "help $command is the same" cmp help .out
    ok "$command --help has an example" test -n "$(example_of "$command")"
done

# The examples. They are run in the order of the list below, so that each finds what it needs. Examples that are not in
# the list need only an agent, a task and a ticket.
EXAMPLES=
example() {
    local line
    line=$(example_of "${1/-/ }")
    EXAMPLES+=" $1 "
    case "$1" in
    # No event is that old here. The supervisor may be sending events to the log at this moment.
    audit-archive) line=${line/1 year ago/now} && line="$line || { sleep 2; $line; }" ;;
    # Nothing is installed here.
    setup) line="LD_LIBRARY_PATH=$BUILD $line" ;;
    # It runs until it gets a signal, once it listens for signals.
    audit-follow) line="\"\$BUILD/\"$line & until_it_listens \$!; kill -TERM \$!; wait \$!" ;;
    esac
    expect "${2:-0}" "example of $1: $line" eval "$line"
}
until_it_listens() {
    until [[ $(readlink /proc/"$1"/fd/* 2>/dev/null) == *signalfd* ]]; do sleep 0.02; done
}
example init
KID=$(nhictl key list --json | jq -r '.keys[0].kid')
example setup
echo 'rules = ( { effect = "permit"; agent = "ci-bot"; account = "deploy"; service = [ "sshd", "sudo" ]; } );' \
    >/etc/nhi/policy.d/a.conf
example apply
nhictl apply >/dev/null
example agent-add
example agent-export
example agent-import
start_watch
# A second supervisor would do everything twice.
example watch 1
example task-open
example issue
# The ID of a ticket may begin with a dash, for which the examples are not written.
JTI=-
while [[ $JTI == -* ]]; do
    run issue
    printf '%s\n' "$OUT" >ticket.txt
    JTI=$(nhictl ticket inspect ticket.txt --json | jq -r .ticket.jti)
done
mkdir -p /var/lib/prometheus/node-exporter
mkdir policy.d
echo 'rules = ( { effect = "permit"; agent = "a"; account = "b"; service = "c"; } );' >policy.d/a.conf
echo 'tests = ( { agent = "a"; task = "t"; account = "b"; service = "c"; expect = "permit"; } );' >requests.conf
example key-add
# Everything exists now, and nothing has ended yet: runs the examples that have no line of their own here.
for command in "${COMMANDS[@]}"; do
    grep -qx "example ${command/ /-}\( [0-9]*\)\?" "$SCRIPT" || example "${command/ /-}"
done
# The command runs as the agent's account, which this machine cannot resolve without our NSS module.
example run 125
# This shell has no session keyring with a ticket, either.
example askpass 1
# Nobody has logged in.
example session-show 1
example session-kill 1
example session-end
example lockdown-on
example lockdown-status
example lockdown-off
example agent-suspend
example agent-resume
example owner-offboard
example owner-return
example agent-transfer
# nhi is not set up on this machine.
example doctor 1
# There is no terminal to type a passphrase at.
export CREDENTIALS_DIRECTORY=/run/t/creds
install -d -m 700 creds && install -m 600 <(echo 'correct horse') creds/nhi.passphrase
example key-protect
example key-unprotect
unset CREDENTIALS_DIRECTORY
example key-move
example key-rotate
example key-retire
example key-revoke
example task-close
example revoke
example agent-retire
example audit-head
example audit-verify
example audit-archive
example audit-follow
example backup
example restore
for command in "${COMMANDS[@]}"; do
    ok "the example of $command was run" test "${EXAMPLES#* "${command/ /-}" }" != "$EXAMPLES"
done

refused 2 'no command' 'an unknown command' nhictl agent ad
ok 'the nearest command is suggested' complained 'try: nhictl agent add'
refused 2 'no command' 'an unknown word' nhictl xyzzy
refused 2 'no command' 'help for an unknown word' nhictl help xyzzy
expect 0 'help for a noun' nhictl help agent
ok 'help for a noun lists its verbs, and names its page' said 'Manual: nhictl-agent(8)'
expect 2 'no command at all' nhictl
expect 2 'a noun alone' nhictl agent
ok 'a noun alone lists its verbs' complained 'agent retire'
expect 0 'a noun with --help' nhictl agent --help
ok 'a noun with --help lists its verbs' said 'agent retire'
refused 2 'unknown option --colour' 'an unknown option' nhictl agent list --colour
refused 2 'cannot be shortened: write --all' 'a shortened option' nhictl task list --al
refused 2 'given twice' 'an option that is given twice' nhictl revoke --task a --task b
refused 2 'needs a value' 'an option without its value' nhictl revoke --task
refused 2 "unexpected argument 'b'" 'one operand too many' nhictl agent show a b
refused 2 'missing' 'a missing operand' nhictl agent show
finish
