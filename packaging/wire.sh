#!/bin/bash
# Puts pam_nhi and nss_nhi to work on this machine: the lines of packaging/pam.d in
# /etc/pam.d/{sshd,sudo,sudo-i,su,cron,atd} (su-l includes su), /etc/nsswitch.conf, sshd_config.d and
# sudoers.d. What is wired already stays as it is; a program that is not installed is left out. Every
# file is written beside the old one and renamed: a login in between sees the one or the other.
#
#   packaging/wire.sh [ROOT]     below ROOT instead of /
set -eu
shopt -s inherit_errexit

HERE=$(cd "$(dirname "$0")" && pwd)/pam.d
ROOT=${1:-}

die() {
    echo "wire.sh: $*" >&2
    exit 1
}

# replace FILE MODE: standard input becomes FILE.
replace() {
    local tmp
    tmp=$(mktemp "$1.XXXXXX")
    cat >"$tmp" && chmod "$2" "$tmp" && mv "$tmp" "$1"
}

# auth and account go before the include of their common part. session goes before the first line
# that is neither of SELinux, the login uid nor the keyring: those prepare the session we register.
wire_service() {
    local file=$ROOT/etc/pam.d/$1 new
    [ -f "$file" ] || return 0
    ! grep -q '^[^#]*pam_nhi\.so' "$file" || return 0
    new=$(awk -v auth="$(cat "$HERE/auth")" -v account="$(cat "$HERE/account")" \
        -v session="$(cat "$HERE/session")" '
        /^@include[ \t]+common-auth/ && !a++ { print auth }
        /^@include[ \t]+common-account/ && !b++ { print account }
        (/^@include[ \t]+common-session/ ||
            /^session/ && !/pam_(selinux|loginuid|keyinit)\.so/) && !c++ { print session }
        { print }
        END { if (!a || !b || !c) exit 1 }' "$file") ||
        die "$file has no common-auth, common-account or session lines: put packaging/pam.d there by hand"
    replace "$file" 644 <<<"$new"
}

# %C, by which the helper knows where a client is: OpenSSH 9.4.
sshd_names_connections() {
    local version
    version=$(${ROOT:+chroot "$ROOT"} ssh -V 2>&1 | sed -nE 's/^OpenSSH_([0-9]+)\.([0-9]+).*/\1 \2/p')
    [ -n "$version" ] && [ $((${version% *} * 100 + ${version#* })) -ge 904 ]
}

main() {
    local service new
    for service in sshd sudo sudo-i su cron atd; do
        wire_service "$service"
    done
    new=$(awk -f "$HERE/nsswitch.awk" "$ROOT/etc/nsswitch.conf")
    replace "$ROOT/etc/nsswitch.conf" 644 <<<"$new"
    if [ -d "$ROOT/etc/ssh/sshd_config.d" ]; then
        new=$(cat "$HERE/sshd_config.conf")
        ! sshd_names_connections || new=${new/ %k/ %k %C}
        replace "$ROOT/etc/ssh/sshd_config.d/nhi.conf" 644 <<<"$new"
    fi
    if [ -d "$ROOT/etc/sudoers.d" ]; then
        replace "$ROOT/etc/sudoers.d/nhi" 440 <"$HERE/sudoers"
    fi
}

main
