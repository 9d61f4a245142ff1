#!/bin/bash
# SPDX-License-Identifier: ISC
# While no session of an agent is live, nothing runs with its uid except what root started there: without systemd.
# Invariant: 19.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
cp /bin/sleep "$W/nhi-left" && chmod 755 "$W/nhi-left"
left() { pgrep -af "^$W/nhi-left" | awk '{ print $3 }' | sort -u | paste -sd' '; }
left_is() { [ "$(left)" = "$1" ]; }
printf 'grace = 1;\n' >/etc/nhi/nhi.conf
must nhictl apply
attention() { nhictl status --json | jq -r '.attention[]'; }
in_attention() { attention | grep -qE -- "$1"; }
# ---- an agent's own account ----

mark_log
orphan ci-bot "$W/nhi-left" 1001
orphan ci-bot bash -c "trap '' TERM; while :; do $W/nhi-left 1002; done"
has_logged 'ends without a session: account=ci-bot processes=[0-9]+ command=' 'orphans of an agent without a session are found'
eventually left_is ''
is "$(left)" '' 'and ended, including one that ignores SIGTERM'
eventually grep -q . <(nhictl audit export | jq -c 'select(.kind == "leftovers-end")')
is "$(nhictl audit export | jq -r 'select(.kind == "leftovers-end") | .account' | head -n 1)" ci-bot 'which is an event'

# The name that a process gives itself is one word in the log.
mark_log
orphan ci-bot perl -e 'open(my $f, ">", "/proc/self/comm"); print $f "x account=root"; close($f); sleep(1000)'
has_logged 'ends without a session: account=ci-bot processes=1 command=x\?account=root ' 'a name of two words is one word in the log'

# Processes of root and of a person are no leftovers. One whose effective uid is the agent's for a moment belongs to
# root.
hold_watch
perl -e '$> = $ARGV[0]; $0 = "nhi-euid"; sleep 1000' "$(id -u ci-bot)" &
EUID_ONLY=$!
eventually grep -q nhi-euid "/proc/$EUID_ONLY/cmdline"
cat >/etc/sudoers.d/left <<S
alice ALL=(ci-bot) NOPASSWD: ALL
S
chmod 440 /etc/sudoers.d/left
ssh_bg alice key "$W/key" "sudo -n -u ci-bot $W/nhi-left 1003"
PERSON=$!
eventually left_is 1003
is "$(left)" 1003 'a person works as the agent, with sudo'
script -qfc "setpriv --reuid ci-bot --regid ci-bot --init-groups $W/nhi-left 1004" /dev/null >/dev/null 2>&1 &
eventually left_is '1003 1004'
is "$(left)" '1003 1004' 'root works as the agent at a terminal'
unshare -p --fork --kill-child setpriv --reuid ci-bot --regid ci-bot --clear-groups "$W/nhi-left" 1005 >/dev/null 2>&1 &
eventually left_is '1003 1004 1005'
is "$(left)" '1003 1004 1005' 'a container of root'"'"'s has a process of that uid'

# An agent cannot choose its login uid.
orphan ci-bot sh -c "echo $(id -u alice) >/proc/self/loginuid; exec $W/nhi-left 1007"
eventually left_is '1003 1004 1005 1007'
capture nhictl agent suspend ci-bot
is "$RC:$(left)" '0:1003 1004 1005' 'suspended: a process that wrote its own login uid ends at once, the others stay'
like "$OUT" '1 process without a session has ended' 'suspend reports how many'
kill -0 "$EUID_ONLY"
ok $? 'and root with its effective uid'
must nhictl agent resume ci-bot
orphan ci-bot "$W/nhi-left" 1008
eventually left_is '1003 1004 1005 1008'
capture nhictl lockdown on
is "$RC:$(left)" '0:1003 1004 1005' 'lockdown: at once, and the others stay'
must nhictl lockdown off
orphan ci-bot "$W/nhi-left" 1009
eventually left_is '1003 1004 1005 1009'
capture nhictl revoke --agent ci-bot --reason stolen
is "$RC:$(left)" '0:1003 1004 1005' 'revoke --agent: at once, the others stay'
kill "$EUID_ONLY"
pkill -KILL -f "^$W/nhi-left 100[45]"
pkill -f "^$W/nhi-left 1003"
eventually_gone "$PERSON"

