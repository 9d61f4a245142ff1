#!/bin/bash
# SPDX-License-Identifier: ISC
# Backup and restore: what has ended stays ended, whatever happened to the ledger.
# Invariant: 12.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

setup_host
B=/run/t/nhi.backup
add_agent() { nhictl agent add "$1" --owner ops@example.org --purpose p --review-by 2099-01-01 --no-home >/dev/null; }
reason() { nhictl explain "$1" --account deploy --service sshd --json 2>/dev/null | jq -r '.reason // .error'; }
uid_of() { nhictl agent show "$1" --json | jq .agent.uid; }
state_of() { nhictl agent show "$1" --json | jq -r .agent.state; }
epoch() { sqlite3 "$LEDGER" 'SELECT epoch FROM setting'; }
wait_for_writer() { sqlite3 -cmd '.timeout 10000' "$LEDGER" "$1"; }

# ---- the copy ----

add_agent gone-bot
add_agent held-bot
nhictl agent add moved-bot --owner left@example.org --purpose p --review-by 2099-01-01 --no-home >/dev/null
nhictl task open closed-1 --agent gone-bot --until 2h >/dev/null
issue --out live >/dev/null
issue --out once --uses 1 >/dev/null
issue --out revoked >/dev/null
ok 'they are permitted at first' test "$(reason live) $(reason once) $(reason revoked)" = 'permit permit permit'
expect 0 'backup' nhictl backup $B --json
ok 'reports what is in it' json '.bytes > 0 and .host == "testhost" and .event > 0 and (.hash | length) == 64'
ok 'only root can read it' test "$(stat -c '%U %a' $B)" = 'root 600'
ok 'no secret key is in it' test "$(grep -c secret $B)" = 0
ok 'the trail records it' test "$(wait_for_writer "SELECT count(*) FROM event WHERE kind = 'backup'")" = 1
ok 'and so does the copy' test "$(sqlite3 "file:$B?immutable=1" "SELECT count(*) FROM event WHERE kind = 'backup'")" = 1
# The supervisor may be writing at this moment.
sqlite3 -cmd '.timeout 10000' "$LEDGER" 'BEGIN IMMEDIATE; INSERT INTO observed VALUES ("x", 1, 1, 1, 1);' '.shell touch writing; until [ -e enough ]; do sleep 0.05; done' ROLLBACK &
until [ -e writing ] || ! kill -0 $! 2>/dev/null; do sleep 0.02; done
run nhictl backup busy.backup
touch enough
wait $!
ok 'while another process writes, too' test "$CODE" = 0 -a "$(sqlite3 "file:busy.backup?immutable=1" 'SELECT count(*) FROM observed')" = 0
rm -f target && touch target && ln -s target link
refused 3 'not a regular file' 'a link is not followed' nhictl backup link
mkdir cut
for n in 1 2 3 4; do
    strace -qq -o /dev/null -e trace=fsync -e inject=fsync:signal=INT:when=$n "$BUILD/nhictl" backup cut/b >/dev/null 2>&1
done
ok 'Ctrl-C leaves nothing beside it' test -z "$(find cut -type f ! -name b)"
mkdir small && mount -t tmpfs -o size=64k tmpfs small
refused 3 'No space left' 'no space for it' nhictl backup small/b
ok 'leaves nothing' test -z "$(ls -A small)"
umount small

# ---- over an existing ledger ----

