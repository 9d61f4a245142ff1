#!/bin/bash
# SPDX-License-Identifier: ISC
# When the system fails: revocation works, nothing is half done, and the message describes the problem.
# Invariant: 6.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

mkdir /var/lib/nhi
mount -t tmpfs -o mode=0755,size=1m tmpfs /var/lib/nhi
setup_host
nhictl agent add other-bot --owner o --purpose p --review-by 2099-01-01 --no-home >/dev/null
nhictl task open other --agent other-bot >/dev/null
sed -i 's/agent = "ci-bot"/agent = "*"/' /etc/nhi/policy.d/test.conf
nhictl apply >/dev/null
KID=$(nhictl key list --json | jq -r '.keys[0].kid')
issue >ticket.txt
JTI=$(nhictl ticket list --json | jq -r '.tickets[0].jti')

reason() {
    nhictl ticket inspect ticket.txt --json 2>/dev/null | jq -r '.decisions[0].reason'
}
ok 'the ticket works at first' test "$(reason)" = permit

# --- the disk is full
# What is still in the ledger's log would free space later.
fill() {
    empty_log
    dd if=/dev/zero of=/var/lib/nhi/filler bs=4096 2>/dev/null
    dd if=/dev/zero of=/var/lib/nhi/filler2 bs=1 count=4096 2>/dev/null
}
fill
refused 3 'no space left' 'issue on a full disk' issue
refused 3 'no space left' 'task open on a full disk' nhictl task open t2 --agent ci-bot --concurrent
refused 3 'no space left' 'agent suspend on a full disk' nhictl agent suspend ci-bot
ok 'the hint is a command that works' complained 'nhictl revoke --agent ci-bot'
expect 0 'revoke on a full disk' nhictl revoke --task build-4711 --reason cancelled
ok 'it reports that the reserve keeps it' said 'the reserve keeps the revocation in force'
ok 'it is in force' test "$(reason)" = revoked
expect 0 'revoke --ticket on a full disk, --json' nhictl revoke --ticket "$JTI" --json
ok 'held_in is reserve' json '.ok and .revoked.held_in == "reserve" and .revoked.live_tickets == null'
expect 0 'revoke --agent on a full disk' nhictl revoke --agent ci-bot
expect 0 'revoke --agent again' nhictl revoke --agent ci-bot
expect 0 'status on a full disk' nhictl status
ok 'status counts the reserve' said '3 revocations in the reserve'
rm /var/lib/nhi/filler*
expect 0 'the next command that writes' nhictl task open t3 --agent other-bot --concurrent
expect 0 'the task is closed in the ledger' nhictl task show build-4711 --json
ok 'with the reason in the reserve' json '.task.state == "closed"'
expect 0 'the reserve is empty again' nhictl status --json
ok 'nothing needs attention' json '.attention == []'
ok 'it is still in force' test "$(reason)" = revoked

# --- nothing can be published
# The supervisor publishes what is lost.
until rm -f /run/nhi/state-1 && mkdir /run/nhi/state-1 2>/dev/null; do :; done
expect 0 'status while nothing can be published' nhictl status --json
ok 'names it, and the remedy' json '[.attention[] | select(test("what logins read .* nhictl publish"))] | length == 1'
rmdir /run/nhi/state-1
expect 0 'then it can' nhictl status --json
ok 'and nothing needs attention' json '.attention == []'

# --- the ledger gets who revoked it, and why. What was revoked earlier came through the reserve, which has a
# resolution of one second: starts with a new second, so that a command which begins in it does not record the one
# before.
BEFORE=$(date +%s)
while [ "$(date +%s)" = "$BEFORE" ]; do :; done
nhictl task open why-1 --agent ci-bot --concurrent >/dev/null
nhictl issue --agent ci-bot --task why-1 --account deploy --service sshd >why.txt
WHY=$(nhictl ticket inspect --json why.txt | jq -r .ticket.jti)
fill
# A person, as sudo sets it.
as_person() { SUDO_UID=4002 nhictl "$@"; }
expect 0 'revoke on a full disk, by a person' as_person revoke --ticket "$WHY" --reason 'stolen "laptop"'
expect 0 'the task too' as_person revoke --task why-1 --reason 'all of it'
expect 0 'lockdown on' as_person lockdown on --reason 'looking into it'
expect 3 'lockdown off, when the shells cannot be published' as_person lockdown off --reason 'looked'
rm /var/lib/nhi/filler*
expect 0 'the next command that writes' nhictl task open t4 --agent other-bot --concurrent
expect 0 'trace' nhictl trace why-1 --json
ok 'has the reason of each' json '[.steps[] | select(.kind == "revoke") | .cause] | sort == ["all of it", "stolen \"laptop\""]'
ok 'and the person who did it' json '[.steps[] | select(.kind == "revoke") | .sudo_uid] == [4002, 4002]'
ok 'lockdown, too' json '[.steps[] | select(.kind | startswith("lockdown")) | [.kind, .cause, .sudo_uid]] | sort
    == [["lockdown-off", "looked", 4002], ["lockdown-on", "looking into it", 4002]]'
