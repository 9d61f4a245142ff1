#!/bin/bash
# SPDX-License-Identifier: ISC
# Scheduled work at three in the morning, with the crontab line of the manual: it runs, and a refusal is reported
# where its owner looks.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
cat >/usr/local/bin/nightly <<SH
#!/bin/sh
echo "\$(id -un) \$(sudo -n id -u)" >>$W/ran
SH
chmod 755 /usr/local/bin/nightly
cat >/usr/sbin/sendmail <<SH
#!/bin/sh
cat >>$W/mail
echo . >>$W/mailed
SH
chmod 755 /usr/sbin/sendmail

# The manual shows the examples, and this test runs them.
for file in nightly nightly.service nightly.timer; do
    [[ $(cat nhictl/run/nhictl-run.8) == *"$(sed 's/^\././' "packaging/examples/scheduled/$file")"* ]]
    ok $? "the manual has the example $file"
done
install -m 644 packaging/examples/scheduled/nightly /etc/cron.d/nightly

# at_three: cron, from just before three until its job has ended. It has five seconds of ours to start: a job whose
# time has passed by then does not run.
at_three() {
    rm -f "$W/mailed"
    FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f '@2027-01-01 02:55:00 x60' cron -f >"$W/cron.log" 2>&1 &
    disown $!
    eventually "$@"
    local seen=$?
    kill "$(cat /run/crond.pid)"
    eventually cron_is_gone
    return "$seen"
}
cron_is_gone() { flock -n /run/crond.pid true; }
lines() { [ -e "$W/ran" ] && wc -l <"$W/ran" || echo 0; }
has_run() { [ "$(lines)" = "$1" ] && [ "$(nhictl task list --json | jq '.tasks | length')" = 0 ]; }
attention() { nhictl status --json | jq -r '.attention[]'; }

at_three has_run 1
is "$(cat "$W/ran")" 'ci-bot 0' 'at three the job runs, as the agent, and sudo works inside'
is "$(cat "$W/mail" 2>/dev/null)" '' 'no mail is sent about that'
is "$(attention)" '' 'nothing needs attention'

must nhictl agent suspend ci-bot --reason 'odd traffic'
mark_log
at_three test -s "$W/mailed"
is "$(lines)" 1 'a suspended agent: the job does not run'
like "$(cat "$W/mail")" $'\nnhictl: .*ci-bot.* is suspended' 'the mail shows why'
has_logged 'kind=run-refused .*agent=ci-bot.*cause=".*is suspended' 'so does the log'
like "$(attention)" '^job nightly of ci-bot did not run or did not finish \([^)]*\): .*is suspended' 'and nhictl status'
is "$(nhictl status --json | jq -c '.refused_jobs[] | [.job, .agent, .by, .count]')" '["nightly","ci-bot","nhictl run",1]' \
    'for programs, too'
is "$(nhictl metrics | grep '^nhi_jobs_refused')" 'nhi_jobs_refused 1' 'and for Prometheus'
capture nhictl run --agent ci-bot --job nightly -- true
is "$RC" 125 'the exit status is 125'
like "$(attention)" 'did not run.*, 2 times\)' 'status counts them'
capture nhictl trace --agent ci-bot
like "$OUT" 'nightly' 'trace shows it'
must nhictl agent resume ci-bot

rm "$W/mail"
at_three has_run 2
is "$(lines)" 2 'resumed, it runs'
is "$(attention)" '' 'and nothing needs attention any more'

capture nhictl run --agent ci-bot --job nightly --until 5s -- sleep 60
like "$ERR" 'nhictl: nightly was ended: the deadline' 'a job that was ended reports that, in its mail or journal'
like "$(attention)" 'nightly of ci-bot did not run or did not finish.*: the deadline' 'and in nhictl status'
capture nhictl run --agent ci-bot --job nightly -- false
is "$RC:$(attention)" 1: 'a job that fails by itself is reported only by its exit status'

# A crontab of the agent's own, which cron refuses without a report.
printf '0 3 * * * ci-bot /usr/local/bin/nightly\n0 3 * * * root echo >%s/root-ran\n' "$W" >/etc/cron.d/nightly
at_three test -e "$W/root-ran"
refusal() { attention | grep -q 'cron did not run a job of ci-bot (.*): no-ticket'; }
eventually refusal
ok $? 'a job that cron refused is in nhictl status'
finish
