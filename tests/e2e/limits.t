#!/bin/bash
# SPDX-License-Identifier: ISC
# An agent on a shared account differs from the people there by its session alone: it tries to pass for one of them by
# the limits under which it calls su and sudo, by where it runs, and by what it was.
# Invariants: 1, 7.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
gpasswd -a deploy users >/dev/null
open_task shared-1
issue "$W/deploy" shared-1 --account deploy --service sshd
# A person there may do this without a password; the ticket does not name sudo.
capture as deploy sudo -n /usr/bin/true
is "$RC" 0 'a person there has sudo'

# Each is run in the agent's session; what a person there could do must fail.
cat >"$W/ways" <<'S'
#!/bin/bash
go() { # go NAME COMMAND...: in a shell of its own
    local name=$1
    shift
    if ("$@") >/dev/null 2>&1 </dev/null; then echo "IN: $name"; else echo "out: $name"; fi
}
call='sudo -n /usr/bin/true'
go plain $call
for n in 0 1 2 3 4 5 6 7 8 10 16; do
    go "open files, soft $n" bash -c "ulimit -Sn $n; exec $call"
    go "open files $n" bash -c "ulimit -n $n; exec $call"
done
for n in 0 1000 4000 10000 20000 40000 80000; do
    go "memory $n" bash -c "ulimit -v $n; exec $call"
    go "data $n" bash -c "ulimit -d $n; exec $call"
done
for n in 8 16 64 128; do go "stack $n" bash -c "ulimit -s $n; exec $call"; done
go 'no file size' bash -c "ulimit -f 0; exec $call"
go 'no processes' bash -c "ulimit -u 1; exec $call"
go 'no locked memory' bash -c "ulimit -l 0; exec $call"
go 'no time' bash -c "ulimit -t 0; exec $call"
go 'every file open' perl -e 'while (open my $f, "<", "/dev/null") { push @f, $f; use Fcntl; fcntl $f, F_SETFD, 0 } exec @ARGV' $call
go 'a session of its own' setsid -w $call
go 'an orphan' bash -c "(setsid bash -c '$call && : >$W/orphan-in' &); sleep 1; test -e $W/orphan-in"
deep() { if [ "$1" = 0 ]; then $call; else bash -c "$(declare -f deep); call='$call'; deep $(($1 - 1))"; fi; }
go 'deep' deep 60
go 'a user namespace' unshare -Ur $call
go 'user and PID namespaces' unshare -Urpf --mount-proc $call
go 'a login uid of its own' bash -c "echo 1002 >/proc/self/loginuid; exec $call"
go 'no login uid' bash -c "echo 4294967295 >/proc/self/loginuid; exec $call"
go 'another cgroup' bash -c "for d in /sys/fs/cgroup /sys/fs/cgroup/unified; do echo \$\$ >\$d/cgroup.procs; done; exec $call"
go 'a handle of its own' bash -c "mkdir -p /run/nhi/sessions; : >/run/nhi/sessions/x; exec $call"
go 'its own PAM environment' bash -c "echo 'NHI_GRANT=x' >~/.pam_environment; exec $call"
S
chmod 755 "$W/ways"
ssh_as deploy reply "$W/deploy" "$W/ways"
is "$RC:$(grep -c '^out: ' <<<"$OUT"):$(grep '^IN: ' <<<"$OUT")" "0:$(grep -c . <<<"$OUT"):" 'no way makes it a person' ||
    note "$OUT"
like "$(grep -c . <<<"$OUT")" '^[5-9][0-9]$' 'of more than fifty ways'
ssh_as deploy reply "$W/password" 'rm -f ~/.pam_environment; echo in'
is "$RC:$OUT" 0:in 'and what it left in the shared home locks nobody out'

# ---- people under limits of their own ----

# With fewer, sudo itself cannot load its own modules.
for n in 10 12 20; do
    capture as deploy bash -c "ulimit -Sn $n; exec sudo -n /usr/bin/true"
    is "$RC" 0 "a person with $n open files has sudo"
done

finish
