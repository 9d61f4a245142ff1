#!/bin/bash
# SPDX-License-Identifier: ISC
# A host sleeps and wakes: its last heartbeat is then an old one, and agents wait only until the supervisor has
# looked. Its clock is that of the heartbeat; the other clock stands still here, so that nothing that depends on it
# happens.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# For every program, also for set-uid ones.
install -m 755 "$BUILD/tests/e2e/slept.so" /usr/lib/nhi-slept.so
echo /usr/lib/nhi-slept.so >/etc/ld.so.preload
lab_up
nhi_up
open_task on
issue "$W/ticket" on
mono() { perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e 'printf "%d", clock_gettime(CLOCK_MONOTONIC)'; }
slept=0
# sleeps SECONDS: moves the clock forward by that many.
sleeps() {
    slept=$((slept + $1))
    echo "$slept $MONO" >/etc/nhi-slept.new && mv /etc/nhi-slept.new /etc/nhi-slept
}
MONO=$(mono)
ssh_as ci-bot reply "$W/ticket" id -un
is "$RC:$OUT" 0:ci-bot 'an agent logs in'
has_looked() { [ "$(cut -d' ' -f1 /run/nhi/watch)" -ge "$((BEFORE + slept))" ]; }

for seconds in 3600 40 86400; do
    # The supervisor has not looked yet when the first login comes.
    kill -STOP "$WATCH"
    BEFORE=$(uptime_now)
    sleeps "$seconds"
    is "$(mono)" "$MONO" "after a sleep of $seconds seconds: one clock has not moved"
    mark_log
    ssh_as ci-bot reply "$W/ticket" id -un
    is "$RC" 255 'nothing was supervised meanwhile: denied'
    has_logged 'denied: reason=no-supervisor' 'with the reason'
    kill -CONT "$WATCH"
    # What the kernel does after waking up: it wakes every process that waits for a clock.
    : >"$STATE/woken" && rm "$STATE/woken"
    eventually has_looked
    ssh_as ci-bot reply "$W/ticket" id -un
    is "$RC:$OUT" 0:ci-bot 'the supervisor looks, and the agent is permitted'
done
like "$(cat "/proc/$WATCH"/fdinfo/* 2>/dev/null)" 'settime flags: 03' 'the supervisor is woken when the clock of the host jumps, as at the end of a sleep'
finish
