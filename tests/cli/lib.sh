# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# What the command-line tests share: a private copy of the places that nhictl writes, and TAP.
#
# Source it first. It starts the script again in mount, UTS and PID namespaces of its own, where /etc is an overlay
# and /var/lib, /var/backups, /run and /home are empty: nothing that a test does reaches the machine, and what others
# run there by an agent's uid is not seen here.

set -u
# shellcheck disable=SC2034 # for the scripts that source this
SCRIPT=$(readlink -f "$0")

if [ "$(id -u)" != 0 ]; then
    echo "1..0 # SKIP needs root"
    exit 0
fi
if [ -z "${CLI_INSIDE:-}" ]; then
    BUILD=$(readlink -f "${BUILD:-build}")
    export BUILD
    if [ ! -x "$BUILD/nhictl" ]; then
        echo "1..0 # SKIP $BUILD/nhictl is not built"
        exit 0
    fi
    own=(unshare --mount --uts --pid --fork --kill-child --mount-proc --propagation private)
    if ! "${own[@]}" true 2>/dev/null; then
        echo "1..0 # SKIP no namespaces of mounts and processes here"
        exit 0
    fi
    CLI_INSIDE=1 exec "${own[@]}" bash "$0" "$@"
fi

mount -t tmpfs -o mode=0755 tmpfs /run || exit 1
mkdir -p /run/overlay/u /run/overlay/w /run/t
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/overlay/u,workdir=/run/overlay/w /etc || exit 1
# Devices too: a program under test that replaces a file by name must not replace the machine's /dev/null.
# shellcheck disable=SC2174 # the parents are there
mkdir -p -m 0755 /run/overlay/du /run/overlay/dw /run/overlay/pts
mount --bind /dev/pts /run/overlay/pts || exit 1
mount -t overlay overlay -o lowerdir=/dev,upperdir=/run/overlay/du,workdir=/run/overlay/dw /dev || exit 1
mount --bind /run/overlay/pts /dev/pts || exit 1
mount -t tmpfs -o mode=0755 tmpfs /var/lib || exit 1
mount -t tmpfs -o mode=0755 tmpfs /var/backups || exit 1
mount -t tmpfs -o mode=0755 tmpfs /home || exit 1
# What runs as an agent must not get a cgroup of the machine.
[ ! -d /sys/fs/cgroup ] || mount -t tmpfs -o mode=0755 tmpfs /sys/fs/cgroup || exit 1
hostname testhost
cd /run/t || exit 1

printf '%s\n' 'deploy:x:4001:4001::/home/deploy:/bin/sh' 'person:x:4002:4002::/home/person:/bin/sh' \
    'boss:x:4003:4003::/home/boss:/bin/sh' >>/etc/passwd
printf '%s\n' 'deploy:x:4001:' 'person:x:4002:' 'boss:x:4003:' 'builders:x:4010:' >>/etc/group
# Other sources that this machine may have (systemd, ldap) are asked by a program that is not installed here.
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' >/etc/nsswitch.conf
# A member of a privileged group, wherever this machine's own /etc/group put that group.
if grep -q '^sudo:' /etc/group; then
    sed -i 's/^\(sudo:[^:]*:[0-9]*\):.*/\1:boss/' /etc/group
else
    echo 'sudo:x:27:boss' >>/etc/group
fi
unset COLUMNS NO_COLOR

LEDGER=/var/lib/nhi/ledger.db
export LEDGER
# All that was committed is in the database file itself then.
empty_log() { sqlite3 -cmd '.timeout 5000' "$LEDGER" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null; }
TESTS=0
FAILED=0
OUT=
ERR=
CODE=0

# run COMMAND…: keeps its standard output, standard error and exit status.
run() {
    "$@" >/run/t/.out 2>/run/t/.err
    CODE=$?
    OUT=$(tr -d '\0' </run/t/.out)
    ERR=$(tr -d '\0' </run/t/.err)
}