nhictl revoke --ticket "$(nhictl ticket inspect revoked --json | jq -r '.. | .jti? // empty' | head -n 1)" --reason leaked >/dev/null
nhictl agent retire gone-bot --reason finished >/dev/null
nhictl owner offboard left@example.org --reason left >/dev/null
nhictl agent transfer moved-bot --owner ops@example.org --resume >/dev/null
nhictl task close build-4711 >/dev/null
add_agent late-bot
eval "$(nhictl key add --help | sed -n '/^example:/{n;p}' | sed 's/ci-issuer/later-issuer/')" >/dev/null
LATE=$(uid_of late-bot)
nhictl audit head >heads
LAST=$(wait_for_writer 'SELECT max(seq) FROM event')
expect 0 'restore' nhictl restore $B --reason 'wrong change' --json
ok 'begins an epoch' json '.epoch == 1 and .trail == "whole" and .suspended == false'
ok 'no earlier ticket is valid' test "$(reason live) $(reason once) $(reason revoked)" = 'epoch epoch epoch'
ok 'none is counted as live' test "$(nhictl ticket list --json | jq '.tickets | length')" = 0
ok 'a retired agent stays retired' test "$(state_of gone-bot)" = retired
ok 'a closed task stays closed' test "$(nhictl task show build-4711 --json | jq -r .task.state)" = closed
refused 1 'used before' 'and cannot be opened again' nhictl task open build-4711 --agent ci-bot --until 2h
ok 'an agent whose owner left, by the backup, stays suspended' test "$(nhictl agent show moved-bot --json | jq -r '.agent | .state + " " + .owner + " " + (.suspended_by | join(","))')" = 'suspended left@example.org off-boarding'
ok 'a later agent is suspended' test "$(state_of late-bot)" = suspended
ok 'under the same uid' test "$(uid_of late-bot)" = "$LATE"
ok 'the reason is the restore' test "$(nhictl agent show late-bot --json | jq -r '.agent.suspended_by[0]')" = restore
add_agent next-bot
ok 'a later key of another issuer is retired' test "$(nhictl key list --json | jq -r '.keys[] | select(.own | not) | .state')" = retired
ok 'the next agent gets the next uid' test "$(uid_of next-bot)" = $((LATE + 1))
expect 0 'the trail continues' nhictl audit verify --head heads
ok 'and reports that nothing was lost' said "event $((LAST + 1)) restored the ledger from a backup: no event of the trail was lost"
nhictl task open build-2 --agent ci-bot --until 2h >/dev/null
nhictl issue --agent ci-bot --task build-2 --account deploy --service sshd --force --out new >/dev/null
ok 'a new ticket is valid at once' test "$(reason new)" = permit
expect 0 'the snapshot is right, and nothing else is wrong' nhictl status --json
ok 'nothing needs attention, except agents without an owner' json '.attention == ["owner off-boarded: moved-bot waits for nhictl agent transfer"]'

# An archive of the backup's events, and of later ones.
{ nhictl audit archive --before "$(date -u +%FT%TZ)" --out archive1 || { sleep 2; nhictl audit archive --before "$(date -u +%FT%TZ)" --out archive1; }; } >/dev/null
expect 0 'over a ledger whose past is in an archive' nhictl restore $B --json
ok 'nothing is lost' json '.trail == "whole" and (.suspended | not)'
expect 0 'and everything is verified' nhictl audit verify --archive archive1

# ---- a ledger that is lost ----

nhictl audit head >heads
LAST=$(uid_of next-bot)
rm "$LEDGER"*
ok 'without it there is no answer' eval 'reason new | grep -q "no ledger"'
expect 0 'it is restored' nhictl restore $B --json
ok 'in an epoch of its own, because of what was lost' json '.epoch == 3 and .trail == "lost" and .suspended and .kid == null'
ok 'which agents were retired meanwhile is not known' test "$(state_of gone-bot) $(state_of ci-bot)" = 'suspended suspended'
ok 'no ticket is valid' test "$(reason live) $(reason once) $(reason revoked) $(reason new)" = 'epoch epoch epoch epoch'
nhictl agent resume ci-bot >/dev/null
ok 'nor is it when its agent is back' test "$(reason live) $(reason new)" = 'epoch epoch'
ok 'no task is open' test "$(nhictl task list --json | jq '.tasks | length')" = 0
add_agent after-bot
ok 'no earlier uid is given again, though none is recorded' test "$(uid_of after-bot)" -gt "$LAST"
expect 0 'what exists is verified' nhictl audit verify
ok 'and the gap is reported' said 'events after that backup are lost'
expect 1 'the head of what was lost is not' nhictl audit verify --head heads --json
ok 'and the reason is reported' json '.fault == "lost" and (.error | contains("restored an older ledger"))'
mkdir /run/keys && mv /var/lib/nhi/keys/k*.secret /run/keys
rm -r /var/lib/nhi /run/nhi/mark
expect 0 'on a machine without anything' nhictl restore $B --nothing-ended --json
ok 'it signs with a new key' json '.kid != null and .suspended == false'
ok 'the old one is retired' test "$(nhictl key list --json | jq -r '[.keys[] | .state] | sort | join(" ")')" = 'active retired'
ok 'an agent that has not ended, by the option, stays active' test "$(state_of ci-bot)" = active
ok 'none of the next thousand uids is given' test "$(sqlite3 "$LEDGER" 'SELECT next_uid >= 66540 FROM setting')" = 1
ok 'directories are as before' test "$(stat -c %a /var/lib/nhi/grants /var/lib/nhi/keys /var/lib/nhi | tr '\n' ' ')" = '700 700 755 '
nhictl task open build-3 --agent ci-bot --until 2h --concurrent >/dev/null
nhictl issue --agent ci-bot --task build-3 --account deploy --service sshd --force --out new >/dev/null
# The supervisor sees the new one with its next heartbeat.
for ((i = 0; i < 300; i++)); do [ "$(reason new)" != permit ] || break && sleep 0.1; done
ok 'and it works' test "$(reason new) $(reason live)" = 'permit issuer-retired'
rm "$LEDGER"*
refused 1 'as far as this host knows' 'a uid that was used' nhictl restore $B --next-uid 65540
ok 'a fresh ledger in between is no obstacle' eval 'rm -f /var/lib/nhi/accounts && nhictl init'
expect 0 'with a uid' nhictl restore $B --next-uid 70000 --json
ok 'which is the next one' json '.next_uid == 70000 and .trail == "lost"'
empty_log
dd if=/dev/urandom of="$LEDGER" bs=4096 seek=2 count=20 conv=notrunc 2>/dev/null
expect 0 'a damaged ledger' nhictl restore $B --json
ok 'counts as lost' json '.trail == "lost"'
ok 'and is set aside' test -s /var/lib/nhi/damaged-ledger.db

