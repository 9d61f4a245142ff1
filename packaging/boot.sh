#!/bin/bash
# SPDX-License-Identifier: ISC
# A Debian with systemd as process 1, made of the distribution's packages, gone when the command in it ends.
#
#   packaging/boot.sh root RELEASE
#       prints the directory with that release, which is made when it is missing. It stays, in
#       NHI_BOOT_CACHE or /var/tmp/nhi-boot. NHI_MIRROR: from where, if not from Debian's own
#   packaging/boot.sh build RELEASE DIR
#       builds the tree with that release's compiler and libraries, in DIR
#   packaging/boot.sh run RELEASE DIR COMMAND...
#       boots it, with the tree at its place and DIR as its build directory, both read-only, and runs COMMAND
#       as root in a unit of its own. What is written stays in memory
#
# What packaging/deps.sh has for the purposes in NHI_BOOT_ALSO is in what `run` boots as well, out of a layer over that
# root, which stays, too. For those in NHI_BOOT_DEBS the packages lie there, not installed, with all that they need:
# /var/cache/nhi-debs/PURPOSE/*.deb
#
# RELEASE is bookworm (Debian 12) or trixie (13). The environment of COMMAND is that of a unit. Exit status:
# COMMAND's; 125 when there is nothing to be booted here, after a line that says why.
set -eu

TREE=$(cd "$(dirname "$0")/.." && pwd)
SELF=$TREE/packaging/boot.sh
CACHE=${NHI_BOOT_CACHE:-/var/tmp/nhi-boot}
export LC_ALL=C.UTF-8

usage() {
    sed -n '3,/^set/s/^# \{0,1\}//p' "$SELF" | sed '/^set/d' >&2
    exit 2
}

die() {
    printf 'boot: %s\n' "$*" >&2
    exit 125
}

# must WHAT COMMAND...
must() {
    local what=$1 err
    shift
    err=$("$@" 2>&1) || die "$what failed: ${err:-$*}"
}

# ---- the root ----

