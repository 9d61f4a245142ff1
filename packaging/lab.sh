#!/bin/bash
# SPDX-License-Identifier: ISC
# A private copy of the whole machine, gone when the command in it ends.
#
#   packaging/lab.sh run [--online] [--upper DIR] [--disk DIR AT] [--] COMMAND...
#       runs COMMAND as root in a copy: own mounts, processes, host name and loopback; every file
#       of the machine is there, and what is written stays in the copy. --online keeps the machine's
#       network. --upper keeps what was written in DIR (overlay only, a tmpfs or plain directory). --disk
#       shows DIR of the machine at AT, and what is written there stays: for what must be on a real disk.
#   packaging/lab.sh hosts [--] COMMAND...
#       runs COMMAND on the machine itself, such that each lab which it starts has sshd, sudo and cron,
#       and what packaging/deps.sh has for the purposes in NHI_LAB_ALSO
#
# The environment of COMMAND is the caller's. Exit status: COMMAND's; 125 when there is no lab to be
# had, after a line that says which call failed and what is needed.
set -eu

TREE=$(cd "$(dirname "$0")/.." && pwd)
SELF=$TREE/packaging/lab.sh

usage() {
    sed -n '3,/^set/s/^# \{0,1\}//p' "$SELF" >&2
    exit 2
}

# die WHAT NEEDED: for failures of the lab itself.
die() {
    printf 'lab: %s\n' "$1" >&2
    [ -z "${2:-}" ] || printf 'lab: needed: %s\n' "$2" >&2
    exit 125
}

# must WHAT COMMAND...
must() {
    local what=$1 err
    shift
    err=$("$@" 2>&1) || die "$what failed: ${err:-$*}" \
        "root with CAP_SYS_ADMIN (an ordinary container has none; a virtual machine will do)"
}

# ---- outside: into the namespaces ----

# Mounts must not reach the machine. Where / is no mount point (a plain chroot), the kernel refuses to
# change it, and the way to the mount that it lies on leads through the double chroot below.
# shellcheck disable=SC2016 # the perl text is not the shell's
PRIVATE_FROM_CHROOT='
    opendir(my $old, "/") or die; mkdir("/.nhi-lab") or $!{EEXIST} or die "mkdir: $!\n";
    chroot("/.nhi-lab") or die "chroot: $!\n"; chdir("..") for 1 .. 128;
    opendir(my $top, ".") or die; chdir($old) or die; chroot(".") or die; rmdir("/.nhi-lab");
    chdir($top) or die; exec("mount", "-c", "--make-rprivate", ".");'

make_private() {
    mount --make-rprivate / 2>/dev/null || perl -e "$PRIVATE_FROM_CHROOT" ||
        die "the mounts below / cannot be made private" \
            "a root directory that is a mount point: mount --bind ROOT ROOT, then chroot to it"
}

check_namespaces() {
    local f err
    [ "$(id -u)" = 0 ] || die "not root" "root: a lab is made of mounts and namespaces"
    for f in mount pid ipc uts net; do
        [ "$f" != pid ] || f='pid --fork'
        # shellcheck disable=SC2086 # two words on purpose
        err=$(unshare --propagation unchanged --$f true 2>&1) ||
            die "unshare --$f failed: $err" \
                "namespaces and CAP_SYS_ADMIN (an ordinary container has none; a virtual machine will do)"
    done
}

# Where the machine has cgroups of version 2, the lab gets one, which is the top of all that it sees of them.
CGROUP=''
make_cgroup() {
    local top
    for top in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ "$(stat -f -c %T "$top" 2>/dev/null)" = cgroup2fs ] || continue
        ! mkdir "$top/$1" 2>/dev/null || CGROUP=$top/$1
    done
}

# What is still in it ends with the lab, in its own time.
remove_cgroup() {
    local try
    [ -n "$CGROUP" ] || return 0
    for try in {1..50}; do
        find "$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
        [ -d "$CGROUP" ] || return 0
        sleep 0.1
    done
    echo "lab: $CGROUP could not be removed after $try tries" >&2
}

run() {
    local net=--net upper='' base status=0
    while :; do
        case ${1:-} in
        --online) net='' && shift ;;
        --upper) upper=${2:?} && shift 2 ;;
        --disk) export NHI_LAB_DISK=${2:?} NHI_LAB_DISK_AT=${3:?} && shift 3 ;;
        --) shift && break ;;
        -*) usage ;;
        *) break ;;
        esac
    done
    [ "$#" -gt 0 ] || usage
    check_namespaces
    base=$(mktemp -d "${TMPDIR:-/tmp}/nhi-lab.XXXXXX")
    make_cgroup "${base##*/}"
    trap 'rmdir "$base" 2>/dev/null || : ; remove_cgroup' EXIT
    trap : INT TERM
    # shellcheck disable=SC2086 # net may be no word at all
    (
        [ -z "$CGROUP" ] || echo 0 >"$CGROUP/cgroup.procs"
        exec unshare --mount --propagation unchanged --pid --fork --kill-child --ipc --uts $net \
            ${CGROUP:+--cgroup} "$BASH" "$SELF" --inside "$base" "$upper" "$net" "$@"
    ) || status=$?
    exit "$status"
}