# ---- an old ledger in its place ----

nhictl agent resume ci-bot >/dev/null
nhictl task open build-5 --agent ci-bot --until 2h >/dev/null
nhictl issue --agent ci-bot --task build-5 --account deploy --service sshd --force --out new >/dev/null
stop_watch
nhictl status >/dev/null
empty_log
cp "$LEDGER" old.db
nhictl agent retire held-bot --reason finished >/dev/null
nhictl backup newest.backup >/dev/null
nhictl agent suspend ci-bot --reason later >/dev/null
rm "$LEDGER"* && cp old.db "$LEDGER" && chmod 600 "$LEDGER"
start_watch
ok 'a ledger of which this host has seen a newer state denies all agents' test "$(reason new)" = rolled-back
run nhictl doctor --json
ok 'doctor reports it' json '[.findings[] | select(.finding == "ledger-rolled-back")] | length == 1'
expect 0 'status reports it' nhictl status
ok 'with the command to type' said 'rolled back; agents are denied: nhictl restore FILE'
for i in 1 2 3 4 5 6 7 8; do nhictl revoke --unseen --task "some-$i" --reason more >/dev/null; done
ok 'and still does after anything is written' test "$(reason new)" = rolled-back
refused 1 'older than the one this host last saw' 'nothing is issued' nhictl issue --agent ci-bot --task build-5 --account deploy --service sshd
rm /run/nhi/mark
ok 'a boot does not forget it' test "$(reason new)" = rolled-back
echo garbage >/var/lib/nhi/mark
ok 'nor does a damaged mark permit anybody' test "$(reason new)" = rolled-back
expect 0 'the newest backup' nhictl restore newest.backup --json
ok 'has events that the old ledger does not have, and the reverse' json '.trail == "diverged" and .suspended'
ok 'a retired agent is retired' test "$(state_of held-bot)" = retired
expect 0 'and the trail is whole' nhictl audit verify
nhictl agent resume ci-bot >/dev/null
expect 0 'once more' nhictl restore newest.backup --json
ok 'nothing is lost' json '.trail == "whole" and (.suspended | not)'
# As the disk was at an earlier moment, and nothing else.
nhictl agent resume ci-bot >/dev/null
stop_watch
nhictl status >/dev/null
empty_log
cp "$LEDGER" old.db
nhictl revoke --unseen --task some-9 --reason more >/dev/null
nhictl backup --force newest.backup >/dev/null
rm "$LEDGER"* && cp old.db "$LEDGER" && chmod 600 "$LEDGER"
expect 0 'a newer backup over an older ledger' nhictl restore newest.backup --json
ok 'continues where the backup ends' json '.trail == "behind" and .suspended'
ok 'with its content' test "$(sqlite3 "$LEDGER" "SELECT count(*) FROM revocation WHERE id = 'some-9'")" = 1
expect 0 'and its trail' nhictl audit verify
nhictl backup --force newest.backup >/dev/null
start_watch
nhictl agent resume ci-bot >/dev/null

# ---- files that are no backup of this ledger ----

