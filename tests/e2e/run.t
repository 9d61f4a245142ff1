#!/bin/bash
# SPDX-License-Identifier: ISC
# nhictl run: a command as an agent, with a ticket that works inside its process tree and ends with it.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
# run ARG...: nhictl run for ci-bot
run() { capture timeout 60 nhictl run --agent ci-bot "$@"; }
live() { nhictl ticket list --json | jq '.tickets | length'; }
open_tasks() { nhictl task list --json | jq '.tasks | length'; }
none_open() { [ "$(open_tasks)" = 0 ]; }
events() { sqlite3 -readonly "$STATE/ledger.db" "select count(*) from event where kind = '$1'"; }

# ---- ordinary use ----

mark_log
run --job nightly -- sudo -n id -u
is "$RC:$OUT" '0:0' 'sudo -n inside'
has_logged 'pam_nhi\(sudo:auth\): permitted: .*source=session' 'with the session'"'"'s ticket'
is "$(live):$(open_tasks)" 0:0 'ticket and task are closed when it has ended'
run --job nightly -- sh -c 'id -un; pwd; env | cut -d= -f1 | sort | paste -sd " "; ls /proc/self/fd | wc -w; ps -o tty= -p $$'
is "$OUT" $'ci-bot\n/home/ci-bot\nHOME LC_ALL LOGNAME PATH PWD SHELL USER\n4\n?' \
    'the account, its home, a clean environment, no descriptors, no terminal'
is "$(nhictl task list --all --json | jq -r '.tasks[] | .id' | head -n 1 | sed -E 's/[0-9]{8}T[0-9]{6}Z-[A-Za-z0-9_-]{6}$/MOMENT-RANDOM/')" \
    nightly-MOMENT-RANDOM 'a job gets a task ID of its own'
is "$(events run):$(events run-end)" 2:2 'begin and end are in the trail'
run --task run-7 --service sudo --ttl 2m -- sudo -n id -u
is "$RC:$OUT" 0:0 'with a task ID of the caller'"'"'s'
run --task run-7 -- true
is "$RC" 125 'which has been closed, and cannot be opened again'
open_task build-1
run --task build-1 -- sudo -n id -u
is "$RC:$OUT" 0:0 'for an open task'
is "$(open_tasks)" 1 'which stays open'
run --job nightly -- true
is "$RC" 125 'a second task of the agent beside it: refused'
like "$ERR" 'already has an open task: build-1' 'with the reason'
must nhictl task close build-1

# A process that possesses a keyring can read its content, with any uid.
capture keyctl session - sh -c 'keyctl add user of-root secret @s >/dev/null && keyctl print "$(keyctl search @s user of-root)" &&
    nhictl run --agent ci-bot --job keys -- sh -c "k=\$(keyctl search @s user of-root) && keyctl print \$k"'
like "$OUT" '^secret$' 'root has a secret in its session keyring'
is "$RC:$OUT" 1:secret 'the command does not have that keyring'
run --job keys --keyring -- sh -c 'k=$(keyctl search @s user of-root) && keyctl print "$k"'
is "$RC:$OUT" 1: 'with --keyring neither'

capture sh -c 'umask 077; nhictl run --agent ci-bot --job umask -- sh -c umask'
is "$RC:$OUT" 0:0077 'the caller'"'"'s umask'
is "$(id -G ci-bot)" "$(nhictl run --agent ci-bot --job groups -- id -G)" 'its groups'

# From root's crontab.
echo "@reboot root /usr/sbin/nhictl run --agent ci-bot --job cron -- sudo -n id -u >$W/from-cron 2>&1" >/etc/cron.d/e2e
rm -f /run/crond.reboot
cron -f &
CRON=$!
disown
eventually grep -q . "$W/from-cron"
is "$(cat "$W/from-cron")" 0 'from a crontab of root'"'"'s'
kill "$CRON"
rm /etc/cron.d/e2e
eventually none_open

# ---- exit status and signals ----

run --job x -- sh -c 'exit 42'
is "$RC" 42 'the status is the command'"'"'s'
run --job x -- sh -c 'kill -9 $$'
is "$RC" 137 'for a command that was killed: 128 + 9'
run --job x -- /nonexistent
is "$RC" 127 'no such command'
run --job x -- /etc/passwd
is "$RC" 126 'not executable'
run --job x
is "$RC" 125 'no command'
run --job x -- ''
is "$RC" 127 'an empty name'
capture nhictl run --agent nobody-bot --job x -- true
is "$RC" 125 'an unknown agent'
run --job 'a b' -- true
is "$RC" 125 'a bad job name'
run --nonsense -- true
is "$RC" 125 'a bad option'
run -- true
is "$RC" 125 'no task'
run --job x --ttl 1s -- true
is "$RC" 125 'a lifetime too short to be renewed'
run --job x -- echo v4.public.text
is "$RC" 125 'the text of a ticket on the command line'
capture as ci-bot nhictl run --agent ci-bot --job x -- true
is "$RC" 125 'not root'
is "$(live):$(open_tasks)" 0:0 'nothing is left of these'

