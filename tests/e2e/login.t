#!/bin/bash
# SPDX-License-Identifier: ISC
# An agent's login: keyboard-interactive over SSH, sudo in that session, and the end of both.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
open_task build-1
issue "$W/ticket" build-1

# ---- logging in ----

mark_log
ssh_as ci-bot reply "$W/ticket" 'id; pwd'
is "$RC" 0 'keyboard-interactive login with a ticket'
like "$OUT" '^uid=6553[0-9]\(ci-bot\) gid=6553[0-9]\(ci-bot\) groups=.*\(nhi-agents\)' 'as the agent, in nhi-agents'
like "$OUT" '/home/ci-bot$' 'in its home directory'
has_logged 'pam_nhi\(sshd:auth\): permitted: .*agent=ci-bot task=build-1' 'the log shows the agent and the task'
! grep -q "$(cut -c 1-40 "$W/ticket")" "$LOG"
ok $? 'the ticket itself is not in the log'

E2E_METHOD=password ssh_as ci-bot reply "$W/ticket" id
is "$RC" 0 'the password method accepts a ticket as well'

ssh_as ci-bot reply "$W/ticket" 'env'
unlike "$OUT" 'v4\.public' 'the ticket is not in the environment of the session'

ssh_as ci-bot reply "$W/ticket" 'sudo -n id'
is "$RC" 0 'sudo -n in that session'
like "$OUT" '^uid=0\(root\)' 'runs as root'
has_logged 'pam_nhi\(sudo:auth\): permitted: .*source=session' 'with the session'"'"'s ticket'

ssh_as ci-bot reply "$W/ticket" 'sudo -n /usr/bin/env'
unlike "$RC" '^0$' 'sudoers still decides what may be run'

issue "$W/ssh-only" build-1 --service sshd
mark_log
ssh_as ci-bot reply "$W/ssh-only" 'sudo -n id'
is "$RC" 1 'a ticket without sudo among its services: no sudo'
has_logged 'pam_nhi\(sudo:auth\): denied: reason=service' 'and the log shows why'

# ---- the password and key of an agent ----

ssh_as ci-bot reply "$W/password" id
is "$RC" 255 'an agent has no password'
# Even if sshd were to read it.
install -d -o ci-bot -g ci-bot -m 700 /home/ci-bot/.ssh
install -o ci-bot -g ci-bot -m 600 "$W/key.pub" /home/ci-bot/.ssh/authorized_keys
ssh_as ci-bot key "$W/key" id
is "$RC" 255 'authorized_keys of an agent open nothing'
sed -i 's/AuthorizedKeysFile none/AuthorizedKeysFile .ssh\/authorized_keys/' /etc/ssh/sshd_config.d/00-nhi.conf
restart_sshd
mark_log
ssh_as ci-bot key "$W/key" id
unlike "$RC" '^0$' 'nor when sshd was told to read them'
has_logged 'pam_nhi\(sshd:account\): denied: reason=no-ticket account=ci-bot' 'the account phase decides'
sed -i 's/AuthorizedKeysFile .*/AuthorizedKeysFile none/' /etc/ssh/sshd_config.d/00-nhi.conf
restart_sshd

# ---- the end: an open session, and the next login ----

chmod 1777 "$W"
ssh_bg ci-bot reply "$W/ticket" 'sudo -n id >'"$W"'/before; : >'"$W"'/in
    until [ -e '"$W"'/go ]; do sleep 0.05; done
    sudo -n id; echo "auth $?"; sudo -n /usr/bin/true; echo "nopasswd $?"'
BG=$!
eventually test -e "$W/in" || bail 'the session did not begin'
like "$(cat "$W/before")" '^uid=0' 'sudo in an open session, before'
mark_log
behind_its_back "INSERT INTO revocation VALUES (2, 'build-1', $NOW_SQL, 'cancelled')"
: >"$W/go"
wait "$BG"
like "$(cat "$W/bg.out")" 'auth 1' 'sudo in the session that was open: refused'
has_logged 'pam_nhi\(sudo:auth\): denied: reason=(revoked|task-closed)' 'in auth'
like "$(cat "$W/bg.out")" 'nopasswd 1' 'sudo with NOPASSWD: refused'
has_logged 'pam_nhi\(sudo:account\): denied: reason=(revoked|task-closed)' 'in account'
let_go
capture nhictl revoke --task build-1 --reason cancelled
is "$RC" 0 'one revocation'
mark_log
ssh_as ci-bot reply "$W/ticket" id
is "$RC" 255 'the next login: refused'
has_logged 'pam_nhi\(sshd:auth\): denied: reason=(revoked|task-closed) account=ci-bot agent=ci-bot task=build-1' \
    'with the reason in the log'

finish
