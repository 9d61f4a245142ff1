#!/bin/bash
# SPDX-License-Identifier: ISC
# The end of a ticket ends what it opened: no process of a session is left.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
cat >/etc/sudoers.d/sessions <<'S'
ci-bot ALL=(root, alice) /bin/bash
S
chmod 440 /etc/sudoers.d/sessions

# Ways in which an agent could try to outlive its session. Each leaves a process named nhi-escape-N.
cp /bin/sleep "$W/nhi-escape" && chmod 755 "$W/nhi-escape"
cat >"$W/escapes" <<'S'
#!/bin/bash
E=$1
"$E" 1001 &
setsid "$E" 1002 &
(setsid bash -c "$E 1003 & $E 1003 &" &) # its parents end: an orphan
nohup "$E" 1004 >/dev/null 2>&1 &
(trap '' TERM HUP INT; "$E" 1005 & exec bash -c "trap '' TERM HUP; $E 1005; $E 1005") &
sudo -n bash -c "setsid $E 1006 & trap '' TERM; $E 1006" &
sudo -n -u alice bash -c "(setsid $E 1007 &); $E 1007" &
"$E" 1008 & kill -STOP $!
for i in {1..40}; do (setsid "$E" 1009 &); done
disown -a
S
chmod 755 "$W/escapes"
escaped() { pgrep -f "^$W/nhi-escape|^/var/tmp/e2e/nhi-escape" | wc -l; }
all_are_out() { [ "$(escaped)" -ge 48 ]; }
none_is_left() { [ "$(escaped)" = 0 ]; }
sessions() { nhictl session list --json | jq '.sessions | length'; }

# login FILE: BG is an ssh that has started them all, and waits.
login() {
    ssh_bg "${2:-ci-bot}" reply "$1" "$W/escapes $W/nhi-escape; sleep 1000"
    BG=$!
    eventually all_are_out || note "$(escaped) are out: $(cat "$W/bg.out" "$W/bg.err" 2>/dev/null)"
}

# ends NAME COMMAND...: after the command no process is left, and ssh has ended.
ends() {
    local name=$1 before after
    shift
    before=$(escaped)
    capture "$@"
    after=$(escaped)
    is "$RC" 0 "$name: it succeeds" || note "$ERR"
    is "$([ "$before" -ge 48 ] && echo all)/$after" all/0 "$name: of $before processes none is left when it returns" ||
        pgrep -af nhi-escape | sed "s/^/# /"
    eventually test ! -e "/proc/$BG" || note 'ssh stays'
    is "$(sessions)" 0 "$name: no session is left"
}

n=0
fresh() {
    n=$((n + 1))
    open_task "t-$n"
    issue "$W/ticket" "t-$n" --service sshd,sudo
}

fresh
login "$W/ticket"
is "$(nhictl session list --json | jq -c '.sessions[] | [.agent, .task, .account, .service, .state]')" \
    '["ci-bot","t-1","ci-bot","sshd","live"]' 'the session is listed'
like "$(nhictl session list)" 'SESSION +AGENT +TASK' 'in a table'
ends 'revoke --ticket' nhictl revoke --ticket "$(jti_of "$W/ticket")" --reason test
like "$OUT" '1 session has ended' 'and reports it'
is "$(sqlite3 -readonly "$STATE/ledger.db" "select reason || ' ' || cause from event where kind = 'session-end'")" \
    'revoked test' 'one event, with the reason and the cause'