nhictl() {
    "$BUILD/nhictl" "$@"
}

# verbs: every verb, one a line.
verbs() {
    nhictl --help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p'
}

# example_of VERB: the example in its --help, with the key KID and the ticket JTI of this host, and later dates.
example_of() {
    # shellcheck disable=SC2086 # noun and verb are two words
    nhictl $1 --help | sed -n "/^example:/{n; s/^  //; s/k7f3q2ma/${KID:-}/; s/A\{22\}/${JTI:-}/; s/ 2027-/ 2099-/; p}"
}

# ok WHAT CONDITION…: one test.
ok() {
    local what=$1
    shift
    TESTS=$((TESTS + 1))
    if "$@" >/dev/null 2>&1; then
        echo "ok $TESTS - $what"
    else
        echo "not ok $TESTS - $what"
        FAILED=$((FAILED + 1))
        printf '%s\n' "exit $CODE" "$OUT" "$ERR" | sed 's/^/# /'
    fi
}

# skip WHAT WHY: a test that cannot be done here.
skip() {
    TESTS=$((TESTS + 1))
    echo "ok $TESTS # SKIP $1: $2"
}

# expect CODE WHAT COMMAND…: the command ends with that status.
expect() {
    local code=$1 what=$2
    shift 2
    run "$@"
    ok "$what" test "$CODE" = "$code"
}

# refused CODE WORDS WHAT COMMAND…: that status, nothing on standard output, and WORDS in the error.
refused() {
    local code=$1 words=$2 what=$3
    shift 3
    run "$@"
    ok "$what" was_refused "$code" "$words"
}
was_refused() {
    [ "$CODE" = "$1" ] && [ -z "$OUT" ] && [[ $ERR == "nhictl: "*"$2"* ]]
}

# said WORDS, complained WORDS: in the output, in the errors, of the last command.
said() {
    [[ $OUT == *"$1"* ]]
}
complained() {
    [[ $ERR == *"$1"* ]]
}

# The program that closes a database last, unless it is nhictl, empties its log and removes it: for a moment the
# supervisor could not read the ledger then, and all agents would be denied.
sqlite3() {
    command sqlite3 -cmd '.output /dev/null' -cmd '.timeout 10000' -cmd '.dbconfig no_ckpt_on_close on' -cmd '.output stdout' "$@"
}

# json FILTER: the last output is one JSON object for which FILTER is true.
json() {
    jq -e "$1" </run/t/.out
}

# A host with an agent, a task and a policy, as most tests need it.
# Without it agents would be denied, as explain and status show.
start_watch() {
    "$BUILD/nhictl" watch >/dev/null 2>&1 &
    WATCH=$!
    disown "$WATCH"
    trap 'kill "$WATCH"' EXIT
    until [ -e /run/nhi/watch ]; do sleep 0.02; done
}

# Until it is gone: one that ends late would write beside what comes next.
stop_watch() {
    kill "$WATCH" 2>/dev/null
    while [ -e "/proc/$WATCH" ]; do sleep 0.02; done
}

setup_host() {
    nhictl init >/dev/null || exit 1
    nhictl agent add ci-bot --owner ops@example.org --purpose 'builds and deploys' \
        --review-by 2099-06-30 >/dev/null || exit 1
    nhictl task open build-4711 --agent ci-bot --until 2h >/dev/null || exit 1
    cat >/etc/nhi/policy.d/test.conf <<'CONF'
rules = ( { name = "deploy"; effect = "permit"; agent = "ci-bot"; account = ["deploy", "ci-bot"];
            service = ["sshd", "sudo"]; } );
CONF
    nhictl apply >/dev/null || exit 1
    start_watch
}

issue() {
    nhictl issue --agent ci-bot --task build-4711 --account deploy --service sshd,sudo "$@"
}

finish() {
    echo "1..$TESTS"
    [ "$FAILED" = 0 ]
    exit
}
