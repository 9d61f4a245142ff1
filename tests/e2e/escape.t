#!/bin/bash
# SPDX-License-Identifier: ISC
# An agent tries to outlive its session, in every way at once, and leaves behind everything that could give it access
# again. After the revocation no process of it runs, and nothing that it left gives access: on its own account, and on
# one that accepts tickets only. Twice: with a cgroup for each session, and with the kernel's audit session alone.
#
# ESCAPE_RUNS: how often on each account, each way; `make escape` does it 25 times, 100 in all.
# Invariants: 7, 19.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

RUNS=${ESCAPE_RUNS:-1}

lab_up
nhi_up
chmod 1777 "$W"
cat >/etc/sudoers.d/escape <<'S'
ci-bot, batch ALL=(root, alice) /bin/bash
S
chmod 440 /etc/sudoers.d/escape
cp "$BUILD/tests/tools/escape" "$W/nhi-escape" && chmod 755 "$W/nhi-escape"
ssh-keygen -q -t ed25519 -N '' -f "$W/planted"
chmod 644 "$W/planted.pub"

# ---- what the agent does ----

# The last word of each is its tag. breed: more than there are, so that it can continue.
cat >"$W/escapes" <<S
#!/bin/bash
E=$W/nhi-escape
cd /
\$E sleep 0 plain &
setsid \$E sleep 0 setsid &
\$E orphan 0 orphan &
nohup \$E sleep 0 nohup >/dev/null 2>&1 &
\$E deaf 0 deaf &
\$E headless 0 headless &
\$E traced 0 traced &
\$E traced-exitkill 0 exitkill &
\$E forks 200 forks &
\$E sleep 0 stopped & stopped=\$!
sudo -n bash -c "exec unshare --pid --fork \$E deaf 0 unshared" &
mkdir -p -m 700 ~/.screen
SCREENDIR=~/.screen screen -dmS x \$E sleep 0 screen
tmux -L x new-session -d "exec \$E sleep 0 tmux"
sudo -n bash -c "setsid \$E deaf 0 root & trap '' TERM; \$E sleep 0 root-child" &
sudo -n -u alice bash -c "(setsid \$E deaf 0 alice &); \$E sleep 0 alice-child" &
sudo -n bash -c 'g=$W/cgroup\$(sed -n "s/^0:://p" /proc/self/cgroup)/frozen-\$\$
    mkdir -p $W/cgroup; mount -t cgroup2 cgroup2 $W/cgroup || exit; mkdir -p \$g
    (echo \$BASHPID >\$g/cgroup.procs && exec $W/nhi-escape deaf 0 frozen) & pid=\$!
    until grep -q nhi-escape /proc/\$pid/comm; do sleep 0.02; done; echo 1 >\$g/cgroup.freeze; umount -l $W/cgroup; wait' &
$W/plant
kill -STOP \$stopped
\$E breed 300 breed &
(flock 8 && exec \$E hop 0) 8>$W/hopping &
disown -a
S
TAGS='alice alice-child breed deaf exitkill forks frozen headless nohup orphan plain root root-child screen setsid stopped tmux traced unshared'

# In files, for later. If they work, a file named door-WHAT-ACCOUNT appears, or one more escape.
cat >"$W/plant" <<S
#!/bin/bash
me=\$(id -un)
mkdir -p ~/.ssh ~/.config/systemd/user/default.target.wants
cat $W/planted.pub >~/.ssh/authorized_keys
cp ~/.ssh/authorized_keys ~/.ssh/authorized_keys2
chmod 700 ~/.ssh; chmod 600 ~/.ssh/authorized_keys*
echo ": >$W/door-rc-\$me" >~/.ssh/rc
echo E2E_DOOR=environment >~/.ssh/environment
echo 'SSH_AUTH_INFO_0 DEFAULT="publickey $(cut -d' ' -f1,2 "$W/planted.pub")"' >~/.pam_environment
for f in .bashrc .profile .bash_login; do echo "(setsid $W/nhi-escape deaf 0 \$f >/dev/null 2>&1 </dev/null &)" >~/\$f; done
printf '[Service]\nExecStart=/usr/bin/touch $W/door-unit-%s\n' "\$me" >~/.config/systemd/user/x.service
ln -sf ../x.service ~/.config/systemd/user/default.target.wants/
echo "* * * * * : >$W/door-cron-\$me" | EDITOR='sh -c "cat >\$0"' crontab -e 2>/dev/null || echo "* * * * * : >$W/door-cron-\$me" | crontab -
echo ": >$W/door-at-\$me" | at now 2>/dev/null
sudo -n bash -c "cp /bin/bash $W/rootbash-\$me && chmod 4755 $W/rootbash-\$me"
: >$W/planted-\$me
S
chmod 755 "$W/escapes" "$W/plant"