expect 0 'trace for people' nhictl trace why-1
ok 'shows it, too' said 'stolen "laptop"'
ok 'with the name of the person' said person
expect 0 'the ticket has its reason' nhictl ticket show "$WHY" --json
ok 'shows it as well' json '.ticket.reason == "stolen \"laptop\""'
expect 0 'audit verify' nhictl audit verify
ok 'each is recorded once' test "$(sqlite3 -readonly $LEDGER "SELECT count(*) FROM event WHERE task = 'why-1' AND kind = 'revoke'")" = 2

N=0
# Without a file for the reason, or with one that cannot be read, a revocation counts all the same.
garbage() { dd if=/dev/urandom bs=512 count=126 status=none of="$1"; }
for notes in 'rm' 'truncate -s 100' 'garbage' 'chmod 666'; do
    T=n$((++N))
    nhictl task open "$T" --agent ci-bot --concurrent >/dev/null
    nhictl issue --agent ci-bot --task "$T" --account deploy --service sshd >ticket.txt
    $notes /var/lib/nhi/reserve.notes
    fill
    expect 0 "revoke, notes: $notes" nhictl revoke --task "$T" --reason x
    ok 'is in force' test "$(reason)" = revoked
    rm /var/lib/nhi/filler*
    expect 0 'and is recorded in the ledger' nhictl task open "after-$T" --agent other-bot --concurrent
    ok 'unchanged' test "$(nhictl task show "$T" --json | jq -r .task.state)" = closed
    rm -f /var/lib/nhi/reserve.notes
    expect 0 'which creates them again' nhictl task open "anew-$T" --agent other-bot --concurrent
    ok 'root'"'"'s alone' test "$(stat -c '%a %u' /var/lib/nhi/reserve.notes)" = '600 0'
done

nhictl task open build-4714 --agent ci-bot >/dev/null
again() {
    nhictl issue --agent ci-bot --task build-4714 --account deploy --service sshd
}
again >ticket.txt
ok 'a new ticket opens' test "$(reason)" = permit
fill
expect 1 'scan --revoke on a full disk' nhictl scan --revoke ticket.txt --json
ok 'it reports that the reserve keeps it' complained 'the reserve keeps the revocation in force'
ok 'as revoked' json '.counts.revoked_now == 1 and .found[0].state == "revoked"'
ok 'it is in force' test "$(reason)" = revoked
rm /var/lib/nhi/filler*
nhictl issue --agent ci-bot --task build-4714 --account deploy --service sshd >ticket.txt
ok 'in a new ticket' test "$(reason)" = permit

# A ticket that was renewed twice, by the ID of the one in the middle.
cp ticket.txt first.txt
MIDDLE=$(nhictl renew "$(nhictl ticket inspect --json first.txt | jq -r .ticket.jti)" --ttl 20m --json | jq -r .ticket.jti)
nhictl renew "$MIDDLE" --ttl 25m >ticket.txt
ok 'a renewed ticket opens' test "$(reason)" = permit
fill
expect 0 'revoke in the middle of a lineage, on a full disk' nhictl revoke --ticket "$MIDDLE"
ok 'the last ticket of it is revoked' test "$(reason)" = revoked
rm /var/lib/nhi/filler*
again >ticket.txt

