#!/bin/bash
# SPDX-License-Identifier: ISC
# --help of every command, and the example in it.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

TREE=$(cd "$(dirname "$SCRIPT")/../.." && pwd)
nhictl --help >overview
mapfile -t COMMANDS < <(sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p' overview)
ok 'the overview lists every command' test "${#COMMANDS[@]}" -ge 24
for command in "${COMMANDS[@]}"; do
    # shellcheck disable=SC2086 # noun and verb are two words
    expect 0 "$command --help" nhictl $command --help
    ok "$command --help is 100 columns wide at most" test "$(sed -n '/^  --/p' .out | wc -L)" -le 100
    ok "$command --help names --json" said --json
    page=nhictl-${command%% *}
    ok "$command --help names its page" said "manual: $page(8)"
    ok "which exists: $page" compgen -G "$TREE/nhictl/*/$page.8"
    cp .out "help"
    # shellcheck disable=SC2086
    expect 0 "help $command" nhictl help $command
    ok "help $command is the same" cmp help .out
    [[ $OUT == *'example:'* ]] && sed -n '/^example:/{n;s/^  //;p}' .out >"example.${command/ /-}"
    ok "$command --help has an example" test -s "example.${command/ /-}"
done

# The examples, in an order in which each finds what it needs.
KID=
example() {
    local line
    line=$(sed "s/k7f3q2ma/$KID/; s/A\{22\}/$JTI/; s/replaced.*/x/; s/2027-06-30/2099-06-30/; s/2027-12-31/2099-12-31/" "example.$1")
    # The part after --reason may have lost its closing quote.
    line=${line//\'x/x}
    case "$1" in
    agent-retire) line="nhictl agent retire ci-bot --reason 'replaced'" ;;
    # Nothing here is as old as that. The supervisor may be handing events to the log at this very moment.
    audit-archive) line=${line/1 year ago/now} && line="$line || { sleep 2; $line; }" ;;
    # Nothing is installed here.
    setup) line="LD_LIBRARY_PATH=$BUILD $line" ;;
    # It goes on until it is told to end, which it hears once it listens.
    audit-follow) line="\"\$BUILD/\"$line & until_it_listens \$!; kill -TERM \$!; wait \$!" ;;
    esac
    expect "${2:-0}" "example of $1: $line" eval "$line"
}
until_it_listens() {
    until [[ $(readlink /proc/"$1"/fd/* 2>/dev/null) == *signalfd* ]]; do sleep 0.02; done
}
JTI=
example init
KID=$(nhictl key list --json | jq -r '.keys[0].kid')
example status
example setup
mkdir -p /var/lib/prometheus/node-exporter
example metrics
example complete
echo 'rules = ( { effect = "permit"; agent = "ci-bot"; account = "deploy"; service = [ "sshd", "sudo" ]; } );' \
    >/etc/nhi/policy.d/a.conf
example apply
nhictl apply >/dev/null
example agent-add
example agent-list
example adopt
example agent-export
example agent-import
example agent-show
start_watch
# A second one would do everything twice.
example watch 1
example task-open
example task-list
example task-show
example issue
printf '%s\n' "$OUT" >ticket.txt
JTI=$(nhictl ticket list --json | jq -r '.tickets[0].jti')
example ticket-list
example trace
[[ $JTI == -* ]] && JTI="-- $JTI"
example ticket-show
example ticket-inspect
example explain
example scan
example policy-check
mkdir policy.d
echo 'rules = ( { effect = "permit"; agent = "a"; account = "b"; service = "c"; } );' >policy.d/a.conf
echo 'tests = ( { agent = "a"; task = "t"; account = "b"; service = "c"; expect = "permit"; } );' >requests.conf
example policy-test
example renew
example import
# The command runs as the agent's account, which the modules under test would have to resolve.
example run 125
# Nor has this shell a session keyring with a ticket.
example askpass 1
# Nobody has logged in.
example session-list
example session-show 1
example session-kill 1
example session-end
example lockdown-on
example lockdown-status
example lockdown-off
example agent-set
example agent-suspend
example agent-resume
example agent-certify
example owner-list
example owner-offboard
example owner-return
example agent-transfer
example review
# This machine is not wired.
example doctor 1
example key-list
example key-add
example key-export
# Nobody is at the terminal.
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
example audit-key
example audit-verify
example audit-export
example audit-archive
example audit-follow
example backup
example restore
for file in example.*; do
    name=${file#example.}
    ok "the example of $name was run" grep -q "^example $name" "$SCRIPT"
done

refused 2 'no command' 'an unknown command' nhictl agent ad
ok 'the nearest command is suggested' complained 'try: nhictl agent add'
refused 2 'no command' 'an unknown word' nhictl xyzzy
refused 2 'no command' 'help for an unknown word' nhictl help xyzzy
expect 0 'help for a noun' nhictl help agent
ok 'lists its verbs, and names its page' said 'Manual: nhictl-agent(8)'
expect 2 'no command at all' nhictl
expect 2 'a noun alone' nhictl agent
ok 'a noun alone lists its verbs' complained 'agent retire'
expect 0 'a noun with --help' nhictl agent --help
ok 'it lists its verbs' said 'agent retire'
refused 2 'unknown option --colour' 'an unknown option' nhictl agent list --colour
refused 2 'cannot be shortened: write --all' 'a shortened option' nhictl task list --al
refused 2 'given twice' 'an option that is given twice' nhictl revoke --task a --task b
refused 2 'needs a value' 'an option without its value' nhictl revoke --task
refused 2 "unexpected argument 'b'" 'an operand too many' nhictl agent show a b
refused 2 'missing' 'an operand too few' nhictl agent show
finish
