#!/bin/bash
# SPDX-License-Identifier: ISC
# Without systemd: a job or an agent restarts sshd with sudo, and a person logs in through that. When the job ends,
# the person and sshd continue.
# Invariant: 19.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
cat >/etc/sudoers.d/bystanders <<S
ci-bot ALL=(root) NOPASSWD: ALL
S
chmod 440 /etc/sudoers.d/bystanders
cp /bin/sleep "$W/nhi-left" && chmod 755 "$W/nhi-left"
left() { pgrep -f "^$W/nhi-left" | wc -l; }
printf 'grace = 1;\n' >/etc/nhi/nhi.conf
must nhictl apply
answers() { bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$PORT" 2>/dev/null; }
answers_not() { ! answers; }
# Like an init script: it goes into the background, and writes its pid.
printf '#!/bin/sh\nexec /usr/sbin/sshd\n' >/usr/local/bin/restart-sshd
chmod 755 /usr/local/bin/restart-sshd
stop_sshd() {
    kill "${1:-$SSHD}"
    eventually_gone "${1:-$SSHD}"
    eventually answers_not
    rm -f /run/sshd.pid
}
comes_in() { # a person, who stays until $W/go exists
    rm -f "$W/go"
    "$SSH_TOOL" alice key "$W/key" "trap 'echo signalled' TERM HUP; echo in; until [ -e $W/go ]; do sleep 0.1; done; echo out" \
        </dev/null >"$W/alice.out" 2>&1 &
    PERSON=$!
    eventually grep -q in "$W/alice.out" || note "$(cat "$W/alice.out")"
}
goes_on() { # goes_on WHEN
    answers
    ok $? "$1: sshd answers"
    : >"$W/go"
    wait "$PERSON"
    is "$?:$(paste -sd' ' "$W/alice.out")" '0:in out' "$1: the person continues to the end"
    ssh_as alice key "$W/key" id -un
    is "$RC:$OUT" 0:alice "$1: and can log in again"
    stop_sshd "$(cat /run/sshd.pid)"
}

# ---- a job ----

start_job() {
    nhictl run --agent ci-bot --job nightly -- sh -c "sudo -n /usr/local/bin/restart-sshd; $W/nhi-left 1000 &
        until [ -e $W/job-ends ]; do sleep 0.1; done" >"$W/job.out" 2>&1 </dev/null &
    JOB=$!
    eventually answers || note "$(cat "$W/job.out")"
}
stop_sshd
rm -f "$W/job-ends"
start_job
comes_in
: >"$W/job-ends"
wait "$JOB"
is "$?:$(left)" 0:0 'a job that restarted sshd has ended, with its processes'
goes_on 'a job has ended'

rm -f "$W/job-ends"
start_job
comes_in
capture nhictl revoke --agent ci-bot --reason stolen
is "$RC:$(left)" 0:0 'a job that restarted sshd is revoked' || note "$OUT $ERR"
wait "$JOB"
goes_on 'a job was revoked'

# ---- an agent's login ----

run_sshd
open_task login
issue "$W/ticket" login
"$SSH_TOOL" ci-bot reply "$W/ticket" "$W/nhi-left 1000 & sudo -n sh -c 'kill $SSHD; while kill -0 $SSHD; do sleep 0.1; done; /usr/sbin/sshd'; sleep 1000" \
    </dev/null >"$W/bg.out" 2>&1 &
BG=$!
disown
eventually_gone "$SSHD"
eventually answers || note "$(cat "$W/bg.out")"
comes_in
capture nhictl revoke --agent ci-bot --reason stolen
is "$RC:$(left)" 0:0 'an agent that restarted sshd is revoked' || note "$OUT $ERR"
eventually_gone "$BG"
goes_on 'an agent was revoked'

# ---- processes that are no daemons of the host ----

run_sshd
# A file that another user can write, or that is older than the process, proves nothing.
open_task no-daemon
issue "$W/ticket" no-daemon
ssh_bg ci-bot reply "$W/ticket" "sudo -n $W/nhi-left 2001 & sudo -n $W/nhi-left 2002 & sleep 1000"
BG=$!
two() { [ "$(left)" = 2 ]; }
eventually two
pgrep -f "^$W/nhi-left 2001" >/run/one.pid
chmod 666 /run/one.pid
pgrep -f "^$W/nhi-left 2002" >/run/two.pid
touch -d '1 day ago' /run/two.pid
capture nhictl task close no-daemon
is "$RC:$(left)" 0:0 'root'"'"'s processes in a session end with it, even if another user marks them as daemons'
rm -f /run/one.pid /run/two.pid
eventually_gone "$BG"

finish