# --- the ledger is damaged
empty_log
cp $LEDGER good.db
for damage in 'head -c 4096 /dev/urandom' 'true' 'head -c 100 good.db' 'head -c 40000 good.db'; do
    $damage >$LEDGER
    rm -f $LEDGER-wal $LEDGER-shm
    run nhictl issue --agent ci-bot --task build-4714 --account deploy --service sshd
    ok "issue, ledger: $damage" was_refused 3 ''
    run nhictl agent list
    ok "agent list, ledger: $damage" test "$CODE" = 3 -a -s .err
    BEFORE=$(sha256sum <$LEDGER)
    run nhictl init
    ok "init is refused, ledger: $damage" test "$CODE" = 1
    ok 'and leaves it unchanged' test "$BEFORE" = "$(sha256sum <$LEDGER)"
    expect 0 "revoke, ledger: $damage" nhictl revoke --task build-4714
    ok 'through the reserve' said 'the reserve keeps the revocation in force'
done
rm -f $LEDGER $LEDGER-wal $LEDGER-shm
refused 1 'nhictl restore FILE, with the newest backup' 'init when the ledger is missing' nhictl init
expect 0 'revoke when the ledger is missing' nhictl revoke --issuer "$KID"
install -m 0600 good.db $LEDGER
ok 'with the ledger back, the reserve is in force' test "$(reason)" = issuer-revoked
chmod 0644 $LEDGER
refused 3 'users other than root can change' 'a ledger that others can read' nhictl task open t5 --agent other-bot
chmod 0600 $LEDGER
chown 4002 $LEDGER
refused 3 'users other than root can change' "a ledger that is not root's" nhictl agent list
chown 0 $LEDGER
chmod 0777 /var/lib/nhi
refused 3 'users other than root can change' 'a ledger in a world-writable directory' nhictl agent list
expect 3 'revoke there: the run directory has it' nhictl revoke --task build-4714
ok 'it says for how long' complained 'holds only until this host is restarted'
chmod 0755 /var/lib/nhi
expect 0 'drained' nhictl task open t6 --agent other-bot --concurrent
ok 'the revoked key is revoked in the ledger' test \
    "$(nhictl key list --json | jq -r '.keys[0].state')" = revoked
nhictl key rotate >/dev/null

# --- the reserve is damaged or missing
cp /var/lib/nhi/reserve good.reserve
head -c 65536 /dev/urandom >/var/lib/nhi/reserve
expect 0 'status with a damaged reserve' nhictl status
ok 'status reports that agents are denied' said 'agents are denied'
expect 0 'revoke with a damaged reserve' nhictl revoke --task t6
ok 'it reports that the reserve is damaged' complained 'the reserve'
rm /var/lib/nhi/reserve
refused 1 'was missing and was made again' 'init creates a missing reserve again' nhictl init
expect 0 'and nothing else' nhictl status --json
ok 'nothing needs attention' json '.attention == []'

# --- another process writes
if command -v sqlite3 >/dev/null; then
    mkfifo go hold
    sqlite3 $LEDGER <<<'BEGIN IMMEDIATE;
.shell echo ready >go; read -r _ <hold' &
    read -r _ <go
    expect 0 'revoke while another writer does not finish' nhictl revoke --agent other-bot
    ok 'through the reserve' said 'the reserve keeps the revocation in force'
    echo go >hold
    wait
    sqlite3 $LEDGER <<<'BEGIN IMMEDIATE;
.shell echo ready >go; read -r _ <hold' &
    read -r _ <go
    # SIGTERM, since a shell starts background processes with SIGINT ignored.
    "$BUILD/nhictl" task open interrupted --agent other-bot --concurrent >.out 2>.err &
    WRITER=$!
    # Until it waits for the other writer, which it does by sleeping; with a limit.
    for _ in {1..200}; do
        grep -q nanosleep "/proc/$WRITER/wchan" 2>/dev/null && break
        sleep 0.01
    done
    kill -TERM $WRITER
    echo go >hold
    wait $WRITER
    wait
    ok 'ended while it waits: the answer is whole' grep -q '^deadline' .out
    ok 'and so is the change' nhictl task show interrupted
fi

