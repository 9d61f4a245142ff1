#!/bin/bash
# SPDX-License-Identifier: ISC
# Whatever happened to our files, to /etc/group and to the boot ID: people and root get through every phase of every
# program, and the log reports what is wrong if something was needed that could not be read.
# Invariants: 18, 20.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
kill "$WATCH"
eventually_gone "$WATCH" || bail 'the supervisor stays'
mount -t tmpfs -o size=64m tmpfs /mnt
cp -a "$STATE" /mnt/state
cp /etc/group /mnt/group
mkdir /mnt/run
cp -a /run/nhi/. /mnt/run/
cp -a /run/nhi-public /mnt/public
PEOPLE=("$BUILD/tests/tools/people" alice deploy "$W/password" "$W/key.pub")

put_back() {
    umount -l "$STATE" /run/nhi /etc/group /proc/sys/kernel/random/boot_id 2>/dev/null
    rm -rf "$STATE" /run/nhi /run/nhi-public /etc/group
    cp -a /mnt/state "$STATE"
    cp -a /mnt/run /run/nhi
    cp -a /mnt/public /run/nhi-public
    cp /mnt/group /etc/group
}
# state NAME SHELL [SAYS]: after SHELL everybody gets through, and the log has SAYS.
state() {
    eval "$2" || bail "$2"
    [ -z "${3:-}" ] || mark_log
    capture "${PEOPLE[@]}"
    is "$RC$OUT" 0 "$1"
    [ -z "${3:-}" ] || has_logged "pam_nhi.*$3" "$1: which is logged"
    put_back
}

state 'whole' true
# ---- /var/lib/nhi ----
s=$STATE q=/run/nhi-public
for kind in missing file fifo socket dangling itself theirs closed; do
    case $kind in
    missing) do=':' ;;
    file) do=": >$s" ;;
    fifo) do="mkfifo $s" ;;
    socket) do="perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => q($s), Listen => 1) or exit 1'" ;;
    dangling) do="ln -s /nowhere $s" ;;
    itself) do="ln -s nhi $s" ;;
    theirs) do="cp -a /mnt/state $s && chown alice $s && chmod 777 $s" ;;
    closed) do="cp -a /mnt/state $s && chmod 0 $s" ;;
    esac
    state "/var/lib/nhi: $kind" "rm -rf $s; $do"
done
state '/var/lib/nhi: read-only' "mount --bind $s $s && mount -o remount,bind,ro $s"
for kind in ': >X' 'mkfifo X' 'ln -s /proc/self/fd X' 'ln -s grants X'; do
    state "grants: $kind" "rm -rf $s/grants; ${kind//X/$s/grants}"
done
for kind in 'mkfifo X' 'truncate -s 8G X' 'truncate -s 3900M X' 'head -c 100000 /dev/urandom >X' 'mkdir X'; do
    state "accounts: $kind" "rm -f $s/accounts $q/accounts; ${kind//X/$s/accounts}"
    state "accounts on the tmpfs: $kind" "rm -f $q/accounts; ${kind//X/$q/accounts}"
done
# ---- /run/nhi-public ----
state '/run/nhi-public: missing' "rm -rf $q"
for kind in ': >X' 'mkfifo X' 'ln -s nhi-public X' 'ln -s /nowhere X' 'mkdir X && chmod 0 X' 'mkdir X && chown alice X'; do
    state "/run/nhi-public: $kind" "rm -rf $q; ${kind//X/$q}"
done
# ---- /run/nhi ----
state '/run/nhi: missing' 'rm -rf /run/nhi'
for kind in ': >X' 'mkfifo X' 'ln -s nhi X' 'ln -s /nowhere X'; do
    state "/run/nhi: $kind" "rm -rf /run/nhi; ${kind//X//run/nhi}"
done
d=/run/nhi/sessions
for kind in ': >X' 'mkfifo X' 'ln -s sessions X' 'ln -s /tmp X'; do
    state "sessions: $kind" "rm -rf $d; ${kind//X/$d}" 'cannot tell whether the caller is inside a session'
done
# Everything that could be the handle of this process.
plant() {
    local boot pid
    boot=$(cut -c 1-8 /proc/sys/kernel/random/boot_id)
    for pid in $$ $PPID 1; do
        : >"$d/p-$boot-$pid-$(sed 's/.*) //' "/proc/$pid/stat" | cut -d ' ' -f 20)"
    done
    chmod 600 "$d"/p-*
}
state "sessions: another's, with planted handles" "rm -rf $d; mkdir $d; plant; chown alice $d $d/*; chmod 777 $d" \
    'cannot tell whether the caller is inside a session'
