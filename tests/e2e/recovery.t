#!/bin/bash
# SPDX-License-Identifier: ISC
# Every step of nhi-recovery(7), as it is printed, on a host that needs it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

PAGE=nhictl/nhi-recovery.7
lab_up
nhi_up
install -d -m 700 /var/backups
cd "$W" || exit 1
page() { "$TREE/tests/tools/manual.pl" "$TREE/$PAGE" "$@"; }
: >"$W/steps"

KID=none
# do_step SECTION N: each line of that block must do what it promises; only names are this host's.
do_step() {
    page "$1" "$2" | sed "s/k7f3q2ma/$KID/" >"$W/step"
    echo "$1/$2" >>"$W/steps"
    capture bash -eu -o pipefail "$W/step"
    [ -s "$W/step" ] && [ "$RC" = 0 ]
    ok $? "$1 $2: $(paste -sd';' "$W/step")"
}
# A ticket from before each incident, and one from after it.
n=0
fresh() {
    n=$((n + 1))
    nhictl task open "build-$n" --agent ci-bot --until 2h --concurrent >/dev/null || bail "$(nhictl status)"
    issue "$W/ticket.txt" "build-$n" --ttl 1h
}
works() {
    fresh
    ssh_as ci-bot reply "$W/ticket.txt" id -un
    is "$RC/$OUT" 0/ci-bot "$1: a new ticket is valid"
}
refused() { # refused WHAT REASON
    mark_log
    ssh_as ci-bot reply "$W/ticket.txt" id
    is "$RC" 255 "$1: agents are denied"
    has_logged "pam_nhi\\(sshd:auth\\): denied: reason=$2 " "$1: reason=$2"
}
people() {
    ssh_as alice reply "$W/password" id -un
    is "$RC/$OUT" 0/alice "$1: people can log in"
}

works 'before'
must nhictl task open build-4711 --agent ci-bot --until 2h --concurrent
do_step 'Before anything happens' 1
like "$(stat -c %a /var/backups/nhi.backup)" 600 'the backup is root'"'"'s'
do_step 'Nobody knows what is wrong' 1
do_step 'Nobody knows what is wrong' 2
like "$OUT" 'permit' 'and it reports that'

do_step 'Agents must stay out, now' 1
refused 'locked down' lockdown
do_step 'The host is locked down' 1
must rm "$STATE/reserve"
refused 'no reserve' ledger
do_step 'The host is locked down' 2
works 'a new reserve'

# The disk: the file that fills it is removed when space is needed.
must mount -t tmpfs -o size=3m,mode=0755 full /mnt
kill "$WATCH"
eventually test ! -e /run/nhi/watch
# A copy that is made while another process writes is older than the state this host last saw.
must cp -a "$STATE/." /mnt
must mount --bind /mnt "$STATE"
start_watch
head -c 100000000 /dev/zero >"$STATE/filler" 2>/dev/null
head -c 4096 /dev/zero 2>/dev/null >>"$STATE/filler"
refused 'the disk is full' 'record'
do_step 'The disk is full' 1
like "$OUT$ERR" 'build-4711' 'the revocation is accepted'
rm "$STATE/filler"
eventually nhictl audit verify >/dev/null
do_step 'The disk is full' 2
do_step 'The disk is full' 3
is "$(nhictl task show build-4711 --json | jq -r .task.state)" closed 'the ledger has the revocation'
works 'with space'
kill "$WATCH"
eventually test ! -e /run/nhi/watch
must cp -a "$STATE/ledger.db" "$W/moved.db"
# An earlier login may still be leaving sshd.
eventually umount "$STATE" 2>"$W/must" || bail "$(cat "$W/must")"
# The copy on the larger disk, in its last state.
must cp -a /mnt/. "$STATE"
eventually umount /mnt 2>"$W/must" || bail "$(cat "$W/must")"
start_watch

behind_its_back "UPDATE setting SET latest = $NOW_SQL + 7200"
let_go
refused 'the clock' clock
do_step 'The clock is wrong' 1
works 'the clock'

