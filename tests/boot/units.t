#!/bin/bash
# SPDX-License-Identifier: ISC
# Timers, units with PAMName=, cron and nhictl run under systemd; and the supervisor's own unit.
# shellcheck source=tests/boot/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
cp /bin/sleep "$W/nhi-job" && chmod 755 "$W/nhi-job"
jobs() { pgrep -af "^$W/nhi-job" | awk '{ print $3 }' | sort -u | paste -sd' '; }
jobs_are() { [ "$(jobs)" = "$1" ]; }
unit_is() { [ "$(systemctl show "$1" -p ActiveState --value)" = "$2" ]; }

# ---- a unit with PAMName= ----

ours() { grep "^$1.*pam_nhi" /etc/pam.d/sshd; }
{
    ours auth
    echo 'auth required pam_deny.so'
    ours account
    echo 'account required pam_unix.so'
    ours session
    echo 'session required pam_unix.so'
} >/etc/pam.d/nightly
cat >"$W/nightly" <<S
#!/bin/bash
echo "\$(id -un)" >>$W/nightly.ran
trap '' TERM
$W/nhi-job 1001 &
setsid $W/nhi-job 1002 &
(setsid bash -c "$W/nhi-job 1003 &" &)
while :; do $W/nhi-job 1004; done
S
chmod 755 "$W/nightly"
cat >/etc/systemd/system/nightly.service <<S
[Service]
User=ci-bot
PAMName=nightly
ExecStart=$W/nightly
Restart=always
RestartSec=100ms
StartLimitIntervalSec=0
S
cat >/etc/systemd/system/nightly.timer <<'S'
[Timer]
OnActiveSec=0
AccuracySec=1ms
S
sed -i 's/"cron" \]/"cron", "nightly" ]/' /etc/nhi/policy.d/e2e.conf
must nhictl apply
must systemctl daemon-reload
: >"$W/nightly.ran"
chmod 666 "$W/nightly.ran"
runs() { wc -l <"$W/nightly.ran"; }

mark_log
must systemctl start nightly.timer
has_logged 'nightly.service: Failed at step PAM|Failed to set up PAM session' 'a unit with PAMName= and no ticket: refused'
has_logged 'pam_nhi\(nightly:account\): denied: ' 'by pam_nhi'
is "$(runs)" 0 'no part of it has run'
must systemctl stop nightly.timer nightly.service

open_task nightly
issue "$W/ticket" nightly --service nightly
must systemctl start nightly.timer
eventually jobs_are '1001 1002 1003 1004'
is "$(jobs)" '1001 1002 1003 1004' 'with a ticket in the ledger its timer starts it'
is "$(sort -u "$W/nightly.ran")" ci-bot 'as the agent'
is "$(nhictl session list --json | jq -c '.sessions[] | [.agent, .task, .account, .service, .state]')" \
    '["ci-bot","nightly","ci-bot","nightly","live"]' 'it is a session'
before=$(runs)
mark_log
capture nhictl revoke --task nightly
is "$RC:$(jobs)" 0: 'revoked: no process of it is left'
has_logged 'pam_nhi\(nightly:account\): denied: ' 'systemd restarts it, and it is denied'
is "$(runs)" "$before" 'nothing has run again'
is "$(sessions)" 0 'no session'
must systemctl stop nightly.service nightly.timer

# ---- cron ----

open_task by-cron
issue "$W/ticket" by-cron --service cron
printf '@reboot ci-bot %s\n' "$W/nightly" >/etc/cron.d/e2e
rm -f /run/crond.reboot
must systemctl restart cron
eventually jobs_are '1001 1002 1003 1004'
is "$(jobs)" '1001 1002 1003 1004' 'a job of cron'
pid=$(systemctl show cron -p MainPID --value)
must nhictl task close by-cron
is "$(jobs)" '' 'no process of it is left when its task is closed'
is "$(systemctl show cron -p MainPID --value):$(sessions)" "$pid:0" 'cron continues'
rm /etc/cron.d/e2e

# ---- nhictl run in a unit ----

