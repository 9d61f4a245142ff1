# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Rows of the real programs: sudo in a session, ssh, and the helper that sshd asks for keys.
# shellcheck source=tests/bench/lib.sh

# sudo chooses its stack by the command here. Each command is a copy of true.
make_sudo() {
    local name
    for name in ours permit plain; do cp /usr/bin/true "/usr/local/bin/true-$name"; done
    printf '%s required pam_permit.so\n' auth account session >/etc/pam.d/bench-permit
    # The stack of this host as it is without us.
    grep -v pam_nhi /etc/pam.d/sudo >/etc/pam.d/bench-plain
    cat >/etc/sudoers.d/bench <<'SUDO'
Defaults noninteractive_auth, timestamp_timeout=0
Defaults!/usr/local/bin/true-permit pam_service=bench-permit
Defaults!/usr/local/bin/true-plain pam_service=bench-plain
ci-bot ALL=(root) /usr/local/bin/true-*
carol ALL=(root) NOPASSWD: /usr/local/bin/true-*
SUDO
    chmod 440 /etc/sudoers.d/bench
    must visudo -c
}

rows_hosts() {
    make_sudo
    progress 'sudo -n true in a session of a ticket, and for a person'
    in_session ci-bot key "$W/id-bound" sudo.ticket ours sudo.permit permit
    in_session carol key "$W/key" sudo.person ours sudo.person.plain plain
    progress 'ssh'
    issue "$W/here" build-1
    in_turn 20 <<END
ssh.key $SSH_TOOL ci-bot key $W/id-bound true
ssh.plain $SSH_TOOL alice key $W/key true
ssh.ticket $SSH_TOOL ci-bot reply $W/here true
END
    progress 'the helper of sshd'
    rows_helper
}

# in_session USER HOW FILE NAME COMMAND NAME COMMAND: sudo of each in turn, inside one session of ssh
in_session() {
    printf '%s sudo -n /usr/local/bin/true-%s\n' "${@:4}" >"$W/sudo.lines"
    chmod 644 "$W/sudo.lines"
    ssh_as "$1" "$2" "$3" "$TOOLS/in_turn 40 <$W/sudo.lines"
    [ "$RC" = 0 ] || printf '%s\n' "$ERR" >&2
    printf '%s\n' "$OUT" >>"$RESULTS"
}

rows_helper() {
    local helper=/usr/libexec/nhi-authorized-keys key
    key=$(cut -d' ' -f2 "$W/id-bound.pub")
    in_turn 40 <<END
helper $helper ci-bot ssh-ed25519 $key
helper.true /usr/bin/true
END
    count helper $helper ci-bot ssh-ed25519 "$key"
    count true /usr/bin/true
}
