#!/bin/bash
# SPDX-License-Identifier: ISC
# The README's two commands on a machine that has nothing but this source tree.
#
#   tests/fresh.sh [--cache DIR] RELEASE [STAGE...]
#
# RELEASE is bookworm (Debian 12) or trixie (13). A minimal root of it is made with debootstrap, or taken
# from DIR/RELEASE (default /var/tmp/nhi-fresh) where an earlier run left it; all changes are made on
# a tmpfs over it, with the tree in the place of a clone by root. STAGE: demo, test, full (packaging/test.sh full), or the
# names of its stages; default: demo and full.
# Exit status 0 when all of them passed.
set -eu

TREE=$(cd "$(dirname "$0")/.." && pwd)
CACHE=/var/tmp/nhi-fresh

die() {
    echo "fresh.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '3,/^set/s/^# \{0,1\}//p' "$0" | sed '/^set/d' >&2
    exit 2
}

# Runs in a mount namespace of its own: everything below ends with it.
inside() {
    local root=$1 mount
    shift
    mount=$(mktemp -d)
    mount -t tmpfs -o mode=0755 tmpfs "$mount"
    mkdir "$mount/upper" "$mount/work" "$mount/root"
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$mount/upper,workdir=$mount/work" \
        "$mount/root"
    mount -t proc proc "$mount/root/proc"
    mount --rbind /sys "$mount/root/sys"
    mount --rbind /dev "$mount/root/dev"
    cp -L /etc/resolv.conf "$mount/root/etc/resolv.conf" 2>/dev/null || true
    chmod 0700 "$mount/root/root"
    mkdir -p "$mount/root/root/nhi"
    tar -C "$TREE" --exclude=./build --exclude=./.git -cf - . | tar -C "$mount/root/root/nhi" -xf -
    if [ -d "$TREE/../shared/vectors" ]; then
        mkdir -p "$mount/root/root/shared"
        cp -r "$TREE/../shared/vectors" "$mount/root/root/shared/"
    fi
    for stage; do
        echo "== fresh: $stage"
        case $stage in
        demo) in_root packaging/demo.sh ;;
        test) in_root packaging/test.sh ;;
        *) in_root packaging/test.sh "$stage" ;;
        esac
    done
}

in_root() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
        ${http_proxy:+http_proxy="$http_proxy"} \
        chroot "$mount/root" /bin/bash -c 'cd /root/nhi && exec "$@"' bash "$@"
}

if [ "${1:-}" = --inside ]; then
    shift
    inside "$@"
    exit
fi
if [ "${1:-}" = --cache ]; then
    [ "$#" -ge 2 ] || usage
    CACHE=$2
    shift 2
fi
[ "$#" -ge 1 ] || usage
release=$1
shift
case $release in
bookworm | trixie) ;;
*) usage ;;
esac
[ "$(id -u)" = 0 ] || die 'only root can make a root'
[ "$#" -gt 0 ] || set -- demo full
root=$CACHE/$release
if [ ! -e "$root/.complete" ]; then
    command -v debootstrap >/dev/null || die 'debootstrap is missing: apt-get install debootstrap'
    rm -rf "$root"
    mkdir -p "$CACHE"
    debootstrap --variant=minbase "$release" "$root" >"$CACHE/$release.log" 2>&1 ||
        die "debootstrap failed: see $CACHE/$release.log"
    : >"$root/.complete"
fi
exec unshare --mount --pid --fork --kill-child --propagation private "$0" --inside "$root" "$@"
