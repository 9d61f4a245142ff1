#!/bin/bash
# SPDX-License-Identifier: ISC
# Two hosts, each with a network, an sshd and a ledger of its own: a certificate takes a ticket from one to the other,
# which does not know it. The client is an ordinary ssh.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

B=b.example.org
B_ADDRESS=10.99.0.2

# ---- the hosts ----

on_b() { nsenter -t "$B_PID" -m -n -u -r -- "$@"; }

start_b() {
    install -d /etc/nhi /run/nhi /run/nhi-public "$STATE"
    # shellcheck disable=SC2016
    unshare --mount --net --uts --propagation private bash -c '
        hostname "$0" && for d in /var/lib/nhi /run/nhi /run/nhi-public /etc/nhi; do mount -t tmpfs -o mode=0755 tmpfs "$d"; done
        : >"$1"; exec sleep 1000000' "$B" "$W/b-is-up" &
    B_PID=$!
    eventually test -e "$W/b-is-up" || bail 'no second host'
    must ip link add to-b type veth peer name to-a netns "$B_PID"
    must ip address add 10.99.0.1/24 dev to-b
    must ip link set to-b up
    must on_b ip address add "$B_ADDRESS/24" dev to-a
    must on_b ip link set to-a up
    must on_b ip link set lo up
    run_sshd_of_b
}

run_sshd_of_b() {
    # Not with on_b, whose shell would be what $! names.
    nsenter -t "$B_PID" -m -n -u -r -- \
        /usr/sbin/sshd -D -o "ListenAddress=$B_ADDRESS" -o "ListenAddress=127.0.0.1" &
    B_SSHD=$!
    # shellcheck disable=SC2016
    eventually bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$B_ADDRESS" "$PORT" 2>/dev/null || bail 'sshd of B'
    disown -a
}

# After a change of its configuration.
restart_b() {
    kill "$B_SSHD"
    eventually test ! -e "/proc/$B_SSHD" || bail 'sshd of B stays'
    run_sshd_of_b
}

# ssh_b USER KEY COMMAND...: with that key, and with the certificate beside it, if any.
ssh_b() {
    capture timeout 60 setsid -w ssh -F none -p "$PORT" -o BatchMode=yes -o IdentitiesOnly=yes \
        -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -i "$W/$2" \
        "$1@$B_ADDRESS" "${@:3}"
}

refused() { # refused REASON NAME; REASON -: sshd does not accept the key at all.
    unlike "$RC" '^0$' "$2: refused"
    unlike "$OUT" 'got-in' "$2: no command ran"
    [ "$1" = - ] || has_logged "pam_nhi\(sshd:[a-z]+\): denied: reason=$1" "$2: the log shows $1"
}

lab_up
nhi_up
start_b
open_task build-1
for name in good other planted; do ssh-keygen -q -t ed25519 -N '' -f "$W/$name"; done
ssh-keygen -q -t ed25519 -N '' -f "$W/ca"

KID=$(nhictl key list --json | jq -r '.keys[] | select(.own) | .kid')
must on_b nhictl init --host "$B"
must on_b nhictl agent add ci-bot --owner ops@example.org --purpose 'the same agent' --review-by 2099-06-30
must on_b nhictl key add "$KID" "$(nhictl key export "$KID")" --agents ci-bot \
    --accounts ci-bot,deploy --services sshd,sudo --max-ttl 1h --opens-tasks
on_b install -d /etc/nhi/policy.d
# shellcheck disable=SC2016
printf '%s\n' "$POLICY" | on_b sh -c 'cat >/etc/nhi/policy.d/e2e.conf'
must on_b nhictl apply
nsenter -t "$B_PID" -m -n -u -r -- nhictl watch &
disown -a
eventually on_b test -e /run/nhi/watch || bail 'no watch on B'

# certify FILE [OPTION...]: for B, with the certificate beside good.pub
certify() { issue "$1" build-1 --bind-key "$W/good.pub" --cert --host "$B" --service sshd,sudo "${@:2}"; }

# ---- in ----

ssh_b ci-bot good id
refused - 'a key without a certificate'
certify "$W/ticket" --account ci-bot,deploy
is "$(stat -c %a "$W/good-cert.pub")" 644 'the certificate is as readable as the key'
like "$(ssh-keygen -L -f "$W/good-cert.pub")" 'user certificate.*Principals:[[:space:]]+ci-bot[[:space:]]+deploy' \
    'OpenSSH reads it'
mark_log
ssh_b ci-bot good 'hostname; id -un; sudo -n id -u; env'
is "$RC" 0 'ssh to B with the certificate'
like "$OUT" $'^b\.example\.org\nci-bot\n0\n' 'as the agent, on B, with sudo'
unlike "$OUT" 'v4\.public' 'no ticket in the environment'
has_logged 'pam_nhi\(sshd:session\): permitted: .*task=build-1.*source=key' 'with the key'
is "$(on_b nhictl ticket list --all --json | jq '.tickets | length')" 0 'and B does not know the ticket'
ssh_b deploy good 'id -un'
is "$OUT" deploy 'a shared account of B'
ssh_b batch good id
refused - 'an account that the ticket does not name'
ssh_as ci-bot key "$W/good" id
refused - 'another host than that of the ticket'
capture timeout 60 setsid -w scp -q -F none -P "$PORT" -o BatchMode=yes -o IdentitiesOnly=yes \
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -i "$W/good" "$W/password" \
    "ci-bot@$B_ADDRESS:copied"