# While a session is live, other processes of its account belong to it.
hold_watch
open_task live
issue "$W/ticket" live
ssh_bg ci-bot reply "$W/ticket" 'sleep 1000'
SESSION=$!
has_session() { [ "$(nhictl session list --json | jq '.sessions | length')" = 1 ]; }
eventually has_session
orphan ci-bot "$W/nhi-left" 1010
eventually left_is 1010
capture nhictl session end --leftovers ci-bot
is "$RC:$(left)" 1:1010 'while a session is live, nothing is a leftover'
must nhictl task close live
is "$(left)" '' 'it ends with the last session'
eventually_gone "$SESSION"

# ---- jobs ----

let_go
sed -i '/pam_nhi/d' /etc/pam.d/cron /etc/pam.d/atd
printf '@reboot ci-bot %s 2001\n@reboot root setpriv --reuid ci-bot --regid ci-bot --init-groups %s 2002\n' \
    "$W/nhi-left" "$W/nhi-left" >/etc/cron.d/left
rm -f /run/crond.reboot
cron -f &
CRON=$!
eventually left_is '2001 2002'
eventually left_is 2002
is "$(left)" 2002 'a job of cron whose PAM file lost our line ends; what root'"'"'s job runs as the agent stays'
pkill -f "^$W/nhi-left 2002"
kill "$CRON"
rm /etc/cron.d/left

# ---- what root declares ----

hold_watch
capture nhictl agent set ci-bot --daemons
is "$RC" 0 'root declares that it starts daemons with this account'
is "$(nhictl agent show ci-bot --json | jq -c .agent.daemons)" true 'agent show reports it'
orphan ci-bot "$W/nhi-left" 3001
eventually left_is 3001
capture nhictl agent suspend ci-bot
is "$RC:$(left)" 0:3001 'such a daemon stays'
must nhictl agent resume ci-bot
must nhictl agent set ci-bot --no-daemons
capture nhictl agent suspend ci-bot
is "$RC:$(left)" 0: 'and is a leftover when it is no longer declared'
must nhictl agent resume ci-bot
capture nhictl agent set ci-bot
is "$RC" 2 'one of the two options must be given'

# ---- processes from an earlier time, and accounts of people and daemons ----

let_go
useradd -m late
orphan late "$W/nhi-left" 4001
eventually left_is 4001
gpasswd -a late nhi-only >/dev/null
eventually in_attention 'late'
like "$(attention)" '1 process of late runs without a session' 'an account that becomes ticket-only has earlier processes: status names them'
doctor() { nhictl doctor --json | jq -r '.findings[] | select(.finding == "leftovers") | .why + " " + .fix'; }
like "$(doctor)" 'late.*started before the account took tickets only.*nhictl help session end' 'so does doctor, with the command to type'
is "$(left)" 4001 'it runs'
orphan late "$W/nhi-left" 4002
orphan batch "$W/nhi-left" 4003
eventually left_is '4001 4002 4003'
capture nhictl lockdown on
is "$RC:$(left)" '0:4001 4002 4003' 'lockdown leaves what may be a daemon'"'"'s on a ticket-only account'
must nhictl lockdown off
capture nhictl session end --leftovers late
is "$RC:$(left)" 0:4003 'session end --leftovers ends those of one account, agents or not'
like "$OUT" '2 processes without a session have ended' 'and reports how many'
capture nhictl session end --leftovers alice
is "$RC:$(left)" 1:4003 'a person'"'"'s account has none'
capture nhictl session end --leftovers batch
is "$RC:$(left)" 0: 'the other account'

is "$(nhictl status --json | jq -r '[.attention[] | select(test("without a session"))] | length')" 0 'nothing is named any more'

finish
