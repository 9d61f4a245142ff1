# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034
# The host programs, each with a function that makes it run one command: shared by the tests of the contract with them
# and by stop-and-go. Sourced after tests/e2e/lib.sh or tests/boot/lib.sh, once the host is set up.

D=$W/contract # what the modules are told and what they return
install -d -m 1777 "$D"
BEGUN=$D/begun
cp "$BUILD/tests/contract/begun" "$BEGUN"

# answer NAME [LINE...]: what a module with that name does from now on; its calls so far are forgotten.
answer() {
    printf '%s\n' "${@:2}" >"$D/$1.answer"
    : >"$D/$1.called"
    chmod 666 "$D/$1".*
}

# Only jobs that a test starts may run here.
[ ! -d /run/systemd/system ] || systemctl stop cron atd

is_systemd() { [ -d /run/systemd/system ]; }
has() { command -v "$1" >/dev/null; }

# ---- wiring ----

OURS='auth [success=done user_unknown=ignore default=die] pam_nhi.so
account required pam_nhi.so
session required pam_nhi.so'

# The service names of the programs, and their stacks: our lines are where nhictl setup writes them, else at the top.
# sudo-rs reads sudo's files.
SERVICES='sshd sudo su cron atd runuser doas contract'
wire_all() {
    local service f
    must nhictl setup nss sshd sudo su cron
    for service in runuser doas; do
        f=/etc/pam.d/$service
        [ ! -f "$f" ] || { printf '%s\n' "$OURS" "$(cat "$f")" >"$f.new" && mv "$f.new" "$f"; }
    done
    printf '%s\naccount required pam_permit.so\nsession required pam_permit.so\n' "$OURS" >/etc/pam.d/contract
}
# stacks SED-SCRIPT: edits them all
stacks() {
    local service
    for service in $SERVICES; do
        [ ! -f "/etc/pam.d/$service" ] || sed -i -E "$1" "/etc/pam.d/$service"
    done
}

# ---- the programs ----

programs() {
    echo sshd-key sshd-prompt sshd-password sudo
    ! has sudo-rs || echo sudo-rs
    echo su runuser cron atd
    ! is_systemd || echo unit
    ! has doas || echo doas
}

# Each runs BEGUN as the account TARGET, sudo as root, and returns when it has ended. AS: the command that becomes its
# caller.
run_sudo() { capture timeout 60 "${AS[@]}" sudo -n "$BEGUN"; }
run_sudo-rs() { capture timeout 60 "${AS[@]}" sudo-rs -n "$BEGUN"; }
run_doas() { capture timeout 60 "${AS[@]}" doas -n -u "$TARGET" "$BEGUN"; }
run_su() { capture timeout 60 "${AS[@]}" su -c "$BEGUN" "$TARGET"; }
run_runuser() { capture timeout 60 runuser -c "$BEGUN" "$TARGET"; }
run_sshd-key() { ssh_as "$TARGET" key "$REPLY_KEY" "$BEGUN"; }
run_sshd-prompt() { ssh_as "$TARGET" reply "$REPLY" "$BEGUN"; }
run_sshd-password() { E2E_METHOD=password ssh_as "$TARGET" reply "$REPLY" "$BEGUN"; }
run_unit() {
    capture timeout 60 systemd-run --quiet --wait --collect --unit=contract -p PAMName=contract -p User="$TARGET" "$BEGUN"
}
run_cron() {
    rm -f /run/crond.reboot /run/crond.pid
    printf '@reboot %s %s\n' "$TARGET" "$BEGUN" >/etc/cron.d/contract
    by_daemon cron -f
    rm -f /etc/cron.d/contract
}
run_atd() {
    setpriv --reuid "$TARGET" --regid "$TARGET" --init-groups env SHELL=/bin/sh at now <<<"exec $BEGUN" >"$W/out" 2>&1 ||
        { note "at: $(cat "$W/out")" && return 1; }
    by_daemon atd -f
}
# by_daemon COMMAND...: until the job that it found, which its PAM modules report, has ended.
by_daemon() {
    "$@" >/dev/null 2>&1 </dev/null &
    echo $! >"$D/daemon"
    disown $!
    eventually test -s "$D/before.called"
    eventually has_no_child $!
    kill $!
    eventually_gone $!
}
has_no_child() { [ -z "$(cat "/proc/$1/task/$1/children" 2>/dev/null)" ]; }
