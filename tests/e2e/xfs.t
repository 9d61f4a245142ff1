#!/bin/bash
# SPDX-License-Identifier: ISC
# The disk under /var/lib/nhi fails: a real XFS that is shut down, on which every call is an error from then on.
# People and root log in by password, key and prompt; agents do not.
# Invariant: 18.
# shellcheck source=tests/e2e/lib.sh
export NHI_LAB_ALSO=disks
. "$(dirname "$0")/lib.sh"

command -v mkfs.xfs >/dev/null || bail 'no xfsprogs here: NHI_LAB_ALSO=disks packaging/lab.sh hosts ...'
lab_up
nhi_up
open_task build-1
ssh-keygen -q -t ed25519 -N '' -f "$W/id"
issue "$W/ticket" build-1 --account ci-bot,deploy
issue "$W/bound" build-1 --bind-key "$W/id.pub"
kill "$WATCH"
eventually_gone "$WATCH" || bail 'the supervisor stays'
mknod /dev/loop-control c 10 237
for n in {0..15}; do mknod "/dev/loop$n" b 7 "$n"; done
truncate -s 400M "$W/xfs"
must mkfs.xfs -q "$W/xfs"
mkdir "$W/mnt"
must mount -o loop "$W/xfs" "$W/mnt"
cp -a "$STATE/." "$W/mnt/"
must mount --move "$W/mnt" "$STATE"
start_watch
ssh_as ci-bot reply "$W/ticket" id -un
is "$RC/$OUT" 0/ci-bot 'on a working disk an agent logs in'
must xfs_io -x -c shutdown "$STATE"

people_work 'on a failing disk'
mkdir -p /root/.ssh
cp "$W/key.pub" /root/.ssh/authorized_keys
ssh_as root key "$W/key" id -un
is "$RC/$OUT" 0/root 'root, by key'
capture "$BUILD/tests/tools/people" alice deploy "$W/password" "$W/key.pub"
is "$RC$OUT" 0 'everybody, in every program'
ssh_as ci-bot reply "$W/ticket" id
unlike "$RC" '^0$' 'an agent is denied'
ssh_as deploy reply "$W/ticket" id
unlike "$RC" '^0$' 'on a shared account, too'
ssh_as ci-bot key "$W/id" id
unlike "$RC" '^0$' 'and by key'

finish
