#!/bin/bash
# SPDX-License-Identifier: ISC
# A copy of a machine notices that it is a copy, and becomes a machine of its own.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

ID=/etc/machine-id
put_id() { rm -rf $ID && printf '%s\n' "$1" >$ID && chmod 444 $ID; }
put_id 0123456789abcdef0123456789abcdef
setup_host
issue --out before >/dev/null
nhictl task open other --agent ci-bot --until 2h --concurrent >/dev/null
reason() { nhictl explain "${1:-before}" --account deploy --service sshd --json 2>/dev/null | jq -r '.reason // .error'; }
KID=$(nhictl key list --json | jq -r '.keys[0].kid')
ok 'on its own machine it is valid' test "$(reason)" = permit
ok 'the identity itself is not stored' eval '! grep -rq 0123456789abcdef /var/lib/nhi /run/nhi'

# ---- which machine this is ----

put_id fedcba9876543210fedcba9876543210
ok 'on another machine all agents are denied' test "$(reason)" = machine
expect 0 'status reports it' nhictl status
ok 'with the command to type' said 'the ledger belongs to another machine: this is a copy of its disk, or its /etc/machine-id was changed; agents are denied: nhictl init --new-host, if this machine is a copy'
expect 1 'so does doctor' nhictl doctor --json
ok 'as an error' json '[.findings[] | select(.finding == "ledger-elsewhere" and .level == "error")] | length == 1'
for verb in "issue --agent ci-bot --task build-4711 --account deploy --service sshd" "task open x --agent ci-bot --until 2h" \
    "agent add x --owner o --purpose p --review-by 2099-01-01 --no-home"; do
    # shellcheck disable=SC2086 # words
    refused 1 'belongs to another machine' "nothing begins: $verb" nhictl $verb
    ok 'the hint is the command to type' complained 'try: nhictl init --new-host'
done
expect 0 'but something may end' nhictl task close other
put_id 0123456789abcdef0123456789abcdef
for state in missing empty uninitialized garbage writable owned directory fifo; do
    rm -rf $ID
    case $state in
    missing) want=machine ;;
    empty) : >$ID && want=machine ;;
    uninitialized) echo uninitialized >$ID && want=machine ;;
    garbage) echo 0123456789ABCDEF >$ID && want=machine ;;
    writable) put_id 0123456789abcdef0123456789abcdef && chmod 666 $ID && want=machine ;;
    owned) put_id 0123456789abcdef0123456789abcdef && chown 4001 $ID && want=machine ;;
    directory) mkdir $ID && want=machine ;;
    fifo) mkfifo -m 444 $ID && want=machine ;;
    esac
    ok "$state: agents are denied, and nothing waits" test "$(timeout 20 "$BUILD/nhictl" explain before --account deploy --service sshd --json | jq -r .reason)" = "$want"
done
rm -rf $ID && echo 0123456789abcdef0123456789abcdef >/etc/real-id && ln -s real-id $ID
ok 'a link of root is followed' test "$(reason)" = permit
put_id 0123456789abcdef0123456789abcdef

# ---- boots ----

sql() { sqlite3 -cmd '.timeout 10000' "$LEDGER" "$1"; }
boot=$(cat /proc/sys/kernel/random/boot_id)
up=$(cut -d. -f1 /proc/uptime)
ok 'the ledger knows this boot' test "$(sql 'SELECT boot FROM setting')" = "$boot"
# Without the supervisor, which could write at any moment.
stop_watch
trap - EXIT
sed -i 's/^/supervisor = "optional";\n/' /etc/nhi/nhi.conf 2>/dev/null || echo 'supervisor = "optional";' >/etc/nhi/nhi.conf
nhictl apply >/dev/null
other=11111111-2222-3333-4444-555555555555
sql "UPDATE setting SET boot = '$other', latest = CAST(strftime('%s') AS INTEGER) - $up - 100"
ok 'after a boot it is valid' test "$(reason)" = permit
ok 'and knows the new boot' test "$(sql 'SELECT boot FROM setting')" = "$boot"
if [ "$up" -gt 7300 ]; then
    sql "UPDATE setting SET boot = '$other', latest = CAST(strftime('%s') AS INTEGER) - 60"
    ok 'what another boot wrote while this one ran is a copy' test "$(reason)" = machine
    run nhictl status
    ok 'status reports it' said 'written elsewhere while this host was running'
    sql "UPDATE setting SET latest = CAST(strftime('%s') AS INTEGER) - $up - 100"
    ok 'and it remains one, also after a boot' test "$(reason)" = machine
    ok 'another boot is not taken over' test "$(sql 'SELECT boot FROM setting')" = "$other"
else
    skip 'a ledger that was written elsewhere' 'this host was booted too short a time ago'
fi

# ---- a machine of its own ----

nhictl audit head >/dev/null
HEAD_KEY=$(nhictl audit key)
hostname otherhost
refused 2 'uid range' 'its uids cannot change' nhictl init --new-host --uid-min 70000 --uid-max 80000
refused 1 'already initialised' 'init alone is not enough' nhictl init
put_id fedcba9876543210fedcba9876543210
expect 0 'init --new-host' nhictl init --new-host --json
ok 'reports its new identity' json '.host == "otherhost" and .was == "testhost" and .epoch == 1 and .kid != null'
ok 'the other key is gone' test ! -e "/var/lib/nhi/keys/$KID.secret"
ok 'and no longer believed' test "$(nhictl key list --json | jq -r ".keys[] | select(.kid == \"$KID\") | .state")" = retired
ok 'it signs its own trail' test "$(nhictl audit key)" != "$HEAD_KEY"
ok 'no earlier ticket is valid' test "$(reason)" = issuer-retired
ok 'no task is open' test "$(nhictl task list --json | jq '.tasks | length')" = 0
ok 'agents stay' test "$(nhictl agent list --json | jq -r '.agents[0].state')" = active
start_watch
nhictl task open new-1 --agent ci-bot --until 2h >/dev/null
nhictl issue --agent ci-bot --task new-1 --account deploy --service sshd --out after >/dev/null
ok 'a new ticket is valid' test "$(reason after)" = permit
expect 0 'the trail is whole' nhictl audit verify
ok 'and reports what came from elsewhere' said 'the ledger was moved to another machine'
expect 0 'nothing needs attention' nhictl status --json
ok 'nothing at all' json '.attention == []'

# ---- machines without an identity ----

rm -f $ID
nhictl init --new-host >/dev/null
nhictl task open new-2 --agent ci-bot --until 2h >/dev/null
nhictl issue --agent ci-bot --task new-2 --account deploy --service sshd --out container >/dev/null
ok 'the ledger of a host without an identity fits' test "$(reason container)" = permit
put_id 0123456789abcdef0123456789abcdef
ok 'until the host gets one' test "$(reason container)" = machine
finish