# --- the answer cannot be written
nhictl task open build-4715 --agent ci-bot --concurrent >/dev/null
third() {
    nhictl issue --agent ci-bot --task build-4715 --account deploy --service sshd "$@"
}
live() {
    nhictl ticket list --task build-4715 --json | jq '.tickets | length'
}
third >/dev/full 2>.err
ok 'issue to a full device is exit 3' test $? = 3
third --json >/dev/full 2>>.err
ok 'also under --json' test $? = 3
third >&- 2>>.err
ok 'with standard output closed, too' test $? = 3
(trap '' PIPE; third 2>>.err; echo $? >code) | true
ok 'and into a pipe without a reader' grep -qx '[03]' code
[ "$(cat code)" = 3 ] && LOST=0 || LOST=1
ok 'a ticket that could not be printed is revoked' test "$(live)" = "$LOST"
ok 'and that is reported' grep -q 'could not be written out, and is revoked' .err
nhictl agent list >/dev/full 2>.err
ok 'any verb to a full device is exit 3' test $? = 3
third <&- 2>&- >ticket.txt
ok 'closed standard input and error do no harm' test "$(reason)" = permit
nhictl revoke --task build-4715 >/dev/null

# --- clock
nhictl task open build-4716 --agent ci-bot --concurrent >/dev/null
if command -v sqlite3 >/dev/null; then
    sqlite3 $LEDGER "UPDATE setting SET latest = latest + 3600"
    refused 1 'clock went back' 'issue with the clock behind' nhictl issue --agent ci-bot --task build-4716 \
        --account deploy --service sshd
    ok 'the hint accepts the clock' complained 'nhictl status --accept-clock'
    expect 0 'revoke works with the clock behind' nhictl revoke --agent ci-bot
    expect 0 'status' nhictl status --json
    ok 'status reports it' json '.clock == "behind"'
    expect 0 'status --accept-clock' nhictl status --accept-clock --json
    ok 'the clock is accepted again' json '.clock == "good"'
fi

# --- a ticket that was issued before the clock was set back
if command -v sqlite3 >/dev/null; then
    nhictl task open build-4718 --agent other-bot --concurrent >/dev/null
    nhictl issue --agent other-bot --task build-4718 --account deploy --service sshd >/dev/null
    sqlite3 $LEDGER "UPDATE ticket SET iat = iat + 3600, exp = exp + 3600 WHERE task = 'build-4718';"
    expect 0 'revoke --agent with a ticket of the future' nhictl revoke --agent other-bot --json
    ok 'ends that one as well' json '.revoked.live_tickets == 1'
fi

# --- lockdown when the accounts cannot be published
mv /var/lib/nhi/accounts /run/t/accounts && mkdir /var/lib/nhi/accounts
one_answer() { jq -es "length == 1 and .[0].$1" </run/t/.out; }
expect 0 'lockdown on' nhictl lockdown on --json
ok 'is in force, with one answer' one_answer 'lockdown == true'
ok 'which reports what is not done' complained "agents' accounts still have their shells"
expect 3 'lockdown off' nhictl lockdown off --json
ok 'also gives one answer' one_answer 'ok == false'
ok 'which reports that it is off' complained 'lockdown is off, but'
expect 0 'which it is' nhictl lockdown status --json
ok 'as status shows' json '.lockdown == false'
rmdir /var/lib/nhi/accounts && mv /run/t/accounts /var/lib/nhi/accounts

# --- stopped in the middle
nhictl task open build-4717 --agent other-bot --concurrent >/dev/null
for delay in 0 0.001 0.002 0.003 0.005 0.008 0.012; do
    for signal in INT TERM HUP KILL; do
        # The shell's own "Killed" is noise here.
        { timeout --signal=$signal $delay "$BUILD/nhictl" agent add "s-${delay#0.}-${signal,,}" --owner o \
            --purpose p --review-by 2099-01-01 --no-home >/dev/null 2>&1
        } 2>/dev/null
    done
done
expect 0 'stopped at many points, the ledger is whole' nhictl agent list --json
nhictl apply >/dev/null 2>&1
expect 0 'and the snapshot can be corrected' nhictl status --json
ok 'nothing needs attention' json '[.attention[] | select(test("snapshot"))] == []'
if command -v sqlite3 >/dev/null; then
    ok 'every agent has its event' test "$(sqlite3 -readonly $LEDGER \
        "SELECT count(*) FROM agent a WHERE NOT EXISTS (SELECT 1 FROM event e
         WHERE e.kind = 'agent-add' AND e.agent = a.name)")" = 0
fi
finish
