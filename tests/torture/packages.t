#!/bin/bash
# SPDX-License-Identifier: ISC
# Packages of Debian whose scripts become other accounts with su and runuser, installed and used on a host where nhi
# has set up everything: by root's own shell, and by an agent's sudo.
# shellcheck source=tests/boot/lib.sh
export NHI_BOOT_DEBS='postgresql rabbitmq postfix systemd-cron dropbear'
. "$(dirname "$0")/../boot/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
# Root's PATH is the one that scripts of packages expect; DEBS has the packages to install.
DEBS=/var/cache/nhi-debs
cat >"$W/install" <<S
#!/bin/sh
DEBIAN_FRONTEND=noninteractive exec apt-get -q install -y --no-install-recommends -o Dpkg::Use-Pty=0 \
    -o APT::Sandbox::User=root -o Dpkg::Options::=--force-confold $DEBS/\$1/*.deb
S
chmod 755 "$W/install"
echo 'ci-bot ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/packages && chmod 440 /etc/sudoers.d/packages
open_task install
issue "$W/ticket" install --service sshd,sudo --ttl 1h
as_root() { capture timeout 300 "$@"; }
# by_agent COMMAND...: root by the sudo of a session.
by_agent() { capture timeout 300 "$SSH_TOOL" ci-bot reply "$W/ticket" "sudo -n $*"; }
refused() { journalctl -q -o cat | grep -E 'pam_nhi.*denied' | grep -v 'reason=no-supervisor'; }
done_well() { # done_well NAME
    is "$RC" 0 "$1" || note "$(tail -n 5 <<<"$OUT")" "$(tail -n 5 <<<"$ERR")"
}
purge() { DEBIAN_FRONTEND=noninteractive must apt-get -q purge -y --auto-remove -o Dpkg::Use-Pty=0 "$@"; }

# ---- postgresql: its scripts become postgres by su and runuser ----

for who in as_root by_agent; do
    "$who" "$W/install" postgresql
    done_well "$who: postgresql is installed"
    v=$(ls /usr/lib/postgresql)
    is "$(systemctl is-active "postgresql@$v-main")" active "$who: and runs"
    "$who" pg_createcluster "$v" other
    done_well "$who: a second cluster is made"
    "$who" pg_ctlcluster "$v" other start
    done_well "$who: and started"
    cat >"$W/ask" <<S
#!/bin/sh
su postgres -c 'psql -Atc "select 6 * 7" --cluster $v/other' &&
runuser -u postgres -- psql -Atc 'select 6 * 7' --cluster $v/other &&
sudo -u postgres psql -Atc 'select 6 * 7' --cluster $v/other
S
    chmod 755 "$W/ask"
    "$who" "$W/ask"
    is "$RC:$OUT" $'0:42\n42\n42' "$who: su, runuser and sudo become postgres" || note "$ERR"
    "$who" pg_ctlcluster "$v" other stop
    done_well "$who: it is stopped"
    "$who" pg_dropcluster "$v" other
    done_well "$who: and dropped"
    purge 'postgresql*'
done

# ---- rabbitmq-server: its commands become rabbitmq by su ----

rabbitmq_answers() { capture timeout 60 rabbitmqctl status && [ "$RC" = 0 ]; }
for who in as_root by_agent; do
    "$who" "$W/install" rabbitmq
    done_well "$who: rabbitmq-server is installed"
    eventually rabbitmq_answers
    "$who" rabbitmqctl status
    done_well "$who: rabbitmqctl status"
    "$who" rabbitmqctl add_user "of-$who" secret
    done_well "$who: rabbitmqctl add_user"
    "$who" systemctl restart rabbitmq-server
    done_well "$who: it is started again"
    purge rabbitmq-server
done

is "$(refused)" '' 'none of it was denied'
# A daemon that a session's package started belongs to the host, and outlives the session.
by_agent "$W/install" postgresql
must nhictl revoke --task install
is "$(systemctl is-active "postgresql@$(ls /usr/lib/postgresql)-main")" active 'what an agent installed keeps running when its task is revoked'
finish
