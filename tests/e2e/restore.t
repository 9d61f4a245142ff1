#!/bin/bash
# SPDX-License-Identifier: ISC
# Restored and copied ledgers, with the real programs: what has ended is not permitted again, and people do not
# notice.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
B=$W/nhi.backup
open_task build-1
open_task other-1 other-bot
issue "$W/live" build-1 --ttl 1h
issue "$W/revoked" build-1 --ttl 1h
issue "$W/once" build-1 --uses 1 --ttl 1h
issue "$W/cron" build-1 --service cron --ttl 1h
issue "$W/retired" other-1 --agent other-bot --account other-bot --service sshd --ttl 1h

# refused WHEN REASON FILE...: each file is a ticket for ci-bot; @FILE: for other-bot.
refused() {
    local when=$1 why=$2 file user pids=() bad=''
    shift 2
    mark_log
    for file; do
        user=ci-bot
        [[ $file != @* ]] || user=other-bot
        "$SSH_TOOL" "$user" reply "$W/${file#@}" id </dev/null >/dev/null 2>&1 &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
        [ $? = 255 ] || bad+=" $pid"
    done
    is "$bad" '' "$when: nothing is opened by $*"
    log_has() { [ "$(since_mark | grep -cE "pam_nhi\\(sshd:auth\\): denied: reason=$1 ")" = "$2" ]; }
    eventually log_has "$why" $#
    ok $? "$when: the reason is $why" || since_mark | sed 's/^/# log: /'
    for file; do
        user=ci-bot
        [[ $file != @* ]] || user=other-bot
        explained "$why" "$W/${file#@}" "$user" "$when: explain gives the same reason for $file"
    done
}

ssh_as ci-bot reply "$W/live" 'sudo -n /usr/bin/id -u'
is "$RC/$OUT" 0/0 'before: a ticket opens ssh, and sudo inside'
must nhictl backup "$B"
ssh_as ci-bot reply "$W/once" id -u
is "$RC" 0 'a counted one, after the backup, is used up'
must nhictl revoke --ticket "$(jti_of "$W/revoked")" --reason leaked
must nhictl agent retire other-bot --reason finished
ssh_bg ci-bot reply "$W/live" 'sleep 1002'
running() { pgrep -f '^sleep 1002' >/dev/null; }
eventually running
ok $? 'a session is live'

capture nhictl restore "$B"
is "$RC" 0 'restore'
! running
ok $? 'what an earlier epoch opened is ended'
refused 'restored' epoch live revoked once @retired
capture as ci-bot sudo -n /usr/bin/true
unlike "$RC" '^0$' 'nor does sudo with NOPASSWD'
people_work 'restored'
open_task build-2
issue "$W/new" build-2
ssh_as ci-bot reply "$W/new" 'sudo -n /usr/bin/id -u'
is "$RC/$OUT" 0/0 'a new ticket opens both'

# The ledger is lost, and with it the record of what was ended.
UID_OTHER=$(id -u other-bot)
rm -f "$STATE"/ledger.db*
# Logins do not need it; the supervisor does.
eventually watch_is_blind
mark_log
ssh_as ci-bot reply "$W/new" id
is "$RC" 255 'lost: nothing is opened'
has_logged 'pam_nhi\(sshd:auth\): denied: reason=no-supervisor ' 'lost: the reason is no-supervisor'
people_work 'lost'
must nhictl restore "$B"
must nhictl agent resume ci-bot
refused 'put back' epoch live revoked new once @retired
is "$(id -u other-bot)" "$UID_OTHER" 'a retired agent still has its uid'
must nhictl agent add next-bot --owner ops@example.org --purpose p --review-by 2099-06-30
unlike "$(id -u next-bot)" "^($UID_OTHER|$(id -u ci-bot))\$" 'the next agent has another one'
open_task build-3
issue "$W/new3" build-3
ssh_as ci-bot reply "$W/new3" id -u
is "$RC" 0 'a new ticket is valid'
people_work 'put back'

# A copy of the machine: the same disk, another identity.
cp -p /etc/machine-id "$W/machine-id" 2>/dev/null
rm -f /etc/machine-id
echo 00112233445566778899aabbccddeeff >/etc/machine-id
refused 'copied' machine new3
mark_log
capture as ci-bot sudo -n /usr/bin/true
unlike "$RC" '^0$' 'copied: nor does sudo with NOPASSWD'
has_logged 'pam_nhi\(sudo:account\): denied: reason=(machine|no-ticket)' 'with a reason'
people_work 'copied'
must nhictl init --new-host --host copy.example.org
refused 'a host of its own' issuer-retired new3
open_task build-4
issue "$W/new4" build-4
ssh_as ci-bot reply "$W/new4" 'sudo -n /usr/bin/id -u'
is "$RC/$OUT" 0/0 'a new ticket opens both'
people_work 'a host of its own'
# And back on the first machine, tickets that were issued there are worthless.
rm -f /etc/machine-id
cp -p "$W/machine-id" /etc/machine-id 2>/dev/null
refused 'elsewhere' machine new4

# An old ledger in the place of the present one.
must nhictl init --new-host
kill "$WATCH"
eventually test ! -e /run/nhi/watch
must nhictl status
must sqlite3 "$STATE/ledger.db" 'PRAGMA wal_checkpoint(TRUNCATE)'
cp -p "$STATE/ledger.db" "$W/old.db"
start_watch
open_task build-5
issue "$W/new5" build-5
kill -STOP "$WATCH"
rm -f "$STATE"/ledger.db*
cp -p "$W/old.db" "$STATE/ledger.db"
kill -CONT "$WATCH"
must nhictl status
refused 'rolled back' '(rolled-back|task-unknown)' new5
people_work 'rolled back'
capture nhictl status
like "$OUT" 'older than the one this host last saw' 'status reports it'
finish
