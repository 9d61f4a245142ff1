#!/bin/bash
# SPDX-License-Identifier: ISC
# apply, cut off: one policy is in force whatever happens to nhictl, either the old one or the new one.
# Invariant: 9.
# shellcheck disable=SC2119,SC2317
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
setup_host
D=/etc/nhi/policy.d

# Everything that decides: rules, their index, zones, settings.
in_force() {
    sqlite3 -readonly "$LEDGER" "
        SELECT p.hash, s.line, (SELECT count(*) FROM rule r WHERE r.version = s.policy),
            (SELECT group_concat(name) FROM (SELECT name FROM rule_index i WHERE i.version = s.policy ORDER BY name)),
            (SELECT count(*) FROM zone z WHERE z.version = s.policy)
        FROM setting s JOIN policy p ON p.version = s.policy"
}
policy() { # policy old|new
    case $1 in
    old) printf '%s\n' 'rules = ( { name = "a"; effect = "permit"; agent = "ci-bot"; account = "deploy"; service = "sshd"; } );' ;;
    new) printf '%s\n' 'rules = ( { name = "b"; effect = "permit"; agent = "ci-bot"; account = "deploy"; service = "sudo";
        hours = "08:00-18:00"; zone = "Europe/Berlin"; }, { name = "c"; effect = "forbid"; agent = "*"; account = "*"; service = "su"; } );' ;;
    esac >$D/test.conf
    [ "$1" = old ] && rm -f /etc/nhi/nhi.conf || echo 'max_lifetime = "1h"; pin = "record";' >/etc/nhi/nhi.conf
}
use() {
    policy "$1"
    nhictl apply >/dev/null 2>&1
}

use new
NEW=$(in_force)
use old
OLD=$(in_force)
ok 'two policies that differ in all of it' test "$NEW" != "$OLD" -a -n "$OLD" -a -n "$NEW"

# ---- killed ----

# The supervisor's own writes would be counted as ours.
kill -STOP "$WATCH"
until grep -q '^State:.T' "/proc/$WATCH/status"; do sleep 0.02; done
STOPAT=$BUILD/tests/tools/stopat
"$STOPAT" "$BUILD/nhictl" 1000000 kill -- "$BUILD/nhictl" apply >/run/t/calls 2>&1
CALLS=$(grep -o '[0-9]*' /run/t/calls | tail -n 1)
STEPS=${APPLY_KILLS:-60}
MIXED=0 KEPT=0 CAME=0
for ((i = 1; i <= STEPS; i++)); do
    K=$((i * CALLS / STEPS))
    policy new
    "$STOPAT" "$BUILD/nhictl" "$K" kill -- "$BUILD/nhictl" apply >/dev/null 2>&1
    case $(in_force) in
    "$OLD") KEPT=$((KEPT + 1)) ;;
    "$NEW") CAME=$((CAME + 1)) ;;
    *) MIXED=$((MIXED + 1)) ;;
    esac
    use old
    [ "$(in_force)" = "$OLD" ] || MIXED=$((MIXED + 1))
done
echo "# $CALLS system calls; killed at $STEPS of them: $KEPT old, $CAME new, $MIXED neither"
ok 'killed anywhere: the old policy or the new one, and the next apply works' test "$MIXED" = 0
ok 'both results occur' test "$KEPT" -gt 0 -a "$CAME" -gt 0

# ---- two at once ----

MIXED=0
for i in 1 2 3 4 5 6; do
    policy new
    nhictl apply >/dev/null 2>&1 &
    ONE=$!
    nhictl apply >/dev/null 2>&1 &
    TWO=$!
    wait "$ONE" "$TWO"
    [ "$(in_force)" = "$NEW" ] || MIXED=$((MIXED + 1))
    use old
done
ok 'two at once: one policy, whole' test "$MIXED" = 0

# The first has the ledger open and must wait for it, while a person changes the files.
use old
mkfifo /run/t/hold
sqlite3 "$LEDGER" </run/t/hold >/run/t/held & HOLDER=$!
exec 7>/run/t/hold
printf 'BEGIN IMMEDIATE;\nSELECT 1;\n' >&7
until [ -s /run/t/held ]; do sleep 0.02; done
"$BUILD/nhictl" apply >/run/t/first 2>&1 7>&- & FIRST=$!
until find "/proc/$FIRST/fd" -lname '*/ledger.db' 2>/dev/null | grep -q .; do sleep 0.02; done
policy new
exec 7>&-
wait "$HOLDER"
wait "$FIRST"
ok 'an apply that had to wait puts the files in force as they are after the wait' test "$(in_force)" = "$NEW"
use old

kill -CONT "$WATCH"

# ---- a directory that cannot be read completely ----

policy new
run strace -f -qq -o /dev/null -P $D -e trace=getdents64 -e inject=getdents64:error=EIO:when=2+ "$BUILD/nhictl" apply
ok 'half of a directory is not a policy' was_refused 3 "cannot read $D: Input/output error; nothing was changed"
ok 'and none of it is applied' test "$(in_force)" = "$OLD"
run strace -qq -o /dev/null -P $D/test.conf -e trace=read -e inject=read:error=EIO "$BUILD/nhictl" apply
ok 'nor is a file that cannot be read' was_refused 3 "$D/test.conf: "
mv $D $D.real
touch $D
run nhictl apply
ok 'nor is a file in place of the directory' test "$CODE" != 0 -a "$(in_force)" = "$OLD"
rm $D
mv $D.real $D

# ---- no space on the disk ----

kill "$WATCH"
while kill -0 "$WATCH" 2>/dev/null; do sleep 0.05; done
trap - EXIT
mkdir /run/small
mount -t tmpfs -o mode=0755,size=3m tmpfs /run/small
cp -a /var/lib/nhi/. /run/small/
mount --bind /run/small /var/lib/nhi || exit 1
printf 'rules = ( %s { name = "last"; effect = "forbid"; agent = "*"; account = "*"; service = "su"; } );\n' \
    "$(printf '{ name = "r%s"; effect = "permit"; agent = "ci-*"; account = "deploy"; service = "cron"; },' {1..200})" >big.conf
MIXED=0 FULL=0
for KIB in 0 4 16 64 128 256; do
    dd if=/dev/zero of=/run/small/fill bs=1k >/dev/null 2>&1
    truncate -s "-$((KIB * 1024))" /run/small/fill
    cp big.conf $D/test.conf
    run nhictl apply
    rm /run/small/fill
    case $CODE.$(in_force) in
    3."$OLD") FULL=$((FULL + 1)) ;;
    0.*'||201|'*) ;; # this was enough space
    *) echo "# $KIB KiB: exit $CODE $ERR"; MIXED=$((MIXED + 1)) ;;
    esac
    use old
    [ "$(in_force)" = "$OLD" ] || MIXED=$((MIXED + 1))
done
ok 'a disk without space for it: apply fails and the old policy is in force, or the new one is whole' test "$MIXED" = 0 -a "$FULL" -gt 0
cp big.conf $D/test.conf
expect 0 'with enough space it is applied' nhictl apply
ok 'all of it' test "$(nhictl status --json | jq .policy_rules)" = 201
finish