kill -KILL "$WATCH"
eventually_gone "$WATCH"
must rm -f /run/nhi/watch
refused 'nobody watches' no-supervisor
page 'Nobody watches' 2 >"$W/step"
echo 'Nobody watches/2' >>"$W/steps"
# shellcheck disable=SC1091 # the block of the manual
. "$W/step"
WATCH=$!
disown "$WATCH"
eventually test -e /run/nhi/watch
ok $? "Nobody watches 2: $(cat "$W/step")"
works 'watched'

KID=$(nhictl key list --json | jq -r '.keys[0].kid')
rm "$STATE/keys/$KID.secret"
do_step 'A signing key is lost' 1
works 'a new key'
KID=$(nhictl key list --json | jq -r '.keys[] | select(.state == "active") | .kid')
cp "$W/ticket.txt" "$W/stolen"
do_step 'A signing key is stolen' 1
cp "$W/stolen" "$W/ticket.txt"
refused 'stolen' issuer-revoked
works 'another new key'

do_step 'Before anything happens' 1
cp "$W/ticket.txt" "$W/old"
rm -f "$STATE"/ledger.db*
eventually watch_is_blind
refused 'no ledger' no-supervisor
people 'no ledger'
do_step 'The ledger is gone, or damaged' 1
cp "$W/old" "$W/ticket.txt"
refused 'put back' epoch
works 'put back'

kill "$WATCH"
eventually test ! -e /run/nhi/watch
must nhictl status
must sqlite3 "$STATE/ledger.db" 'PRAGMA wal_checkpoint(TRUNCATE)'
cp -p "$STATE/ledger.db" "$W/old.db"
start_watch
fresh
kill "$WATCH"
eventually test ! -e /run/nhi/watch
rm -f "$STATE"/ledger.db*
cp -p "$W/old.db" "$STATE/ledger.db"
must nhictl status
start_watch
ssh_as ci-bot reply "$W/old" id
is "$RC" 255 'an old ledger denies all agents'
capture nhictl status
like "$OUT" 'older than the one this host last saw' 'status shows why'
do_step 'The ledger is older than it was' 1
works 'as it is'

cp /etc/machine-id "$W/id" 2>/dev/null
rm -f /etc/machine-id
echo 00112233445566778899aabbccddeeff >/etc/machine-id
refused 'a copy' machine
people 'a copy'
do_step 'This machine is the copy of another' 1
works 'a copy of its own'

# There is no backup. The known agents are declared.
install -d /etc/nhi/agents.d
cat >/etc/nhi/agents.d/all.conf <<'CONF'
agents = ( { name = "ci-bot"; owner = "ops@example.org"; purpose = "builds"; review_by = "2099-06-30"; } );
CONF
UID_BEFORE=$(id -u ci-bot)
kill "$WATCH"
eventually test ! -e /run/nhi/watch
rm -f "$STATE"/ledger.db*
do_step 'The ledger is gone, and there is no backup' 1
start_watch
unlike "$(id -u ci-bot)" "^$UID_BEFORE\$" 'the agent has a uid that no agent had'
works 'anew'

do_step 'The modules have to go' 1
people 'without the modules'
capture as alice "$PTY" 'password for alice: ' "$W/password" -- sudo id -u
like "$RC/$OUT" '^0/' 'and use sudo'
ssh_as ci-bot reply "$W/ticket.txt" id
is "$RC" 255 'agents cannot log in'

# The block that needs systemd is run on a host that has it (tests/boot).
page | while IFS=$'\t' read -r section blocks; do
    for ((i = 1; i <= blocks; i++)); do echo "$section/$i"; done
done | grep -vx 'Nobody watches/1' | sort >"$W/all"
sort -u "$W/steps" | diff "$W/all" - >"$W/diff"
ok $? 'every block of the manual was run' || sed 's/^/# /' "$W/diff"
finish
