#!/bin/bash
# SPDX-License-Identifier: ISC
# Tickets that are signed with a key which is not on this host's disk, in real logins and in nhictl run.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
kid() { nhictl key list --json | jq -r '.keys[] | select(.state == "active" and .own).kid'; }
run() { capture timeout 60 nhictl run --agent ci-bot "$@"; }
IN_KEYRING='keyctl print "$(keyctl search @s user nhi:ticket)"'
signed_by() { nhictl ticket inspect --json "$1" | jq -r .ticket.kid; }
live() { nhictl ticket list --json | jq '.tickets | length'; }

export SSH_AUTH_SOCK=$W/agent.sock
ssh-agent -D -a "$SSH_AUTH_SOCK" >/dev/null 2>&1 &
AGENT=$!
disown
eventually test -S "$SSH_AUTH_SOCK" || bail 'no ssh-agent'
ssh-keygen -q -t ed25519 -N '' -f "$W/issuer"
must ssh-add -q "$W/issuer"
rm "$W/issuer"
OLD=$(kid)
must nhictl key rotate --agent-key "$W/issuer.pub"
must nhictl key retire "$OLD"
is "$(find "$STATE/keys" -name '*.secret' ! -name '_audit.secret' | wc -l)" 0 'no secret key of an issuer is on the disk'

open_task t-1
issue "$W/ticket" t-1 --service sshd,sudo
ssh_as ci-bot reply "$W/ticket" 'id -un; sudo -n id -u'
is "$RC:$OUT" $'0:ci-bot\n0' 'a ticket that the ssh-agent signed: sshd and sudo'
must nhictl task close t-1

run --job plain -- sudo -n id -u
is "$RC:$OUT" 0:0 'nhictl run, whose ticket nobody sees'
run --job keyring --keyring -- sh -c "$IN_KEYRING"
is "$RC" 0 'nhictl run --keyring'
printf '%s\n' "$OUT" >"$W/text"
is "$(signed_by "$W/text")" "$(kid)" 'is signed by the ssh-agent'
run --job renewed --keyring --ttl 16s -- sh -c "$IN_KEYRING; sleep 17; $IN_KEYRING"
is "$RC" 0 'for longer than the first ticket lives'
sed -n 1p "$W/out" >"$W/first"
sed -n 2p "$W/out" >"$W/last"
is "$(signed_by "$W/last")" "$(kid)" 'the renewal, too'
unlike "$(jti_of "$W/last")" "$(jti_of "$W/first")" 'which is another one'
run --job lost --keyring --ttl 4s -- sh -c "touch $W/started; sleep 3; exit 7" &
eventually test -e "$W/started"
kill "$AGENT"
wait $!
run --job lost --keyring -- true
is "$RC" 125 'without the agent: refused'
is "$(live)" 0 'and nothing is left of it'

# Under a passphrase, in a unit that has it as a credential.
must nhictl key rotate
export CREDENTIALS_DIRECTORY=/run/credentials/e2e
install -d -m 700 "$CREDENTIALS_DIRECTORY"
install -m 600 <(echo 'correct horse') "$CREDENTIALS_DIRECTORY/nhi.passphrase"
unset SSH_AUTH_SOCK
must nhictl key protect "$(kid)"
open_task t-2
issue "$W/ticket" t-2 --service sshd,sudo
ssh_as ci-bot reply "$W/ticket" 'id -un'
is "$RC:$OUT" 0:ci-bot 'a ticket that a key under a passphrase signed'
must nhictl task close t-2
run --job keyring --keyring -- sh -c "$IN_KEYRING"
printf '%s\n' "$OUT" >"$W/text"
is "$RC:$(signed_by "$W/text")" "0:$(kid)" 'nhictl run --keyring'
KID=$(kid)
must nhictl key move "$KID" --to "$CREDENTIALS_DIRECTORY/nhi.$KID.secret"
run --job keyring --keyring -- sh -c "$IN_KEYRING"
printf '%s\n' "$OUT" >"$W/text"
is "$RC:$(signed_by "$W/text")" "0:$KID" 'nor is that on the disk any more'
unset CREDENTIALS_DIRECTORY
run --job keyring --keyring -- true
is "$RC" 125 'outside of the unit: refused'
run --job plain -- sudo -n id -u
is "$RC:$OUT" 0:0 'nhictl run without --keyring needs no key'
finish
