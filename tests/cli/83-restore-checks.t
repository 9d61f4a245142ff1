#!/bin/bash
# What a backup holds is looked at before anything of this host is changed.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

setup_host
kill "$WATCH" && wait "$WATCH" 2>/dev/null
trap - EXIT
nhictl agent add last-bot --owner ops@example.org --purpose p --review-by 2099-01-01 --no-home >/dev/null
nhictl backup /run/t/good.backup >/dev/null
state() { (cd /var/lib/nhi && find . -type f ! -name '*-shm' -exec sha256sum {} + | sort -k2); }
bad() { # bad WHAT WORDS SQL: a backup with that in it
    rm -f /run/t/bad.backup
    cp -p /run/t/good.backup /run/t/bad.backup
    sqlite3 /run/t/bad.backup "PRAGMA ignore_check_constraints = ON; $3" || echo "# $1: the backup is as it was"
    for ledger in lost damaged; do
        cp -a /var/lib/nhi /var/lib/kept
        rm -f /var/lib/nhi/ledger.db*
        [ $ledger = lost ] || (umask 077 && echo 'no database' >/var/lib/nhi/ledger.db)
        before=$(state)
        refused 1 "$2" "$1, with the ledger $ledger" nhictl restore /run/t/bad.backup --next-uid 90000
        ok 'nothing is changed' test "$(state)" = "$before"
        rm -rf /var/lib/nhi && mv /var/lib/kept /var/lib/nhi
    done
}
bad 'an agent named root' 'cannot be an agent' "UPDATE agent SET name = 'root' WHERE name = 'last-bot'"
bad 'an agent named sudo' 'cannot be an agent' "UPDATE agent SET name = 'sudo' WHERE name = 'last-bot'"
bad 'an agent of a name that somebody else has' 'has an account person' "UPDATE agent SET name = 'person' WHERE name = 'last-bot'"
bad 'a uid outside of the range' 'nothing was changed' "UPDATE agent SET uid = 4002 WHERE name = 'last-bot'"
bad 'a home that is no path' 'nothing was changed' "UPDATE agent SET home = '/home/../etc' WHERE name = 'last-bot'"
bad 'a trail that was changed' 'the trail in' "UPDATE event SET agent = 'other' WHERE seq = 2"

# What fails later leaves the same behind.
mkdir /run/small && mount -t tmpfs -o mode=0755,size=1m tmpfs /run/small
rm -f /var/lib/nhi/ledger.db*
(umask 077 && echo 'no database' >/var/lib/nhi/ledger.db)
cp -a /var/lib/nhi/. /run/small/ && mount --bind /run/small /var/lib/nhi
dd if=/dev/zero of=/run/small/fill bs=1k >/dev/null 2>&1
truncate -s -65536 /run/small/fill
run nhictl restore /run/t/good.backup --next-uid 90000
ok 'no room for the ledger' test "$CODE" -ne 0
ok 'the damaged one has its name again' grep -q 'no database' /var/lib/nhi/ledger.db
rm /run/small/fill
expect 0 'where there is room' nhictl restore /run/t/good.backup --next-uid 90000
finish