# started FILE: a command has created it.
started() { eventually test -e "$1"; }
run_bg() { # run_bg COMMAND...: RUN is its pid.
    rm -f "$W/up" "$W/said"
    # A shell starts background processes with these ignored, and nohup with the last.
    env --default-signal=INT,QUIT,HUP nhictl run --agent ci-bot --job bg "${RUN_OPTIONS[@]}" -- "$@" </dev/null >"$W/bg.out" 2>"$W/bg.err" &
    RUN=$!
    started "$W/up" || note "$(cat "$W/bg.err")"
}
RUN_OPTIONS=()
for sig in INT TERM HUP QUIT USR1 USR2; do
    run_bg bash -c "trap 'echo $sig >$W/said; exit 7' $sig; : >$W/up; while :; do sleep 0.05; done"
    kill -$sig $RUN
    wait $RUN
    is "$?:$(cat "$W/said")" "7:$sig" "SIG$sig is passed on"
done

# ---- processes that are left are ended ----

run_bg sh -c 'setsid sleep 1000 & setsid sh -c "trap : TERM; sleep 1001; sleep 1001" & : >'"$W/up"'; sleep 0.2'
wait $RUN
! pgrep -u ci-bot . >/dev/null
ok $? 'nothing of the agent is left when it has ended'

# Under another account: as long as it runs, it is the agent. It ignores SIGTERM.
echo 'ci-bot ALL=(deploy) NOPASSWD: ALL' >/etc/sudoers.d/run-deploy
cat >"$W/stay" <<STAY
trap '' TERM
: >$W/stays
while [ -e /proc/\$1 ]; do sleep 0.05; done
su batch -c true </dev/null
exec sleep 1002
STAY
rm -f "$W/stays"
mark_log
# It has five seconds from the end of the command.
run_bg sh -c "sudo -n -u deploy setsid sh $W/stay \$\$ & : >$W/up; until [ -e $W/stays ]; do sleep 0.05; done; exit 42"
has_logged 'pam_nhi\(su:auth\): denied: .*agent=ci-bot' 'what is left, as another account, is the agent'
wait $RUN
is $? 42 'the status is the command'"'"'s, however long the rest takes'
! pgrep -u deploy . >/dev/null
ok $? 'which has ended then'
is "$(live):$(open_tasks)" 0:0 'as have ticket and task'
rm /etc/sudoers.d/run-deploy

# ---- outside ----

run_bg sh -c 'echo $$ >'"$W/up"'; sleep 1000'
mark_log
capture as ci-bot sudo -n id
is "$RC" 1 'the same command outside, same uid: refused'
has_logged 'pam_nhi\(sudo:auth\): denied: reason=no-ticket' 'with the reason'
# Through the live run, from inside: what an agent can do to its own processes.
as ci-bot env -i sh -c 'exec 3<>/dev/null; setsid sudo -n id' >"$W/out" 2>&1
is "$?" 1 'setsid, elsewhere: refused'
capture nhictl run --agent ci-bot --job second -- true
is "$RC" 125 'a second run beside it'
capture nhictl run --agent ci-bot --job second --concurrent -- sudo -n id -u
is "$RC:$OUT" 0:0 'with --concurrent'
is "$(live)" 1 'one ticket stays live'
JTI=$(nhictl ticket list --json | jq -r '.tickets[0].jti')
capture nhictl renew "$JTI"
is "$RC" 1 'only its own run renews it'
kill $RUN
wait $RUN

# ---- renewal ----

# A renewal may be late by half of a lifetime.
RUN_OPTIONS=(--ttl 10s --until 1h)
renewed() { [ "$(events renew)" -ge "$1" ]; }
run_bg sh -c ': >'"$W/up"'; until [ -e '"$W/enough"' ]; do sudo -n id -u || exit 1; sleep 1; done; sudo -n id -u'
eventually renewed 3
: >"$W/enough"
wait $RUN
is "$?:$(sort -u "$W/bg.out")" 0:0 'sudo during three lifetimes of a ticket'
renewed 3
ok $? "which was renewed $(events renew) times" || cat "$W/bg.err"
RUN_OPTIONS=(--ttl 4s --until 6s)
run_bg sh -c ': >'"$W/up"'; sleep 1000'
wait $RUN
is $? 143 'the task'"'"'s deadline ends the command'
# The clock is set while it waits: nothing reports that.
echo +0 >"$W/clock"
LD_PRELOAD=libfaketime.so.1 FAKETIME_TIMESTAMP_FILE=$W/clock FAKETIME_NO_CACHE=1 \
    nhictl run --agent ci-bot --job clock --until 6s -- sh -c ': >'"$W/up-clock"'; sleep 100' </dev/null >/dev/null 2>&1 &
