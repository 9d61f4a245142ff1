#!/bin/bash
# SPDX-License-Identifier: ISC
# Root is never a subject: inside an agent's live session it continues as that session, as maintainer scripts and
# installers do that call su or sudo; in an ended session it does not; elsewhere it becomes any account.
# Invariants: 7, 14.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
open_task n-1
ssh-keygen -q -t ed25519 -N '' -f "$W/id"
issue "$W/bound" n-1 --service sshd,sudo,su --bind-key "$W/id.pub"
useradd -r -m -s /bin/bash -d /var/lib/dbadmin dbadmin
printf 'ci-bot ALL=(ALL) ALL\n' >/etc/sudoers.d/nested
chmod 440 /etc/sudoers.d/nested

# ---- inside a live session ----

inside() { # inside NAME WANTED COMMAND
    ssh_as ci-bot key "$W/id" "$3"
    is "$RC:$OUT" "$2" "$1"
}
mark_log
inside 'runuser' 0:dbadmin 'sudo -n runuser -u dbadmin -- id -un'
inside 'sudo -u' 0:dbadmin 'sudo -n sudo -u dbadmin id -un'
inside 'sudo, as scripts call it that are written for everybody' 0:0 'sudo -n sh -c "sudo id -u"'
inside 'su' 0:dbadmin 'sudo -n su dbadmin -c "id -un"'
inside 'su -' 0:dbadmin 'sudo -n su - dbadmin -c "id -un"'
inside 'back to the agent' 0:ci-bot 'sudo -n sudo -u ci-bot id -un'
inside 'and an agent again, with what its ticket names' 1: 'sudo -n su dbadmin -c "sudo -n true" 2>/dev/null'
capture nhictl run --agent ci-bot --job nested --service sudo,su --concurrent -- sudo -n sudo -n -u dbadmin id -un
is "$RC:$OUT" 0:dbadmin 'in nhictl run'
has_logged 'root inside a session goes on: account=dbadmin agent=ci-bot task=n-1' 'the log names the session'
many=$(since_mark | grep -c 'pam_nhi(su:session): root inside a session goes on: account=dbadmin')
inside 'ten times' 0: 'sudo -n sh -c "for i in 1 2 3 4 5 6 7 8 9 10; do su dbadmin -c true; done"'
settle_log
like "$(($(since_mark | grep -c 'pam_nhi(su:session): root inside a session goes on: account=dbadmin') - many))" \
    '^[12]$' 'one session, account and service: once an hour'
must nhictl status
like "$(nhictl trace n-1)" 'became +ci-bot as root +dbadmin by su' 'and the trail has it'

# ---- in an ended session ----

ssh_bg ci-bot key "$W/id" "sudo -n sh -c ': >$W/in; until [ -e $W/go ]; do sleep 0.05; done
    su dbadmin -c true; echo su \$?; sudo -n -u dbadmin true; echo sudo \$?; su ci-bot -c true; echo agent \$?'"
BG=$!
eventually test -e "$W/in" || bail 'the session did not begin'
mark_log
behind_its_back "INSERT INTO revocation VALUES (2, 'n-1', $NOW_SQL, 'cancelled')"
: >"$W/go"
wait "$BG"
let_go
like "$(cat "$W/bg.out")" 'su 1.*sudo 1.*agent 1' 'after the revocation: no su and no sudo of root either'
has_logged 'pam_nhi\(su:account\): denied: reason=revoked account=dbadmin agent=ci-bot' 'with a reason'
has_logged 'pam_nhi\(sudo:account\): denied: reason=revoked' 'for both'

# ---- outside ----

gpasswd -a deploy nhi-only >/dev/null
mark_log
for account in deploy ci-bot; do
    for how in 'su - USER -c true' 'su USER -c true' 'sudo -n -u USER true' 'runuser -u USER -- true'; do
        capture timeout 20 sh -c "${how//USER/$account}"
        is "$RC" 0 "root, outside: ${how//USER/$account}"
    done
done
has_logged 'pam_nhi\(su:session\): root goes on to an account that takes tickets only: account=ci-bot' 'which is logged'
has_logged 'pam_nhi\(sudo:session\): root goes on to .*: account=deploy' 'for sudo and for nhi-only, too'
groupadd nhi-observe
gpasswd -d deploy nhi-only >/dev/null
gpasswd -a deploy nhi-observe >/dev/null
mark_log
su deploy -c true
settle_log
unlike "$(since_mark)" 'observed' 'and observation does not record it as a future denial'

finish
