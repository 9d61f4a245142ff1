#!/bin/bash
# SPDX-License-Identifier: ISC
# With systemd: a session of sshd is also one of logind, and the end of its ticket is the end of both.
# shellcheck source=tests/boot/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
cat >/etc/sudoers.d/sessions <<'S'
ci-bot ALL=(root, alice) /bin/bash
S
chmod 440 /etc/sudoers.d/sessions

like "$(nhictl status --json | jq -r .sessions_known_by)" '^audit session, scope of logind$' 'status shows how sessions are identified'

# Ways in which an agent could try to outlive its session. Each leaves a process named nhi-escape.
cp /bin/sleep "$W/nhi-escape" && chmod 755 "$W/nhi-escape"
cat >"$W/escapes" <<'S'
#!/bin/bash
E=$1
"$E" 1001 &
setsid "$E" 1002 &
(setsid bash -c "$E 1003 & $E 1003 &" &) # its parents end: an orphan
nohup "$E" 1004 >/dev/null 2>&1 &
(trap '' TERM HUP INT; "$E" 1005 & exec bash -c "trap '' TERM HUP; $E 1005; $E 1005") &
sudo -n bash -c "setsid $E 1006 & trap '' TERM; $E 1006" &
sudo -n -u alice bash -c "(setsid $E 1007 &); $E 1007" &
"$E" 1008 &
until grep -qx nhi-escape "/proc/$!/comm"; do :; done # this file has a name much like it
kill -STOP $!
systemd-run --user --collect -q "$E" 1009
disown -a
S
chmod 755 "$W/escapes"
# Which of them exist, once each.
kinds() { pgrep -af "^$W/nhi-escape" | awk '{ print $3 }' | sort -u | paste -sd' '; }
EVERY_KIND='1001 1002 1003 1004 1005 1006 1007 1008 1009'
all_are_out() { [ "$(kinds)" = "$EVERY_KIND" ]; }
none_is_out() { [ -z "$(kinds)" ]; }

# login FILE: BG is an ssh that has started them all, and waits.
login() {
    ssh_bg ci-bot reply "$1" "$W/escapes $W/nhi-escape; sleep 1000"
    BG=$!
    eventually all_are_out || note "$(cat "$W/bg.out" "$W/bg.err" 2>/dev/null)"
    OUT_BEFORE=$(kinds)
}

is_active() { [ "$(logind_sessions "$1")" = 'Class=user State=active' ]; }

n=0
# fresh [OPTION...]: a task and its ticket, once the agent's earlier systemd manager has ended: while it stops, it
# refuses to start a unit.
fresh() {
    eventually has_no_process ci-bot
    n=$((n + 1))
    open_task "t-$n"
    issue "$W/ticket" "t-$n" --service sshd,sudo "$@"
}

# nothing_left NAME: after login.
nothing_left() {
    is "$OUT_BEFORE, then $(kinds)" "$EVERY_KIND, then " "$1: no process that it started is left"
    eventually test ! -e "/proc/$BG" || note 'ssh stays'
    eventually has_no_logind_session ci-bot
    is "$(logind_sessions ci-bot)" '' "$1: logind has no session of the agent"
    is "$(sessions)" 0 "$1: nor has nhictl"
    eventually has_no_process ci-bot
    is "$(processes_of ci-bot)" '' "$1: nor has the agent a process"
}
# ends NAME COMMAND...
ends() {
    local name=$1
    shift
    login "$W/ticket"
    capture "$@"
    is "$RC" 0 "$name: it succeeds" || note "$ERR"
    nothing_left "$name"
}

is "$(systemctl show nhi-watch -p ActiveState -p SubState | paste -sd' ')" 'ActiveState=active SubState=running' \
    'nhi-watch.service runs'

# A person who is logged in all the time.
ssh_bg alice key "$W/key" "until [ -e $W/go ]; do sleep 0.1; done; echo alice"
PERSON=$!
eventually has_logind_session alice

fresh
ssh_bg ci-bot reply "$W/ticket" "sleep 1000"
BG=$!
eventually is_active ci-bot
is "$(logind_sessions ci-bot)" 'Class=user State=active' 'ssh by ticket is a session of logind'
must nhictl task close t-1
eventually test ! -e "/proc/$BG"

fresh
ends 'revoke' nhictl revoke --task "t-$n"
fresh
ends 'task close' nhictl task close "t-$n"

# Without a command: nothing has waited for the last of them either.
fresh --ttl 30s
login "$W/ticket"
eventually has_no_logind_session ci-bot
eventually none_is_out
nothing_left 'expiry'

# A session that closes during a shutdown, as all do, was ended by it.
quiet() { # quiet TASK: a login that ends with its program.
    open_task "$1"
    issue "$W/ticket" "$1"
    ssh_as ci-bot reply "$W/ticket" true
}
reason_of() { nhictl trace "$1" --json | jq -r '[.sessions[].reason] | join(" ")'; }
has_reason() { [ -n "$(reason_of "$1")" ]; }
mkdir -p /run/systemd/system/shutdown.target.d
printf '[Unit]\nRefuseManualStart=no\n' >/run/systemd/system/shutdown.target.d/test.conf
must systemctl daemon-reload
quiet down-1
eventually has_reason down-1
is "$(reason_of down-1)" closed 'a session that its program ends is closed'
open_task down-2
issue "$W/ticket" down-2
ssh_bg ci-bot reply "$W/ticket" "until [ -e $W/down ]; do sleep 0.1; done"
BG=$!
eventually has_logind_session ci-bot
must systemctl start --job-mode=ignore-dependencies shutdown.target
is "$(systemctl is-system-running)" stopping 'systemd reports that the host is shutting down'
: >"$W/down"
wait "$BG"
eventually has_reason down-2
must systemctl stop --job-mode=ignore-dependencies shutdown.target
is "$(reason_of down-2)" reboot 'one that ends during a shutdown was ended by that'
quiet down-3
eventually has_reason down-3
is "$(reason_of down-3)" closed 'and the next one was not'

is "$(logind_sessions alice)" 'Class=user State=active' 'a person stays'
: >"$W/go"
wait "$PERSON"
is "$?" 0 'to the end'
finish
