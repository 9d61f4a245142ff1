#!/bin/bash
# SPDX-License-Identifier: ISC
# Public keys: a ticket that opens nothing without the key that it is bound to, and a key that opens nothing without
# its ticket. An ordinary ssh with BatchMode, which answers no prompt.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
open_task build-1
for name in bound other planted person; do ssh-keygen -q -t ed25519 -N '' -f "$W/id-$name"; done
ssh-keygen -q -t rsa -b 2048 -N '' -f "$W/id-rsa"

by_key() { ssh_as "$1" key "$W/id-$2" "${@:3}"; }

# refused REASON NAME [PHASE]: the last login failed, and the log has the reason. If sshd itself does not accept the
# key, PAM is not asked.
refused() {
    unlike "$RC" '^0$' "$2: refused"
    [ "$1" = - ] || has_logged "pam_nhi\(sshd:[a-z]+\): denied: reason=$1" "$2: the log shows $1"
}

# ---- nothing is bound yet ----

for account in ci-bot deploy batch; do
    by_key "$account" bound id
    refused - "$account with a key that no ticket names"
done

# ---- an agent's own account ----

issue "$W/own" build-1 --bind-key "$W/id-bound.pub" --service sshd,sudo
mark_log
by_key ci-bot bound 'id -un; sudo -n id -u; env'
is "$RC" 0 'ssh with the key that a live ticket is bound to'
like "$OUT" $'^ci-bot\n0\n' 'the session is the agent, and sudo -n finds its ticket'
unlike "$OUT" 'v4\.public' 'no ticket in the environment'
has_logged 'pam_nhi\(sshd:session\): permitted: .*agent=ci-bot task=build-1.*source=key' 'with the key'
has_logged 'pam_nhi\(sudo:auth\): permitted: .*source=session' 'sudo with the session'
must nhictl status
is "$(nhictl ticket show --json "$(jti_of "$W/own")" | jq -c "[.. | .grants? // empty]")" "[2]" \
    'one grant for the login, one for sudo'
# Git over ssh.
cat >"$W/ssh" <<S
#!/bin/sh
exec ssh -F none -p $PORT -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -i $W/id-bound "\$@"
S
chmod 755 "$W/ssh"
must as ci-bot git -c init.defaultBranch=main init -q --bare /home/ci-bot/repo.git
export GIT_SSH=$W/ssh GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
must git -c init.defaultBranch=main init -q "$W/work"
must git -C "$W/work" commit -q --allow-empty -m 'over ssh'
capture timeout 60 git -C "$W/work" push -q ci-bot@127.0.0.1:repo.git HEAD:main
is "$RC" 0 'git push'
capture timeout 60 git clone -q ci-bot@127.0.0.1:repo.git "$W/cloned"
is "$RC:$(git -C "$W/cloned" log --format=%s)" '0:over ssh' 'git clone'
capture timeout 60 rsync -a -e "$W/ssh" "$W/work/" ci-bot@127.0.0.1:copied/
is "$RC:$(cmp "$W/work/.git/HEAD" /home/ci-bot/copied/.git/HEAD && echo same)" 0:same 'rsync'

# The helper of sshd only reads. Earlier changes must be recorded first: sshd lets its client go before that.
have_ended() { [ "$(nhictl status --json | jq .live_sessions)" = 0 ]; }
eventually have_ended
must nhictl status
state_of_host() { query_events && find "$STATE/grants" /run/nhi/sessions -type f | sort; }
query_events() { sqlite3 -readonly "$STATE/ledger.db" 'select count(*), max(seq) from event'; }
before=$(state_of_host)
capture /usr/libexec/nhi-authorized-keys ci-bot ssh-ed25519 "$(cut -d' ' -f2 "$W/id-bound.pub")"
like "$OUT" 'ssh-ed25519' 'asked for the key, the helper of sshd prints it'
capture /usr/libexec/nhi-authorized-keys ci-bot ssh-ed25519 "$(cut -d' ' -f2 "$W/id-other.pub")"
is "$OUT" '' 'and nothing for another key'
is "$(state_of_host)" "$before" 'neither leaves an event, a record or a session'

by_key ci-bot other id
refused - 'another key'
by_key deploy bound id
refused - 'the key at an account that the ticket does not name'
mark_log
ssh_as ci-bot reply "$W/own" id
refused key 'the text of a bound ticket without the key'
capture nhictl issue --agent ci-bot --task build-1 --account ci-bot --service sshd \
    --bind-key "$W/id-bound.pub"
is "$RC" 1 'a second live ticket for the same key and account: refused'
like "$ERR" "bound to the live ticket $(jti_of "$W/own")" 'with the ticket that it is bound to'
capture nhictl issue --agent ci-bot --task build-1 --account ci-bot --service sshd \
    --bind-key "$W/id-rsa.pub"
like "$ERR" 'not an Ed25519 key' 'an RSA key cannot be bound'
capture nhictl issue --agent ci-bot --task build-1 --account ci-bot --service sshd \
    --bind-key "$W/id-bound"
like "$ERR" 'private key.*--bind-key .*id-bound\.pub' 'nor the private half'

# ---- what an agent's own directory may contain ----

install -d -o ci-bot -g ci-bot -m 700 "$W/agents" "$W/roots"
chown root "$W/roots"
mkfifo "$W/agents/slow.pub"
nhictl issue --agent ci-bot --task build-1 --account deploy --bind-key "$W/agents/slow.pub" >/dev/null 2>&1 &
SLOW=$!
eventually grep -q . "/proc/$SLOW/stat"
must nhictl task open meanwhile --agent ci-bot --until 1h --concurrent
must nhictl task close meanwhile --reason test
ok $? 'a key file that cannot be read to its end holds up no other command'
kill "$SLOW"
wait "$SLOW" 2>/dev/null
cp "$W/id-other.pub" "$W/roots/id.pub"
echo theirs >"$W/roots/id-cert.pub"
ln -s "$W/roots" "$W/agents/link"
chown -h ci-bot "$W/agents/link"
BIND=(nhictl issue --agent ci-bot --task build-1 --account deploy --cert --bind-key)
capture "${BIND[@]}" "$W/roots/id.pub"
is "$RC" 1 'a certificate that is not ours: not replaced'
like "$ERR" 'id-cert.pub already exists and contains no ticket' 'and named'
rm "$W/roots/id-cert.pub"
capture "${BIND[@]}" "$W/agents/link/id.pub"
is "$RC" 3 "a certificate through a link of the agent: not written"
like "$ERR" 'contains a link that another user made' 'and why'
like "$ERR" 'is revoked' 'the ticket is revoked'
ok "$([ ! -e "$W/roots/id-cert.pub" ]; echo $?)" 'nothing was written through the link'
ln -s roots "$W/own-link"
capture "${BIND[@]}" "$W/own-link/id.pub" --out "$W/linked"
is "$RC" 0 "through a link of root: written"
capture "${BIND[@]}" "$W/roots/id-cert.pub"
like "$ERR" 'is a certificate: give the public key that it certifies' 'a certificate is not a key'
must nhictl revoke --ticket "$(jti_of "$W/linked")" --reason test
capture "${BIND[@]}" "$W/roots/id.pub" --out "$W/roots"
like "$RC$ERR" '^3.*is revoked' 'a ticket that cannot be written'
ok "$([ ! -e "$W/roots/id-cert.pub" ]; echo $?)" 'its certificate is not written either'
must nhictl task open other-1 --agent other-bot --until 1h
must nhictl agent suspend ci-bot --reason 'for now'
capture nhictl issue --agent other-bot --task other-1 --account ci-bot,deploy --bind-key "$W/id-bound.pub"
must nhictl agent resume ci-bot
is "$RC" 1 "the key of a suspended agent is still its own"

# ---- a key that the agent planted, with sshd told to read it ----

install -d -o ci-bot -g ci-bot -m 700 /home/ci-bot/.ssh
install -o ci-bot -g ci-bot -m 600 "$W/id-planted.pub" /home/ci-bot/.ssh/authorized_keys
sed -i 's/AuthorizedKeysFile none/AuthorizedKeysFile .ssh\/authorized_keys/' /etc/ssh/sshd_config.d/00-nhi.conf
restart_sshd
mark_log
by_key ci-bot planted 'echo got-in'
refused no-ticket 'a planted key, while a ticket for another key lives'
unlike "$OUT" 'got-in' 'no command ran'
printf 'environment="SSH_AUTH_INFO_0=publickey %s" %s\n' "$(cut -d' ' -f1,2 "$W/id-bound.pub")" \
    "$(cat "$W/id-planted.pub")" >/home/ci-bot/.ssh/authorized_keys
printf 'SSH_AUTH_INFO_0=publickey %s\n' "$(cut -d' ' -f1,2 "$W/id-bound.pub")" \
    >/home/ci-bot/.ssh/environment
cp /home/ci-bot/.ssh/environment /home/ci-bot/.pam_environment
echo 'PermitUserEnvironment yes' >>/etc/ssh/sshd_config.d/00-e2e.conf
restart_sshd
mark_log
by_key ci-bot planted 'echo got-in'
refused no-ticket 'a planted key that claims to be another'
sed -i '/PermitUserEnvironment/d' /etc/ssh/sshd_config.d/00-e2e.conf
sed -i 's/AuthorizedKeysFile .*/AuthorizedKeysFile none/' /etc/ssh/sshd_config.d/00-nhi.conf
rm -r /home/ci-bot/.ssh /home/ci-bot/.pam_environment
restart_sshd

# ---- ticket-only and shared accounts ----

open_task build-2
issue "$W/shared" build-2 --bind-key "$W/id-other.pub" --account deploy,batch --service sshd
by_key batch other 'id -un'
is "$OUT" batch 'a ticket-only account by its key'
by_key deploy other 'id -un'
is "$OUT" deploy 'a shared account by its key'
eventually have_ended
ok $? 'whose sessions ended'
mark_log
ssh_as deploy key "$W/key" 'id -un'
is "$OUT" deploy 'a person on the shared account, with a key of their own'
settle_log
! logged 'pam_nhi\(sshd:session\)'
ok $? 'does not concern us'
ssh_as deploy reply "$W/password" 'id -un'
is "$OUT" deploy 'nor does one with a password'
# An agent's key is never a person's.
cat "$W/id-other.pub" >>/home/deploy/.ssh/authorized_keys
must nhictl revoke --task build-2 --reason cancelled
mark_log
by_key deploy other 'echo got-in'
refused '(revoked|task-closed)' 'the key of a revoked ticket in the authorized_keys of a shared account'
unlike "$OUT" 'got-in' 'no command ran'
by_key batch other id
refused - 'and on the ticket-only account'

# ---- key and prompt ----

cat >/etc/ssh/sshd_config.d/01-both.conf <<'CONF'
Match User ci-bot
    AuthenticationMethods publickey,keyboard-interactive
Match all
CONF
restart_sshd
capture env E2E_REPLY="$W/own" SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force setsid -w ssh -F none \
    -p "$PORT" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
    -o IdentitiesOnly=yes -i "$W/id-bound" ci-bot@127.0.0.1 id -un
is "$OUT" ci-bot 'publickey,keyboard-interactive: the key, and its ticket at the prompt'
issue "$W/bearer" build-1
capture env E2E_REPLY="$W/password" SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force setsid -w ssh -F none \
    -p "$PORT" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
    -o IdentitiesOnly=yes -o NumberOfPasswordPrompts=1 -i "$W/id-bound" ci-bot@127.0.0.1 id -un
unlike "$RC" '^0$' 'then the key alone is not enough'
sed -i 's/keyboard-interactive/publickey/' /etc/ssh/sshd_config.d/01-both.conf
restart_sshd
ssh-keygen -q -t ed25519 -N '' -f "$W/id-second"
must nhictl issue --agent ci-bot --task build-1 --account ci-bot --bind-key "$W/id-second.pub" --out "$W/second"
mark_log
capture timeout 60 setsid -w ssh -F none -p "$PORT" -o BatchMode=yes -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes -i "$W/id-bound" -i "$W/id-second" \
    ci-bot@127.0.0.1 echo got-in
refused key 'publickey,publickey with the keys of two tickets: it is not known whose session it is'
unlike "$OUT" 'got-in' 'no command ran'
rm /etc/ssh/sshd_config.d/01-both.conf
restart_sshd

# ---- counted ----

open_task build-3
ssh-keygen -q -t ed25519 -N '' -f "$W/id-once"
issue "$W/once" build-3 --bind-key "$W/id-once.pub" --uses 1 --service sshd
by_key ci-bot once id
is "$RC" 0 'a ticket for one use: the first login'
mark_log
by_key ci-bot once 'echo got-in'
refused uses 'the second login'
unlike "$OUT" 'got-in' 'no command ran'

# The text of one ticket, from one place.
USES=$(depth 100 1000)
issue "$W/text" build-3 --uses 1 --service sudo --no-pin
printf '%s' "$(cat "$W/text")" >"$W/one-use" && chmod 644 "$W/one-use"
# shellcheck disable=SC2016 # for the shell of the agent
capture as ci-bot keyctl session - sh -c 'keyctl padd user nhi:ticket @s <"$0" >/dev/null
    seq "$1" | xargs -P 64 -n 1 sh -c "sudo -n id -u 2>/dev/null || echo refused"' "$W/one-use" "$USES"
is "$(sort <<<"$OUT" | grep . | uniq -c | tr -s ' \n' ' ')" " 1 0 $((USES - 1)) refused " \
    "used $USES times at once, 64 at a time: one is permitted"
must nhictl status
is "$(nhictl ticket show --json "$(jti_of "$W/text")" | jq -c .ticket.grants)" 1 'and one grant was recorded'

# ---- the end ----

issue "$W/short" build-3 --bind-key "$W/id-person.pub" --ttl 20s --service sshd
by_key ci-bot person id
is "$RC" 0 'a ticket of twenty seconds'
wait_out "$W/short"
by_key ci-bot person id
refused - 'after its end'
by_key ci-bot bound id
is "$RC" 0 'before the revocation'
must nhictl revoke --ticket "$(jti_of "$W/own")" --reason leaked
by_key ci-bot bound id
refused - 'and after it'

# ---- what policy takes away from a session by key ----

must nhictl issue --agent ci-bot --task build-1 --account ci-bot --bind-key "$W/id-bound.pub" --force --out "$W/own"
is "$(nhictl ticket show --json "$(jti_of "$W/own")" | jq -c .ticket.services)" '["sshd"]' \
    'the service of a bound key is sshd, if none is given'
tty_of() { capture timeout 60 "$SSH_TOOL" ci-bot key "$W/id-bound" "${@}"; }
sed -i 's/ -F none / -F none -tt /' "$SSH_TOOL"
tty_of tty
like "$RC$OUT" '^0/dev/pts/' 'a terminal, if no rule takes it away'
echo "${POLICY/name = \"ci\"; /ssh = \"restrict\"; name = \"ci\"; }" >/etc/nhi/policy.d/e2e.conf
capture nhictl apply
like "$OUT" '\+ permit ci: .*, ssh restrict' 'a rule that restricts'
tty_of tty
like "$OUT$ERR" 'not a tty|PTY allocation' 'no terminal'
TAKEN='ssh = [ "no-port-forwarding", "no-X11-forwarding" ];'
echo "${POLICY/name = \"ci\"; /$TAKEN name = \"ci\"; }" >/etc/nhi/policy.d/e2e.conf
capture nhictl apply
like "$OUT" '\+ permit ci: .*, ssh no-port-forwarding no-X11-forwarding' 'a rule that takes away two options'
tty_of tty
like "$RC$OUT" '^0/dev/pts/' 'leaves the terminal'
capture /usr/libexec/nhi-authorized-keys ci-bot ssh-ed25519 "$(cut -d' ' -f2 "$W/id-bound.pub")"
like "$OUT" '^no-port-forwarding,no-X11-forwarding,expiry-time="[0-9]{14}Z" ssh-ed25519 ' 'as sshd is told'
sed -i 's/ -F none -tt / -F none /' "$SSH_TOOL"
set_policy

# ---- what the ticket itself takes away ----

ssh-keygen -q -t ed25519 -N '' -f "$W/id-narrow"
must nhictl issue --agent ci-bot --task build-1 --account ci-bot --bind-key "$W/id-narrow.pub" --ssh no-pty --force --out "$W/own"
is "$(nhictl ticket show --json "$(jti_of "$W/own")" | jq -c .ticket.ssh)" '["no-pty"]' 'a ticket that takes away the terminal'
sed -i 's/ -F none / -F none -tt /' "$SSH_TOOL"
capture timeout 60 "$SSH_TOOL" ci-bot key "$W/id-narrow" tty
like "$OUT$ERR" 'not a tty|PTY allocation' 'no terminal, whatever the rules permit'
must nhictl renew "$(jti_of "$W/own")" --ttl 20m --out "$W/own"
capture timeout 60 "$SSH_TOOL" ci-bot key "$W/id-narrow" tty
like "$OUT$ERR" 'not a tty|PTY allocation' 'nor after a renewal'
sed -i 's/ -F none -tt / -F none /' "$SSH_TOOL"

# ---- the helper alone: people's keys work whatever it meets ----

HELPER=/usr/libexec/nhi-authorized-keys
blob() { cut -d' ' -f2 "$1"; }
mv "$STATE/ledger.db" "$STATE/away"
capture "$HELPER" alice ssh-ed25519 "$(blob "$W/key.pub")"
is "$RC.$OUT" 0. 'a lost ledger: no answer, and no failure'
ssh_as alice key "$W/key" 'id -un'
is "$OUT" alice 'a person logs in by key'
ssh_as deploy key "$W/key" 'id -un'
is "$OUT" deploy 'on the shared account, too'
mv "$STATE/away" "$STATE/ledger.db"
for bad in '' x "$(blob "$W/id-rsa.pub")" "$(blob "$W/key.pub")=" "$(blob "$W/key.pub")A" $'a\nb'; do
    capture "$HELPER" alice ssh-ed25519 "$bad"
    is "$RC.$OUT" 0. "no answer for a malformed key: ${bad:0:12}"
done
capture "$HELPER" nobody-here ssh-ed25519 "$(blob "$W/key.pub")"
is "$RC.$OUT" 0. 'nor for an account that does not exist'
capture "$HELPER" alice
is "$RC" 2 'usage'

finish
