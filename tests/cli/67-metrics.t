#!/bin/bash
# SPDX-License-Identifier: ISC
# status and metrics: the state of this host, for people and for Prometheus.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317,SC2016
TREE=$(dirname "$(readlink -f "$0")")/../..
. "$(dirname "$0")/lib.sh"
. "$TREE/tests/cli/seed.sh"
FILE=/var/lib/prometheus/node-exporter/nhi.prom
mkdir -p "${FILE%/*}"

# value METRIC: in the last output, or in FILE.
value() { sed -n "s/^${1//\"/\\\"} //p" "${2:-.out}"; }
counts() { [ "$(value "$1" "${3:-.out}")" = "$2" ]; }

run nhictl metrics
ok 'no ledger: exit status 3' test "$CODE" = 3
ok 'no ledger: a metric reports it' counts nhi_ledger_usable 0
run nhictl metrics --json
ok 'no ledger: one JSON object' json '.ok == false'

setup_host
issue --ttl 5m >/dev/null
expect 0 'status' nhictl status
ok 'it fits on a screen' test "$(wc -l <.out)" -le 24
ok 'of 80 columns' test "$(wc -L <.out)" -le 80
ok 'status names the supervisor' grep -qx 'supervisor  *alive' .out
ok 'nothing was denied' grep -qx 'denied last hour  *0' .out

expect 0 'metrics --out' nhictl metrics --out "$FILE"
ok 'nothing is printed' test -z "$OUT$ERR"
ok 'everybody may read the file' test "$(stat -c %a "$FILE")" = 644
cp "$FILE" .out
ok 'each line is a comment or a sample' test -z "$(grep -vE '^# (HELP nhi_[a-z_]+ .+|TYPE nhi_[a-z_]+ (gauge|counter))$|^nhi_[a-z_]+(\{[a-z]+="[a-z-]+"\})? [0-9]+$' "$FILE")"
ok 'each metric is described once' test -z "$(sed -n 's/^# HELP \([a-z_]*\) .*/\1/p' "$FILE" | sort | uniq -d)"
ok 'each sample has a type' test -z "$(comm -3 <(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$FILE" | sort -u) <(sed -n 's/^\(nhi_[a-z_]*\).*/\1/p' "$FILE" | sort -u))"
ok 'one live ticket' counts nhi_tickets_live 1
ok 'one active agent' counts 'nhi_agents{state="active"}' 1
ok 'one open task' counts nhi_tasks_open 1
ok 'the supervisor lives' counts nhi_supervisor_up 1
ok 'the ledger is good' counts nhi_ledger_usable 1
ok 'and fits' counts nhi_ledger_fits 1
ok 'no session should have ended' counts nhi_sessions_over 0
expect 0 'metrics --json' nhictl metrics --json
ok 'the same text' json '.ok and (.metrics | contains("nhi_tickets_live 1\n"))'

# Older denials than of the last hour, permits, and what a file has from earlier runs do not count.
# shellcheck disable=SC2034 # for the seeds
T0=$(($(date +%s) - 3000)) JTI=AAECAwQFBgcICQoLDA0ODw
event -700 denial "decision='deny'" "reason='policy'" "service='sshd'" "record='RECCAwQFBgcICQoLDA0OD1'"
event -900 denials "detail='{\"count\":9,\"malformed\":9,\"sshd\":9,\"samples\":[]}'"
event 10 denial "decision='deny'" "reason='expired'" "service='sudo-i'" "record='RECCAwQFBgcICQoLDA0OD2'"
event 20 denial "decision='deny'" "reason='expired'" "service='sshd'" "record='RECCAwQFBgcICQoLDA0OD3'"
event 30 hand-off "decision='deny'" "reason='pin'" "service='sshd'" "record='RECCAwQFBgcICQoLDA0OD4'"
event 40 denials "detail='{\"count\":7,\"malformed\":4,\"signature\":3,\"sshd\":6,\"cron\":1,\"uid\":0,\"samples\":[\"sshd/x/local/malformed\"]}'"
grant 50 RECCAwQFBgcICQoLDA0OD5 sshd ''
# Folded late: after newer events.
event -2000 denial "decision='deny'" "reason='policy'" "service='su'" "record='RECCAwQFBgcICQoLDA0OD6'"
expect 0 'status' nhictl status --json
ok 'denials of the last hour' json '.denials_last_hour == 10'
ok 'by reason' json '.denials_by_reason == {expired: 2, pin: 1, malformed: 4, signature: 3}'
ok 'by service' json '.denials_by_service == {sshd: 8, sudo: 1, cron: 1}'
expect 0 'status for people' nhictl status
ok 'shows the most frequent ones' grep -qx 'denied last hour  *10: 4 malformed, 3 signature, 2 expired' .out
expect 0 'metrics' nhictl metrics
ok 'by reason in metrics' counts 'nhi_denials_last_hour{reason="malformed"}' 4
ok 'by service in metrics' counts 'nhi_service_denials_last_hour{service="sshd"}' 8
ok 'reasons that did not occur are 0' counts 'nhi_denials_last_hour{reason="lockdown"}' 0

