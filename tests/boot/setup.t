#!/bin/bash
# SPDX-License-Identifier: ISC
# From a host without nhi to one where all services accept agents, and back again: every file under /etc is then as it
# was.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

ALL='nss sshd sudo su cron'
# Every file: its content, its owner, the time of its last change. Directories without their times.
etc() {
    find /etc ! -type d -printf '%p %y %m %u %g %s %T@ %l\n' -o -printf '%p %y %m %u %g\n' | sort
    find /etc -type f -exec sha256sum {} + | sort
}

host_up
chmod 1777 "$W"
nhi_up
# cron ignores a file that names an account which does not resolve.
for name in ci-bot alice; do
    echo "@reboot $name echo >>$W/ran-$name" >"/etc/cron.d/e2e-$name"
    chmod 600 "/etc/cron.d/e2e-$name"
done
start_sshd
etc >"$W/before"
capture bash -c "nhictl setup $ALL --dry-run"
is "$RC" 0 'a dry run'
etc | cmp -s - "$W/before"
ok $? 'changes nothing'

# ---- set up ----

capture bash -c "nhictl setup $ALL"
is "$RC$ERR" 0 'setup of all five'
etc >"$W/after"
! cmp -s "$W/before" "$W/after"
ok $? 'changes something'
capture bash -c "nhictl setup $ALL --json"
is "$RC$(jq -c '[.files[].change] | unique' <<<"$OUT")" '0["unchanged"]' 'a second time, nothing needs to be changed'
etc | cmp -s - "$W/after"
ok $? 'and nothing is'
must systemctl reload ssh
restart_sshd
person_works alice 'set up'

open_task build-1
issue "$W/ticket" build-1 --service sshd,sudo
issue "$W/su" build-1 --service su
issue "$W/nightly" build-1 --service cron
chmod 644 "$W/su"
ssh_as ci-bot reply "$W/ticket" 'id; sudo -n id'
like "$RC $OUT" '^0 .*\(ci-bot\).*\(nhi-agents\).*uid=0\(root\)' 'an agent logs in with its ticket, and calls sudo'
capture as alice "$PTY" 'word: ' "$W/su" -- su ci-bot -c 'id -un'
like "$RC$OUT" '^0.*ci-bot' 'su, with a ticket'
run_cron() {
    must systemctl stop cron
    rm -f /run/crond.* "$W"/ran-*
    must systemctl start cron
}
run_cron
eventually test -s "$W/ran-ci-bot"
ok $? 'its job runs'
eventually test -s "$W/ran-alice"
ok $? 'and a person'"'"'s'

# ---- and undone ----

capture nhictl setup --undo
is "$RC$ERR" 0 'undo'
etc >"$W/undone"
diff "$W/before" "$W/undone" >"$W/diff"
OUT=$(head -n 40 "$W/diff")
is "$(wc -l <"$W/diff")" 0 'every file under /etc is as it was'
test ! -e /var/backups/nhi
ok $? 'and no backup is left'
restart_sshd
person_works alice 'when it is undone'
ssh_as ci-bot reply "$W/ticket" id
is "$RC" 255 'an agent no longer exists'
run_cron
eventually test -s "$W/ran-alice"
ok $? 'a person'"'"'s job runs'
capture nhictl setup --undo
is "$RC$OUT" '0no file of this host has lines of nhi
nothing to change' 'nothing is left to undo'

finish