RUN=$!
started "$W/up-clock"
echo -1h >"$W/clock"
sleep 7
echo +0 >"$W/clock"
wait $RUN
is $? 143 'a clock that was set back for a moment: the deadline ends the command all the same'
RUN_OPTIONS=(--ttl 6s)
run_bg sh -c ': >'"$W/up"'; sleep 1000'
must nhictl agent suspend ci-bot --reason test
wait $RUN
is $? 143 'a suspended agent'"'"'s command ends when its ticket is to be renewed'
must nhictl agent resume ci-bot
is "$(live):$(open_tasks)" 0:0 'nothing is left of these'

# ---- revoked meanwhile ----

RUN_OPTIONS=()
run_bg sh -c 'echo >'"$W/up"'; until [ -e '"$W/go"' ]; do sleep 0.05; done; sudo -n id'
behind_its_back "INSERT INTO revocation SELECT 1, root, $NOW_SQL, 'test' FROM ticket
    WHERE jti = '$(nhictl ticket list --json | jq -r '.tickets[0].jti')'"
mark_log
: >"$W/go"
wait $RUN
RC=$?
let_go
is "$RC" 1 'revoked: sudo inside is refused'
has_logged 'pam_nhi\(sudo:auth\): denied: reason=revoked' 'with the reason'

# ---- a rule for it ----

WAS=$POLICY
POLICY='rules = ( { effect = "permit"; agent = "ci-bot"; account = "ci-bot"; service = "sudo"; bound = "tree"; },
    { effect = "permit"; agent = "ci-bot"; account = "ci-bot"; service = [ "cron", "su" ];
      hours = [ "'"$(date -u -d '+2 hours' +%H:00-%H:30)"'" ]; zone = "UTC"; } );'
set_policy
run --job x --service su-l -- id
is "$RC" 125 'no rule permits the service: refused'
like "$ERR" 'no rule could permit account ci-bot through su-l' 'with the reason'
run --job x --service su,cron,sudo -- sh -c 'sleep 1; sudo -n id -u'
is "$RC:$OUT" 0:0 'one of its services is permitted at this hour: it runs'
POLICY=$WAS
set_policy

# ---- no supervisor ----

hold_watch
mv /run/nhi/watch "$W/heartbeat"
run --job x -- id
is "$RC" 125 'without a supervisor nothing is run'
like "$ERR" 'nhictl watch is not running' 'with the reason'
mv "$W/heartbeat" /run/nhi/watch
let_go

# ---- --keyring: a text for ssh ----

SSH="ssh -F none -p $PORT -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o NumberOfPasswordPrompts=1 ci-bot@127.0.0.1"
run --job ssh --keyring -- sh -c "$SSH 'id -un; sudo -n id -u'"
is "$RC:$OUT" $'0:ci-bot\n0' 'ssh inside is answered by askpass'
run --job ssh --keyring -- sh -c 'awk "/^VmLck/ { print \$2 }" /proc/$PPID/status'
[ "${OUT:-0}" -gt 0 ]
ok $? 'a key that is held for so long is kept out of swap space'
run --job ssh --keyring --ttl 12s -- sh -c "sleep 13; $SSH id -un"
is "$RC:$OUT" 0:ci-bot 'also when the first text has ended'
run --job ssh --keyring --host b.example.org --account deploy -- sh -c "/usr/libexec/nhi-askpass '(x) Password: ' >$W/text"
is "$RC:$(nhictl ticket inspect --json "$W/text" 2>/dev/null | jq -c '.ticket | [.host, .accounts, .services]')" \
    '0:["b.example.org",["deploy"],["sshd","sudo"]]' 'a text for another host and account'
run --job ssh --keyring -- sh -c "/usr/sbin/nhictl askpass >$W/text"
mark_log
ssh_as ci-bot reply "$W/text" true
unlike "$RC" '^0$' 'the text ends with the run'
has_logged 'reason=revoked' 'with the reason'
for prompt in 'Are you sure you want to continue connecting (yes/no/[fingerprint])? ' "Enter passphrase for key 'x': "; do
    run --job ssh --keyring -- /usr/libexec/nhi-askpass "$prompt"
    is "$RC:$OUT" 1: "no answer to $prompt"
