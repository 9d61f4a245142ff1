#!/bin/bash
# SPDX-License-Identifier: ISC
# People work, as themselves and as an agent, and root's daemons and containers run, while agents are ended around them
# again and again, in every possible way. No process of theirs ever gets a signal.
#
#   people.t [ROUNDS]       1,000 by default
# Invariants: 18, 19.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/../e2e/lib.sh"
ROUNDS=${1:-1000}

lab_up
nhi_up
chmod 1777 "$W"
printf 'grace = 1;\n' >/etc/nhi/nhi.conf
must nhictl apply
cp /bin/sleep "$W/nhi-left" && chmod 755 "$W/nhi-left"
cat >/etc/sudoers.d/people <<S
alice ALL=(ci-bot, root) NOPASSWD: ALL
ci-bot ALL=(root) NOPASSWD: ALL
S
chmod 440 /etc/sudoers.d/people
: >"$W/signals"
chmod 666 "$W/signals"
# Reports which signal it was sent, and continues.
cat >"$W/nhi-person" <<S
#!/bin/bash
for s in TERM HUP INT QUIT; do trap "echo \$1 \$s >>$W/signals" \$s; done
echo \$\$ >$W/pid.\$1
while :; do read -rt 3600 <>/dev/ptmx || :; done
S
chmod 755 "$W/nhi-person"
comes() { eventually test -s "$W/pid.$1" || bail "$1 does not begin: $(cat "$W/bg.out" "$W/bg.err")"; }

# ---- processes of people ----

WHO=(login as-agent at-terminal container roots-cron before served euid)
# A job has restarted sshd, through which they log in.
kill "$SSHD"
eventually_gone "$SSHD"
nhictl run --agent ci-bot --job restart -- sudo -n /usr/sbin/sshd </dev/null >/dev/null 2>&1
answers() { bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$PORT" 2>/dev/null; }
eventually answers || bail 'sshd does not answer'
cat /run/sshd.pid >"$W/pid.served"
ssh_bg alice key "$W/key" "$W/nhi-person login"
comes login
ssh_bg alice key "$W/key" "sudo -n -u ci-bot $W/nhi-person as-agent"
comes as-agent
(setsid script -qfc "setpriv --reuid ci-bot --regid ci-bot --init-groups $W/nhi-person at-terminal" /dev/null >/dev/null 2>&1 &)
comes at-terminal
(unshare -p --fork --kill-child setpriv --reuid ci-bot --regid ci-bot --clear-groups sh -c "exec $W/nhi-left 100000" >/dev/null 2>&1 &)
eventually pgrep -f "^$W/nhi-left 100000" >/dev/null
pgrep -f "^$W/nhi-left 100000" >"$W/pid.container"
printf '@reboot root setpriv --reuid ci-bot --regid ci-bot --init-groups %s roots-cron\n' "$W/nhi-person" >/etc/cron.d/people
rm -f /run/crond.reboot
cron
comes roots-cron
orphan batch "$W/nhi-person" before
comes before
perl -e '$> = $ARGV[0]; sleep 1 while 1' "$(id -u ci-bot)" &
echo "$!" >"$W/pid.euid"
disown -a
# shellcheck disable=SC2317 # below
all_are_there() {
    local who
    for who in "${WHO[@]}"; do
        kill -0 "$(cat "$W/pid.$who")" 2>/dev/null || { note "gone: $who"; return 1; }
    done
}
all_are_there
ok $? "there are ${#WHO[@]}: ${WHO[*]}"

# ---- and what is ended ----

left() { pgrep -f "^$W/nhi-left [0-9]$" | wc -l; }
begun() { [ "$(left)" -ge "$1" ]; }
none_left() { [ "$(left)" = 0 ]; }
ended=0 lost=0 survived=0 began=$SECONDS
for ((i = 1; i <= ROUNDS; i++)); do
    orphan ci-bot "$W/nhi-left" 1
    case $((i % 5)) in
    0)
        nhictl run --agent ci-bot --job "j-$i" -- sh -c "$W/nhi-left 2 & (setsid sudo -n $W/nhi-left 3 &) ; sleep 0.1" </dev/null >/dev/null 2>&1
        must nhictl agent suspend ci-bot
        must nhictl agent resume ci-bot
        ;;
    1) eventually begun 1 && must nhictl lockdown on && must nhictl lockdown off ;;
    2) eventually begun 1 && must nhictl revoke --agent ci-bot --reason round ;;
    3) eventually begun 1 && must nhictl session end --leftovers ci-bot ;;
    4)
        open_task "s-$i"
        issue "$W/ticket" "s-$i"
        ssh_bg ci-bot reply "$W/ticket" "$W/nhi-left 4 & sudo -n $W/nhi-left 5"
        eventually begun 2
        must nhictl task close "s-$i"
        ;;
    esac
    eventually none_left || survived=$((survived + 1))
    ended=$((ended + 1))
    all_are_there || { lost=$((lost + 1)) && break; }
done
is "$lost" 0 'people, daemons and containers all continue'
is "$(cat "$W/signals")" '' 'none was sent a signal'
is "$survived" 0 'and nothing of the agent'"'"'s was left in any round'
ssh_as alice key "$W/key" id -un
is "$RC:$OUT" 0:alice 'sshd lets people in'
note "$ended rounds in $((SECONDS - began)) s: $lost with somebody gone, $(wc -l <"$W/signals") signals, $survived with something left"

finish
