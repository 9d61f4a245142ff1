#!/bin/bash
# SPDX-License-Identifier: ISC
# A session of which one process cannot be ended, since it waits in the kernel for a file system that no process
# serves: it is reported as stuck, and nothing else of the agent's continues because of it.
# Invariant: 19.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

if ! grep -q $'\tfuse$' /proc/filesystems && ! modprobe -q fuse; then
    echo '1..0 # SKIP this machine has no FUSE'
    exit 0
fi
lab_up
nhi_up
chmod 1777 "$W"
cp /bin/sleep "$W/nhi-left" && chmod 755 "$W/nhi-left"
cp "$BUILD/tests/tools/escape" "$W/nhi-escape" && chmod 755 "$W/nhi-escape"
mknod -m 600 /dev/fuse c 10 229
mkdir "$W/mount"
cat >/etc/sudoers.d/stuck <<'S'
ci-bot ALL=(root) NOPASSWD: ALL
S
chmod 440 /etc/sudoers.d/stuck
printf 'grace = 1;\n' >/etc/nhi/nhi.conf
must nhictl apply
left() { pgrep -af "^$W/nhi-left" | awk '{ print $3 }' | sort -u | paste -sd' '; }
left_is() { [ "$(left)" = "$1" ]; }
waits() { pgrep -f "^$W/nhi-escape stuck" >/dev/null; }
waits_not() { ! waits; }

open_task t-1
issue "$W/ticket" t-1
ssh_bg ci-bot reply "$W/ticket" "sudo -n $W/nhi-escape stuck $W/mount; exec sleep 1000"
eventually grep -q stuck "$W/bg.out" || note "$(cat "$W/bg.out" "$W/bg.err")"
orphan ci-bot "$W/nhi-left" 1001
eventually left_is 1001
hold_watch
capture nhictl agent suspend ci-bot
like "$RC:$OUT" '^7:.*session has NOT ended' 'suspend reports that a session could not be ended' || note "$ERR"
waits
ok $? 'and it could not'
is "$(left)" '' 'other processes with that uid have ended all the same'
like "$OUT" '1 process without a session has ended' 'which is reported'
let_go

# The supervisor finds it by itself.
mark_log
orphan ci-bot "$W/nhi-left" 1002
has_logged 'ends without a session: account=ci-bot' 'a later process is found'
eventually left_is ''
is "$(left)" '' 'and ended, too'
hold_watch
orphan ci-bot "$W/nhi-left" 1003
eventually left_is 1003
capture nhictl session end --leftovers ci-bot
is "$RC:$(left)" 0: 'and a person may end it, too' || note "$ERR"
let_go
waits
ok $? 'while the stuck process is still stuck'

# Nothing else cleans up after this test.
mkdir "$W/control" && mount -t fusectl none "$W/control"
echo 1 >"$W/control/$(awk -v at="$W/mount" '$5 == at { sub(".*:", "", $3); print $3 }' /proc/self/mountinfo)/abort"
umount -l "$W/control"
eventually waits_not
no_session() { [ "$(nhictl session list --json | jq -c .sessions)" = '[]' ]; }
eventually no_session
ok $? 'once it can be ended, it is, and the session with it'

finish
