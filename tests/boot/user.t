#!/bin/bash
# SPDX-License-Identifier: ISC
# With systemd: what an agent leaves with its user's manager, and to whose login su and sudo belong.
# Invariant: 19.
# shellcheck source=tests/boot/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
cp /bin/sleep "$W/nhi-left" && chmod 755 "$W/nhi-left"
left() { pgrep -af "^$W/nhi-left" | awk '{ print $3 }' | sort -u | paste -sd' '; }
left_is() { [ "$(left)" = "$1" ]; }
lingers() { [ -e "/var/lib/systemd/linger/$1" ]; }
does_not_linger() { ! lingers "$1"; }
uid=$(id -u ci-bot)
is_forgotten() { ! loginctl show-user "$1" >/dev/null 2>&1; }
# inactive, or failed if it had to be killed
manager_has_ended() { [[ $(systemctl show "user@$uid" -p ActiveState --value) =~ ^(inactive|failed)$ ]]; }
n=0
fresh() {
    eventually has_no_process ci-bot
    n=$((n + 1))
    open_task "t-$n"
    issue "$W/ticket" "t-$n" "$@"
}
# login COMMAND: an ssh of ci-bot that has run it, and waits.
login() {
    rm -f "$W/up"
    ssh_bg ci-bot reply "$W/ticket" "$1
        : >$W/up; sleep 1000"
    eventually test -e "$W/up" || note "$(cat "$W/bg.out" "$W/bg.err")"
}

# ---- the user's own units ----

cat >"$W/stubborn" <<S
#!/bin/bash
trap '' TERM
while :; do $W/nhi-left 1002; done
S
chmod 755 "$W/stubborn"
echo 'grace = 1;' >/etc/nhi/nhi.conf
must nhictl apply

fresh
login "systemd-run --user -q $W/nhi-left 1001; systemd-run --user -q -p Restart=always $W/stubborn"
eventually left_is '1001 1002'
is "$(left)" '1001 1002' 'two units of systemd-run --user'
capture nhictl revoke --task "t-$n"
is "$RC:$(left):$(processes_of ci-bot)" 0:: 'revoked: both have ended, including one that ignores SIGTERM and is restarted' || note "$OUT $ERR"
eventually has_no_logind_session ci-bot
is "$(logind_sessions ci-bot)" '' 'and the session of logind'
eventually manager_has_ended
ok $? 'its manager has ended'
is "$(left)" '' 'nothing comes back'

# ---- lingering ----

fresh
mark_log
login "loginctl enable-linger; systemd-run --user -q $W/nhi-left 1003; mkdir -p ~/.config/systemd/user
printf '[Service]\nExecStart=$W/nhi-left 1004\n[Install]\nWantedBy=default.target\n' >~/.config/systemd/user/planted.service
systemctl --user daemon-reload; systemctl --user enable -q --now planted"
eventually left_is '1003 1004'
is "$(left)" '1003 1004' 'a unit of its own, and one planted for the next time'
has_logged 'agents do not linger: account=ci-bot' 'the supervisor does not let it linger'
eventually does_not_linger ci-bot
ok $? 'it does not'
capture nhictl revoke --task "t-$n"
is "$RC:$(left):$(processes_of ci-bot)" 0:: 'revoked: nothing is left' || note "$OUT $ERR"
eventually manager_has_ended
ok $? 'its manager has ended'
is "$(left)" '' 'nothing comes back'

# No supervisor runs while it begins to, and the verb ends it.
fresh
login 'true'
must systemctl stop nhi-watch
must loginctl enable-linger ci-bot
lingers ci-bot
is $? 0 'without the supervisor it lingers'
capture nhictl revoke --task "t-$n"
is "$RC:$(processes_of ci-bot)" 0: 'and no longer when it is revoked' || note "$OUT $ERR"
lingers ci-bot
is $? 1 'nor afterwards'