must nhictl task close t-1
fresh
login "$W/ticket"
ends 'task close' nhictl task close t-2
fresh
login "$W/ticket"
ends 'agent suspend' nhictl agent suspend ci-bot
must nhictl agent resume ci-bot
must nhictl task close t-3
fresh
login "$W/ticket"
ends 'session kill' nhictl session kill "$(nhictl session list --json | jq -r '.sessions[0].session')"
ssh_as ci-bot reply "$W/ticket" 'id -un'
is "$RC:$OUT" 0:ci-bot 'its ticket stays live'
must nhictl task close t-4
fresh
login "$W/ticket"
ends 'lockdown on' nhictl lockdown on --reason test
ssh_as ci-bot reply "$W/ticket" 'id -un'
unlike "$RC" '^0$' 'in lockdown it is denied'
ssh_as alice key "$W/key" 'id -un'
is "$RC:$OUT" 0:alice 'a person is not'
must nhictl lockdown off
ssh_as ci-bot reply "$W/ticket" 'id -un'
is "$RC:$OUT" 0:ci-bot 'and afterwards agents are permitted again'

must nhictl task close t-5

# ---- processes with the agent's uid that are in no session ----

fresh
issue "$W/second" "t-$n" --service sshd,sudo
ssh_bg ci-bot reply "$W/second" "sleep 1000"
SECOND=$!
ssh_bg ci-bot reply "$W/ticket" "$W/nhi-escape 3001"
BG=$!
eventually sh -c "pgrep -f '^$W/nhi-escape 3001' >/dev/null && [ \$(nhictl session list --json | jq '.sessions | length') = 2 ]"
orphan ci-bot "$W/nhi-escape" 3002
eventually sh -c "pgrep -f '^$W/nhi-escape 3002' >/dev/null"
must nhictl revoke --ticket "$(jti_of "$W/ticket")"
is "$(pgrep -f "^$W/nhi-escape" -a | cut -d' ' -f3)" 3002 'stays while another session of the agent is live'
must nhictl revoke --ticket "$(jti_of "$W/second")"
is "$(escaped)" 0 'and ends with the last one'
eventually test ! -e "/proc/$SECOND"
must nhictl task close "t-$n"

# ---- by cron, and by sudo and su in a person's login ----

open_task by-cron
issue "$W/ticket" by-cron --service cron
echo "@reboot ci-bot $W/escapes $W/nhi-escape; sleep 1000" >/etc/cron.d/e2e
rm -f /run/crond.reboot
cron -f &
BG=$!
disown
# Without a ticket for sudo, two of them do not get that far.
eventually sh -c "[ \$(pgrep -f '^$W/nhi-escape' | wc -l) -ge 45 ]"
ok $? "a job of cron has started $(escaped)"
mark_log
must nhictl task close by-cron
has_logged 'session ended: ticket .* of task by-cron ended \(task-closed: .*\) account=ci-bot service=cron' \
    'the log reports the reason to a job'
is "$(escaped)" 0 'nothing is left when the task is closed'
is "$(sessions)" 0 'and no session'
[ -e "/proc/$BG" ]
ok $? 'cron itself continues'
kill "$BG"
rm /etc/cron.d/e2e

# A person's own processes, in the same terminal and before the same shell, belong to the person. The account is
# shared: nothing is found there by its uid.
open_task by-hand
issue "$W/ticket" by-hand --account deploy --service su
cat >"$W/person" <<S
#!/bin/bash
$W/nhi-escape 2001 &
$PTY 'word: ' $W/ticket -- su deploy -c '$W/escapes $W/nhi-escape; sleep 1000'
echo "su \$?"
until [ -e $W/counted ]; do sleep 0.05; done
[ -e /proc/\$! ] && echo mine-stays
kill \$!
S
chmod 755 "$W/person" "$W/ticket"
as alice "$W/person" >"$W/person.out" 2>&1 &
BG=$!
eventually sh -c "[ \$(pgrep -f '^$W/nhi-escape' | wc -l) -ge 46 ]"
ok $? "su has started $(escaped)"
capture nhictl revoke --task by-hand
is "$(escaped)" 1 'one process is left, the person'"'"'s own' || pgrep -af nhi-escape | sed 's/^/# /'
: >"$W/counted"
wait "$BG"
like "$(cat "$W/person.out")" 'mine-stays' 'who continues'
like "$(cat "$W/person.out")" 'nhi: session ended: ticket .* of task by-hand ended \(' 'and whose terminal shows why'

finish
