#!/bin/bash
# SPDX-License-Identifier: ISC
# An account that automation uses with an old key, NOPASSWD and a crontab is adopted by typing what nhictl adopt
# prints, step by step. Nothing stops working meanwhile, and in the end only tickets open it.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
groupadd nhi-observe
ssh-keygen -q -t ed25519 -N '' -C ci@jenkins -f "$W/ci"
useradd -m -s /bin/bash web
install -d -m 700 -o web -g web /home/web/.ssh
{
    echo '# who is this?'
    cat "$W/ci.pub"
} | install -m 600 -o web -g web /dev/stdin /home/web/.ssh/authorized_keys
# More than fits on a line.
MAY="/usr/bin/id, /usr/bin/true, /usr/bin/systemctl restart one.service, /usr/bin/systemctl restart another.service"
echo "web ALL=(root) NOPASSWD: $MAY" >/etc/sudoers.d/web
chmod 440 /etc/sudoers.d/web
echo "0 3 * * * sudo -n id -u >>$W/ran" | crontab -u web -
# The log is in the place of a syslog daemon's.
ln -s "$LOG" /var/log/auth.log
works() { ssh_as web key "$W/ci" 'sudo -n id -u'; }

works
is "$RC:$OUT" 0:0 'at first: a key and NOPASSWD'
works
settle_log
mark=$(find /etc /home /var/spool/cron -type f -exec sha256sum {} + | sort | sha256sum)
capture nhictl adopt web --owner ops@example.org --json
is "$RC" 0 'adopt'
cp "$W/out" "$W/adopt.json"
of() { jq -c "$1" "$W/adopt.json"; }
is "$mark" "$(find /etc /home /var/spool/cron -type f -exec sha256sum {} + | sort | sha256sum)" 'changes nothing'
is "$(of '.keys[0] | [.type, .comment, .can_be_bound, .logins]')" '["ssh-ed25519","ci@jenkins",true,2]' 'finds the key, and who uses it'
is "$(of '.logins | map([.how, .from, .count])')" '[["publickey","127.0.0.1",2]]' 'logins'
is "$(of '.sudo')" "[\"(root) NOPASSWD: $MAY\"]" 'lines of sudoers'
is "$(of '.sudo_runs | map([.command, .count])')" '[["/usr/bin/id",2]]' 'what sudo ran'
is "$(of '.jobs | map([.when, .job])')" '[["0 3 * * *","sudo"]]' 'the crontab'

# sshd decides where the keys are. The program that sshd could be made to run for this answer is not asked: nothing is
# run.
MORE=/etc/ssh/sshd_config.d/zz-more.conf
cp /home/web/.ssh/authorized_keys /etc/ssh/keys-of-web
echo 'AuthorizedKeysFile /etc/ssh/keys-of-%u' >$MORE
looks() { nhictl adopt web --json 2>"$W/err" | jq -r '.keys[].file' && cat "$W/err"; }
is "$(looks)" /etc/ssh/keys-of-web 'keys in another place are found'
printf 'Match exec "touch %s/run-by-sshd"\nMatch all\n' "$W" >>$MORE
like "$(looks | paste -sd' ')" '^/home/web/.ssh/authorized_keys nhictl: sshd could not be asked' 'or it reports where it looked'
test ! -e "$W/run-by-sshd"
ok $? 'and runs nothing for that'
rm $MORE /etc/ssh/keys-of-web

step() { # step NAME: typed unchanged
    jq -r --arg s "$1" '.steps[] | select(.step == $s).command' "$W/adopt.json" >"$W/step"
    capture bash -ec "cd $W; $(cat "$W/step")"
    is "$RC" 0 "step $1" || note "$ERR"
}
step observe
works
is "$RC:$OUT" 0:0 'observed, it works as before'
denied() { nhictl status --json | jq '.observed[] | select(.account == "web").would_be_denied'; }
seen() { [ "$(denied)" -gt 0 ]; }
eventually seen
ok $? 'and status counts what would be denied'
step register
step policy
step tickets
had=$(denied)
works
is "$RC:$OUT" 0:0 'with a ticket it works as before'
sleep 0.2
is "$(denied)" "$had" 'and would not be denied'
step jobs
crontab -r -u web
line=$(grep -v '^#' /etc/cron.d/web-bot)
chmod 666 "$W/ran" 2>/dev/null || install -m 666 /dev/null "$W/ran"
step sudo
bash -c "${line#* root }"
is "$(tail -n 1 "$W/ran")" 0 'the job runs with the printed line'
step enforce
sed -i 's/NOPASSWD: //' /etc/sudoers.d/web
works
is "$RC:$OUT" 0:0 'enforced: the same key, with its ticket, and sudo -n with that'
must nhictl task close web-bot-1
works
unlike "$RC" '^0$' 'the task has ended: the old key opens nothing'
is "$(ls -A /home/web/.ssh)" authorized_keys.before-nhi 'nor does the file that it was in'
finish