# ---- what can be seen of it ----

# Of processes that still run. A process whose first thread has ended no longer has a command line.
out() {
    {
        ps -eo args= | sed -n "s:^$W/nhi-escape [a-z-]* [0-9]* ::p"
        ps -eLo stat=,comm=,pid=,lwp= | awk '$2 == "nhi-escape" && $1 ~ /^Z/ && $3 == $4 { print $3 }' | while read -r pid; do
            [ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" -lt 2 ] || echo headless
        done
    } | sort -u
}
missing() { comm -23 <(tr ' ' '\n' <<<"$TAGS") <(out) | tr '\n' ' '; }
all_are_out() { hops && [ -z "$(missing)" ]; }
# A process that becomes another one every moment is in no list, but all of them hold its lock.
hops() { [ -e "$W/hopping" ] && ! flock -n 8 8<"$W/hopping"; }
not_hops() { ! hops; }
# Every thread that has not ended of a program that it started, or with its login uid, or with its uid.
left() {
    ps -eLo stat=,pid=,luid=,uid=,comm= | awk -v a="$(id -u ci-bot)" -v b="$(id -u batch)" \
        '$1 !~ /^[ZX]/ && ($3 == a || $3 == b || $4 == a || $4 == b || $5 ~ /^(nhi-escape|screen|tmux)/)'
}
mux() { timeout 120 ssh -F none -S "$W/mux" -o ProxyCommand=false -o LogLevel=ERROR "$1@127.0.0.1" id -un 2>&1; }

n=0
survivors=0 bad=''
# once ACCOUNT: a session with all of that, and its end.
once() {
    n=$((n + 1))
    open_task "t-$n"
    issue "$W/ticket" "t-$n" --account ci-bot,batch --service sshd,sudo
    rm -f "$W/mux" "$W/planted-$1" "$W/hopping"
    # The previous one was ended in the middle of this.
    umount -l "$W/cgroup" 2>/dev/null
    ssh_bg "$1" reply "$W/ticket" -M -S "$W/mux" "$W/escapes; exec sleep 1000"
    BG=$!
    disown
    eventually all_are_out && eventually test -e "$W/planted-$1" ||
        bad+=" $n: without $(missing)$(head -c 300 "$W/bg.err")"
    [ "$(mux "$1")" = "$1" ] || bad+=" $n: no second login"
    nhictl revoke --task "t-$n" >"$W/out" 2>&1 || bad+=" $n: $(cat "$W/out")"
    left >"$W/left"
    survivors=$((survivors + $(wc -l <"$W/left")))
    sed "s/^/# $n: /" "$W/left"
    # Whatever is left must not add up: it is counted, and then ended.
    awk '{ print $2 }' "$W/left" | sort -u | xargs -r kill -KILL
    ! hops || bad+=" $n: it still hops"
    eventually not_hops
    ! mux "$1" >/dev/null || bad+=" $n: a second login after the end"
    eventually test ! -e "/proc/$BG" || bad+=" $n: ssh stays"
}

# many NAME: RUNS times on either account, at once and with a grace.
many() {
    local i
    survivors=0 bad=''
    for ((i = 0; i < RUNS; i++)); do
        echo "grace = $((i % 4 == 3));" >/etc/nhi/nhi.conf
        must nhictl apply --force
        once ci-bot
        once batch
    done
    is "$survivors" 0 "$1: of $((2 * RUNS)) sessions nothing is left"
    is "$bad" '' "$1: each was complete, and ended with its second login"
    is "$(nhictl session list --json | jq -c .sessions)" '[]' "$1: no session is left"
}

tops() {
    local top
    for top in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ "$(stat -f -c %T "$top" 2>/dev/null)" != cgroup2fs ] || echo "$top"
    done
}
if [ -n "$(tops)" ]; then
    many 'with cgroups'
    for top in $(tops); do umount -l "$top"; done