# Jobs that did not run, and have not run since. T0 is 50 minutes ago.
job() { event "$1" "$2" "detail='{\"job\":\"$3\"}'" "cause='${4:-}'" "task='$3-1'"; }
cron() { event "$1" "$2" "decision='$3'" "reason='$4'" "service='cron'" "account='$5'" "record='$6'"; }
expect 0 'status' nhictl status --json
ok 'no job was refused' json '.refused_jobs == [] and ([.attention[] | select(test("did not run"))] == [])'
job -90000 run-refused long-ago 'is suspended'
job -20000 run-refused nightly 'is suspended'
job 100 run nightly
job 150 run-end nightly 'the command ended with status 1'
job 200 run-refused hourly 'no rule'
job 300 run-refused hourly 'in lockdown'
job 310 run slow
job 400 run-end slow 'the deadline'
cron 500 grant permit permit ci-bot RECCAwQFBgcICQoLDA0OD7
cron 450 denial deny expired ci-bot RECCAwQFBgcICQoLDA0OD8
cron 510 denial deny expired deploy RECCAwQFBgcICQoLDA0OD9
event 520 denials "detail='{\"count\":2,\"no-ticket\":2,\"cron\":1,\"other\":1,\"samples\":[\"atd/person/local/no-ticket\",\"sshd/boss/192.0.2.1/malformed\"]}'"
expect 0 'status' nhictl status --json
ok 'jobs that did not run, and why' json '[.refused_jobs[] | [.job, .agent, .by, .why, .count]] | sort == [
    ["deploy", null, "cron", "expired", 1], ["hourly", "ci-bot", "nhictl run", "in lockdown", 2],
    ["person", null, "atd", "no-ticket", 1], ["slow", "ci-bot", "nhictl run", "the deadline", 1]]'
ok 'each needs attention' json '[.attention[] | select(test("did not run"))] | length == 4'
expect 0 'status for people' nhictl status
ok 'reports that in words' grep -q 'job hourly of ci-bot did not run or did not finish (.* ago, 2 times): in lockdown' .out
ok 'and for cron' grep -q 'cron did not run a job of deploy (.* ago): expired' .out
run nhictl metrics
ok 'metrics counts them' counts nhi_jobs_refused 4
expect 0 'trace' nhictl trace --agent ci-bot
ok 'status reports it' said 'job hourly: in lockdown'

nhictl lockdown on >/dev/null
nhictl metrics --out "$FILE"
ok 'lockdown' counts nhi_lockdown 1 "$FILE"
nhictl lockdown off >/dev/null

# There are events by now that no supervisor has seen: as after a roll-back.
ok 'a ledger that does not fit is reported' counts nhi_ledger_fits 0 "$FILE"

# Every metric that the alerts use exists on a healthy host.
nhictl metrics >.out
RULES=$TREE/packaging/prometheus/nhi.rules.yml
grep -o 'nhi_[a-z_]*' <(grep 'expr:' "$RULES") | sort -u >asked
ok 'the alerts exist' test "$(wc -l <asked)" -ge 12
while read -r metric; do
    ok "the alerts' $metric is printed" grep -q "^# TYPE $metric " .out
done <asked
grep -o 'reason=~"[^"]*"' "$RULES" | sed 's/.*"\(.*\)"/\1/' | tr '|' '\n' | sort -u >words
while read -r word; do
    ok "the alerts' reason $word exists" grep -q "{reason=\"$word\"}" .out
done <words
if command -v promtool >/dev/null; then
    ok 'promtool reads the metrics' promtool check metrics <.out
    ok 'promtool reads the alerts' promtool check rules "$RULES"
fi

kill "$WATCH"
until [ ! -e /run/nhi/watch ]; do sleep 0.02; done
run nhictl metrics
ok 'without the supervisor' counts nhi_supervisor_up 0
mkdir "$FILE.d"
refused 3 'cannot write' 'a file that cannot be written' nhictl metrics --out "$FILE.d/none/nhi.prom"
truncate -s 100 "$LEDGER"
run nhictl metrics --out "$FILE"
ok 'a damaged ledger: exit status 3' test "$CODE" = 3
ok 'the file reports it' counts nhi_ledger_usable 0 "$FILE"
ok 'and has no earlier figures' test -z "$(value nhi_tickets_live "$FILE")"
trap - EXIT
finish
