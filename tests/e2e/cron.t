#!/bin/bash
# SPDX-License-Identifier: ISC
# A cron job of an agent runs while its ticket lives, and no longer. People's jobs run.
# Invariant: 2.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
# A minute of this test is an hour for cron: by its clock, too, nothing must end too early.
must nhictl task open nightly --agent ci-bot --until 2d --concurrent
issue "$W/ticket" nightly --account ci-bot,batch --service cron --ttl 24h

# A minute passes in a second, for cron and for the modules in it.
start_cron() {
    printf '* * * * * %s echo >>%s/%s\n' ci-bot "$W" ran-ci-bot batch "$W" ran-batch alice "$W" ran-alice \
        other-bot "$W" ran-other >/etc/cron.d/e2e
    chmod 600 /etc/cron.d/e2e
    FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f +0x60 cron -f >"$W/cron.log" 2>&1 &
    CRON=$!
    disown "$CRON"
}
lines() { [ -e "$W/ran-$1" ] && wc -l <"$W/ran-$1" || echo 0; }
ran_more() { [ "$(lines "$1")" -gt "$2" ]; }
# Two more minutes of a person's jobs: cron has been working since.
two_minutes() {
    local n
    n=$(lines alice)
    eventually ran_more alice "$((n + 1))"
}

mark_log
start_cron
eventually ran_more ci-bot 0
ok $? 'the agent'"'"'s job runs with a live ticket'
eventually ran_more batch 0
ok $? 'the job of a ticket-only account runs with one'
eventually ran_more alice 0
ok $? 'a person'"'"'s job runs'
has_logged 'pam_nhi\(cron:account\): permitted: .*account=ci-bot agent=ci-bot task=nightly .*source=ledger' \
    'with the ticket in the ledger'
is "$(lines other)" 0 'an agent without a ticket: its job does not run'
has_logged 'pam_nhi\(cron:account\): denied: reason=no-ticket account=other-bot' 'with a reason'

mark_log
must nhictl task close nightly --reason 'done'
# A job may be starting.
eventually logged 'pam_nhi\(cron:account\): denied: reason=[a-z-]+ account=ci-bot'
ok $? 'after its task is closed the job is refused'
had=$(lines ci-bot)
two_minutes
ok $? 'a person'"'"'s jobs go on'
is "$(lines ci-bot)" "$had" 'the agent'"'"'s do not'
has_logged 'pam_nhi\(cron:account\): denied: reason=(task-closed|revoked|no-ticket) account=ci-bot' \
    'the log shows the reason'

# ---- two tickets at once, and one for another service ----

must nhictl task open second --agent ci-bot --until 2d --concurrent
issue "$W/sshd" second --service sshd --ttl 24h
mark_log
two_minutes
is "$(lines ci-bot)" "$had" 'a ticket that does not name cron runs no job'
issue "$W/one" second --service cron --ttl 24h
eventually ran_more ci-bot "$had"
ok $? 'a ticket that names cron does'
issue "$W/two" second --service cron --ttl 24h
has_logged 'pam_nhi\(cron:account\): denied: reason=ambiguous account=ci-bot' 'with two it is not clear which is meant'

finish
