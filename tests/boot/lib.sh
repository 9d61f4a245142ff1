# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034
# What the tests with systemd share. Sourced first: it boots each release of Debian and runs the test in it, one after
# the other, with the functions of the other end-to-end tests. TAP on standard output.
set -u

[ -e /run/nhi-lab ] || exec "$(dirname "${BASH_SOURCE[0]}")/each-release.sh" "$0" "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

# ---- what systemd does here ----

start_collector() { :; }
mark_log() { MARK=$(journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p'); }
since_mark() { journalctl -q -o short --after-cursor "$MARK"; }
run_sshd() {
    must sshd -t
    must systemctl restart ssh
    # shellcheck disable=SC2016
    eventually bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$PORT" 2>/dev/null || bail 'sshd does not answer'
}
restart_sshd() { run_sshd; }
start_watch() {
    must systemctl daemon-reload
    must systemctl enable --now nhi-watch
    eventually test -e /run/nhi/watch || bail 'nhi-watch.service'
}

# ---- sessions and processes ----

# Sessions of logind, one on each line: user and state. Debian 13 also lists the user's own manager.
logind_sessions() { # logind_sessions USER
    local id
    for id in $(loginctl list-sessions --no-legend | awk -v user="$1" '$3 == user { print $1 }'); do
        loginctl show-session "$id" -p Class -p State 2>/dev/null | sort | paste -sd' '
    done | grep Class=user
}
has_logind_session() { [ -n "$(logind_sessions "$1")" ]; }
has_no_logind_session() { [ -z "$(logind_sessions "$1")" ]; }
sessions() { nhictl session list --json | jq '.sessions | length'; }
has_no_process() { [ -z "$(processes_of "$1")" ]; }
# A zombie does not count.
processes_of() { ps -o pid=,stat=,args= -U "$1" -u "$1" | awk '$2 !~ /^Z/'; }
