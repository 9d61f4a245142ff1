#!/bin/bash
. "$(dirname "$0")/lib.sh"
lab_up; nhi_up; open_task t1
sed -i 's/pam_nhi.so/pam_nhi.so debug/' /etc/pam.d/*
issue $W/t t1; chmod 600 $W/t
mark_log
ssh_as ci-bot reply $W/t id; echo "$RC $OUT $ERR"
since_mark
ls -la /var/lib/nhi/grants /run/nhi /run/nhi/sessions
pkill -x sshd; sleep 0.2; strace -f -o $W/st /usr/sbin/sshd -D & sleep 0.7
ssh_as ci-bot reply $W/t id; echo "$RC $OUT $ERR"
cp $W/st /proc/1/root/dev/null; grep -nE 'grants|nhi|setresuid|exit_group|clone|sendto' $W/st | tail -150
