#!/bin/bash
# Installs what it needs, builds, and runs every test. As root, on Debian 12 or 13.
#
#   [QUICK=1] packaging/test.sh [STAGE...]
#
# Without a stage it goes through all of them: check demo e2e boot clang sanitize lint leaks fuzz.
# Packages are all that stays on the machine besides build/ and the roots of packaging/boot.sh in /var/tmp.
# sshd, sudo and cron are installed into private copies of it and run there. The last line counts the tests;
# a stage without tests of its own counts as one. Exit status 0 when every stage passed.
set -u
cd "$(dirname "$0")/.." || exit 1

BUILD=$PWD/build
STAGE_MAX=40m
passed=0 failed=0 skipped=0

say() {
    printf '\n== %s\n' "$*"
}

# count LOG STATUS: adds up what the TAP in LOG says; a bad end without a failed test is a failure too.
count() {
    local ok bad skip
    ok=$(grep -cE '^ok [0-9]' "$1")
    bad=$(grep -E '^not ok [0-9]' "$1" | grep -vc '# SKIP')
    skip=$(grep -cE '^((not )?ok .*# SKIP|1\.\.0 # SKIP)' "$1")
    if [ "$((ok + bad + skip))" = 0 ] && [ "$2" = 0 ]; then
        ok=1
    fi
    if [ "$bad" = 0 ] && [ "$2" != 0 ]; then
        bad=1
    fi
    passed=$((passed + ok - $(grep -cE '^ok .*# SKIP' "$1")))
    failed=$((failed + bad))
    skipped=$((skipped + skip))
}

# stage NAME COMMAND...: the whole output stays in build/NAME.log. What hangs is ended, and fails.
stage() {
    local name=$1 log=$BUILD/$1.log start=$SECONDS status
    shift
    say "$name"
    timeout --kill-after=10 "$STAGE_MAX" "$@" >"$log" 2>&1 </dev/null
    status=$?
    count "$log" "$status"
    grep -E '# SKIP' "$log" | sort -u | sed 's/^/   /'
    if [ "$status" = 0 ]; then
        echo "   passed, $((SECONDS - start)) s"
    else
        tail -n 25 "$log"
        echo "   FAILED, $((SECONDS - start)) s"
        {
            echo "-- $name"
            grep -nE -A8 '^not ok|^# .*(Error|Failure)|error:|ERROR:|Bail out|^lab:|^In .* line [0-9]+:|\*\*\*' "$log" | tail -n 60
        } >>"$BUILD/failed"
    fi
}

[ "$(id -u)" = 0 ] || {
    echo 'test.sh: only root can do this: it needs mounts and namespaces of its own' >&2
    exit 1
}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
say packages
packaging/deps.sh install build lab boot check lint || exit 1
if ! unshare --mount --pid --fork true 2>/dev/null; then
    echo 'test.sh: this machine has no mount and process namespaces (unshare failed): run it as root in a' \
        'virtual machine, or in a container with CAP_SYS_ADMIN' >&2
    exit 1
fi
say build
mkdir -p "$BUILD"
make -s -j2 all tests benches >"$BUILD/build.log" 2>&1 || {
    tail -n 40 "$BUILD/build.log"
    exit 1
}

# The independent implementation, where node and npm are there to fetch it.
if command -v node >/dev/null && command -v npm >/dev/null &&
    { [ -d "$BUILD/paseto/node_modules" ] ||
        tests/vectors/install-paseto.sh "$BUILD/paseto" >"$BUILD/paseto.log" 2>&1; }; then
    export NHI_PASETO_MODULES=$BUILD/paseto/node_modules
fi

# As many files of tests at once as there are processors. Of e2e, su and sudo are stopped and killed at every system
# call, which takes most of its time; with QUICK=1 at every 11th.
JOBS=$(nproc)
export PROVE_FLAGS="--verbose --timer --jobs $JOBS"
: >"$BUILD/failed"
[ "$#" -gt 0 ] || set -- check demo e2e boot clang sanitize lint leaks fuzz
for name; do
    case $name in
    e2e) NHI_LAB_ALSO='clients browser' stage e2e packaging/lab.sh hosts make e2e ;;
    demo) stage demo packaging/demo.sh ;;
    check | boot | clang | sanitize | lint | leaks | fuzz) stage "$name" make "-j$JOBS" "$name" ;;
    *)
        echo "test.sh: there is no stage $name" >&2
        exit 2
        ;;
    esac
done

# Once more at the end, where one looks.
cat "$BUILD/failed"
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
