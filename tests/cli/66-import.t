#!/bin/bash
# SPDX-License-Identifier: ISC
# Many agents are imported in turns: others write in between, and an import that was cut off reports how far it came.
# Invariants: 6, 12.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

MANY=10000
agents() {
    seq "$1" | awk '
        BEGIN { print "agents = (" }
        { print between "{ name=\"n-" $1 "\"; uid=" 65536 + $1 "; owner=\"ops\"; purpose=\"builds\"; review_by=\"2099-06-30\"; }"
          between = "," }
        END { print ");" }'
}
count() { sqlite3 "$LEDGER" 'SELECT count(*) FROM agent'; }
reported() { sed -n "s/.*; \([0-9]*\) of $1 agents are imported.*/\1/p" "$2" | head -n 1; }
eventually() {
    for ((try = 0; try < 3000; try++)); do
        "$@" && return
        sleep 0.01
    done
    return 1
}
any() { test "$(count)" -gt 0; }
published() { grep -ao 'n-[0-9]\+' /var/lib/nhi/accounts | sort -u | wc -l; }

nhictl init >/dev/null
agents 3000 >some.conf
agents $MANY >many.conf

# A disk that becomes full.
used=$(df --output=used -k /var/lib | tail -n 1)
mount -o "remount,size=$((used + 1500))k" /var/lib
run nhictl agent import --no-home some.conf
OUT=
ok 'an import on a disk that becomes full fails' test "$CODE" = 3
printf '%s\n' "$ERR" >full.err
n=$(reported 3000 full.err)
ok 'says how many were imported' test -n "$n" -a "${n:-0}" -gt 0 -a "${n:-0}" -lt 3000
mount -o remount,size=50% /var/lib
ok 'which is true' test "$(count)" = "$n"
ok 'and what to type' complained 'try: nhictl agent import --no-home some.conf'
expect 0 'the same again' nhictl agent import --no-home some.conf --json
ok 'goes on' json "([.agents[] | select(.change == \"added\")] | length) == 3000 - ${n:-0} and (.agents | length) == 3000"
ok 'until all are there' test "$(count)" = 3000
ok 'and resolve' test "$(published)" = 3000

# A signal.
rm -rf /var/lib/nhi /run/nhi
nhictl init >/dev/null
"$BUILD/nhictl" agent import --no-home many.conf >cut.out 2>cut.err &
pid=$!
eventually any
expect 0 'a revocation while agents are imported' nhictl revoke --ticket AAAAAAAAAAAAAAAAAAAAAQ
ok 'does not wait until all are imported' kill -0 $pid
kill -TERM $pid
wait $pid
CODE=$?
ok 'a signal ends the import' test "$CODE" = 143
n=$(reported $MANY cut.err)
ok 'which says how many were imported' test -n "$n" -a "${n:-0}" -gt 0 -a "${n:-0}" -lt $MANY
ok 'which is true' test "$(count)" = "$n"
ok 'those resolve' test "$(published)" = "$n"
ok 'nothing else is answered' test ! -s cut.out
expect 0 'the same again' nhictl agent import --no-home many.conf
ok 'goes on until all are there' test "$(count)" = $MANY
ok 'each has one event' test "$(sqlite3 "$LEDGER" "SELECT count(*), count(DISTINCT agent) FROM event WHERE kind = 'agent-add'")" = "$MANY|$MANY"
expect 0 'the trail' nhictl audit verify

# One that is wrong.
rm -rf /var/lib/nhi /run/nhi
nhictl init >/dev/null
sed '$d' some.conf >wrong.conf
echo ', { name="deploy"; uid=80000; owner="ops"; purpose="x"; review_by="2099-06-30"; } );' >>wrong.conf
refused 1 'wrong.conf:3002: this host already has an account deploy; nothing was changed' 'the last is wrong' \
    nhictl agent import --no-home wrong.conf
ok 'none is imported' test "$(count)" = 0
finish
