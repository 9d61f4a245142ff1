#!/bin/bash
# SPDX-License-Identifier: ISC
# Without systemd a session has a cgroup of its own, beside the kernel's audit session, or instead of it where the
# kernel has none.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

TOP=
for top in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    [ "$(stat -f -c %T "$top" 2>/dev/null)" != cgroup2fs ] || TOP=$top
done
if [ -z "$TOP" ] || ! mkdir "$TOP/probe" 2>/dev/null; then
    echo '1..0 # SKIP this machine has no cgroups of version 2 that root can make'
    exit 0
fi
rmdir "$TOP/probe"

lab_up
nhi_up
chmod 1777 "$W"
cat >/etc/sudoers.d/cgroup <<'S'
ci-bot ALL=(root) /bin/bash
S
chmod 440 /etc/sudoers.d/cgroup
cp /bin/sleep "$W/nhi-inside" && chmod 755 "$W/nhi-inside"
inside() { pgrep -f "^$W/nhi-inside" | wc -l; }
are_inside() { [ "$(inside)" -ge "$1" ]; }
# Later sessions and commands remove their directories.
no_groups() { [ "$(groups_of_sessions)" = 0 ]; }
groups_of_sessions() { find "$TOP/nhi" -mindepth 1 -type d 2>/dev/null | wc -l; }

# Processes that leave their parent or their session, and what root does in it.
cat >"$W/orphans" <<S
#!/bin/bash
(setsid bash -c '$W/nhi-inside 1001 & $W/nhi-inside 1002 & trap "" TERM; sudo -n id -un >$W/sudo-of-orphan 2>&1; $W/nhi-inside 1003 & wait; wait' &)
sudo -n bash -c 'g=$TOP\$(sed -n "s/^0:://p" /proc/self/cgroup); mkdir \$g/below
    (echo \$BASHPID >\$g/below/cgroup.procs; exec $W/nhi-inside 1004) &
    until pgrep -f "^$W/nhi-inside 1004" >/dev/null; do sleep 0.1; done
    echo 1 >\$g/below/cgroup.freeze; exec $W/nhi-inside 1005' &
sleep 1000
S
chmod 755 "$W/orphans"

n=0
# begins: BG is an ssh that has started them all
begins() {
    n=$((n + 1))
    open_task "t-$n"
    issue "$W/ticket" "t-$n" --service sshd,sudo
    rm -f "$W/sudo-of-orphan"
    ssh_bg ci-bot reply "$W/ticket" "$W/orphans"
    BG=$!
    eventually test -s "$W/sudo-of-orphan"
    eventually are_inside 5 || note "$(cat "$W/bg.out" "$W/bg.err")"
    is "$(cat "$W/sudo-of-orphan")" root "$1: for sudo, an orphan is still inside" ||
        tail -n 3 "$LOG" | sed 's/^/# /'
    HANDLE=$(nhictl session list --json | jq -r '.sessions[0].session')
    [ -d "$TOP/nhi/$HANDLE" ]
    ok $? "$1: the session $HANDLE has a cgroup"
}
ends() {
    is "$([ "$(inside)" -ge 5 ] && echo all)" all "$1: everything runs"
    capture nhictl revoke --task "t-$n"
    is "$RC:$(inside)" 0:0 "$1: nothing is left when revoke returns" || pgrep -af nhi-inside | sed 's/^/# /'
    eventually no_groups
    ok $? "$1: nor any cgroup" || find "$TOP/nhi" | sed 's/^/# /'
    eventually test ! -e "/proc/$BG"
    ok $? "$1: ssh has ended"
}

like "$(nhictl status --json | jq -r .sessions_known_by)" '^audit session, cgroup$' 'status names both'
begins 'with audit'
like "$HANDLE" ^a- 'with audit: known by the audit session'
# A cgroup that root has made in it and not used yet is not removed with those of others.
mkdir "$TOP/nhi/$HANDLE/to-be-used"
open_task beside
issue "$W/ticket" beside
ssh_as ci-bot reply "$W/ticket" true
must nhictl task close beside
is "$(nhictl session list --json | jq '.sessions | length')" 1 'another session has begun and ended'
[ -d "$TOP/nhi/$HANDLE/to-be-used" ]
ok $? 'with audit: an empty cgroup in it stays while it lives'
ends 'with audit'

