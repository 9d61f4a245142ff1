#!/bin/bash
# SPDX-License-Identifier: ISC
# The supervisor falls, again and again: it comes back by itself, sessions go on and end as ever, and while it is out
# everybody who is asked says so.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
must usermod -p '*' batch
chmod 1777 "$W"
cp /bin/sleep "$W/nhi-job" && chmod 755 "$W/nhi-job"
lives() { pgrep -fc "^$W/nhi-job 1001"; }
show() { systemctl show nhi-watch -p "$1" --value; }
is_another() { [ "$(show MainPID)" != "$PID" ] && [ "$(show MainPID)" != 0 ]; }
is_active() { [ "$(show ActiveState)" = active ]; }
# Once for each of the three: what they say of it.
told() {
    nhictl status --json | jq -r '[.attention[] | select(test("supervisor"))] | length'
    nhictl doctor --json | jq -r '[.findings[].finding | select(test("^(watch-|perm-run)"))] | unique | join(" ")'
    nhictl metrics | grep '^nhi_supervisor_up '
}
logs_in() { ssh_as ci-bot reply "$W/ticket" id -un && [ "$RC:$OUT" = 0:ci-bot ]; }
NOTHING=$'0\n\nnhi_supervisor_up 1'

open_task on
issue "$W/ticket" on
ssh_bg ci-bot reply "$W/ticket" "$W/nhi-job 1001"
is_up() { [ "$(lives)" = 1 ]; }
eventually is_up
is "$(told)" "$NOTHING" 'it runs, and nobody has anything to say'

# ---- killed ----

PID=0
killed=0
for _ in {1..7}; do
    eventually is_another || bail 'it does not come back'
    PID=$(show MainPID)
    kill -KILL "$PID" && killed=$((killed + 1))
done
is "$killed" 7 'killed as soon as it is there, seven times'
eventually is_another
eventually is_active
is "$(show ActiveState):$(show NRestarts)" active:7 'it is there again'
eventually logs_in
is "$RC:$OUT:$(lives)" 0:ci-bot:1 'an agent logs in, and the session that was there is'
is "$(told)" "$NOTHING" 'nobody has anything to say'

# ---- /run/nhi is not safe ----

chown alice /run/nhi
chmod 777 /run/nhi
kill -KILL "$(show MainPID)"
# More often than systemd lets an ordinary unit fall.
has_fallen() { [ "$(show NRestarts)" -ge 13 ]; }
eventually has_fallen
ok $? '/run/nhi is somebody else'"'"'s: it falls, and falls'
mapfile -t says < <(told)
is "${says[*]}" '1 perm-run nhi_supervisor_up 0' 'status and metrics say that it is out, doctor why'
ssh_as ci-bot reply "$W/ticket" id -un
is "$RC:$(lives)" 255:1 'no agent is let in, the session that was there is'
ssh_as alice key "$W/key" id -un
is "$RC:$OUT" 0:alice 'a person is'
chown root /run/nhi
chmod 700 /run/nhi
eventually is_active
eventually logs_in
is "$RC:$OUT:$(lives)" 0:ci-bot:1 'safe again: it comes back by itself, and agents go on'
is "$(told)" "$NOTHING" 'nobody has anything to say'
must nhictl task close on
is "$(lives)" 0 'and what is to end ends'
finish
