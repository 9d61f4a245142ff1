#!/bin/bash
# SPDX-License-Identifier: ISC
# A login by key that is refused: who, which key, why and how often is in the log, in trace and in status, whatever
# the reason, although sshd asks us before anything is proven; and what anybody can cause by it is limited.
# Invariant: 21.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
ssh-keygen -q -t ed25519 -N '' -f "$W/id"
ssh-keygen -q -t ed25519 -N '' -f "$W/stranger"
PRINT=$(ssh-keygen -lf "$W/id.pub" | awk '{print $2}')
HELPER=/usr/libexec/nhi-authorized-keys
denials() { nhictl status --json | jq .denials_last_hour; }

# refused REASON NAME TRACE...: the next login with that key is refused; a line of the log, one command and status
# show why.
refused() {
    local reason=$1 name=$2 bad='' before told
    shift 2
    before=$(denials)
    mark_log
    ssh_as "${USER_AS:-ci-bot}" key "${KEY:-$W/id}" id
    [ "$RC" != 0 ] || bad+=' it was permitted'
    settle_log
    since_mark | grep -F "key=${KEY_PRINT:-$PRINT} " | grep -qE "nhi-authorized-keys.*refused: reason=$reason account=${USER_AS:-ci-bot} .*possession not proven" ||
        bad+=" log: $(since_mark | grep -E 'nhi-authorized|pam_nhi')"
    told=$(nhictl trace --json "$@" 2>&1 | jq -r --arg r "$reason" '.steps[] | select(.kind == "refused" and .reason == $r) | .text' | tail -n 1)
    [[ $told == *"the public key ${KEY_PRINT:-$PRINT}"* ]] || bad+=" trace $*: '$told'"
    [ -n "${UNCOUNTED:-}" ] || [ "$(denials)" -gt "$before" ] || bad+=' status counts nothing'
    [ -z "$bad" ]
    ok $? "$name: the log, trace $* and status say why" || note "but:$bad"
}

open_task k-1
issue "$W/b" k-1 --service sshd --bind-key "$W/id.pub"
ssh_as ci-bot key "$W/id" true
is "$RC" 0 'a bound key is permitted'
mark_log
ssh_as ci-bot key "$W/id" true
settle_log
logged 'nhi-authorized-keys'
is $? 1 'and nothing is recorded about it there'
must nhictl revoke --ticket "$(jti_of "$W/b")" --reason leaked
in_one_hour 30
refused revoked 'revoked' k-1
refused_line() { since_mark | grep -c 'nhi-authorized-keys.*refused'; }
mark_log
for _ in 1 2 3; do ssh_as ci-bot key "$W/id" id; done
settle_log
is "$(refused_line)" 0 'the same again in that hour adds no line'
like "$(nhictl trace k-1)" 'refused .*not proven .*sshd.*revoked.*, 3 times' 'but is counted'
like "$(nhictl review --denials 4 --json | jq -r '.findings[] | select(.finding == "refused" and .agent == "ci-bot") | .evidence')" \
    'ci-bot through sshd: revoked' 'and review has it'
issue "$W/b" k-1 --service sshd --bind-key "$W/id.pub" --ttl 2s
wait_out "$W/b"
refused expired 'expired, after one that was revoked' --ticket "$(jti_of "$W/b")"
issue "$W/b" k-1 --service sudo --bind-key "$W/id.pub"
refused service 'a ticket for another service' k-1
must nhictl revoke --ticket "$(jti_of "$W/b")"
issue "$W/b" k-1 --service sshd --bind-key "$W/id.pub"
USER_AS=deploy refused account 'a ticket for another account' --agent ci-bot
must nhictl agent suspend ci-bot
refused agent-suspended 'its agent is suspended' --agent ci-bot
must nhictl agent resume ci-bot
must nhictl lockdown on
refused lockdown 'lockdown' k-1
must nhictl lockdown off
KEEP=$POLICY
POLICY='rules = ( { name = "o"; effect = "permit"; agent = "other-bot"; account = "*"; service = "sshd"; } );' set_policy
refused policy 'no rule permits it' k-1
POLICY='rules = ( { name = "p"; effect = "permit"; agent = "*"; account = "*"; service = "sshd"; },
    { name = "f"; effect = "forbid"; agent = "ci-bot"; account = "*"; service = "sshd"; } );' set_policy
