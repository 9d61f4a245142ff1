#!/bin/bash
# SPDX-License-Identifier: ISC
# Programs of Debian that run an agent's code and do not ask PAM, installed for real: a pipe in ~/.forward under
# postfix, a crontab under systemd-cron, a key in ~/.ssh under dropbear. If the agent has no ticket, what they start
# ends, and cannot leave its own account.
# Invariant: 19.
# shellcheck source=tests/boot/lib.sh disable=SC2016 # for the shell of the agent
export NHI_BOOT_DEBS='postgresql rabbitmq postfix systemd-cron dropbear'
. "$(dirname "$0")/../boot/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
cp /bin/sleep "$W/nhi-left" && chmod 755 "$W/nhi-left"
left() { pgrep -af "^$W/nhi-left" | awk '{ print $3 }' | sort -u | paste -sd' '; }
left_is() { [ "$(left)" = "$1" ]; }
printf 'grace = 1;\n' >/etc/nhi/nhi.conf
must nhictl apply
echo 'ci-bot ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ways && chmod 440 /etc/sudoers.d/ways
install_deb() {
    DEBIAN_FRONTEND=noninteractive must apt-get -q install -y --no-install-recommends -o Dpkg::Use-Pty=0 \
        -o APT::Sandbox::User=root /var/cache/nhi-debs/"$1"/*.deb
}
# What each of them runs: it reports that it runs, and what sudo permits, and stays. Its argument identifies it.
cat >"$W/code" <<S
#!/bin/sh
sudo -n id -u >"$W/sudo.\$1" 2>&1
echo "\$?" >"$W/ran.\$1"
exec $W/nhi-left "\$1"
S
chmod 755 "$W/code"
findings() { nhictl doctor --json | jq -r '.findings[].finding' | sort -u; }
# ends_as NUMBER NAME: after mark_log, what was started there is found and ended.
ends_as() {
    eventually test -s "$W/ran.$1"
    ok $? "$2: it runs the agent's code"
    unlike "$(cat "$W/ran.$1" 2>/dev/null):$(cat "$W/sudo.$1" 2>/dev/null)" '^(0:|:|[0-9]*:0$)' "$2: sudo inside it is denied"
    has_logged 'ends without a session: account=ci-bot' "$2: the supervisor finds it"
    eventually left_is ''
    is "$(left)" '' "$2: and ends it"
    rm -f "$W/ran.$1" "$W/sudo.$1"
}

# ---- what an agent leaves for later ----

for package in postfix systemd-cron dropbear; do install_deb "$package"; done
systemctl stop dropbear 2>/dev/null
ssh-keygen -q -t ed25519 -N '' -f "$W/planted"
open_task plant
issue "$W/ticket" plant --service sshd
ssh_as ci-bot reply "$W/ticket" "echo '\"|$W/code 1001\"' >.forward; mkdir -p -m 700 .ssh
    echo '$(cat "$W/planted.pub")' >.ssh/authorized_keys; chmod 600 .ssh/authorized_keys
    echo '@yearly $W/code 1002' | crontab -"
is "$RC" 0 'an agent leaves a pipe for its mail, a crontab and a key'
must nhictl revoke --task plant

# ---- postfix ----

must systemctl restart postfix
mark_log
sendmail ci-bot <<<'Subject: to the pipe'
ends_as 1001 "revoked, a mail to ~/.forward"

# ---- systemd-cron ----

is "$(command -v cron; findings | grep -x cron-without-pam)" cron-without-pam 'systemd-cron is in the place of cron: doctor finds it'
must systemctl daemon-reload
unit_of() { systemctl list-unit-files --no-legend 'cron-*ci*bot*.service' | awk '{ print $1 }' | head -n 1; }
has_unit() { [ -n "$(unit_of)" ]; }
eventually has_unit
must nhictl agent suspend ci-bot
mark_log
systemctl start --no-block "$(unit_of)"
ends_as 1002 'suspended, a crontab under systemd-cron'
must nhictl agent resume ci-bot

# ---- dropbear ----

is "$(findings | grep -x ssh-without-pam)" ssh-without-pam 'dropbear: doctor finds it'
must systemd-run --quiet --unit=e2e-dropbear dropbear -F -E -R -p 127.0.0.1:2223
by_dropbear() { PORT=2223 capture timeout 30 ssh -F none -p 2223 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR -o IdentitiesOnly=yes -o BatchMode=yes -i "$W/planted" ci-bot@127.0.0.1 "$@"; }
eventually bash -c 'exec 3<>/dev/tcp/127.0.0.1/2223' 2>/dev/null
mark_log
by_dropbear "$W/code 1003"
ends_as 1003 'revoked, a key under dropbear'
for how in 'agent suspend ci-bot,agent resume ci-bot' 'lockdown on,lockdown off'; do
    # shellcheck disable=SC2086 # words
    must nhictl ${how%,*}
    by_dropbear echo in
    unlike "$RC:$OUT" '^0|in' "${how%,*}: dropbear lets nobody in"
    # shellcheck disable=SC2086
    must nhictl ${how#*,}
done
finish
