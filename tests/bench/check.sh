#!/bin/bash
# SPDX-License-Identifier: ISC
# Instructions and system calls of what a host pays most often, compared with tests/bench/counts. Times vary from machine
# to machine, these hardly do: callgrind counts the instructions, strace the calls.
#
#   tests/bench/check.sh compare   exit status 1 if a number is more than 5 % above the one in the file
#   tests/bench/check.sh write     writes the file anew; the commit says the old and the new numbers
#
# In a private copy of this machine (packaging/lab.sh), as root, on Debian 12: the numbers of another release differ with
# its libraries. Half a minute.
set -u

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "${BUILD:-$TREE/build}" && pwd) || exit 1
COUNTS=$TREE/tests/bench/counts
NEW=$BUILD/bench/counts.new
NHI_BENCH_CALLGRIND=1

case ${1:-} in
compare | write) ;;
*) sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac

if [ ! -e /run/nhi-lab ]; then
    case $(cat /etc/debian_version) in
    12*) ;;
    *) echo 'bench-check: not Debian 12, whose libraries the numbers are for: nothing was compared' && exit 0 ;;
    esac
    mkdir -p "$BUILD/bench"
    exec 9>"$BUILD/bench/lock" && flock 9
    "$TREE/packaging/lab.sh" run --disk "$BUILD/bench" /srv/bench -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 BUILD="$BUILD" "$BASH" "$0" "$@" || exit
    [ "$1" = compare ] || cp "$NEW" "$COUNTS"
    exec perl "$TREE/tests/bench/compare.pl" "$COUNTS" "$NEW"
fi

# shellcheck source=tests/bench/lib.sh
. "$TREE/tests/bench/lib.sh"
# shellcheck source=tests/bench/rows-login.sh
. "$TREE/tests/bench/rows-login.sh"

# shellcheck source=tests/bench/rows-names.sh
. "$TREE/tests/bench/rows-names.sh"
# shellcheck source=tests/bench/fixtures.sh
. "$TREE/tests/bench/fixtures.sh"

# The same group files and accounts on every machine.
plain_groups() {
    local gid
    printf 'root:x:0:\nshadow:x:42:\nsudo:x:27:\nadm:x:4:\ndocker:x:990:\n' >/etc/group
    for ((gid = 2000; gid < 2040; gid++)); do echo "team$gid:x:$gid:root"; done >>/etc/group
}

plain_host() {
    plain_groups
    host_up
    must nhictl setup nss
}

bench_up plain_host
# The supervisor would write in between.
stop_watch
echo 'supervisor = "optional";' >/etc/nhi/nhi.conf
must nhictl apply
rows_counts
key=$(cut -d' ' -f2 "$W/id-bound.pub")
count helper /usr/libexec/nhi-authorized-keys ci-bot ssh-ed25519 "$key"
# These have nothing left to fold then.
must nhictl status
count status nhictl status
count issue nhictl issue --agent ci-bot --task build-1 --account ci-bot --service sshd
count revoke nhictl revoke --ticket "$(unknown_jti)"
use_fixture agents1000
must nhictl agent add "one-$(date +%s%N)" --no-home --owner ops --purpose bench --review-by 2099-06-30
rows_look_counts
awk '$1 ~ /(calls|instructions)$/ { print $1, $3 }' "$RESULTS" | sort >"/srv/bench/${NEW##*/}"
