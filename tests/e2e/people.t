#!/bin/bash
# SPDX-License-Identifier: ISC
# People log in as before, on shared accounts, too, whatever happens to agents. Ticket-only accounts.
# Invariants: 1, 18.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up

person_works alice 'before there is a ledger'
person_works deploy 'before there is a ledger'
nhi_up
open_task build-1
issue "$W/agent" build-1
issue "$W/deploy" build-1 --account deploy
issue "$W/batch" build-1 --account batch
person_works alice 'with agents on the host'
person_works deploy 'on an account shared with agents'

mark_log
ssh_as alice reply "$W/password" true
ssh_as alice key "$W/key" true
# At the end of each session, PAM logs its last line.
both_closed() { [ "$(since_mark | grep -c 'session closed for user alice')" -ge 2 ]; }
eventually both_closed
! since_mark | grep -q pam_nhi
ok $? 'pam_nhi logs nothing about a person'

ssh_as alice reply "$W/wrong" id
is "$RC" 255 'a wrong password stays wrong'
capture as alice "$PTY" 'password for alice: ' "$W/wrong" 'password for alice: ' "$W/wrong" \
    'password for alice: ' "$W/wrong" -- sudo id
unlike "$RC" '^0$' 'in sudo, too'

# ---- a shared account ----

ssh_as deploy reply "$W/deploy" 'id -un; sudo -n id'
is "$RC" 0 'an agent logs in to the shared account with a ticket'
like "$OUT" '^deploy.*uid=0\(root\)' 'and calls sudo there'
mark_log
ssh_as alice reply "$W/deploy" id
is "$RC" 255 'a ticket shown for a person'"'"'s account is a refusal'
has_logged 'denied: reason=account account=alice' 'with a reason'

chmod 1777 "$W"
ssh_bg deploy reply "$W/deploy" ': >'"$W"'/in; until [ -e '"$W"'/go ]; do sleep 0.05; done
    sudo -n id; echo "auth $?"; sudo -n /usr/bin/true; echo "nopasswd $?"'
BG=$!
eventually test -e "$W/in" || bail 'the session did not begin'
mark_log
behind_its_back "INSERT INTO revocation VALUES (2, 'build-1', $NOW_SQL, 'cancelled')"
: >"$W/go"
wait "$BG"
let_go
like "$(cat "$W/bg.out")" 'auth 1.*nopasswd 1' 'after the revocation the agent on the shared account has no sudo'
has_logged 'pam_nhi\(sudo:account\): denied: .*agent=ci-bot' 'it is still that agent'
capture setpriv --reuid deploy --regid deploy --init-groups sudo -n /usr/bin/true
is "$RC" 0 'the person'"'"'s own NOPASSWD on that account stays'
person_works deploy 'after the revocation'
person_works alice 'after the revocation'

# ---- a ticket-only account ----

open_task build-2
issue "$W/batch" build-2 --account batch
ssh_as batch reply "$W/batch" 'id -un'
is "$RC/$OUT" 0/batch 'a ticket opens a ticket-only account'
mark_log
ssh_as batch reply "$W/password" id
is "$RC" 255 'its password does not'
ssh_as batch key "$W/key" id
unlike "$RC" '^0$' 'its authorized key does not'
# Without the Match block in between, too.
sed -i 's/^Match Group .*/Match Group nhi-agents/' /etc/ssh/sshd_config.d/00-nhi.conf
restart_sshd
ssh_as batch key "$W/key" id
unlike "$RC" '^0$' 'nor if sshd itself accepted it'
has_logged 'pam_nhi\(sshd:account\): denied: reason=no-ticket account=batch' 'with a reason'

# ---- an agent is no other account ----

ssh_as ci-bot reply "$W/password" id
is "$RC" 255 'a person'"'"'s password does not open an agent'
capture getent -s nhi passwd alice
is "$RC" 2 'nss_nhi does not answer for people'

finish
