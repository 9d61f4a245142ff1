#!/bin/bash
# SPDX-License-Identifier: ISC
# A host sleeps and wakes: the heartbeat of before is an old one, and agents wait for no longer than until the supervisor
# has looked. Its clock is the one that the heartbeat has; the other one stands still here, so that what goes by it never
# comes.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# For every program, those that are set-uid, too.
install -m 755 "$BUILD/tests/e2e/slept.so" /usr/lib/nhi-slept.so
echo /usr/lib/nhi-slept.so >/etc/ld.so.preload
lab_up
nhi_up
open_task on
issue "$W/ticket" on
mono() { perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e 'printf "%d", clock_gettime(CLOCK_MONOTONIC)'; }
slept=0
# sleeps SECONDS: from here on so many more
sleeps() {
    slept=$((slept + $1))
    echo "$slept $MONO" >/etc/nhi-slept.new && mv /etc/nhi-slept.new /etc/nhi-slept
}
MONO=$(mono)
ssh_as ci-bot reply "$W/ticket" id -un
is "$RC:$OUT" 0:ci-bot 'an agent logs in'
has_looked() { [ "$(cut -d' ' -f1 /run/nhi/watch)" -ge "$((BEFORE + slept))" ]; }

for seconds in 3600 40 86400; do
    # It has not looked yet when the first one knocks.
    kill -STOP "$WATCH"
    BEFORE=$(uptime_now)
    sleeps "$seconds"
    is "$(mono)" "$MONO" "after a sleep of $seconds seconds: one clock has not gone on"
    mark_log
    ssh_as ci-bot reply "$W/ticket" id -un
    is "$RC" 255 'nobody has watched meanwhile: refused'
    has_logged 'denied: reason=no-supervisor' 'for want of a supervisor'
    kill -CONT "$WATCH"
    # What the kernel does when it wakes: everybody who waits for a clock is woken.
    : >"$STATE/woken" && rm "$STATE/woken"
    eventually has_looked
    ssh_as ci-bot reply "$W/ticket" id -un
    is "$RC:$OUT" 0:ci-bot 'the supervisor looks, and the agent is let in'
done
like "$(cat "/proc/$WATCH"/fdinfo/* 2>/dev/null)" 'settime flags: 03' 'the supervisor is woken when the clock of the host jumps, as at the end of a sleep'
finish
