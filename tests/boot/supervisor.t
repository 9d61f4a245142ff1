#!/bin/bash
# SPDX-License-Identifier: ISC
# The supervisor ends, again and again: it comes back by itself, sessions continue and end as ever, and while it is
# down every command reports that.
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
# Once for each of the three: what they report about it.
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
is "$(told)" "$NOTHING" 'it runs, and nothing is reported'

# ---- killed ----

PID=0
killed=0
for _ in {1..7}; do
    eventually is_another || bail 'it does not come back'
    PID=$(show MainPID)
    kill -KILL "$PID" && killed=$((killed + 1))
done
is "$killed" 7 'killed as soon as it runs, seven times'
eventually is_another
eventually is_active
is "$(show ActiveState):$(show NRestarts)" active:7 'it runs again'
eventually logs_in
is "$RC:$OUT:$(lives)" 0:ci-bot:1 'an agent logs in, and the session that was there is'
is "$(told)" "$NOTHING" 'nothing is reported'

# ---- /run/nhi is not safe ----

chown alice /run/nhi
chmod 777 /run/nhi
kill -KILL "$(show MainPID)"
# More often than systemd permits to an ordinary unit.
has_fallen() { [ "$(show NRestarts)" -ge 13 ]; }
eventually has_fallen
ok $? '/run/nhi is somebody else'"'"'s: it falls, and falls'
mapfile -t says < <(told)
is "${says[*]}" '1 perm-run nhi_supervisor_up 0' 'status and metrics report that it is down, doctor why'
ssh_as ci-bot reply "$W/ticket" id -un
is "$RC:$(lives)" 255:1 'no agent is permitted, and the session is live'
ssh_as alice key "$W/key" id -un
is "$RC:$OUT" 0:alice 'a person is'
chown root /run/nhi
chmod 700 /run/nhi
eventually is_active
eventually logs_in
is "$RC:$OUT:$(lives)" 0:ci-bot:1 'safe again: it comes back by itself, and agents continue'
is "$(told)" "$NOTHING" 'nothing is reported'
must nhictl task close on
is "$(lives)" 0 'and sessions end as they should'
finish
