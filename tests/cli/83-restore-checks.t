#!/bin/bash
# SPDX-License-Identifier: ISC
# The content of a backup is checked before anything of this host is changed.
# Invariant: 12.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

setup_host
stop_watch
trap - EXIT
nhictl agent add last-bot --owner ops@example.org --purpose p --review-by 2099-01-01 --no-home >/dev/null
nhictl backup /run/t/good.backup >/dev/null
state() { (cd /var/lib/nhi && find . -type f ! -name '*-shm' -exec sha256sum {} + | sort -k2); }
bad() { # bad WHAT WORDS SQL: a backup with that content.
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
bad 'an agent with the name of another account' 'has an account person' "UPDATE agent SET name = 'person' WHERE name = 'last-bot'"
bad 'a uid outside of the range' 'nothing was changed' "UPDATE agent SET uid = 4002 WHERE name = 'last-bot'"
bad 'a home that is not a path' 'nothing was changed' "UPDATE agent SET home = '/home/../etc' WHERE name = 'last-bot'"
bad 'a trail that was changed' 'the trail in' "UPDATE event SET agent = 'other' WHERE seq = 2"

# One agent that cannot come back under its name does not keep the others out.
cp -a /var/lib/nhi /var/lib/kept
uid=$(sqlite3 /run/t/good.backup "SELECT uid FROM agent WHERE name = 'last-bot'")
sqlite3 /run/t/good.backup "INSERT INTO task (id, agent, state, opened, deadline, reason) VALUES ('t-docker', 'last-bot', 1, 1, 2, '')"
for name in docker person; do
    cp -p /run/t/good.backup /run/t/bad.backup
    sqlite3 /run/t/bad.backup "UPDATE agent SET name = '$name' WHERE name = 'last-bot'; UPDATE task SET agent = '$name' WHERE agent = 'last-bot'"
    rm -f /var/lib/nhi/ledger.db*
    refused 1 "$name" "an agent named $name" nhictl restore /run/t/bad.backup --next-uid 90000
    ok 'the hint leaves it out' complained 'try: nhictl restore FILE --without NAME'
    refused 1 "no agent 'other'" 'an agent that is not in it' nhictl restore /run/t/bad.backup --without other
    expect 0 'without that agent' nhictl restore /run/t/bad.backup --next-uid 90000 --without "$name"
    expect 0 'it is retired, and its uid is known' nhictl agent show "was-$name" --json
    ok 'as its row shows' json ".agent.state == \"retired\" and .agent.uid == $uid"
    expect 0 'its task, too' nhictl task show t-docker --json
    ok 'as its own' json ".task.agent == \"was-$name\""
    expect 0 'the others exist' nhictl agent show ci-bot
    rm -rf /var/lib/nhi && cp -a /var/lib/kept /var/lib/nhi
done
rm -rf /var/lib/kept

# A ledger without agents, which somebody made before the backup was at hand, can be used.
cp -a /var/lib/nhi /var/lib/kept
rm -rf /var/lib/nhi && nhictl init --host fresh >/dev/null 2>&1
cp -p /run/t/good.backup /run/t/narrow.backup
sqlite3 /run/t/narrow.backup 'UPDATE setting SET uid_max = next_uid + 500'
before=$(state)
refused 1 'no room to skip' 'a backup that needs a decision' nhictl restore /run/t/narrow.backup
ok 'the ledger without agents is unchanged' test "$(state)" = "$before"
expect 0 'and then one that needs none' nhictl restore /run/t/good.backup
ok 'leaves nothing of it' test -z "$(find /var/lib/nhi -name 'fresh-*')"
rm -rf /var/lib/nhi && mv /var/lib/kept /var/lib/nhi

# What root declared meanwhile stays declared: its daemons are not ended.
expect 0 'daemons with an account' nhictl agent set last-bot --daemons
expect 0 'an earlier backup' nhictl restore /run/t/good.backup
ok 'they are still declared' test "$(sqlite3 -readonly /var/lib/nhi/ledger.db "SELECT daemons FROM agent WHERE name = 'last-bot'")" = 1
nhictl agent set last-bot --no-daemons >/dev/null
sqlite3 /run/t/good.backup "UPDATE agent SET daemons = 1 WHERE name = 'last-bot'"
expect 0 'and a backup in which they are declared' nhictl restore /run/t/good.backup
ok 'declares them' test "$(sqlite3 -readonly /var/lib/nhi/ledger.db "SELECT daemons FROM agent WHERE name = 'last-bot'")" = 1

# A later failure leaves the same state.
mkdir /run/small && mount -t tmpfs -o mode=0755,size=1m tmpfs /run/small
rm -f /var/lib/nhi/ledger.db*
(umask 077 && echo 'no database' >/var/lib/nhi/ledger.db)
cp -a /var/lib/nhi/. /run/small/ && mount --bind /run/small /var/lib/nhi
dd if=/dev/zero of=/run/small/fill bs=1k >/dev/null 2>&1
truncate -s -65536 /run/small/fill
run nhictl restore /run/t/good.backup --next-uid 90000
ok 'no space for the ledger' test "$CODE" -ne 0
ok 'the damaged ledger has its name again' grep -q 'no database' /var/lib/nhi/ledger.db
rm /run/small/fill
expect 0 'with enough space' nhictl restore /run/t/good.backup --next-uid 90000
finish
