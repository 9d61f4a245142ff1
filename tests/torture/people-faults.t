#!/bin/bash
# SPDX-License-Identifier: ISC
# Each system call on a file of ours, and on /etc/group, that a person's login makes through this host's own PAM stack
# fails with each kind of error in turn: people and root get through. For su and sudo, whose callers choose their
# limits, an error that such a limit causes may be a denial.
# Invariant: 18.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

lab_up
nhi_up
kill "$WATCH"
eventually_gone "$WATCH" || bail 'the supervisor stays'
PEOPLE=("$BUILD/tests/tools/people" alice deploy "$W/password" "$W/key.pub")
OURS=()
for path in "$STATE" "$STATE/accounts" /run/nhi-public/accounts "$STATE/grants" /run/nhi /run/nhi/sessions /etc/group \
    /proc/sys/kernel/random/boot_id; do
    OURS+=(-P "$path")
done
STATES='EIO EACCES ELOOP'
LIMITS='EMFILE ENOMEM'

# calls FLOW: one line for each of these calls: its name, and its number among those with that name.
calls() {
    strace -f -qq "${OURS[@]}" -o "$W/trace" "${PEOPLE[@]}" "$1" >/dev/null 2>&1 || return 1
    # Closing cannot fail with any of these.
    sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$W/trace" | grep -vE '^(close|exit|exit_group|fcntl)$' |
        awk '{ print $1, ++n[$1] }'
}

total=0 denied=0 allowed=0
for flow in password key shared root sudo su cron rootsu rootsudo; do
    calls "$flow" >"$W/calls" || bail "$flow: $(cat "$W/trace")"
    while read -r call k; do
        for error in $STATES $LIMITS; do
            total=$((total + 1))
            timeout 60 strace -f -qq -o /dev/null "${OURS[@]}" -e "inject=$call:error=$error:when=$k" \
                "${PEOPLE[@]}" "$flow" >"$W/out" 2>&1 </dev/null && continue
            case $flow:" $LIMITS " in
            su:*" $error "* | sudo:*" $error "*) allowed=$((allowed + 1)) ;;
            *)
                denied=$((denied + 1))
                note "$flow: $call number $k, $error: $(head -n 1 "$W/out")"
                ;;
            esac
        done
    done <"$W/calls"
    note "$flow: $(wc -l <"$W/calls") calls"
done
note "$total faults, $allowed denials by a limit"
is "$denied" 0 'nobody was denied'
[ "$total" -ge 200 ]
ok $? 'of hundreds'

finish
