#!/bin/bash
# SPDX-License-Identifier: ISC
# Ansible of the distribution, over a key with a ticket: ping, and a play that becomes root.
# shellcheck source=tests/e2e/lib.sh
export NHI_LAB_ALSO=clients
. "$(dirname "$0")/lib.sh"

command -v ansible >/dev/null || bail 'no ansible here: NHI_LAB_ALSO=clients packaging/lab.sh hosts ...'
lab_up
nhi_up
open_task play-1
ssh-keygen -q -t ed25519 -N '' -f "$W/id"
# Ansible's own way to become root: sudo -H -S -n -u root /bin/sh -c ...
echo 'ci-bot ALL=(root) /bin/sh' >/etc/sudoers.d/play && chmod 440 /etc/sudoers.d/play

# Nothing of the user's or the machine's configuration.
export ANSIBLE_CONFIG=$W/ansible.cfg HOME=$W/home
mkdir -p "$HOME"
# Otherwise it gives up on sudo after ten seconds.
printf '[defaults]\ntimeout = 60\n' >"$ANSIBLE_CONFIG"
cat >"$W/hosts" <<INVENTORY
target ansible_host=127.0.0.1 ansible_port=$PORT ansible_user=ci-bot ansible_ssh_private_key_file=$W/id ansible_python_interpreter=/usr/bin/python3 ansible_ssh_common_args='-F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null'
INVENTORY
cat >"$W/play.yml" <<'PLAY'
- hosts: target
  gather_facts: false
  become: true
  tasks:
    - command: id -u
      register: who
    - debug: { msg: "uid is {{ who.stdout }}" }
PLAY
ping() { capture timeout 300 ansible -i "$W/hosts" target -m ping; }
play() { capture timeout 300 ansible-playbook -i "$W/hosts" "$W/play.yml"; }
# Ansible keeps a connection open; the next test must make a new one.
hung_up() { ! pgrep -f 'ssh: .*mux' >/dev/null; }
hang_up() { pkill -f 'ssh: .*mux' ; eventually hung_up; }

ping
like "$RC:$OUT" '^[1-9].*UNREACHABLE' 'ping without a ticket: unreachable'
issue "$W/ticket" play-1 --bind-key "$W/id.pub" --service sshd,sudo
mark_log
ping
like "$RC:$OUT" '^0.*"ping": "pong"' 'ping with a ticket for the key'
has_logged 'pam_nhi\(sshd:session\): permitted: .*task=play-1.*source=key' 'with that key'
mark_log
play
like "$RC:$OUT" '^0.*uid is 0' 'a play that becomes root'
has_logged 'pam_nhi\(sudo:auth\): permitted: .*task=play-1.*source=session' 'with the ticket of its session'
is "$(stat -c '%U %a' /home/ci-bot/.ansible/tmp)" 'ci-bot 700' 'its remote_tmp is in the home of the agent'

mark_log
must nhictl task close play-1 --reason test
play
unlike "$RC" '^0$' 'the task is closed: no more root over the connection that Ansible keeps'
has_logged 'nhictl: session ended: .*task play-1 ended \(task-closed: ' 'which has ended, with the reason'
hang_up
ping
like "$RC:$OUT" '^[1-9].*UNREACHABLE' 'and no new connection'

finish