is "$RC" 0 'scp works too'

# ---- a ticket that takes away an option of the session ----

ssh-keygen -q -t ed25519 -N '' -f "$W/narrow"
must nhictl issue --agent ci-bot --task build-1 --account ci-bot,deploy --bind-key "$W/narrow.pub" --cert --host "$B" \
    --ssh no-pty --out "$W/narrow-ticket"
unlike "$(ssh-keygen -L -f "$W/narrow-cert.pub")" 'permit-pty' 'the certificate does not promise a terminal'
like "$(ssh-keygen -L -f "$W/narrow-cert.pub")" 'permit-port-forwarding' 'but what the ticket permits'
ssh_b ci-bot narrow -tt tty
like "$OUT$ERR" 'not a tty|PTY allocation' 'B gives none'
ssh-keygen -q -t ed25519 -N '' -f "$W/own-ca"
rm "$W/narrow-cert.pub"
must ssh-keygen -q -s "$W/own-ca" -I forged -n ci-bot -V -5m:+1h -O permit-pty \
    -O "extension:ticket@nhi=$(cat "$W/narrow-ticket")" "$W/narrow.pub"
like "$(ssh-keygen -L -f "$W/narrow-cert.pub")" 'permit-pty' 'the holder makes a certificate that does'
ssh_b ci-bot narrow -tt tty
like "$OUT$ERR" 'not a tty|PTY allocation' 'with that, B gives none either'

# ---- without a certificate, by import ----

ssh-keygen -q -t ed25519 -N '' -f "$W/imported"
issue "$W/plain" build-1 --bind-key "$W/imported.pub" --host "$B" --service sshd
ssh_b ci-bot imported id
refused - 'a key whose ticket B does not know'
on_b nhictl import - <"$W/plain" >/dev/null
ok $? 'B imports the ticket'
ssh_b ci-bot imported 'hostname; id -un'
is "$OUT" $'b.example.org\nci-bot' 'then the key alone is enough'
must on_b nhictl revoke --ticket "$(jti_of "$W/plain")" --reason test
ssh_b ci-bot imported id
refused - 'until B revokes it'

# ---- certificates that others made ----

TEXT=$(cat "$W/ticket")
# forge KEY TICKET [OPTION...]: a certificate over KEY that carries TICKET, well-formed and well-signed
forge() {
    rm -f "$W/$1-cert.pub"
    must ssh-keygen -q -s "$W/ca" -I forged -n ci-bot,deploy -V -5m:+1h \
        -O "extension:ticket@nhi=$2" "${@:3}" "$W/$1.pub"
}
mv "$W/good-cert.pub" "$W/kept"
forge other "$TEXT"
ssh_b ci-bot other 'echo got-in'
refused - 'the ticket of key A in a certificate over key B'
forge good "${TEXT%?}"
ssh_b ci-bot good 'echo got-in'
refused - 'a ticket that was cut short'
forge good "${TEXT:0:60}$(tr 'A-Za-z' 'B-ZAb-za' <<<"${TEXT:60:1}")${TEXT:61}"
ssh_b ci-bot good 'echo got-in'
refused - 'a ticket with one character changed'
issue "$W/bearer" build-1 --host "$B" --account ci-bot,deploy --service sshd
forge other "$(cat "$W/bearer")"
ssh_b ci-bot other 'echo got-in'
refused - 'a bearer ticket in a certificate over a key of the thief'
on_b nhictl key rotate >/dev/null
must nhictl key rotate
issue "$W/resigned" build-1 --host "$B" --account ci-bot,deploy --service sshd --bind-key "$W/other.pub" --cert
ssh_b ci-bot other 'echo got-in'
refused - 'a ticket signed by a key that B does not know'
issue "$W/here" build-1 --account ci-bot --service sshd --bind-key "$W/good.pub" --cert
ssh_b ci-bot good 'echo got-in'
refused - 'a ticket for another host'
ssh_as ci-bot key "$W/good" 'id -un'
is "$OUT" ci-bot 'which opens that host'
must ssh-keygen -q -s "$W/ca" -I plain -n ci-bot,deploy "$W/planted.pub"
ssh_b ci-bot planted 'echo got-in'
refused - 'a certificate without a ticket'
mv "$W/kept" "$W/good-cert.pub"
ssh_b ci-bot good 'id -un'
is "$OUT" ci-bot 'the real certificate still works'

# ---- a key that the agent planted on B, with sshd told to read it ----