refused forbidden 'a rule forbids it' k-1
POLICY=$KEEP set_policy
kill -STOP "$WATCH"
printf '1\n' >/run/nhi/watch
refused no-supervisor 'no supervisor runs' k-1
let_go
must nhictl task close k-1
refused task-closed 'its task is closed' k-1
open_task other-1 other-bot
issue "$W/b" other-1 --agent other-bot --account other-bot --service sshd --bind-key "$W/id.pub"
must nhictl agent retire other-bot
USER_AS=other-bot refused agent-retired 'its agent is retired' --agent other-bot

# ---- keys of nobody ----

KEY=$W/stranger KEY_PRINT=$(ssh-keygen -lf "$W/stranger.pub" | awk '{print $2}') UNCOUNTED=1 \
    refused no-ticket 'a key that no ticket was ever bound to, for an agent' --agent ci-bot
before=$(denials)
mark_log
ssh_as deploy key "$W/stranger" id
ssh_as alice key "$W/stranger" id
ssh_as alice key "$W/key" id -un
is "$RC/$OUT" 0/alice "a person's key opens her account"
settle_log
is "$(since_mark | grep -c 'nhi-authorized-keys'; denials)" "0
$before" 'keys of people and strangers at their own accounts leave nothing'

# ---- without space ----

umount /run/nhi 2>/dev/null
kill "$WATCH"
eventually_gone "$WATCH"
rm -rf /run/nhi/*
mount -t tmpfs -o size=4k,mode=700 tmpfs /run/nhi
dd if=/dev/zero of=/run/nhi/full bs=4k count=1 2>/dev/null
mark_log
ssh_as ci-bot key "$W/stranger" id
unlike "$RC" '^0$' 'refused with /run/nhi full'
has_logged 'nhi-authorized-keys.*refused: reason=' 'it is logged all the same'
ssh_as alice key "$W/key" id -un
is "$RC/$OUT" 0/alice 'and people can log in'
umount /run/nhi
rmdir /run/nhi/sessions /run/nhi 2>/dev/null
mark_log
ssh_as ci-bot key "$W/stranger" id
has_logged 'nhi-authorized-keys.*refused: reason=' 'without /run/nhi it is said'
[ -s /run/nhi/refused ]
ok $? 'and counted, in a file that it creates'
start_watch

# ---- a flood ----

in_one_hour 60
mark_log
grown() { stat -c %s "$LOG" /run/nhi/refused /run/nhi/denials | awk '{ n += $1 } END { print n }'; }
before=$(grown)
TRIES=${REFUSED_TRIES:-300}
read -ra STRANGER < <(cut -d' ' -f1,2 "$W/stranger.pub")
read -ra DEAD < <(cut -d' ' -f1,2 "$W/id.pub")
for ((i = 0; i < TRIES; i++)); do
    "$HELPER" ci-bot "${STRANGER[@]}"
    "$HELPER" ci-bot "${DEAD[@]}"
done >"$W/said"
is "$(wc -c <"$W/said")" 0 "$TRIES tries of a stranger and as many with a dead key: no answer"
must nhictl status
settle_log
events=$(sqlite3 -readonly "$STATE/ledger.db" "SELECT count(*) FROM event WHERE kind = 'refused' AND seq > (SELECT max(seq) FROM event WHERE kind = 'agent-retire')")
note "$events events, $(($(grown) - before)) bytes of log and counters"
[ "$(since_mark | grep -c 'nhi-authorized-keys')" -le 2 ]
ok $? 'two lines at most'
[ "$events" -le 30 ]
ok $? "a few events ($events)"
[ "$(find /run/nhi "$STATE/grants" -type f | wc -l)" -le 24 ]
ok $? 'and no more files'
finish