capture systemd-run --quiet --wait --pipe --unit=run-once nhictl run --agent ci-bot --job once -- /usr/bin/id -un
is "$RC:$OUT" 0:ci-bot 'nhictl run in a unit' || note "$ERR"
must systemd-run --quiet --unit=run-long nhictl run --agent ci-bot --job long -- "$W/nightly"
eventually jobs_are '1001 1002 1003 1004'
is "$(jobs)" '1001 1002 1003 1004' 'and one that keeps running'
capture nhictl agent suspend ci-bot
is "$RC:$(jobs)" 0: 'the agent is suspended: no process of it is left' || note "$OUT $ERR"
has_ended() { unit_is "$1" inactive || unit_is "$1" failed; }
eventually has_ended run-long
must nhictl agent resume ci-bot

# Killed, as by the OOM killer, in a unit that leaves other processes alone.
printf 'ci-bot ALL=(root) NOPASSWD: %s\n' "$W/nhi-job" >/etc/sudoers.d/killed && chmod 440 /etc/sudoers.d/killed
must systemd-run --quiet --unit=run-killed -p KillMode=process sh -c "nhictl run --agent ci-bot --job killed -- \
    sh -c '$W/nhi-job 2001 & sudo -n $W/nhi-job 2002 & (setsid $W/nhi-job 2003 &); wait'; exec sleep 1000"
eventually jobs_are '2001 2002 2003'
pkill -KILL -f '^nhictl run --agent ci-bot --job killed'
eventually jobs_are ''
is "$(jobs)" '' 'nhictl run is killed: no process that it started is left, including one of root'
is "$(nhictl ticket list --json | jq '.tickets | length')" 0 'nor its ticket'
must systemctl stop run-killed
rm /etc/sudoers.d/killed

# ---- the timer of the manual ----

install -m 644 packaging/examples/scheduled/nightly.service packaging/examples/scheduled/nightly.timer /etc/systemd/system
printf '#!/bin/sh\nid -un >>%s\n' "$W/nightly.ran" >/usr/local/bin/nightly
chmod 755 /usr/local/bin/nightly
: >"$W/nightly.ran"
must systemctl daemon-reload
capture systemd-analyze verify /etc/systemd/system/nightly.timer
unlike "$ERR" 'nightly\.(timer|service):' 'systemd reports no error in it'
must systemctl enable --now nightly.timer
like "$(systemctl list-timers --no-legend nightly.timer)" ' 03:00:00 ' 'it waits for three in the morning'
must systemctl start nightly.service
is "$(cat "$W/nightly.ran")" ci-bot 'the job runs as the agent'
must nhictl agent suspend ci-bot --reason 'odd traffic'
mark_log
capture systemctl start nightly.service
is "$RC:$(systemctl --failed --no-legend | grep -c nightly.service)" 1:1 'a suspended agent: the unit has failed'
has_logged 'nhictl\[[0-9]+\]: nhictl: agent ci-bot is suspended' 'its journal shows why'
like "$(nhictl status --json | jq -r '.attention[]')" 'job nightly of ci-bot did not run' 'so does nhictl status'
must nhictl agent resume ci-bot
must systemctl disable --now nightly.timer

# ---- figures for Prometheus ----

install -d /var/lib/prometheus/node-exporter
FIGURES=/var/lib/prometheus/node-exporter/nhi.prom
must systemctl enable --now nhi-metrics.timer
like "$(systemctl show nhi-metrics.timer -p ActiveState --value):$(systemctl show nhi-metrics.timer -p TimersCalendar --value)" \
    '^active:.*\*-\*-\* \*:\*:00' 'the timer of metrics waits for the next minute'
must systemctl start nhi-metrics.service
is "$(grep -c '^nhi_supervisor_up 1$' "$FIGURES"):$(stat -c %a "$FIGURES")" 1:644 'its service writes them where node_exporter looks'
must systemctl disable --now nhi-metrics.timer

# ---- an issuer's key as a credential of a unit ----

