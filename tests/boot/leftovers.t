#!/bin/bash
# SPDX-License-Identifier: ISC
# With systemd: what runs with the uid of an agent's account, or of one that accepts tickets only, while no session is
# live.
# shellcheck source=tests/boot/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
chmod 1777 "$W"
cp /bin/sleep "$W/nhi-left" && chmod 755 "$W/nhi-left"
left() { pgrep -af "^$W/nhi-left" | awk '{ print $3 }' | sort -u | paste -sd' '; }
left_is() { [ "$(left)" = "$1" ]; }
lingers() { [ -e "/var/lib/systemd/linger/$1" ]; }
does_not_linger() { ! lingers "$1"; }
# The supervisor looks when it starts, and not only every ten seconds.
look_again() { must systemctl restart nhi-watch; }
attention() { nhictl status --json | jq -r '.attention[] | select(test("without a session"))'; }

# A user of the host from an earlier time: it lingers, and has a unit.
add_person late
must loginctl enable-linger late
install -d -o late -g late /home/late/.config/systemd/user/default.target.wants
printf '[Service]\nExecStart=%s 5001\n[Install]\nWantedBy=default.target\n' "$W/nhi-left" >/home/late/.config/systemd/user/shop.service
ln -s ../shop.service /home/late/.config/systemd/user/default.target.wants
chown -R late: /home/late/.config
must systemctl restart "user@$(id -u late)"
eventually left_is 5001
nhi_up
echo 'grace = 1;' >/etc/nhi/nhi.conf
must nhictl apply

# ---- an account that accepts tickets only ----

open_task batch
issue "$W/ticket" batch --account batch --service sshd
ssh_bg batch reply "$W/ticket" "loginctl enable-linger; mkdir -p ~/.config/systemd/user
printf '[Service]\nExecStart=$W/nhi-left 1001\n[Install]\nWantedBy=default.target\n' >~/.config/systemd/user/planted.service
systemctl --user daemon-reload; systemctl --user enable -q --now planted; : >$W/up; sleep 1000"
eventually test -e "$W/up"
eventually left_is '1001 5001'
is "$(left)" '1001 5001' 'an agent plants a unit in an account that accepts tickets only'
must nhictl revoke --task batch
eventually left_is 5001
eventually does_not_linger batch
is "$(left)" 5001 'revoked: the unit ends, and does not come back'
ok "$(lingers batch && echo 1 || echo 0)" 'and the account no longer lingers'
must loginctl enable-linger batch
must systemctl start "user@$(id -u batch)"
eventually left_is '1001 5001'
look_again
eventually left_is 5001
eventually does_not_linger batch
is "$(left)" 5001 'nor when its manager is started, as after a boot'

# An account that accepts tickets only from a moment before the login.
add_person quick
gpasswd -a quick nhi-only >/dev/null
POLICY=${POLICY//'"batch"'/'"batch", "quick"'}
set_policy
open_task quick
issue "$W/ticket" quick --account quick --service sshd
rm -f "$W/up"
ssh_bg quick reply "$W/ticket" "loginctl enable-linger; systemd-run --user -q $W/nhi-left 1101; : >$W/up; sleep 1000"
eventually test -e "$W/up"
must nhictl revoke --task quick
look_again
eventually left_is 5001
is "$(left):$(lingers quick; echo $?)" 5001:1 'a unit that is planted a moment after an account accepts tickets only ends as well'

gpasswd -a late nhi-only >/dev/null
named() { [[ $(attention) =~ late ]]; }
eventually named
like "$(attention)" 'of late run' 'what lingered before an account accepted tickets only is named'
is "$(left)" 5001 'and continues'
must systemctl restart "user@$(id -u late)"
eventually left_is 5001
must nhictl lockdown on
must nhictl lockdown off
is "$(left):$(lingers late; echo $?)" 5001:0 'also when it is a new process, and through lockdown'

# ---- an agent's own ----

cat >/etc/systemd/system/roots.service <<S
[Service]
User=ci-bot
ExecStart=$W/nhi-left 2001
S
cat >/etc/systemd/system/worker.service <<S
[Service]
ExecStart=/bin/sh -c 'setpriv --reuid ci-bot --regid ci-bot --init-groups $W/nhi-left 2002 & exec $W/nhi-left 2003'
S
must systemctl daemon-reload
must systemctl start roots worker
open_task own
issue "$W/ticket" own --service sshd
rm -f "$W/up"
ssh_bg ci-bot reply "$W/ticket" ": >$W/up; sleep 1000"
eventually test -e "$W/up"
eventually left_is '2001 2002 2003 5001'
capture nhictl revoke --task own
is "$RC:$(left)" '0:2001 2003 5001' 'the last session ends: root'"'"'s unit stays, what a service of root'"'"'s made does not'
must nhictl lockdown on
must nhictl lockdown off
is "$(left)" '2001 2003 5001' 'and stays through lockdown'

# An agent cannot claim to be in a container.
orphan ci-bot unshare -Urpf --kill-child "$W/nhi-left" 3001
orphan ci-bot sh -c "echo $(id -u alice) >/proc/self/loginuid; exec $W/nhi-left 3002"
(unshare -pf --kill-child setpriv --reuid ci-bot --regid ci-bot --clear-groups "$W/nhi-left" 3003 2>/dev/null &)
all() { [[ $(left) =~ 2001.*2003.*3003 ]]; }
eventually all
look_again
eventually left_is '2001 2003 3003 5001'
is "$(left)" '2001 2003 3003 5001' 'its own namespaces and login uid end it, a container of root'"'"'s stays'
pkill -KILL -f "^$W/nhi-left 3003"

# cron and at without our line in their PAM files, and set-uid programs.
sed -i '/pam_nhi/d' /etc/pam.d/cron /etc/pam.d/atd
printf '@reboot ci-bot %s 4001\n' "$W/nhi-left" >/etc/cron.d/left
rm -f /run/crond.reboot
must systemctl restart cron
eventually left_is '2001 2003 4001 5001'
look_again
eventually left_is '2001 2003 5001'
is "$(left)" '2001 2003 5001' 'a job of cron that PAM was not asked about ends'
rm /etc/cron.d/left
cp "$W/nhi-left" "$W/suid-left" && chown ci-bot "$W/suid-left" && chmod 4755 "$W/suid-left"
as alice "$W/suid-left" 4002 &
SUID=$!
must nhictl agent suspend ci-bot
kill -0 "$SUID"
ok $? 'a file of the agent'"'"'s that sets its uid does not make a person'"'"'s process the agent'"'"'s'
kill "$SUID"
must systemctl stop roots worker

finish
