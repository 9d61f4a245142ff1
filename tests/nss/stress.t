#!/bin/bash
# SPDX-License-Identifier: ISC
# The module's functions called directly: buffers, threads, forks, and missing files.
# Invariant: 10.
set -u

build=${BUILD:?the build directory}
publisher=$build/tests/unit/test_snapshot
stress=$build/tests/tools/nss_stress
quick=/run/nhi-public/accounts

if [ "${1-}" != inside ]; then
    if [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null; then
        echo '1..0 # SKIP needs root and a mount namespace of its own'
        exit 0
    fi
    exec unshare --mount --propagation private "$BASH" "$0" inside
fi

n=0
# ok NAME COMMAND ...
ok()
{
    local name=$1 why

    shift
    n=$((n + 1))
    if why=$("$@" 2>&1); then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        echo "# ${why//$'\n'/$'\n# '}"
    fi
}

nhi()
{
    "$stress" "$build/libnss_nhi.so.2" "$@"
}

publish()
{
    "$publisher" publish "$@"
}

if ! mount -t tmpfs -o mode=0755 tmpfs /var/lib || ! mount -t tmpfs -o mode=0755 tmpfs /run ||
    ! mkdir -m 0755 /var/lib/nhi; then
    echo 'not ok 1 - cannot go on: cannot make a place for a snapshot'
    exit 1
fi

# Where other users can read them, wherever the tree is.
install -D -m 755 -t /var/lib/nss "$build/libnss_nhi.so.2" "$stress"
unavail=-1 ENOENT=2 EIO=5 EACCES=13
ok 'a missing file' nhi status $unavail $ENOENT
publish 40 1
ok 'every buffer size' nhi buffers
ok 'the list of groups' nhi initgroups
truncate -s 3000 "$quick"
ok 'a torn file' nhi status $unavail $EIO
publish 40 1
chmod 0664 "$quick"
ok 'a file that other users can write' nhi status $unavail $EACCES
publish 40 1
chmod 0600 "$quick"
ok 'a file that cannot be read' \
    setpriv --reuid 1234 --clear-groups /var/lib/nss/nss_stress /var/lib/nss/libnss_nhi.so.2 status $unavail $EACCES
publish 2000 1
ok 'each entry once for threads that share an enumeration' nhi share 2000

publish 200 1
"$publisher" publish 200 1000000 & # not the function: its process must be the writer
writer=$!
ok 'threads and forks while the file is replaced' nhi threads 200 1500
ok 'it was replaced all the time' kill -0 $writer
kill $writer
wait $writer 2>/dev/null
ok 'the file is whole after its writer was killed' nhi share 200
publish 200 1
ok 'and nothing is left beside it' test "$(ls -A /var/lib/nhi):$(ls -A /run/nhi-public)" = accounts:accounts
echo "1..$n"
