#!/bin/bash
# SPDX-License-Identifier: ISC
# What is published, the ledger and the files beside it: missing, empty, corrupt or not root's alone. What a decision
# needs denies agents, with a reason; what it does not need changes nothing; and a person's password, key and sudo work.
# Repaired, everything is as before.
# Invariants: 1, 18.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
open_task build-1
issue "$W/ticket" build-1 --ttl 1h
issue "$W/deploy" build-1 --account deploy --ttl 1h
ssh_as ci-bot reply "$W/wrong" id
WRONG=$ERR

# Files are changed while the supervisor is stopped with none of them open: otherwise what is copied, broken or put
# back could be half written. The supervisor must survive all of this.
is_stopped() { [ "$(ps -o stat= -p "$WATCH" | cut -c 1)" = T ]; }
holds_nothing() {
    kill -STOP "$WATCH" || bail 'the supervisor is gone'
    eventually is_stopped
    [ -z "$(find "/proc/$WATCH/fd" \( -lname "$STATE*" -o -lname /run/nhi/state.lock \))" ] || ! kill -CONT "$WATCH"
}
stand_still() { eventually holds_nothing || bail 'the supervisor is busy without end'; }
stand_still
cp -a "$STATE" "$W/saved"
let_go
mend() {
    stand_still
    rm -rf "$STATE"
    cp -a "$W/saved" "$STATE"
    # Since then there were only denials: the host must not count that against the ledger.
    rm -f /run/nhi/mark
    let_go
    # Otherwise the next denial could be for what it has not yet seen repaired.
    eventually watch_sees || bail 'the supervisor does not see what is mended'
}

agents_refused() {
    local shared
    mark_log
    ssh_bg deploy reply "$W/deploy" id
    shared=$!
    ssh_as ci-bot reply "$W/ticket" id
    is "$RC$ERR" "255$WRONG" "$1: an agent is denied as with a wrong password"
    has_logged "pam_nhi\\(sshd:auth\\): denied: reason=$2 account=ci-bot" "$1: reason=$2"
    # Whether a record can be written is known only by writing it.
    explained "${2/record/permit}" "$W/ticket" ci-bot "$1: explain shows the same"
    wait "$shared"
    is "$?" 255 "$1: on a shared account, too"
    capture as ci-bot sudo -n /usr/bin/true
    unlike "$RC" '^0$' "$1: and in sudo with NOPASSWD"
}

# broken NAME REASON SHELL: after SHELL, run in the state directory.
broken() {
    stand_still
    (cd "$STATE" && eval "$3") || bail "$3"
    let_go
    agents_refused "$1" "$2"
    people_work "$1"
    mend
}

# Logins do not read the ledger. What is wrong with it is the supervisor's matter, without which agents are denied.
# beside NAME SHELL: after SHELL, run in the state directory.
beside() {
    stand_still
    (cd "$STATE" && eval "$2") || bail "$2"
    ssh_as ci-bot reply "$W/ticket" 'sudo -n id -u'
    is "$RC/$OUT" 0/0 "$1: a login does not depend on it"
    people_work "$1"
    let_go_blind
    mend
}
let_go_blind() { kill -CONT "$WATCH"; }

# unpublished NAME SHELL: after SHELL, run in the directory of what was published. tests/unit/test_pam.c has more of them.
unpublished() {
    stand_still
    (cd /run/nhi && eval "$2") || bail "$2"
    mark_log
    ssh_as ci-bot reply "$W/ticket" id
    is "$RC$ERR" "255$WRONG" "$1: an agent is denied as with a wrong password"
    has_logged "pam_nhi\\(sshd:auth\\): denied: reason=state account=ci-bot" "$1: reason=state"
    capture as ci-bot sudo -n /usr/bin/true
    unlike "$RC" '^0$' "$1: and in sudo with NOPASSWD"
    people_work "$1"
    must nhictl publish
    ssh_as ci-bot reply "$W/ticket" 'sudo -n id -u'
    is "$RC/$OUT" 0/0 "$1: nhictl publish mends it"
    let_go
}

people_work 'whole'
beside 'no ledger' 'rm -f ledger.db*'
beside 'an empty ledger' ': >ledger.db; rm -f ledger.db-*'
beside 'a ledger of noise' 'head -c 90000 /dev/urandom >ledger.db; rm -f ledger.db-*'
beside 'a ledger that everybody can write' 'chmod 666 ledger.db'
beside 'a FIFO in its place' 'rm -f ledger.db*; mkfifo ledger.db'
unpublished 'nothing published' 'rm state-1'
unpublished 'a state of noise' 'head -c 66048 /dev/urandom >state-1'
unpublished 'a state cut short' 'truncate -s 4000 state-1'
unpublished 'a state without its base' 'rm state-1-base.*'
unpublished 'a state that belongs to a person' 'chown alice state-1'
unpublished 'a FIFO in its place' 'rm state-1; mkfifo state-1'

# The supervisor does not say that it is alive while it cannot read the ledger.
stand_still
rm -f "$STATE"/ledger.db*
let_go_blind
refused_without_supervisor() {
    mark_log
    ssh_as ci-bot reply "$W/ticket" id
    [ "$RC" != 0 ] && logged 'denied: reason=no-supervisor account=ci-bot'
}
eventually refused_without_supervisor
ok $? 'without a ledger: agents are denied as soon as the supervisor has nothing to say'
mend

broken 'a world-writable directory' ledger 'chmod 777 .'
broken 'a directory that belongs to a person' ledger 'chown alice .'
broken 'no reserve' ledger 'rm reserve'
broken 'a reserve of noise' lockdown 'head -c 65536 /dev/urandom >reserve'
broken 'no grants directory' record 'rm -rf grants'

# Without the accounts no agent can log in, and people are found as before.
stand_still
rm "$STATE/accounts" /run/nhi-public/accounts
let_go
ssh_as ci-bot reply "$W/ticket" id
unlike "$RC" '^0$' 'no snapshot: an agent is denied'
people_work 'no snapshot'
mend
stand_still
rm -rf "$STATE"
let_go
people_work 'no state directory at all'
mend
eventually watch_sees

ssh_as ci-bot reply "$W/ticket" 'id -un; sudo -n id -u'
is "$RC/$OUT" $'0/ci-bot\n0' 'repaired: the same ticket works again'

finish