head -c 100000 $B >short && chmod 600 short
refused 1 'not a backup, or it is damaged' 'half a backup' nhictl restore short
head -c 100000 /dev/urandom >noise
refused 1 'not a backup, or it is damaged' 'noise' nhictl restore noise
cp $B others && chown 4001 others
refused 1 'written by users other than root' 'a backup that another user could have written' nhictl restore others
refused 3 'cannot read' 'a backup that does not exist' nhictl restore nothing
cp $B other.host && sqlite3 other.host "UPDATE setting SET host = 'elsewhere'"
refused 1 'the backup of another ledger: of host elsewhere' 'a backup of another host' nhictl restore other.host
cp $B other.uid && sqlite3 other.uid "UPDATE agent SET uid = 65600 WHERE name = 'held-bot'"
refused 1 'other agents under the same names' 'a backup with other uids' nhictl restore other.uid
sqlite3 old1.db <"$(dirname "$SCRIPT")/../vectors/ledger-1.sql" >/dev/null
sqlite3 old1.db 'PRAGMA journal_mode=DELETE' >/dev/null && chmod 600 old1.db
rm -f "$LEDGER"*
expect 0 'a backup of an older release is upgraded' nhictl restore old1.db
ok 'with its agents' test "$(nhictl agent list --json | jq -r '[.agents[].state] | join(" ")')" = 'suspended suspended retired'
expect 0 'and its trail' nhictl audit verify
rm -f "$LEDGER"*
nhictl restore newest.backup >/dev/null

# ---- cut off ----

KILLED=0 BETWEEN=
for call in openat pwrite64 fdatasync fsync unlinkat renameat; do
    for n in 1 2 3 5 8 13 21 34; do
        was=$(epoch)
        {
            strace -f -qq -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when=$n "$BUILD/nhictl" restore newest.backup \
                >/dev/null 2>&1 && continue
        } 2>/dev/null
        KILLED=$((KILLED + 1))
        is=$(epoch)
        [ "$is" = "$was" ] || [ "$is" = $((was + 1)) ] || BETWEEN="$BETWEEN $call:$n:$was:$is"
        [ "$(sqlite3 "$LEDGER" 'PRAGMA integrity_check')" = ok ] || BETWEEN="$BETWEEN $call:$n:damaged"
        [ "$(reason new)" = epoch ] || BETWEEN="$BETWEEN $call:$n:$(reason new)"
    done
done
ok "killed $KILLED times there is nothing between before and after: $BETWEEN" test -z "$BETWEEN" -a "$KILLED" -gt 15
expect 0 'and it can be repeated' nhictl restore newest.backup
expect 0 'with a whole trail' nhictl audit verify
KILLED=0 BETWEEN=
for call in openat pwrite64 fdatasync fsync renameat; do
    for n in 2 5 13 34; do
        rm -f "$LEDGER"*
        {
            strace -f -qq -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when=$n "$BUILD/nhictl" restore newest.backup \
                >/dev/null 2>&1 && continue
        } 2>/dev/null
        KILLED=$((KILLED + 1))
        [[ $(reason new) =~ ^epoch$|issuer|ledger|signed ]] || BETWEEN="$BETWEEN $call:$n:$(reason new)"
        nhictl restore newest.backup >/dev/null 2>&1 || BETWEEN="$BETWEEN $call:$n:again"
    done
done
ok "killed $KILLED times over a lost ledger, no agent is permitted, and it can be repeated" test -z "$BETWEEN" -a "$KILLED" -gt 8

# ---- no space ----

stop_watch
trap - EXIT
mkdir /run/small && mount -t tmpfs -o mode=0755,size=2m tmpfs /run/small
cp -a /var/lib/nhi/. /run/small/ && mount --bind /run/small /var/lib/nhi
FULL=0 BETWEEN=
for room in 0 8 40 100 200; do
    was=$(epoch)
    dd if=/dev/zero of=/run/small/fill bs=1k >/dev/null 2>&1
    truncate -s "-$((room * 1024))" /run/small/fill
    run nhictl restore newest.backup
    rm /run/small/fill
    if [ "$CODE" = 0 ]; then
        [ "$(epoch)" = $((was + 1)) ] || BETWEEN="$BETWEEN $room"
    else
        FULL=$((FULL + 1))
        [ "$(epoch)" = "$was" ] || [[ $ERR == *snapshot* ]] || BETWEEN="$BETWEEN $room:$CODE"
    fi
done
ok "with $FULL times too little space it is unchanged" test -z "$BETWEEN" -a "$FULL" -gt 0
expect 0 'with enough space' nhictl restore newest.backup
finish
