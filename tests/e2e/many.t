#!/bin/bash
# SPDX-License-Identifier: ISC
# revoke --from: every session that a line names has ended when it returns, and no other; one that obeys no signal does
# not keep what later lines name in force.
# Invariants: 4, 19.
# shellcheck source=tests/e2e/lib.sh disable=SC2034 # POLICY is read by lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
POLICY=${POLICY/ci-bot\"; account/*\"; account}
nhi_up

# live N COMMAND: it runs as ci-bot in deploy's account, for task t-N; its ticket is in $W/t-N.
live() {
    open_task "t-$1" ci-bot
    issue "$W/t-$1" "t-$1" --account deploy --service sshd
    "$SSH_TOOL" deploy reply "$W/t-$1" "$2" </dev/null >/dev/null 2>&1 &
    disown
}
runs() { pgrep -f "^sleep 78$1\$" >/dev/null; }
all_run() {
    local n
    for n in "$@"; do runs "$n" || return 1; done
}
running() { pgrep -fa '^sleep 78[0-9]$' | sed 's/.* 78//' | sort | paste -sd' '; }

live 1 "trap '' TERM HUP; sleep 781; sleep 781; sleep 781"
for n in 2 3 4; do live $n "exec sleep 78$n"; done
eventually all_run 1 2 3 4
ok $? 'four sessions'
printf '%s\n' "--ticket $(jti_of "$W/t-1")" '# the next' "--ticket $(jti_of "$W/t-2")" '--task t-3' >"$W/ends"
nhictl revoke --from "$W/ends" --reason leaked --json >"$W/answer" 2>"$W/err" &
pid=$!
all_answered() { [ "$(grep -c held_in "$W/answer")" = 3 ]; }
eventually all_answered
ok $? 'each is in force'
capture nhictl ticket inspect "$W/t-2"
is "$RC" 1 'a ticket that a later line names opens nothing'
wait $pid
is "$? $(running)" '0 4' 'when it returns, the sessions that were named have ended, and no other' || note "$(cat "$W/answer" "$W/err")"
is "$(tail -n 1 "$W/answer" | jq -c '[.done, .refused, .sessions.ended, .sessions.left]')" '[3,0,3,0]' 'which the last answer has'
finish