install -d -o ci-bot -g ci-bot -m 700 /home/ci-bot/.ssh
rm "$W/planted-cert.pub"
install -o ci-bot -g ci-bot -m 600 "$W/planted.pub" /home/ci-bot/.ssh/authorized_keys
sed -i 's/AuthorizedKeysFile none/AuthorizedKeysFile .ssh\/authorized_keys/' /etc/ssh/sshd_config.d/00-nhi.conf
restart_b
mark_log
ssh_b ci-bot planted 'echo got-in'
refused no-ticket 'a planted key'
ssh_b ci-bot planted -W "127.0.0.1:$PORT"
unlike "$OUT" 'SSH-2' 'nor can a connection be forwarded through it'
sed -i 's/AuthorizedKeysFile .*/AuthorizedKeysFile none/' /etc/ssh/sshd_config.d/00-nhi.conf
restart_b

# ---- the end, on B ----

KID=$(nhictl key list --json | jq -r '.keys[] | select(.own and .state == "active") | .kid')
must on_b nhictl key add "$KID" "$(nhictl key export "$KID")" --agents ci-bot \
    --accounts ci-bot,deploy --services sshd,sudo --max-ttl 1h --opens-tasks
# Planted during a session, alone and with an authority of the agent's own.
ssh-keygen -q -t ed25519 -N '' -f "$W/stays"
issue "$W/stays-ticket" build-1 --bind-key "$W/stays.pub" --cert --host "$B" --account deploy --service sshd
ssh_b deploy stays 'id -un'
is "$OUT" deploy 'a certificate for the shared account'
{
    cat "$W/stays.pub"
    printf 'cert-authority %s\n' "$(cat "$W/ca.pub")"
} | as deploy sh -c 'cat >>/home/deploy/.ssh/authorized_keys'
must on_b nhictl revoke --ticket "$(jti_of "$W/stays-ticket")" --reason 'over'
is "$(on_b sqlite3 -readonly "$STATE/ledger.db" "select count(*) > 0 from bound_key")" 1 'the ledger of B knows the key now'
rm "$W/stays-cert.pub"
mark_log
ssh_b deploy stays 'echo got-in'
refused no-ticket 'the bare key, planted while inside'
must ssh-keygen -q -s "$W/ca" -I plain -n deploy "$W/stays.pub"
mark_log
ssh_b deploy stays 'echo got-in'
refused no-ticket 'the key in a certificate of another authority'
must ssh-keygen -q -s "$W/ca" -I large -n deploy -O "extension:large@example.org=$(printf '%05000d' 0)" "$W/stays.pub"
mark_log
ssh_b deploy stays 'echo got-in'
refused no-ticket 'in one that is larger than ours'
ssh_b deploy key 'id -un'
is "$OUT" deploy 'a person continues'
certify "$W/renewed"
must on_b nhictl revoke --ticket "$(jti_of "$W/renewed")" --reason 'over'
must nhictl renew "$(jti_of "$W/renewed")" --ttl 20m --out "$W/renewed-2" --cert "$W/good.pub"
ssh_b ci-bot good 'echo got-in'
refused - 'the renewal of a ticket that B revoked'
must on_b nhictl revoke --ticket "$(jti_of "$W/ticket")" --reason 'seen here'
ssh_b ci-bot good 'echo got-in'
refused - 'revoked on B, after it was used'
certify "$W/unseen"
must on_b nhictl revoke --ticket "$(jti_of "$W/unseen")" --reason 'not seen yet'
ssh_b ci-bot good 'echo got-in'
refused - 'revoked on B before it came'
certify "$W/short" --ttl 20s
ssh_b ci-bot good 'id -un'
is "$OUT" ci-bot 'a certificate of twenty seconds'
wait_out "$W/short"
ssh_b ci-bot good 'echo got-in'
refused - 'after twenty seconds'
certify "$W/last"
must on_b nhictl agent suspend ci-bot --reason 'under review'
ssh_b ci-bot good 'echo got-in'
refused - 'with the agent suspended on B'
must on_b nhictl agent resume ci-bot
ssh_b ci-bot good 'id -un'
is "$OUT" ci-bot 'and resumed'
must on_b nhictl key retire "$KID"
ssh_b ci-bot good 'echo got-in'
refused - "with A's key retired on B"
ssh_b deploy key 'id -un'
is "$OUT" deploy 'a person on B, by their own key, throughout'

# A login that sshd of B does not accept at all is recorded there all the same, at an account with an agent's name.
told=$(on_b nhictl trace --agent ci-bot --json | jq -r '[.steps[] | select(.kind == "refused") | .reason] | unique | join(" ")')
for reason in account agent-suspended issuer-retired issuer-unknown key malformed no-ticket revoked; do
    like " $told " " $reason " "trace on B shows what was refused for: $reason"
done
like "$(grep 'nhi-authorized-keys.*reason=issuer-unknown' "$LOG")" 'account=(ci-bot|deploy) kid=[a-z0-9]+ .*SHA256:.*possession not proven' \
    'the log names the key of the unknown issuer'
finish