# ---- inside: the copy of the machine, then the command ----

is_disk_type() {
    case $1 in
    proc | sysfs | tmpfs | devtmpfs | devpts | mqueue | cgroup | cgroup2 | autofs | fuse* | nsfs | \
        hugetlbfs | debugfs | tracefs | securityfs | pstore | bpf | configfs | ramfs | efivarfs | \
        binfmt_misc | rpc_pipefs | squashfs) return 1 ;;
    esac
}

# copy_tree FROM TO WORK: TO shows FROM, writable, and FROM stays as it is. Overlays do not stack
# deeply, and some file systems cannot be below one: then the files are copied.
copy_tree() {
    local from=$1 to=$2 work=$3 lower=$1 err need have
    [ "$from" != / ] || [ -z "${NHI_LAB_LAYER:-}" ] || lower=$NHI_LAB_LAYER:/
    mkdir -p "$work/u" "$work/w" "$to"
    if err=$(mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/u,workdir=$work/w" "$to" 2>&1); then
        return 0
    fi
    [ "$from" != / ] || [ -z "${NHI_LAB_LAYER:-}" ] || from=$NHI_LAB_LAYER
    need=$(du -sxk "$from" 2>/dev/null | cut -f1)
    have=$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' "$BASE/proc/meminfo")
    [ "$need" -lt "$((have / 2))" ] ||
        die "no overlay ($err), and $from is too large to be copied to memory ($((need / 1024)) MiB)" \
            "overlayfs, on a root directory that is not itself the third overlay"
    must "copying $from" cp -ax "$from/." "$work/u"
    must "mount --bind $to" mount --bind "$work/u" "$to"
}

# Mounts of their own below / : an overlay of / does not show what is in them.
copy_mounts() {
    local m=$1 point rest type n=0
    [ -r "$BASE/proc/self/mountinfo" ] || return 0
    while read -r _ _ _ _ point rest; do
        point=$(printf '%b' "$point")
        type=${rest#* - }
        case $point in
        /etc/*) [ ! -f "$point" ] || { rm -f "$m$point" && cp "$point" "$m$point"; } ;;
        /usr* | /var* | /opt* | /home* | /root* | /srv*)
            if [ -d "$point" ] && is_disk_type "${type%% *}"; then
                n=$((n + 1))
                copy_tree "$point" "$m$point" "$BASE/more$n"
            fi
            ;;
        esac
    done <"$BASE/proc/self/mountinfo"
}

# The source tree and the build directory, read-only, where an overlay of / does not show them; for all to read.
show_tree() {
    local m=$1 d
    for d in "$TREE" ${BUILD:+"$BUILD"}; do
        [ -d "$d" ] || continue
        [ "$(stat -c %d "$d")" != "$(stat -c %d /)" ] || continue
        mkdir -p "$m$d"
        must "mount --bind $d" mount --bind "$d" "$m$d"
        must "mount -o remount,ro $d" mount -o remount,bind,ro "$m$d"
    done
    for d in "$TREE" ${BUILD:+"$BUILD"}; do
        [ ! -d "$m$d" ] || open_way "$m" "$d"
    done
}

# open_way ROOT DIR: every account of the copy can walk to DIR, also where it lies below /root, as a clone by root does.
open_way() {
    local at=$2
    while [ -n "$at" ]; do
        [ -n "$(find "$1$at" -maxdepth 0 -perm -o=x)" ] || chmod o+x "$1$at"
        at=${at%/*}
    done
}

make_dev() {
    local dev=$1 spec name
    must "mount -t tmpfs /dev" mount -t tmpfs -o mode=755,nosuid tmpfs "$dev"
    mkdir -m 1777 "$dev/shm" && mkdir "$dev/pts"
    for spec in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
        name=${spec%%:*}
        # No -m: in a chroot without /proc, glibc before 2.39 cannot change the mode.
        # shellcheck disable=SC2046 # two words
        if ! (umask 0 && mknod "$dev/$name" c $(echo "${spec#*:}" | tr : ' ')) 2>/dev/null; then
            : >"$dev/$name"
            must "mount --bind /dev/$name" mount --bind "/dev/$name" "$dev/$name"
        fi
    done
    must "mount -t devpts" mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$dev/pts"
    ln -s pts/ptmx "$dev/ptmx"
    ln -s /proc/self/fd "$dev/fd"
    ln -s fd/0 "$dev/stdin" && ln -s fd/1 "$dev/stdout" && ln -s fd/2 "$dev/stderr"
}

fill_copy() {
    local m=$1 net=$2 resolv='' top
    [ ! -r /etc/resolv.conf ] || resolv=$(cat /etc/resolv.conf)
    must "mount -t proc" mount -t proc proc "$m/proc"
    if [ -d /sys/kernel ]; then
        must "mount --rbind /sys" mount --rbind /sys "$m/sys"
    else
        must "mount -t sysfs" mount -t sysfs sysfs "$m/sys"
    fi
    for top in "$m/sys/fs/cgroup" "$m/sys/fs/cgroup/unified"; do
        [ "$(stat -f -c %T "$top" 2>/dev/null)" = cgroup2fs ] || continue
        must "umount $top" umount -l "$top"
        must "mount -t cgroup2" mount -t cgroup2 cgroup2 "$top"
    done
    make_dev "$m/dev"
    must "mount -t tmpfs /run" mount -t tmpfs -o mode=755 tmpfs "$m/run"
    : >"$m/run/nhi-lab" # tells what runs here that this is no real machine
    mkdir -p "$m/run/sshd" "$m/run/lock" "$m/tmp" "$m/var/tmp"
    chmod 1777 "$m/tmp" "$m/var/tmp" "$m/run/lock"
    # It may be a link into the /run that the copy does not have.
    rm -f "$m/etc/resolv.conf" && printf '%s\n' "$resolv" >"$m/etc/resolv.conf"
    printf '127.0.0.1 localhost %s\n' "$(hostname)" >"$m/etc/hosts"
    # Packages are unpacked here without their daemons being started.
    printf '#!/bin/sh\nexit 101\n' >"$m/usr/sbin/policy-rc.d" && chmod 755 "$m/usr/sbin/policy-rc.d"
    [ -z "$net" ] || must "ip link set lo up" loopback_up
}

loopback_up() {
    if command -v ip >/dev/null; then
        ip link set lo up
    else # SIOCSIFFLAGS on lo, IFF_UP; perl is part of every Debian, ip is not
        perl -MSocket -e 'socket(my $s, AF_INET, SOCK_DGRAM, 0) or die; my $r = pack("a16 s x14", "lo", 1);
            ioctl($s, 0x8914, $r) or die "ioctl: $!\n"'
    fi
}

inside() {
    local upper=$2 net=$3 m status=0
    BASE=$1
    shift 3
    m=$BASE/m
    trap 'exit 130' INT
    trap 'exit 143' TERM
    make_private
    must "mount -t tmpfs" mount -t tmpfs -o mode=755,size=80% tmpfs "$BASE"
    mkdir "$BASE/proc" "$m"
    must "mount -t proc" mount -t proc proc "$BASE/proc"
    copy_tree / "$m" "${upper:-$BASE/root}"
    copy_mounts "$m"
    show_tree "$m"
    fill_copy "$m" "$net"
    if [ -n "${NHI_LAB_DISK:-}" ]; then
        mkdir -p "$m$NHI_LAB_DISK_AT"
        must "mount --bind $NHI_LAB_DISK" mount --bind "$NHI_LAB_DISK" "$m$NHI_LAB_DISK_AT"
    fi
    # This shell stays process 1: it takes in orphans, and when it ends, all end.
    # shellcheck disable=SC2016 # for the inner shell
    chroot "$m" "$BASH" -c 'cd "$0" 2>/dev/null || cd /; exec "$@"' "$PWD" "$@" || status=$?
    exit "$status"
}

# ---- labs with the programs that are guarded ----

hosts() {
    local missing layer status=0
    [ "${1:-}" != -- ] || shift
    [ "$#" -gt 0 ] || usage
    # shellcheck disable=SC2086 # words
    missing=$("$TREE/packaging/deps.sh" missing hosts lab ${NHI_LAB_ALSO:-})
    if [ -z "$missing" ] || [ -n "${NHI_LAB_LAYER:-}" ]; then
        exec "$@"
    fi
    check_namespaces
    layer=$(mktemp -d "${TMPDIR:-/tmp}/nhi-lab.XXXXXX")
    trap 'rmdir "$layer" 2>/dev/null || :' EXIT
    unshare --mount --propagation unchanged "$BASH" "$SELF" --layer "$layer" "$@" || status=$?
    exit "$status"
}

with_layer() {
    local layer=$1
    shift
    make_private
    must "mount -t tmpfs" mount -t tmpfs -o mode=755,size=80% tmpfs "$layer"
    # shellcheck disable=SC2086 # words
    BUILD='' "$SELF" run --online --upper "$layer" -- "$TREE/packaging/deps.sh" install hosts lab ${NHI_LAB_ALSO:-}
    NHI_LAB_LAYER=$layer/u exec "$@"
}

case ${1:-} in
run) shift && run "$@" ;;
hosts) shift && hosts "$@" ;;
--inside) shift && inside "$@" ;;
--layer) shift && with_layer "$@" ;;
*) usage ;;
esac
