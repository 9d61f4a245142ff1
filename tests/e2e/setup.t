#!/bin/bash
# SPDX-License-Identifier: ISC
# nhictl setup killed wherever it changes something: each file is either the old or the new one, and people can log in.
#
# As a sample: at every fourth change where other services have run the same code.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

ALL='nss sshd sudo su cron'
STOPAT=$BUILD/tests/tools/stopat
BACKUPS=/var/backups/nhi
FILES=(/etc/nsswitch.conf /etc/pam.d/{sshd,sudo,sudo-i,su,su-l,cron,atd} /etc/ssh/sshd_config
    /etc/ssh/sshd_config.d/00-nhi.conf /etc/sudoers /etc/sudoers.d/nhi)

host_up
start_sshd
disown -a

# Every file below /etc, with its time.
etc() {
    find /etc ! -type d -printf '%p %y %m %u %g %s %T@ %l\n' -o -printf '%p %y %m %u %g\n' | sort
    find /etc -type f -exec sha256sum {} + | sort
}
# One line for each file that setup knows, with its state.
each() {
    local f
    stat -c '%n %a %U %G' "${FILES[@]}" 2>/dev/null
    sha256sum "${FILES[@]}" 2>/dev/null
    for f in "${FILES[@]}"; do [ -e "$f" ] || echo "$f -"; done
}
dated() { each && stat -c '%n %y' "${FILES[@]}" 2>/dev/null; }
# Whether each of them is as before or as after.
either() { ! each | grep -qvxFf "$W/old" -f "$W/new"; }
is_as_before() { etc | cmp -s - "$W/before"; }
# Everything that setup has made or left: the files, unfinished new ones, and backups.
traces() {
    each
    find /etc/{,pam.d,ssh,ssh/sshd_config.d,sudoers.d} "$BACKUPS" -maxdepth 3 -name '.*new' -print \
        -o -path "$BACKUPS*" -print 2>/dev/null
}

etc >"$W/before"
each >"$W/old"
dated >"$W/dated"
# shellcheck disable=SC2086 # words
must nhictl setup $ALL
each >"$W/new"
must nhictl setup --undo
is_as_before
ok $? 'there and back'

# ---- killed ----

# What people do, once in each state in which the files were ever found.
declare -A SEEN
people_log_in() {
    local state
    state=$(each | sha256sum)
    [ -z "${SEEN[$state]:-}" ] || return 0
    SEEN[$state]=1
    sshd -t && visudo -cq || return 1
    restart_sshd
    person_works alice "after $1" >"$W/tap"
    TESTS=$((TESTS - 1))
    grep -q '^ok' "$W/tap" || return 1
    capture as alice "$PTY" 'word: ' "$W/password" -- su deploy -c 'id -un'
    [[ $RC$OUT =~ ^0.*deploy ]]
}

# save, again: the files of setup, and its backups.
save() {
    local there=() f
    for f in "${FILES[@]}" "$BACKUPS"; do [ ! -e "$f" ] || there+=("$f"); done
    tar --format=posix -Pcf "$W/saved.tar" "${there[@]}"
}
again() {
    rm -rf "$BACKUPS" /etc/ssh/sshd_config.d/00-nhi.conf /etc/sudoers.d/nhi
    rm -f /etc/{,pam.d/,ssh/,ssh/sshd_config.d/,sudoers.d/}.*new
    tar -Pxpf "$W/saved.tar"
}

# From what a killed run has left, one run continues and another undoes it.
goes_on_and_back() {
    local state
    state=$(traces | sha256sum)
    [ -z "${TRIED[$state]:-}" ] || return 0
    TRIED[$state]=1
    nhictl setup "$1" && each | cmp -s - "$W/set" && nhictl setup "$1" --undo && dated | cmp -s - "$W/dated" &&
        ! traces | grep -qe '\.new$' -e "^$BACKUPS"
} >"$W/out" 2>&1

# killed_everywhere SERVICE [--undo]
killed_everywhere() {
    local k rc bad='' n=0 step=1
    declare -A TRIED=()
    save
    [[ $1 = nss || $1 = sshd ]] || step=$(depth 4 1)
    for ((k = 1; ; k += step)); do
        "$STOPAT" /usr/sbin/nhictl "$k" kill --changes /etc:/var -- nhictl setup "$@" >"$W/stopat" 2>&1
        rc=$?
        [ "$rc" = 0 ] || break
        n=$((n + 1))
        either || bad+=" $k:files"
        people_log_in "$* at $k" || bad+=" $k:people"
        goes_on_and_back "$1" || bad+=" $k:next"
        again
    done
    is "$rc$bad" 3 "setup $*: killed at $n changes, ${#TRIED[@]} states"
    again
}
for service in $ALL; do
    must nhictl setup "$service"
    each >"$W/set"
    killed_everywhere "$service" --undo
    must nhictl setup "$service" --undo
    killed_everywhere "$service"
done
is_as_before
ok $? 'nothing is left of all this'
[ "${#SEEN[@]}" -gt 5 ]
ok $? "people have logged in, in each of ${#SEEN[@]} states of the files"
restart_sshd

finish
