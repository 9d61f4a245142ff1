#!/bin/bash
# SPDX-License-Identifier: ISC
# An agent is another process every moment: each forks and ends, and none lives as long as it takes to look at it. On
# an account that people share it stays in its session, however often the sessions are looked at, and a revocation has
# ended it when it returns. Twice: with a cgroup for each session, and with the kernel's audit session alone. Without
# a session, with its own uid, it ends as well, and until it does no verb reports that it has.
# Invariants: 7, 19.
# shellcheck source=tests/e2e/lib.sh disable=SC2317 # eventually calls them
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
cp "$BUILD/tests/tools/escape" "$W/nhi-escape" && chmod 755 "$W/nhi-escape"
# All of them end as children of sshd, and do not fill the process table of any user.
kill "$SSHD"
eventually_gone "$SSHD" || bail 'sshd stays'
"$W/nhi-escape" reaper /usr/sbin/sshd -D &
disown
comes() { ssh_as alice key "$W/key" true && [ "$RC" = 0 ]; }
eventually comes || bail 'sshd does not answer'
# In this lab's own namespace, pids start again as often as on a busy machine.
newer() { [ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]; }
! newer 6.14 || echo 2000 >/proc/sys/kernel/pid_max

# All of them hold its lock.
lives() { [ -e "$W/chain" ] && ! flock -n 8 8<"$W/chain"; }
lives_not() { ! lives; }

n=0
# begins MICROSECONDS
begins() {
    n=$((n + 1))
    open_task "t-$n"
    issue "$W/ticket" "t-$n" --account deploy --service sshd,sudo
    rm -f "$W/chain"
    ssh_as deploy reply "$W/ticket" "(flock 8 && exec $W/nhi-escape chain $1 >/dev/null 2>&1 </dev/null) 8>$W/chain"
    eventually lives || note "$RC $OUT $ERR"
}
sessions() { nhictl session list --json | jq '.sessions | length'; }

# many NAME
many() {
    local us bad i
    for us in 0 20 50 100 300; do
        begins "$us"
        bad=''
        for ((i = 0; i < $(depth 20 100 1000); i++)); do
            [ "$(sessions)" = 1 ] || bad+=" $i"
        done
        lives
        is "$?:$bad" 0: "$1: another process every $us us and a little: its session always exists"
        capture nhictl revoke --task "t-$n"
        lives_not
        is "$?:$RC" 0:0 "$1: and has ended when revoke returns" || eventually lives_not
    done
}

tops() {
    local top
    for top in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ "$(stat -f -c %T "$top" 2>/dev/null)" != cgroup2fs ] || echo "$top"
    done
}
if [ -n "$(tops)" ]; then
    many 'with cgroups'
    for top in $(tops); do umount -l "$top"; done
fi
many 'without cgroups'

# ---- without a session, with the agent's own uid ----

printf 'grace = 1;\n' >/etc/nhi/nhi.conf
must nhictl apply
hold_watch
said_so() { [[ $1 == 0:1 || $1 == 7:0 ]]; }
for us in 0 50 100 300; do
    rm -f "$W/chain"
    (
        echo 4294967295 >/proc/self/loginuid
        exec "$W/nhi-escape" reaper setpriv --reuid ci-bot --regid ci-bot --init-groups \
            sh -c "(flock 8 && exec $W/nhi-escape chain $us) 8>$W/chain; exec sleep 60" </dev/null >/dev/null 2>&1
    ) &
    disown
    eventually lives
    capture nhictl agent suspend ci-bot
    lives
    said_so "$RC:$?"
    ok $? "an orphan, another process every $us us and a little: suspend ends it, or reports that it did not" || note "$RC"
    let_go
    eventually lives_not
    ok $? 'and the supervisor does'
    hold_watch
    must nhictl agent resume ci-bot
done
let_go

finish
