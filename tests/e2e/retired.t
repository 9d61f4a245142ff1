#!/bin/bash
# SPDX-License-Identifier: ISC
# The end of an agent, and of its owner: nothing that was set up earlier runs any more, and what is left behind stays
# attributable. People's jobs run.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
POLICY=${POLICY//'"cron" ]'/'"cron", "atd" ]'}
nhi_up
chmod 1777 "$W"
# A minute of this test is an hour for cron.
must nhictl task open nightly --agent ci-bot --until 2d --concurrent
issue "$W/jobs" nightly --service cron,atd --ttl 24h
open_task day
issue "$W/ticket" day --service sshd

# A minute passes in a second, for cron and for the modules in it. Each has a crontab of their own.
for who in ci-bot alice; do
    echo "* * * * * echo >>$W/cron-$who" >"/var/spool/cron/crontabs/$who"
    chown "$who:crontab" "/var/spool/cron/crontabs/$who"
    chmod 600 "/var/spool/cron/crontabs/$who"
done
FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f +0x60 cron -f >"$W/cron.log" 2>&1 &
disown $!
lines() { [ -e "$W/$1" ] && wc -l <"$W/$1" || echo 0; }
more() { [ "$(lines "$1")" -gt "$2" ]; }
# Jobs that are due run when atd starts.
queue() { echo "echo >>$W/at-$1" | (cd / && as "$1" at now) 2>/dev/null; }
no_atd() { ! pgrep -x atd >/dev/null; }
run_due() {
    atd
    eventually more at-alice "$1"
    local ran=$?
    # Jobs are started in the order in which they were queued: alice's is the last.
    kill "$(cat /run/atd.pid)"
    eventually no_atd
    return $ran
}

mark_log
eventually more cron-ci-bot 0
ok $? 'the agent'"'"'s crontab runs with a live ticket'
queue ci-bot
queue alice
run_due 0
ok $? 'a person'"'"'s at job runs'
eventually more at-ci-bot 0
ok $? 'the agent'"'"'s, too, with a live ticket'
has_logged 'pam_nhi\(atd:account\): permitted: .*account=ci-bot agent=ci-bot task=nightly .*source=ledger' 'with that ticket'

ssh_as ci-bot reply "$W/ticket" 'echo mine >file; id -u'
is "$RC" 0 'it logs in, and leaves a file'
UID_OF=$OUT
ssh_bg ci-bot reply "$W/ticket" 'sleep 1001'
BG=$!
running() { pgrep -u "$UID_OF" -f 'sleep 1001' >/dev/null; }
eventually running
ok $? 'and is logged in'

mark_log
queue ci-bot
queue alice
capture nhictl agent retire ci-bot --reason 'not needed any more'
is "$RC" 0 'it is retired'
# And that of a job, if one is running.
like "$OUT" '[1-9] sessions? ha(s|ve) ended' 'its session ends'
is "$(running && echo yes)" '' 'with all its processes'
eventually test ! -e "/proc/$BG"
had=$(lines cron-ci-bot)
at=$(lines at-ci-bot)
eventually more cron-alice "$(($(lines cron-alice) + 2))"
ok $? 'minutes pass: a person'"'"'s crontab goes on'
is "$(lines cron-ci-bot)" "$had" 'the retired agent'"'"'s does not'
has_logged 'pam_nhi\(cron:account\): denied: reason=[a-z-]+ account=ci-bot' 'it is denied'
run_due 1
ok $? 'a person'"'"'s at job runs'
has_logged 'pam_nhi\(atd:account\): denied: reason=[a-z-]+ account=ci-bot' 'the retired agent'"'"'s is denied'
is "$(lines at-ci-bot)" "$at" 'and does not run'
is "$(getent passwd ci-bot | cut -d: -f3,7)" "$UID_OF:/usr/sbin/nologin" 'its uid resolves, without a shell'
is "$(stat -c %U /home/ci-bot/file)" ci-bot 'its file still belongs to it'
ssh_as ci-bot reply "$W/ticket" id
unlike "$RC" '^0$' 'its ticket opens nothing'

# ---- an owner who leaves ----

open_task other other-bot
issue "$W/other" other --agent other-bot --account other-bot
ssh_bg other-bot reply "$W/other" 'exec sleep 1002'
in_again() { pgrep -u other-bot -f 'sleep 1002' >/dev/null; }
eventually in_again
ok $? 'the other agent is logged in'
capture nhictl owner offboard ops@example.org --reason 'left the company'
is "$RC" 0 'its owner leaves'
like "$OUT" '1 session has ended' 'its session ends'
is "$(in_again && echo yes)" '' 'with all its processes'
mark_log
ssh_as other-bot reply "$W/other" id
unlike "$RC" '^0$' 'it is not permitted any more'
has_logged 'denied: reason=agent-suspended .*account=other-bot' 'since it is suspended'
must nhictl agent transfer other-bot --owner dev@example.org --resume
mark_log
ssh_as other-bot reply "$W/other" id
unlike "$RC" '^0$' 'taken over, its old ticket opens nothing'
has_logged 'denied: reason=revoked .*account=other-bot' 'since that is revoked'
issue "$W/other2" other --agent other-bot --account other-bot
ssh_as other-bot reply "$W/other2" id -un
is "$RC/$OUT" 0/other-bot 'a new one does'

# ---- a removed file, an overdue review ----

must sqlite3 -cmd '.timeout 20000' "$STATE/ledger.db" "UPDATE agent SET review_by = $NOW_SQL + 15 WHERE name = 'other-bot'; UPDATE setting SET generation = generation + 1"
echo 'overdue = "deny";' >/etc/nhi/nhi.conf
must nhictl apply
ssh_bg other-bot reply "$W/other2" 'sleep 1002'
BG=$!
eventually in_again
ok $? 'before its review date it is permitted'
eventually test ! -e "/proc/$BG"
ok $? 'on that date its session ends'
ssh_as other-bot reply "$W/other2" id
unlike "$RC" '^0$' 'and it is not permitted any more'
must nhictl agent certify other-bot --review-by 2099-06-30 --because 'needed'
ssh_as other-bot reply "$W/other2" id -un
is "$RC/$OUT" 0/other-bot 'until a review confirms that it is needed'
cat >/etc/nhi/agents.d/x.conf <<'C'
agents = ( { name = "other-bot"; owner = "dev@example.org"; purpose = "other work"; review_by = "2099-06-30"; } );
C
must nhictl apply
ssh_bg other-bot reply "$W/other2" 'sleep 1002'
BG=$!
eventually in_again
rm /etc/nhi/agents.d/x.conf
# The supervisor would sometimes end it first.
hold_watch
capture nhictl apply
let_go
is "$RC" 0 'its file is removed'
like "$OUT" '1 session has ended' 'its session ends'
is "$(in_again && echo yes)" '' 'with all its processes'

finish
