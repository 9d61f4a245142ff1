#!/bin/bash
# SPDX-License-Identifier: ISC
# A ledger that is missing, empty, corrupt or not root's alone: agents are denied, with a reason, and a person's
# password, key and sudo work. Repaired, everything is as before.
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
    [ -z "$(find "/proc/$WATCH/fd" -lname "$STATE*")" ] || ! kill -CONT "$WATCH"
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

people_work 'whole'
broken 'no ledger' ledger 'rm -f ledger.db*'
broken 'an empty ledger' ledger ': >ledger.db; rm -f ledger.db-*'
broken 'a ledger of zeros' ledger 'head -c 90000 /dev/zero >ledger.db; rm -f ledger.db-*'
broken 'a ledger of noise' ledger 'head -c 90000 /dev/urandom >ledger.db; rm -f ledger.db-*'
broken 'a ledger cut short' ledger 'truncate -s 20000 ledger.db; rm -f ledger.db-*'
broken 'a ledger without its first page' ledger \
    'dd if=/dev/zero of=ledger.db bs=4096 count=1 conv=notrunc status=none; rm -f ledger.db-*'
broken 'a ledger that belongs to a person' ledger 'chown alice ledger.db'
broken 'a ledger that everybody can write' ledger 'chmod 666 ledger.db'
broken 'a ledger that everybody can read' ledger 'chmod 644 ledger.db'
broken 'a directory in its place' ledger 'rm -f ledger.db*; mkdir ledger.db'
broken 'a FIFO in its place' ledger 'rm -f ledger.db*; mkfifo ledger.db'
broken 'a symbolic link that a person made' ledger \
    'mv ledger.db /home/alice/l.db; chown alice /home/alice/l.db; ln -s /home/alice/l.db ledger.db'
broken 'a world-writable directory' ledger 'chmod 777 .'
broken 'a directory that belongs to a person' ledger 'chown alice .'
broken 'no reserve' ledger 'rm reserve'
broken 'a reserve of noise' lockdown 'head -c 65536 /dev/urandom >reserve'
broken 'no grants directory' record 'rm -rf grants'

# Without the accounts no agent can log in, and people are found as before.
stand_still
rm "$STATE/accounts.cdb"
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