# A daemon of the host that was restarted in a session outlives it, and so does a person who logged in through it.
open_task daemon
issue "$W/ticket" daemon --service sshd,sudo
kill "$SSHD"
eventually_gone "$SSHD"
sed -i "s/^Port .*/Port 2223/" /etc/ssh/sshd_config.d/00-e2e.conf
PORT=2223 run_sshd
sed "s/-p $PORT/-p 2223/" "$SSH_TOOL" >"$W/ssh-2223" && chmod 755 "$W/ssh-2223"
sed -i "s/^Port .*/Port $PORT/" /etc/ssh/sshd_config.d/00-e2e.conf
"$W/ssh-2223" ci-bot reply "$W/ticket" 'sudo -n bash -c "/usr/sbin/sshd -D & sleep 1000"' >"$W/bg.out" 2>&1 &
BG=$!
disown
eventually bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$PORT" 2>/dev/null || bail 'no sshd in the session'
ssh_bg alice key "$W/key" "sudo -S -p '' id -u <$W/password; echo in; until [ -e $W/go ]; do sleep 0.1; done; echo out"
PERSON=$!
eventually grep -q in "$W/bg.out"
like "$(cat "/proc/$(pgrep -u alice -f 'until' | head -n 1)/cgroup")" $'0::/(\n|$)' \
    'a person who got in through a daemon of the session is in no cgroup of it'
like "$(head -n 1 "$W/bg.out")" '^0$' 'and her sudo is her own'
is "$(nhictl session list --json | jq '.sessions | length')" 1 'in the trail, too'
must nhictl revoke --task daemon
eventually test ! -e "/proc/$BG"
: >"$W/go"
wait "$PERSON"
like "$(cat "$W/bg.out")" out 'and stays when the session ends'
bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$PORT" 2>/dev/null
is "$?" 0 'so does the daemon'
must kill "$(cat /run/sshd.pid)"
kill "$SSHD"
eventually_gone "$SSHD"

# A process that has an audit session and lacks the capability gets no other, as in a container whose daemon was
# restarted by hand.
sed -i '/pam_loginuid/d' /etc/pam.d/sshd /etc/pam.d/cron
no_audit() {
    (
        echo 0 >/proc/self/loginuid
        exec setpriv --bounding-set=-audit_control --inh-caps=-audit_control "$@"
    )
}
no_audit /usr/sbin/sshd -D &
disown
eventually bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$PORT" 2>/dev/null || bail 'sshd does not answer'
is "$(no_audit nhictl status --json | jq -r .sessions_known_by)" 'cgroup, descent' 'status reports what is left'
begins 'without audit'
like "$HANDLE" ^p- 'without audit: known by its first process'
ends 'without audit'

open_task by-cron
issue "$W/ticket" by-cron --service cron
echo "@reboot ci-bot (setsid $W/nhi-inside 2001 &); $W/nhi-inside 2002" >/etc/cron.d/e2e
rm -f /run/crond.reboot
no_audit cron -f &
disown
eventually are_inside 2
must nhictl task close by-cron
is "$(inside)" 0 'a job of cron ends, orphans too'
eventually no_groups
ok $? 'with its cgroup'
pgrep -x cron >/dev/null
ok $? 'and cron continues'
rm /etc/cron.d/e2e

# nhictl run, killed: what it left behind ends, too.
nhictl run --agent ci-bot --job killed -- bash -c "(setsid $W/nhi-inside 3001 &); $W/nhi-inside 3002" &
RUN=$!
disown
eventually are_inside 2
kill -KILL "$RUN"
must nhictl status
eventually sh -c "! pgrep -f '^$W/nhi-inside' >/dev/null"
is "$(inside)" 0 'what a killed run leaves ends with its ticket'

# Without cgroups for sessions: those of systemd are not touched, nor is one that is not root's alone.
mkdir -p /run/systemd/system
issue "$W/ticket" "$(open_task bare && echo bare)" --service sshd
ssh_as ci-bot reply "$W/ticket" 'cat /proc/self/cgroup'
unlike "$OUT" '0::/nhi' 'where systemd runs, none is made'
rmdir /run/systemd/system
chown ci-bot "$TOP/nhi"
ssh_as ci-bot reply "$W/ticket" 'cat /proc/self/cgroup'
is "$RC" 0 'a directory of another user: the session begins'
unlike "$OUT" '0::/nhi' 'but in no cgroup'
chown root "$TOP/nhi"
ssh_as ci-bot reply "$W/ticket" 'cat /proc/self/cgroup; for d in '"$TOP"' '"$TOP"'/nhi; do echo $$ >$d/cgroup.procs; mkdir $d/nhi/x; done 2>/dev/null; cat /proc/self/cgroup'
is "$(grep -c '^0::/nhi/' <<<"$OUT")" 2 'an agent cannot leave its own'

finish
