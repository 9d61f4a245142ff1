#!/bin/bash
# SPDX-License-Identifier: ISC
# What was ended stays ended, even if the ledger was away at that moment, or is not the one that it seems to be.
# Invariant: 12.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

ID=/etc/machine-id
put_id() { rm -rf $ID && printf '%s\n' "$1" >$ID && chmod 444 $ID; }
put_id 0123456789abcdef0123456789abcdef
setup_host
B=/run/t/nhi.backup
sql() { sqlite3 -cmd '.timeout 10000' "$LEDGER" "$1"; }
add_agent() { nhictl agent add "$1" --owner ops@example.org --purpose p --review-by 2099-01-01 --no-home >/dev/null; }
state_of() { nhictl agent show "$1" --json | jq -r .agent.state; }
uid_of() { nhictl agent show "$1" --json | jq .agent.uid; }
key_state() { nhictl key list --json | jq -r --arg k "$1" '.keys[] | select(.kid == $k).state'; }
reason() { nhictl explain "$1" --account deploy --service sshd --json 2>/dev/null | jq -r '.reason // .error'; }
# Saves the ledger for later, and puts it back.
keep() {
    nhictl status >/dev/null
    empty_log
    cp "$LEDGER" "$1"
}
put_in_place() { rm -f "$LEDGER"* && cp "$1" "$LEDGER" && chmod 600 "$LEDGER"; }

# ---- ended while there is no ledger ----

OWN=$(nhictl key list --json | jq -r '.keys[0].kid')
eval "$(nhictl key add --help | sed -n '/^example:/{n;p}')" >/dev/null
nhictl backup $B >/dev/null
# It could write at any moment.
stop_watch
trap - EXIT
for n in 1 2 3 4 5 6 7 8 9 10; do
    rm -f "$LEDGER"*
    nhictl key revoke ci-issuer --reason stolen >/dev/null
    {
        strace -f -qq -o /dev/null -e trace=fdatasync,fsync -e inject=fdatasync,fsync:signal=KILL:when=$n \
            "$BUILD/nhictl" restore $B --nothing-ended >/dev/null 2>&1
    } 2>/dev/null
    nhictl revoke --unseen --task "some-$n" --reason more >/dev/null
    nhictl restore $B --nothing-ended >/dev/null || BACK="${BACK:-} $n:restore"
    nhictl revoke --unseen --task "more-$n" --reason more >/dev/null
    [ "$(key_state ci-issuer)" = revoked ] || BACK="${BACK:-} $n:$(key_state ci-issuer)"
done
ok 'a restore that is cut off loses no revocation in the reserve' test -z "${BACK:-}"
rm -f "$LEDGER"*
expect 0 'a key is revoked while there is no ledger' nhictl key revoke ci-issuer --reason stolen --json
ok 'the reserve has it' json '.revoked.held_in == "reserve"'
nhictl key revoke "$OWN" --reason stolen >/dev/null
nhictl revoke --unseen --task build-4711 --reason cancelled >/dev/null
expect 0 'then the ledger is put back' nhictl restore $B --nothing-ended
ok 'the key of another issuer is still revoked' test "$(key_state ci-issuer)" = revoked
ok 'so is the key of this host' test "$(key_state "$OWN")" = revoked
ok 'the task is closed' test "$(nhictl task show build-4711 --json | jq -r .task.state)" = closed
ok 'the trail begins with that of the backup' test "$(sql 'SELECT kind FROM event WHERE seq = 1')" = init
expect 0 'and is whole' nhictl audit verify
nhictl key rotate >/dev/null
nhictl task open build-4712 --agent ci-bot --until 2h >/dev/null
rm -f $B && nhictl backup $B >/dev/null
rm -f "$LEDGER"*
rm -f /var/lib/nhi/accounts /run/nhi/mark
expect 0 "a new ledger" nhictl init
nhictl revoke --unseen --task build-4712 --reason cancelled >/dev/null
expect 0 'the backup in its place' nhictl restore $B --nothing-ended
ok 'the task that was revoked in it is closed' \
    test "$(nhictl task show build-4712 --json | jq -r .task.state)" = closed

# ---- two backups, of which the older was restored first ----

nhictl backup older >/dev/null
add_agent short-bot
nhictl task open short-1 --agent short-bot --until 2h >/dev/null
nhictl backup newer >/dev/null
nhictl agent retire short-bot --reason finished >/dev/null
rm -f "$LEDGER"*
nhictl restore older >/dev/null
for n in 1 2 3 4 5 6 7 8; do nhictl revoke --unseen --task "since-$n" --reason more >/dev/null; done
sleep 1.1
nhictl audit archive --before "$(date -u +%FT%TZ)" --out archive >/dev/null
expect 0 'the newer one over the continuation of the older' nhictl restore newer --json
ok 'has more events, even if events with their numbers are archived' json '.trail == "diverged" and .suspended'
ok 'an agent whose end would not be recorded comes back suspended' test "$(state_of short-bot)" = suspended
ok 'and none of its tasks is open' test "$(nhictl task show short-1 --json | jq -r .task.state)" = closed
nhictl agent resume ci-bot >/dev/null

# ---- an old ledger in the place of the present one ----

add_agent done-bot
keep old.db
nhictl agent retire done-bot --reason finished >/dev/null
add_agent late-bot
LATE=$(uid_of late-bot)
put_in_place old.db
refused 1 'older than the one this host last saw' 'a ledger that was rolled back is not taken over' nhictl init --new-host
ok 'the hint is what to type first' complained 'try: nhictl restore FILE'
nhictl backup as-it-is >/dev/null
expect 0 'the command in the hint' nhictl restore as-it-is
expect 0 'and after that' nhictl init --new-host
ok 'an agent that ended meanwhile is not active' test "$(state_of done-bot)" = suspended
add_agent next-bot
ok 'and no uid is given again' test "$(uid_of next-bot)" -gt "$LATE"

# ---- a copy of the machine ----

nhictl agent resume ci-bot >/dev/null
nhictl task open here-1 --agent ci-bot --until 2h >/dev/null
nhictl backup here.backup >/dev/null
put_id fedcba9876543210fedcba9876543210
start_watch
expect 0 'a copy that restores a backup' nhictl restore here.backup
ok 'is still a copy' said 'the ledger belongs to another machine'
ok 'and the hint is the command to type' said 'nhictl init --new-host'
refused 1 'belongs to another machine' 'nothing begins there' nhictl task open copy-1 --agent ci-bot --until 2h
expect 0 'until it is a machine of its own' nhictl init --new-host
expect 0 'then it does' nhictl task open copy-1 --agent ci-bot --until 2h
nhictl issue --agent ci-bot --task copy-1 --account deploy --service sshd --out new >/dev/null
ok 'and agents are permitted' test "$(reason new)" = permit
expect 0 'the trail is whole' nhictl audit verify
finish