state 'sessions: empty handles' 'plant' 'cannot tell whether the caller is inside a session'
# ---- /etc/group ----
state 'nhi-only: 2 MB' "sed -i '/^nhi-only/d' /etc/group
    perl -e 'print \"nhi-only:x:991:\", join(\",\", map { \"user\$_\" } 1 .. 240000), \"\\n\"' >>/etc/group"
state 'nhi-only: with NULs' "sed -i '/^nhi-only/d' /etc/group; printf 'nhi-only:x:991:\\0\\0batch\\0,x\\n' >>/etc/group"
state 'nhi-only: no gid' "sed -i '/^nhi-only/d' /etc/group; printf 'nhi-only:x::batch\\n' >>/etc/group"
state '/etc/group: missing' 'rm /etc/group'
state '/etc/group: unreadable' 'rm /etc/group; mkdir /etc/group' 'cannot read /etc/group'
# ---- the boot ID ----
state 'no boot ID' "rm -rf $d; mkdir -m 700 $d; mount --bind /dev/null /proc/sys/kernel/random/boot_id" \
    'cannot tell whether the caller is inside a session'

# ---- the libraries that agents alone need ----

# Each is missing, cut short, or another one of that name.
DECIDER=/usr/libexec/nhi-decide.so
echo 'supervisor = "optional";' >>/etc/nhi/nhi.conf
must nhictl apply
libraries=$(ldconfig -p | sed -nE 's,.* => (/.*/lib(jansson|sqlite3|sodium)\.so\.[0-9]+)$,\1,p')
open_task library-1
issue "$W/library" library-1 --no-pin
for file in $libraries $DECIDER; do
    for fault in missing empty noise theirs; do
        name="$(basename "$file") $fault"
        mv "$file" "$file.away"
        case $fault in
        missing) ;;
        empty) : >"$file" ;;
        noise) head -c 100000 /dev/urandom >"$file" ;;
        theirs) cp "$file.away" "$file" && chown alice "$file" && chmod 777 "$file" ;;
        esac
        capture "${PEOPLE[@]}"
        is "$RC$OUT" 0 "$name: people log in"
        capture /usr/libexec/nhi-authorized-keys alice ssh-ed25519 "$(cut -d' ' -f2 "$W/key.pub")"
        is "$RC$OUT$ERR" 0 "$name: the helper of sshd has no word about a person's key"
        # The loader of the C library trusts a library that has its name.
        if [[ $file = *sqlite3* || $file = *jansson* || ($fault = theirs && $file != "$DECIDER") ]]; then
            ssh_as ci-bot reply "$W/library" id -un
            is "$RC$OUT" 0ci-bot "$name: agents, too"
        else
            mark_log
            ssh_as ci-bot reply "$W/library" id -un
            unlike "$RC" '^0$' "$name: no agent does"
            has_logged "denied: reason=internal account=ci-bot .*$(basename "$file")" "$name: which is logged"
        fi
        rm -f "$file"
        mv "$file.away" "$file"
    done
done
# What the environment of a daemon, or of a caller of su, says about libraries is not believed.
mkdir "$W/lib"
for file in $libraries $DECIDER; do head -c 1000 /dev/urandom >"$W/lib/$(basename "$file")"; done
chmod -R a+rX "$W/lib"
chmod 644 "$W/library"
capture as alice env LD_LIBRARY_PATH="$W/lib" "$PTY" 'word: ' "$W/library" -- su ci-bot -c 'id -un'
like "$RC$OUT" '^0.*ci-bot' 'the environment of a caller of su chooses no library'
export LD_LIBRARY_PATH="$W/lib"
restart_sshd
unset LD_LIBRARY_PATH
ssh_as ci-bot reply "$W/library" id -un
is "$RC$OUT" 0ci-bot 'nor does that of sshd'
restart_sshd

# ---- known limits ----

ssh-keygen -q -t ed25519 -N '' -f "$W/id"
open_task keys-1
issue "$W/bound" keys-1 --account deploy --bind-key "$W/id.pub"
cat "$W/id.pub" >>/home/deploy/.ssh/authorized_keys
kill -STOP "$WATCH" 2>/dev/null
rm -f /run/nhi/state-1
ssh_as deploy key "$W/id" true
[ "$RC" != 0 ]
ok $? 'nothing published: a key that was an agent'"'"'s is no person'"'"'s'
kill -CONT "$WATCH" 2>/dev/null

finish