fi
is "$(tops)" '' 'no cgroups for sessions any more'
many 'without cgroups'

# ---- what it left behind ----

planted() {
    find ~ci-bot/.ssh/authorized_keys ~batch/.ssh/authorized_keys /var/spool/cron/crontabs/{ci-bot,batch} \
        "$W"/rootbash-{ci-bot,batch} 2>/dev/null | wc -l
}
is "$(planted):$(atq | awk '{ print $NF }' | sort -u | tr '\n' ' ')" '6:batch ci-bot ' \
    'keys, crontabs, jobs for at and set-uid shells are in place'
rm -f "$W"/door-*

# The same jobs by a person: when these have run, the others had time to run.
echo "* * * * * : >$W/ran-cron" | crontab -u alice -
as alice sh -c "cd /; echo ': >$W/ran-at' | at now" 2>/dev/null
mark_log
FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f +0x60 cron -f >"$W/cron.log" 2>&1 &
atd -f -l 1000 >"$W/atd.log" 2>&1 &
ATD=$!
disown -a
eventually test -e "$W/ran-cron"
ok $? 'a crontab of a person runs'
eventually test -e "$W/ran-at"
ok $? 'a job for at of a person runs'
for a in ci-bot batch; do
    has_logged "pam_nhi\\(cron:account\\): denied: reason=no-ticket account=$a" "$a: its crontab does not"
    has_logged "pam_nhi\\(atd:account\\): denied: reason=no-ticket account=$a" "$a: its job for at does not"
done
kill "$(cat /run/crond.pid)" "$ATD"

chmod 644 "$W/ticket"
for a in ci-bot batch; do
    ssh_as "$a" key "$W/planted" id
    unlike "$RC" '^0$' "$a: no login with a key that it left in authorized_keys"
    ssh_as "$a" reply "$W/ticket" id
    unlike "$RC" '^0$' "$a: nor with the ticket"
    capture as alice timeout 60 "$PTY" 'word: ' "$W/ticket" -- su "$a" -c id
    unlike "$RC" '^0$' "$a: nor with su"
    capture as "$a" timeout 60 "$PTY" "$a: " "$W/ticket" -- sudo /bin/bash -c id
    unlike "$RC" '^0$' "$a: no sudo for a process that still has its uid"
    capture as "$a" sudo -n /bin/bash -c id
    unlike "$RC" '^0$' "$a: nor without asking"
done
is "$(find "$W" -name 'door-*')" '' 'none of it has run'

# The next login with a ticket runs what was left in files for shells: inside the new session.
for a in ci-bot batch; do
    open_task "next-$a"
    issue "$W/next" "next-$a" --account "$a" --service sshd
    ssh_bg "$a" reply "$W/next" -tt "bash -ic :; bash -lc 'env >$W/env; $W/rootbash-$a -p -c \"setsid $W/nhi-escape deaf 0 setuid & exec sleep 1000\"'"
    BG=$!
    disown
    came() { [ "$(out | grep -cxE '\.bashrc|\.bash_login|setuid')" = 3 ]; }
    eventually came
    ok $? "$a: a set-uid shell and files for shells run in the next session" || note "$(out)"
    is "$(grep -c ^E2E_DOOR= "$W/env")" 0 "$a: .ssh/environment is not read"
    must nhictl revoke --task "next-$a"
    is "$(left)" '' "$a: and end with it"
done
is "$(find "$W" -name 'door-*')" '' 'nor has .ssh/rc run'

finish
