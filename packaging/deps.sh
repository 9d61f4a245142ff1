#!/bin/bash
# SPDX-License-Identifier: ISC
# The Debian packages that this tree needs, by purpose, in one place. Works on Debian 12 and 13.
#
#   packaging/deps.sh list PURPOSE...      prints their names
#   packaging/deps.sh missing PURPOSE...   prints those that are not installed
#   packaging/deps.sh install PURPOSE...   installs those (root)
#   packaging/deps.sh fetch DIR PURPOSE... puts them into DIR, with all that they need, and installs none (root)
#
# Purposes:
#   build   compiles pam_nhi, libnss_nhi and nhictl
#   hosts   the programs whose logins are guarded: sshd, sudo, cron, atd. They are daemons: install
#           them into a private copy of the machine (lab.sh), not into the machine itself
#   lab     what lab.sh calls
#   boot    what boot.sh calls
#   guest   what is in a Debian that boot.sh boots, beside build and hosts; not for this machine
#   clients what logs in to those hosts in a test, beside ssh; for private copies only, too
#   contract programs that are wired by hand, for the tests of what host programs obey; for private copies only, too
#   browser what pages are looked at with in a test; for private copies only, too
#   disks   makes a disk that fails in a test; for private copies only, too
#   postgresql rabbitmq postfix systemd-cron dropbear
#           what tests install on a host that has agents; for private copies only, too
#   bench   what `make bench` compares with and counts by; modules of logins and accounts, so for private copies only, too
#   check   runs `make check` and `make e2e`
#   lint    runs `make lint`, `make leaks`, `make sanitize`
set -eu

packages() {
    case $1 in
    build)
        echo gcc make pkg-config libc6-dev libpam0g-dev libsodium-dev libsqlite3-dev \
            libjansson-dev libconfig-dev
        ;;
    hosts) echo openssh-server openssh-client sudo cron at libpam-runtime ;;
    lab) echo util-linux mount iproute2 ;;
    clients) echo ansible-core python3 at screen tmux git rsync ;;
    contract)
        echo opendoas keyutils
        # Debian 12 has none.
        case $(cat /etc/debian_version) in 12*) ;; *) echo sudo-rs ;; esac
        ;;
    browser) echo chromium fonts-dejavu-core ;;
    disks) echo xfsprogs ;;
    postgresql) echo postgresql ;;
    rabbitmq) echo rabbitmq-server ;;
    postfix) echo postfix ;;
    systemd-cron) echo systemd-cron ;;
    dropbear) echo dropbear ;;
    bench)
        echo libpam-google-authenticator libpam-ssh-agent-auth libpam-krb5 krb5-kdc krb5-admin-server libnss-extrausers \
            libnss-db libnss-cache libnss-systemd perl sqlite3 jq valgrind libc6-dbg strace
        ;;
    boot) echo mmdebstrap ;;
    guest) echo systemd dbus libpam-systemd polkitd at procps jq sqlite3 ;;
    check)
        echo perl git openssh-client tzdata libcmocka-dev jq keyutils faketime procps binutils file sqlite3 \
            strace zsh
        ;;
    lint)
        echo clang clang-tidy clang-format libclang-rt-dev cppcheck shellcheck mandoc man-db valgrind \
            libc6-dbg git
        ;;
    *)
        echo "deps.sh: no such purpose: $1 (build, hosts, lab, clients, contract, browser, disks, bench, boot, guest, check, lint," \
            "postgresql, rabbitmq, postfix, systemd-cron, dropbear)" >&2
        return 1
        ;;
    esac
}

missing() {
    local p
    for p in "$@"; do
        # A virtual package (pkg-config on Debian 13) has no state of its own; its provider has.
        dpkg-query -W -f='${Status}\n' "$p" 2>/dev/null | grep -q ' installed$' || echo "$p"
    done
}

# Package lists as the mirror has them today: an old list names files that are gone.
install_them() { # install_them [OPTION]... NAME...
    local log
    [ "$#" -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || {
        echo "deps.sh: not root, and these packages are missing: $*" >&2
        return 1
    }
    log=$(mktemp)
    if ! { apt-get -q update && apt-get -q install -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o APT::Sandbox::Seccomp=0 "$@"; } >"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        rm -f "$log"
        echo "deps.sh: apt-get could not install: $*" >&2
        return 1
    fi
    rm -f "$log"
}

main() {
    local verb=${1:-} names='' dir='' purpose
    [ "$#" -ge 2 ] || {
        sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2
        exit 2
    }
    shift
    if [ "$verb" = fetch ]; then
        dir=$1
        shift
    fi
    for purpose in "$@"; do
        names+=" $(packages "$purpose")" || exit 2
    done
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
    # Names are single words.
    # shellcheck disable=SC2086
    case $verb in
    list) printf '%s\n' $names ;;
    missing) missing $names ;;
    install)
        # shellcheck disable=SC2046
        install_them $(missing $names)
        ;;
    fetch)
        mkdir -p "$dir/partial"
        install_them --download-only -o "Dir::Cache::archives=$dir" $names
        rm -rf "$dir/partial" "$dir/lock"
        ;;
    *)
        echo "deps.sh: list, missing, install or fetch, not $verb" >&2
        exit 2
        ;;
    esac
}

main "$@"