# What a minimal system does on its own has no place in a test.
quiet_root() {
    local root=$1 unit
    for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
        systemd-tmpfiles-clean.timer systemd-modules-load.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    rm -rf "$root"/etc/cron.d/* "$root"/etc/cron.*ly/*
}

make_root() {
    local release=$1 root=$CACHE/$1 packages
    packages=$("$TREE/packaging/deps.sh" list build hosts guest | sort -u | paste -sd,)
    mkdir -p "$CACHE"
    exec 8>"$CACHE/$release.lock"
    flock 8
    if [ "$(cat "$root/.complete" 2>/dev/null)" != "$packages" ]; then
        command -v mmdebstrap >/dev/null || die 'mmdebstrap is missing: packaging/deps.sh install boot'
        rm -rf "$root"
        # shellcheck disable=SC2086 # or no word at all
        mmdebstrap --mode=root --variant=minbase --include="$packages" --aptopt='Acquire::Languages "none"' \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/locale/*' \
            "$release" "$root" ${NHI_MIRROR:-} >"$CACHE/$release.log" 2>&1 </dev/null 8>&- ||
            die "no $release to be had: $(grep -E '^E:' "$CACHE/$release.log" | tail -n 1), see $CACHE/$release.log"
        quiet_root "$root"
        printf '%s\n' "$packages" >"$root/.complete"
    fi
    exec 8>&-
}

ALSO=${NHI_BOOT_ALSO:-} DEBS=${NHI_BOOT_DEBS:-}
has_layer() { [ -n "$ALSO$DEBS" ]; }
layer_of() { echo "$CACHE/$1${ALSO:+.${ALSO// /-}}${DEBS:+.debs-${DEBS// /-}}"; }
make_layer() {
    local release=$1 layer packages
    has_layer || return 0
    layer=$(layer_of "$release")
    # shellcheck disable=SC2086 # words
    packages=$("$TREE/packaging/deps.sh" list $ALSO $DEBS | paste -sd,)
    exec 8>"$CACHE/$release.lock"
    flock 8
    [ "$(cat "$layer/.complete" 2>/dev/null)" = "$packages" ] ||
        (private --in-layer "$CACHE/$release" "$layer" "$packages" 8>&-) || die "no $ALSO $DEBS for $release to be had"
    exec 8>&-
}
in_layer() {
    local base=$1 root=$2 layer=$3 packages=$4 purpose
    must 'mount -t tmpfs' mount -t tmpfs -o mode=755 tmpfs "$base"
    mkdir "$base/u" "$base/w" "$base/m"
    must 'mount -t overlay' mount -t overlay overlay -o "lowerdir=$root,upperdir=$base/u,workdir=$base/w" "$base/m"
    must 'mount -t proc' mount -t proc proc "$base/m/proc"
    make_dev "$base/m/dev"
    mkdir -p "$base/m/mnt/tree"
    must "mount --bind $TREE" mount --bind "$TREE" "$base/m/mnt/tree"
    cat /etc/resolv.conf >"$base/m/etc/resolv.conf"
    # shellcheck disable=SC2086 # words
    [ -z "$ALSO" ] || chroot "$base/m" /mnt/tree/packaging/deps.sh install $ALSO >&2
    for purpose in $DEBS; do
        chroot "$base/m" /mnt/tree/packaging/deps.sh fetch "/var/cache/nhi-debs/$purpose" "$purpose" >&2
    done
    rm -rf "$base/u/etc/resolv.conf" "$base/u/var/cache/apt" "$base/u/var/lib/apt" "$layer"
    cp -a "$base/u" "$layer"
    printf '%s\n' "$packages" >"$layer/.complete"
}

# ---- a copy of it in memory ----

# copy_root ROOT BASE BUILD: BASE/m shows ROOT, writable, with the tree and its build directory.
copy_root() {
    local base=$2 build=$3 m=$2/m lower=$1
    ! has_layer || lower=$(layer_of "${1##*/}"):$1
    mkdir "$base/u" "$base/w" "$m"
    must 'mount -t overlay' mount -t overlay overlay -o "lowerdir=$lower,upperdir=$base/u,workdir=$base/w" "$m"
    mkdir -p "$m$TREE"
    # Every account walks to it, also where it lies below /root.
    local at=${TREE%/*}
    while [ -n "$at" ]; do
        chmod o+x "$m$at"
        at=${at%/*}
    done
    must "mount --bind $TREE" mount --bind "$TREE" "$m$TREE"
    mkdir -p "$m$build"
    must "mount -o remount,ro $TREE" mount -o remount,bind,ro "$m$TREE"
    must "mount --bind $build" mount --bind "$build" "$m$build"
    must 'mount -t proc' mount -t proc proc "$m/proc"
}

# private COMMAND...: in a mount namespace of its own, with a tmpfs at the directory that is its first argument.
private() {
    local base status=0
    [ "$(id -u)" = 0 ] || die 'not root'
    base=$(mktemp -d "${TMPDIR:-/tmp}/nhi-boot.XXXXXX")
    trap 'rmdir "$base" 2>/dev/null || :' EXIT
    trap : INT TERM
    unshare --mount --propagation private true 2>/dev/null ||
        die 'no mount namespace: run it in a virtual machine, or in a container with CAP_SYS_ADMIN'
    unshare --mount --propagation private "$BASH" "$SELF" "$1" "$base" "${@:2}" || status=$?
    exit "$status"
}

in_build() {
    local base=$1 root=$2 build=$3
    must 'mount -t tmpfs' mount -t tmpfs -o mode=755 tmpfs "$base"
    copy_root "$root" "$base" "$build"
    chroot "$base/m" make -s -j2 -C "$TREE" BUILD="$build" all tools
}

# ---- booting ----

make_dev() {
    local dev=$1 spec name
    must 'mount -t tmpfs /dev' mount -t tmpfs -o mode=755,nosuid tmpfs "$dev"
    mkdir -m 1777 "$dev/shm" && mkdir "$dev/pts"
    for spec in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
        name=${spec%%:*}
        # shellcheck disable=SC2046 # two words
        must "mknod $name" mknod -m 666 "$dev/$name" c $(echo "${spec#*:}" | tr : ' ')
    done
    must 'mount -t devpts' mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$dev/pts"
    ln -s pts/ptmx "$dev/ptmx"
    ln -s /proc/self/fd "$dev/fd"
    ln -s fd/0 "$dev/stdin" && ln -s fd/1 "$dev/stdout" && ln -s fd/2 "$dev/stderr"
}

# Process 1 of the new namespaces. What it is in now will be the root of the cgroups that it sees.
guest() {
    local base=$1 root=$2 build=$3 cgroup=$4 m=$1/m pid
    copy_root "$root" "$base" "$build"
    must "mount -o remount,ro $build" mount -o remount,bind,ro "$m$build"
    must 'mount -t sysfs' mount -t sysfs -o ro sysfs "$m/sys"
    must 'mount -t tmpfs /run' mount -t tmpfs -o mode=755 tmpfs "$m/run"
    : >"$m/run/nhi-lab" # tells what runs here that this is no real machine
    # Debian 13 would mount an empty one over what is there, the tree maybe. All of it is in memory already.
    mkdir -p "$m/etc/systemd/system"
    ln -sf /dev/null "$m/etc/systemd/system/tmp.mount"
    make_dev "$m/dev"
    hostname nhi-boot
    echo nhi-boot >"$m/etc/hostname"
    echo '127.0.0.1 localhost nhi-boot' >"$m/etc/hosts"
    tr -d - </proc/sys/kernel/random/uuid >"$m/etc/machine-id"
    echo 0 >"$base/cgroup/$cgroup/cgroup.procs"
    read -r pid _ <"$base/proc/self/stat" # as the outside calls it
    echo "$pid" >"$base/pid"
    cd "$m"
    # shellcheck disable=SC2016 # for the inner shell
    exec unshare --cgroup "$BASH" -euc '
        mount -t cgroup2 cgroup2 sys/fs/cgroup
        pivot_root . mnt
        umount -l mnt
        exec env -i container=lab /lib/systemd/systemd --unit=multi-user.target' </dev/null
}

# enter COMMAND...: in the namespaces of process 1
enter() { nsenter --target "$pid" --all --root --wd "$@"; }

# Whether it is up. degraded: some unit has failed, which is up too.
is_up() {
    case $(enter systemctl is-system-running 2>/dev/null) in
    running) return 0 ;;
    degraded)
        enter systemctl --no-legend --plain list-units --failed | sed 's/^/boot: failed: /' >&2
        return 0
        ;;
    *) return 1 ;;
    esac
}

# wait_for TEST...: while process 1 lives, for a minute
wait_for() {
    local i
    for ((i = 0; i < 1200; i++)); do
        "$@" && return 0
        kill -0 "$namespace" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

# With its process 1, everything in there is gone; then its cgroups can go.
halt() {
    local i
    kill -KILL "$namespace" 2>/dev/null || :
    wait "$namespace" 2>/dev/null || :
    for ((i = 0; i < 100; i++)); do
        find "$base/cgroup/$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && return 0
        [ -d "$base/cgroup/$cgroup" ] || return 0
        sleep 0.05
    done
    printf 'boot: the cgroup %s could not be removed\n' "$cgroup" >&2
}

in_boot() {
    local status=0 stale place
    base=$1 root=$2 build=$3 cgroup=nhi-boot.$$
    shift 3
    must 'mount -t tmpfs' mount -t tmpfs -o mode=755 tmpfs "$base"
    mkdir "$base/proc" "$base/cgroup"
    must 'mount -t proc' mount -t proc proc "$base/proc"
    must 'mount -t cgroup2' mount -t cgroup2 cgroup2 "$base/cgroup"
    for stale in "$base"/cgroup/nhi-boot.*; do # of a run that was killed
        [ -e "/proc/${stale##*.}" ] || find "$stale" -depth -type d -exec rmdir {} + 2>/dev/null || :
    done
    must 'mkdir of a cgroup' mkdir "$base/cgroup/$cgroup"
    unshare --mount --pid --fork --kill-child --ipc --uts --net --propagation private \
        "$BASH" "$SELF" --guest "$base" "$root" "$build" "$cgroup" &
    namespace=$!
    trap halt EXIT
    trap 'exit 143' INT TERM
    wait_for test -s "$base/pid" || die 'process 1 has not come so far'
    pid=$(cat "$base/pid")
    wait_for is_up || die "systemd does not come up: $(enter systemctl is-system-running 2>&1 | head -n 1)"
    for place in "$TREE/packaging/boot.sh" "$build"; do
        enter test -e "$place" || die "$place is not to be seen in there: something is mounted over it (/run and /dev are)"
    done
    enter systemd-run --quiet --collect --wait --pipe --unit=nhi-test --working-directory="$TREE" \
        --setenv=PATH=/usr/sbin:/usr/bin:/sbin:/bin --setenv=HOME=/root --setenv=LC_ALL=C.UTF-8 \
        --setenv=BUILD="$build" --setenv=DEPTH="${DEPTH:-}" "$@" || status=$?
    exit "$status"
}

case ${1:-} in
root)
    [ "$#" = 2 ] || usage
    make_root "$2"
    echo "$CACHE/$2"
    ;;
build)
    [ "$#" = 3 ] || usage
    make_root "$2"
    make_layer "$2"
    mkdir -p "$3"
    # Of two at once in the same directory the second finds all of it built.
    exec 7<"$3"
    flock 7
    private --in-build "$CACHE/$2" "$(cd "$3" && pwd)"
    ;;
run)
    [ "$#" -ge 4 ] || usage
    make_layer "$2"
    private --in-boot "$CACHE/$2" "$(cd "$3" && pwd)" "${@:4}"
    ;;
--in-layer) shift && in_layer "$@" ;;
--in-build) shift && in_build "$@" ;;
--in-boot) shift && in_boot "$@" ;;
--guest) shift && guest "$@" ;;
*) usage ;;
esac
