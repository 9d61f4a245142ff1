#!/bin/bash
# SPDX-License-Identifier: ISC
# What ends access ends it whatever else is wrong with the host, and reports what it did not end.
# Invariants: 4, 19.
# shellcheck source=tests/e2e/lib.sh disable=SC2034 # POLICY is read by lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
POLICY=${POLICY/ci-bot\"; account/*\"; account}
nhi_up

# live N AGENT [OPTION...]: "sleep 77N" runs as agent in deploy's account, for task t-N; its ticket is in $W/t-N.
live() {
    local n=$1 agent=$2
    shift 2
    open_task "t-$n" "$agent"
    issue "$W/t-$n" "t-$n" --agent "$agent" --account deploy --service sshd "$@"
    "$SSH_TOOL" deploy reply "$W/t-$n" "exec sleep 77$n" </dev/null >/dev/null 2>&1 &
    disown
}
runs() { pgrep -f "^sleep 77$1\$" >/dev/null; }
all_run() {
    local n
    for n in "$@"; do runs "$n" || return 1; done
}

# ---- conditions that must not delay the end ----

in_ledger() { behind_its_back "update setting set $1"; }
clock_back() { in_ledger 'latest = latest + 3600'; }
clock_right() { in_ledger 'latest = latest - 3600'; }
account_gone() { cp -a /etc/passwd "$W/passwd" && sed -i '/^deploy:/d' /etc/passwd; }
account_there() { cp -a "$W/passwd" /etc/passwd; }
nss_gone() { cp /etc/nsswitch.conf "$W/nsswitch" && sed -i 's/nhi//' /etc/nsswitch.conf; }
nss_there() { cp "$W/nsswitch" /etc/nsswitch.conf; }
machine_other() { cp /etc/machine-id "$W/machine-id" && tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id; }
machine_own() { cp "$W/machine-id" /etc/machine-id; }
renamed() { in_ledger "host = 'x' || host"; }
named() { in_ledger 'host = substr(host, 2)'; }
nobody_watches() { rm -f /run/nhi/watch; }
somebody_watches() { beat_at "$(uptime_now)"; }

n=10
# each_ends WHAT BREAK MEND: every verb, while the supervisor is stopped.
each_ends() {
    local what=$1 k=$n
    n=$((n + 10))
    must nhictl agent add "r$k-bot" --owner ops@example.org --purpose x --review-by 2099-06-30
    live "$((k + 1))" ci-bot
    live "$((k + 2))" ci-bot
    live "$((k + 3))" ci-bot
    live "$((k + 4))" other-bot
    live "$((k + 5))" "r$k-bot"
    live "$((k + 6))" ci-bot
    eventually all_run $((k + 1)) $((k + 2)) $((k + 3)) $((k + 4)) $((k + 5)) $((k + 6)) || note 'not all are in'
    in_ledger 'host = host'
    "$2"
    ended "$what: revoke --ticket" $((k + 1)) nhictl revoke --ticket "$(jti_of "$W/t-$((k + 1))")"
    ended "$what: revoke --task" $((k + 2)) nhictl revoke --task "t-$((k + 2))"
    ended "$what: task close" $((k + 3)) nhictl task close "t-$((k + 3))"
    ended "$what: agent suspend" $((k + 4)) nhictl agent suspend other-bot
    ended "$what: agent retire" $((k + 5)) nhictl agent retire "r$k-bot"
    runs $((k + 6))
    ok $? "$what: no other has ended"
    ended "$what: lockdown on" $((k + 6)) nhictl lockdown on
    "$3"
    let_go
    must nhictl lockdown off
    must nhictl agent resume other-bot
}
# ended NAME N COMMAND...: when it returns, no process is left.
ended() {
    local name=$1 k=$2
    shift 2
    capture timeout 60 "$@"
    is "$RC $(pgrep -fc "^sleep 77$k\$")" '0 0' "$name ends it before it returns" || note "$OUT $ERR"
}

each_ends 'the clock went back' clock_back clock_right
each_ends 'the account is gone' account_gone account_there
each_ends 'nhi was taken out of nsswitch.conf' nss_gone nss_there
each_ends 'another machine-id' machine_other machine_own
each_ends 'the host was renamed' renamed named
each_ends 'no supervisor runs' nobody_watches somebody_watches

# By itself, at its expiry.
expires() { # expires NAME N BREAK MEND
    live "$2" ci-bot --ttl 15s
    eventually runs "$2"
    "$3"
    let_go
    wait_out "$W/t-$2"
    eventually eval "! runs $2"
    ok $? "$1: its ticket expires, and it ends"
    "$4"
    let_go
}
expires 'the clock went back' 91 clock_back clock_right
expires 'the account is gone' 92 account_gone account_there
expires 'another machine-id' 93 machine_other machine_own

finish