# As after a boot: it lingered, and its manager has been started.
eventually is_forgotten ci-bot
must loginctl enable-linger ci-bot
eventually left_is 1004
is "$(left)" 1004 'lingering, without a session: its planted unit runs'
must systemctl start nhi-watch
eventually has_no_process ci-bot
is "$(left):$(processes_of ci-bot)" : 'until a supervisor runs'
must loginctl enable-linger alice
sleep 0.5
lingers alice
is $? 0 'people linger as they like'
must loginctl disable-linger alice

# ---- whose login ----

rm -f "$W/go"
cat >"$W/person" <<S
#!/bin/bash
$PTY 'word: ' $W/ticket -- su ci-bot -c '$W/nhi-left 1005 & setsid $W/nhi-left 1006 & sleep 1000'
until [ -e $W/go ]; do sleep 0.1; done
echo alice-is-here
S
chmod 755 "$W/person"
fresh --service su
chmod 644 "$W/ticket"
ssh_bg alice key "$W/key" "$W/person"
PERSON=$!
eventually left_is '1005 1006'
is "$(left)" '1005 1006' 'su in a person'"'"'s login'
capture nhictl revoke --task "t-$n"
is "$RC:$(left)" 0: 'revoked: it ends'
is "$(logind_sessions alice)" 'Class=user State=active' 'the person'"'"'s session is there'
: >"$W/go"
wait "$PERSON"
like "$?:$(cat "$W/bg.out")" '^0:.*alice-is-here$' 'and continues to its end'

# sudo has no session of logind: two people's logins on a shared account, and in each of them sudo with another
# agent's ticket.
cat >/etc/sudoers.d/user <<S
deploy, ci-bot ALL=(root) $W/nhi-left
S
chmod 440 /etc/sudoers.d/user
rm -f "$W/go" ~ci-bot/.config/systemd/user/planted.service ~ci-bot/.config/systemd/user/*/planted.service
fresh --account deploy --service sudo
open_task other other-bot
issue "$W/other" other --agent other-bot --account deploy --service sudo
chmod 644 "$W/ticket" "$W/other"
with_sudo() { # with_sudo FILE NUMBER
    ssh_bg deploy key "$W/key" "setsid -w $PTY ': ' $1 -- sudo $W/nhi-left $2 & until [ -e $W/go ]; do sleep 0.1; done"
}
with_sudo "$W/ticket" 2001
FIRST=$!
with_sudo "$W/other" 2002
SECOND=$!
eventually left_is '2001 2002'
is "$(left)" '2001 2002' 'sudo with the tickets of two agents, in two logins of a shared account'
is "$(nhictl session list --json | jq -c '[.sessions[] | [.agent, .service]] | sort')" \
    '[["ci-bot","sudo"],["other-bot","sudo"]]' 'each is a session'
capture nhictl revoke --task "t-$n"
is "$RC:$(left)" 0:2002 'one is ended: the other stays' || note "$OUT $ERR"
is "$(logind_sessions deploy)" $'Class=user State=active\nClass=user State=active' 'and both logins'
must nhictl task close other
is "$(left):$(sessions)" :0 'until its own end'
: >"$W/go"
eventually test ! -e "/proc/$FIRST"
eventually test ! -e "/proc/$SECOND"
ok $? 'the logins end by themselves'

# In an agent's own login it is part of the login.
fresh --service sshd,sudo
open_task other-2 other-bot
issue "$W/other" other-2 --agent other-bot --account other-bot --service sshd
ssh_bg other-bot reply "$W/other" "$W/nhi-left 2004"
SECOND=$!
login "sudo -n $W/nhi-left 2003 &"
eventually left_is '2003 2004'
is "$(left)" '2003 2004' 'the logins of two agents, one with sudo'
capture nhictl revoke --task "t-$n"
is "$RC:$(left)" '0:2004' 'one is ended: the other stays'
eventually has_no_logind_session ci-bot
is "$(logind_sessions ci-bot):$(logind_sessions other-bot)" ':Class=user State=active' 'logind has the other'
must nhictl task close other-2
eventually test ! -e "/proc/$SECOND"
is "$(left):$(sessions)" :0 'until its own end'

finish
