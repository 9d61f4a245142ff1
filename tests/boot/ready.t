#!/bin/bash
# SPDX-License-Identifier: ISC
# The first moments of a boot: a job that comes once, an agent's @reboot job, waits for the supervisor; sshd waits for
# nothing, and other services wait only for a limited time.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
open_task at-boot
issue "$W/ticket" at-boot --service cron
for name in ci-bot alice; do
    echo "@reboot $name id -un >>$W/ran-$name" >"/etc/cron.d/e2e-$name"
    chmod 600 "/etc/cron.d/e2e-$name"
done
# As in the transaction of a boot: all of them are started at once.
cat >/etc/systemd/system/as-at-boot.target <<'S'
[Unit]
Wants=cron.service ssh.service nhi-watch.service
S
# with UNIT LINE...: in its [Service], from now on.
with() {
    mkdir -p "/etc/systemd/system/$1.service.d"
    printf '%s\n' '[Service]' "${@:2}" >"/etc/systemd/system/$1.service.d/e2e.conf"
    must systemctl daemon-reload
}
without() {
    rm -r "/etc/systemd/system/$1.service.d"
    must systemctl daemon-reload
}
as_at_boot() {
    systemctl stop as-at-boot.target cron ssh nhi-watch nhi-ready nhi-publish ssh.socket 2>/dev/null
    rm -f /run/crond.* "$W"/ran-* /run/nhi/state-1
    must systemctl start --no-block as-at-boot.target
}
state() { systemctl show "$1" -p ActiveState --value; }
state_is() { [ "$(state "$1")" = "$2" ]; }
ran() { cat "$W/ran-$1" 2>/dev/null; }

with nhi-watch 'ExecStartPre=/bin/sleep 2'
as_at_boot
eventually test -s "$W/ran-alice"
eventually test -s "$W/ran-ci-bot"
is "$(ran alice):$(ran ci-bot)" alice:ci-bot 'an agent'"'"'s @reboot job runs, however long the supervisor takes to start'

when() { systemctl show "$1" -p "$2" --value; }
test -s /run/nhi/state-1
ok $? 'what logins read was published'
[ "$(when nhi-publish ExecMainExitTimestampMonotonic)" -gt 0 ] &&
    [ "$(when nhi-publish ExecMainExitTimestampMonotonic)" -le "$(when ssh ExecMainStartTimestampMonotonic)" ]
ok $? 'before sshd started'

# It hangs, as over a ledger on a disk that hangs.
with nhi-publish 'ExecStart=' 'ExecStart=-/bin/sh -c "trap : TERM; sleep 1000 & wait; sleep 1000"'
before=$(date +%s)
as_at_boot
eventually state_is ssh active
ssh_as alice key "$W/key" id -un
is "$RC:$OUT" 0:alice 'without it a person logs in'
note "$(($(date +%s) - before)) s"
without nhi-publish

# A supervisor that never starts, as over a ledger on a disk that hangs, and a unit that waits for it for long.
with nhi-watch 'ExecStartPre=/bin/sleep 1000' 'TimeoutStartSec=infinity'
with nhi-ready 'ExecStart=' 'ExecStart=-nhictl watch --wait 1h' 'TimeoutStartSec=infinity'
as_at_boot
eventually state_is ssh active
ssh_as alice key "$W/key" id -un
is "$RC:$OUT" 0:alice 'without it a person logs in'
is "$(state cron):$(state nhi-ready)" inactive:activating 'while cron waits'
without nhi-ready
mark_log
as_at_boot
eventually state_is cron active
eventually test -s "$W/ran-alice"
is "$(ran alice):$(state nhi-watch)" alice:activating 'and cron starts all the same: a person'"'"'s job runs'
has_logged 'pam_nhi\(cron:account\): denied: reason=no-supervisor' 'where the agent'"'"'s is refused'
is "$(state nhi-ready):$(ran ci-bot)" inactive: 'and the unit that waited has not failed'
capture nhictl watch --wait 1s
is "$RC" 1 'watch --wait: it does not come'
like "$ERR" 'the supervisor is not running' 'which is reported'

without nhi-watch
must systemctl restart nhi-watch
capture nhictl watch --wait 1s
is "$RC$OUT$ERR" 0 'and it runs'
capture systemctl is-active cron ssh nhi-watch
is "$OUT" $'active\nactive\nactive' 'all of them run in the end'
finish