# systemd makes / shared itself, unless it finds itself in a container; credentials need that.
must mount --make-rshared /
KID=$(nhictl key list --json | jq -r '.keys[] | select(.state == "active" and .own).kid')
install -d -m 700 /root/creds
install -m 600 <(echo 'correct horse') /root/creds/pass
credentials=(-p "LoadCredential=nhi.passphrase:/root/creds/pass")
in_unit() { capture systemd-run --quiet --wait --pipe "${credentials[@]}" "$@"; }
in_unit nhictl key protect "$KID"
is "$RC:$(nhictl key list --json | jq -r '.keys[] | select(.own).secret' | head -n 1)" 0:passphrase 'under a passphrase that is a credential' || note "$ERR"
must nhictl key move "$KID" --to /root/creds/secret
credentials+=(-p "LoadCredential=nhi.$KID.secret:/root/creds/secret")
open_task by-unit
in_unit nhictl issue --agent ci-bot --task by-unit --account ci-bot --service sshd --force --out "$W/ticket"
is "$RC" 0 'both as credentials: the unit signs' || note "$ERR"
ssh_as ci-bot reply "$W/ticket" id -un
is "$RC:$OUT" 0:ci-bot 'a ticket that is permitted'
capture nhictl issue --agent ci-bot --task by-unit --account ci-bot --service sshd
is "$RC" 3 'no other command on this host does'
must nhictl task close by-unit
must nhictl key rotate

# ---- the supervisor ----

must systemctl stop nhi-watch
open_task watched
issue "$W/ticket" watched
mark_log
ssh_as ci-bot reply "$W/ticket" true
unlike "$RC" '^0$' 'nhi-watch.service is stopped: agents are denied'
has_logged 'denied: reason=no-supervisor' 'with that reason'
ssh_as alice key "$W/key" id -un
is "$RC:$OUT" 0:alice 'a person is not'
# As nhi-recovery(7) prints it.
tests/tools/manual.pl nhictl/nhi-recovery.7 'Nobody watches' 1 >"$W/step"
is "$(wc -l <"$W/step")" 1 'the manual has a command for that'
must bash -eu "$W/step"
ssh_as ci-bot reply "$W/ticket" id -un
is "$RC:$OUT" 0:ci-bot 'it is started: agents are permitted as soon as systemctl returns'
kill -KILL "$(systemctl show nhi-watch -p MainPID --value)"
watch_is() { systemctl show nhi-watch -p ActiveState -p NRestarts | paste -sd' '; }
restarted() { [ "$(watch_is)" = 'NRestarts=1 ActiveState=active' ]; }
eventually restarted
is "$(watch_is)" 'NRestarts=1 ActiveState=active' 'killed, it is restarted'
is "$(systemctl show nhi-watch -p Type -p WatchdogUSec | paste -sd' ')" 'Type=notify WatchdogUSec=1min' \
    'systemd watches it'
ssh_bg ci-bot reply "$W/ticket" "$W/nhi-job 1001"
BG=$!
eventually jobs_are 1001
must nhictl task close watched
eventually test ! -e "/proc/$BG"
is "$(jobs)" '' 'and sessions end as before'

# ---- the journal ----

must nhictl task open told --agent ci-bot --concurrent
must nhictl revoke --task told --reason 'by the journal'
of_it='select(.kind == "revoke" and .task == "told")'
in_trail=$(nhictl audit export | jq -r "$of_it | [.seq, .hash, .cause] | @tsv")
like "$in_trail" 'by the journal$' 'the trail has it'
in_journal() { journalctl -q -o json NHI_KIND=revoke NHI_TASK=told | jq -r '[.NHI_EVENT, .NHI_HASH, .NHI_CAUSE] | @tsv'; }
is_told() { [ -n "$(in_journal)" ]; }
eventually is_told
is "$(in_journal)" "$in_trail" 'and the journal, once, with number, hash and cause'
like "$(journalctl -q -o cat NHI_KIND=revoke NHI_TASK=told)" "^event=[0-9]+ .*by the journal.* hash=[0-9a-f]+$" 'as a line, too'
finish
