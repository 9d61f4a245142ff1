# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Rows of sessions: how long one outlives its ticket beside others, many at once, a rule that counts sessions, reports
# and the supervisor beside 1,000.
# shellcheck source=tests/bench/lib.sh

# open_others NUMBER: until there are so many of them, by ten tickets of another task; their IDs are in $W/others
OTHERS=0
open_others() {
    : >>"$W/others"
    while [ "$OTHERS" -lt "$1" ]; do
        open_session "$W/others.$((OTHERS % 10))" ci-bot >>"$W/others"
        OTHERS=$((OTHERS + 1))
        [ "$((OTHERS % 10))" != 0 ] || all_are_open
    done
    all_are_open
}
all_are_open() {
    eventually has_lines "$W/others" "$OTHERS" || bail "sessions: $(tail -n 3 "$W/sessions.err")"
}

# one_gone: microseconds from the start of nhictl revoke until the only process of that ticket has ended
one_gone() {
    issue "$W/one" build-1
    : >"$W/one.pid"
    open_session "$W/one" ci-bot >"$W/one.pid"
    eventually has_lines "$W/one.pid" 1 || bail "a session: $(tail -n 1 "$W/sessions.err")"
    "$TOOLS/gone" nhictl revoke --ticket "$(jti_of "$W/one")" <"$W/one.pid" | cut -d' ' -f3
}

rows_sessions() {
    local others i
    ulimit -n 20000
    mount_state "$DISK/state"
    must nhictl status
    start_watch
    must nhictl task open crowd --agent ci-bot --until 2h --concurrent
    for ((i = 0; i < 10; i++)); do issue "$W/others.$i" crowd; done
    for others in 0 100 1000; do
        progress "revoke beside $others other sessions"
        open_others "$others"
        for ((i = 0; i < ${REVOCATIONS_EACH:-7}; i++)); do one_gone; done | put_all "gone.$others"
    done
    rows_crowd
    progress '1,000 sessions at once'
    "$TOOLS/gone" nhictl revoke --task crowd <"$W/others" >"$W/gone"
    read -r half most last all <"$W/gone"
    put crowd.p50 "$half"
    put crowd.p99 "$most"
    put crowd.last "$last"
    put crowd.verb "$all"
}

# While 1,000 sessions are live.
rows_crowd() {
    progress 'beside 1,000 sessions: status, metrics, a rule that counts sessions'
    must nhictl status
    in_turn 3 <<END
status.sessions nhictl status
metrics.sessions nhictl metrics
END
    issue "$W/counted" other-1 --agent other-bot --account other-bot
    issue "$W/uncounted" build-1
    in_turn 15 <<END
counted $CYCLE -c $STACKS/ours -f $FROM -p ac -r $W/counted sshd other-bot
uncounted $CYCLE -c $STACKS/ours -f $FROM -p ac -r $W/uncounted sshd ci-bot
END
    count counted "$CYCLE" -c "$STACKS/ours" -f "$FROM" -p ac -r "$W/counted" sshd other-bot
    count uncounted "$CYCLE" -c "$STACKS/ours" -f "$FROM" -p ac -r "$W/uncounted" sshd ci-bot
    rows_supervisor
}

# Microseconds of processor time of the supervisor so far.
watch_cpu() { awk '{ printf "%.0f\n", $1 / 1000 }' "/proc/$WATCH/schedstat"; }
# Until it has looked at everything that is new to it.
watch_rests() {
    local had now try
    had=$(watch_cpu)
    for ((try = 0; try < 20; try++)); do
        sleep 1
        now=$(watch_cpu)
        [ "$((now - had))" -gt 1000 ] || return 0
        had=$now
    done
}

rows_supervisor() {
    local before i logins=10
    progress 'the supervisor'
    # Before it rests: a new ticket is a reason to look at all sessions, and is not part of a login.
    issue "$W/in" build-1
    watch_rests
    before=$(watch_cpu)
    sleep 10
    put watch.idle "$((($(watch_cpu) - before) / 10))"
    before=$(watch_cpu)
    for ((i = 0; i < logins; i++)); do
        "$CYCLE" -c "$STACKS/ours" -f "$FROM" -r "$W/in" sshd ci-bot 3>&- || bail 'a login'
        sleep 0.2
    done
    sleep 6 # the records of the last logins are taken in five seconds after those of the first
    watch_rests
    put watch.login "$((($(watch_cpu) - before) / logins))"
    put watch.rss "$(awk '/^VmRSS/ { print $2 }' "/proc/$WATCH/status")"
}