done
run --job ssh --keyring -- env SSH_ASKPASS_PROMPT=none /usr/libexec/nhi-askpass x
is "$RC:$OUT" 1: 'nor where no answer is expected'
run --job ssh --keyring -- /usr/libexec/nhi-askpass --json
like "$RC:$OUT" '^0:v4\.public\.' 'a prompt is not taken for an option'
run --job ssh -- /usr/sbin/nhictl askpass
is "$RC" 1 'without --keyring there is none'
run --job ssh --host b -- true
is "$RC" 125 'another host without --keyring: refused'

# ---- inside a session ----

open_task build-2
issue "$W/ticket" build-2 --service sshd,sudo
cat >/etc/sudoers.d/run <<'S'
ci-bot ALL=(root) /usr/sbin/nhictl
S
chmod 440 /etc/sudoers.d/run
ssh_as ci-bot reply "$W/ticket" 'sudo -n nhictl run --agent other-bot --job x -- id'
is "$RC" 125 'an agent that became root starts nothing under another name'
like "$ERR" 'session of agent ci-bot' 'with the reason'
must nhictl task close build-2

# ---- SIGKILL ----

RUN_OPTIONS=(--ttl 10m)
LOST=$(events run-lost)
run_bg bash -c 'trap "" TERM; : >'"$W/up"'; sleep 1; for ((;;)); do sudo -n id >/dev/null 2>&1 && date >>'"$W/got"'; sleep 0.1; done'
rm -f "$W/got"
started "$W/got"
ok $? 'a command that keeps calling sudo'
kill -KILL $RUN
wait $RUN 2>/dev/null
mark_log
has_logged 'pam_nhi\(sudo:auth\): denied' 'when its parent is killed, it is denied at once'
# The call that was under way has finished.
rm -f "$W/got"
mark_log
has_logged 'pam_nhi\(sudo:auth\): denied' 'and again'
is "$(live):$(open_tasks)" 0:0 'and the next command closes ticket and task'
is "$(events run-lost)" $((LOST + 1)) 'and the trail shows it'
pkill -KILL -u ci-bot
eventually sh -c '! pgrep -u ci-bot . >/dev/null'
[ ! -e "$W/got" ]
ok $? 'every time'

# From another PID namespace it cannot be seen whether a run is live.
RUN_OPTIONS=()
run_bg sh -c ': >'"$W/up"'; until [ -e '"$W/go-on"' ]; do sleep 0.05; done; sudo -n id -u'
unshare --pid --fork --mount-proc nhictl task list >/dev/null
unshare --pid --fork --mount-proc nhictl task open elsewhere --agent other-bot >/dev/null
must nhictl task close elsewhere
: >"$W/go-on"
wait $RUN
is "$?:$(cat "$W/bg.out")" 0:0 'nhictl in another PID namespace leaves a run alone' || note "$(cat "$W/bg.err")"

# No supervisor has looked meanwhile, and nothing has recorded its end.
hold_watch
RUN_OPTIONS=()
perl -e '$p = fork // die; exec @ARGV or die if !$p; sleep 1 until -e "'"$W/zombie"'"; kill 9, $p; sleep 1000' \
    nhictl run --agent ci-bot --job lost -- sh -c ': >'"$W/zombie"'; exec sleep 1000' </dev/null >/dev/null 2>&1 &
RUN=$!
eventually sh -c 'ps -o stat= --ppid '$RUN' | grep -q Z'
run --job again -- true
is "$RC" 0 'a killed run that its parent has not reaped does not block the next one' || note "$ERR"
nhictl run --agent ci-bot --job lost -- sleep 1000 </dev/null >/dev/null 2>&1 &
eventually pgrep -u ci-bot . >/dev/null
kill -KILL $! && wait $! 2>/dev/null
capture nhictl task open after --agent ci-bot
is "$RC" 0 'nor one for another task' || note "$ERR"
must nhictl task close after
kill -KILL $RUN && wait $RUN 2>/dev/null
let_go

# At any moment: nothing stays live, and nothing opens.
KILLS=$(depth 20 200)
for ((i = 0; i < KILLS; i++)); do
    nhictl run --agent ci-bot --job "kill-$i" --concurrent -- sleep 1000 </dev/null >/dev/null 2>&1 &
    RUN=$!
    sleep "0.0$((RANDOM % 50 + 10))"
    kill -KILL $RUN
    wait $RUN 2>/dev/null
done
is "$(live):$(open_tasks)" 0:0 "SIGKILL at $KILLS moments: no live ticket, no open task"
capture as ci-bot sudo -n id
is "$RC" 1 'and no sudo'
eventually sh -c '! pgrep -u ci-bot . >/dev/null'
ok $? 'the commands ended with their parents'
capture nhictl status
is "$RC" 0 'the ledger is sound' || note "$OUT"

finish
