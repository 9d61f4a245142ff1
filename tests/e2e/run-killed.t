#!/bin/bash
# SPDX-License-Identifier: ISC
# nhictl run, killed: what it leaves behind ends, with cgroups for sessions and without. And which login started it.
# Invariant: 19.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
cp /bin/sleep "$W/nhi-left" && chmod 755 "$W/nhi-left"
cat >/etc/sudoers.d/killed <<S
ci-bot ALL=(root, deploy) NOPASSWD: $W/nhi-left
S
chmod 440 /etc/sudoers.d/killed
left() { pgrep -f "^$W/nhi-left" | wc -l; }
left_are() { [ "$(left)" = "$1" ]; }
[ "$(cat /proc/self/sessionid 2>/dev/null)" ] || bail 'this kernel has no audit sessions'

# An ordinary job, with processes beside it, one under another account, and one that left its parent and its session.
cat >"$W/job" <<S
#!/bin/bash
$W/nhi-left 1001 &
sudo -n $W/nhi-left 1002 &
sudo -n -u deploy $W/nhi-left 1003 &
(setsid $W/nhi-left 1004 &)
(trap '' TERM HUP; exec $W/nhi-left 1005) &
wait
S
chmod 755 "$W/job"

# is_killed WHEN: a run of that job
is_killed() {
    nhictl run --agent ci-bot --job killed -- "$W/job" </dev/null >/dev/null 2>"$W/bg.err" &
    RUN=$!
    disown
    eventually left_are 5 || note "$(cat "$W/bg.err")"
    like "$(nhictl session list --json | jq -r '.sessions[] | select(.service == "nhictl-run") | .session')" ^a- \
        "$1: known by its audit session"
    kill -KILL "$RUN"
    eventually left_are 0
    ok $? "$1: killed, no process of it is left" || pgrep -af nhi-left | sed 's/^/# /'
    pkill -KILL -f "^$W/nhi-left"
    is "$(nhictl session list --json | jq '.sessions | length')" 0 "$1: and no session exists"
}
is_killed 'with a cgroup where the host has any'
# As on a host with systemd, whose cgroups are not ours; and as where there are none.
mkdir -p /run/systemd/system
is_killed 'without a cgroup'
is "$(nhictl ticket list --json | jq '.tickets | length'):$(nhictl task list --json | jq '.tasks | length')" 0:0 \
    'ticket and task are closed'

# ---- which login started it ----

# of KIND KEY: of the last such event.
of() { nhictl audit export | jq -rs "map(select(.kind == \"$1\")) | last | .detail.$2"; }
started_by() { # started_by LOGINUID: the shell sets it, and becomes nhictl run.
    capture sh -c "echo '${1:-4294967295}' >/proc/self/loginuid; exec nhictl run --agent ci-bot --job who -- \
        sh -c 'cat /proc/self/loginuid'"
}
started_by "$(id -u alice)"
is "$RC:$(of run loginuid):$(of run-end loginuid)" "0:$(id -u alice):$(id -u alice)" 'begin and end are recorded with the login uid'
is "$OUT" "$(id -u alice)" 'which stays the login uid for the kernel'
started_by ''
is "$RC:$(of run loginuid):$(of run-end loginuid)" 0:null:null 'with none, if there was no login'
is "$OUT" "$(id -u ci-bot)" 'and for the kernel it is the agent'"'"'s'
is "$(nhictl audit export | jq -rs 'map(select(.kind == "session-end")) | last | .reason')" closed 'a session that ends by itself is recorded as closed'

finish
