#!/bin/bash
# SPDX-License-Identifier: ISC
# sudo: which ticket it finds, and that nothing an agent does in its session makes it another account.
# Invariants: 2, 4, 7.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
open_task build-1
open_task other-1 other-bot
issue "$W/ticket" build-1
issue "$W/other" other-1 --agent other-bot --account other-bot,deploy
install -o ci-bot -m 600 "$W/other" "$W/other-for-ci"
cp "$W/ticket" "$W/mine" && chown ci-bot "$W/mine"
issue "$W/typed" build-1 && chown ci-bot "$W/typed"

# ---- the session keyring, outside of any session ----

# in_keyring USER FILE COMMAND: with the ticket in FILE as nhi:ticket in a session keyring.
in_keyring() {
    chown "$1" "$2"
    capture as "$1" keyctl session - sh -c \
        'keyctl padd user nhi:ticket @s <"$1" >/dev/null; shift; exec "$@"' sh "$2" "${@:3}"
}
printf '%s' "$(cat "$W/ticket")" >"$W/key-good"
mark_log
in_keyring ci-bot "$W/key-good" sudo -n id
is "$RC" 0 'a ticket in the session keyring'
has_logged 'pam_nhi\(sudo:auth\): permitted: .*source=keyring' 'is the source'
printf 'v4.public.AAAA' >"$W/key-bad"
mark_log
in_keyring ci-bot "$W/key-bad" sudo -n id
is "$RC" 1 'other text in the session keyring'
has_logged 'pam_nhi\(sudo:auth\): denied: reason=malformed' 'is final'
printf '%s' "$(cat "$W/other")" >"$W/key-other"
mark_log
in_keyring ci-bot "$W/key-other" sudo -n id
is "$RC" 1 'another agent'"'"'s ticket in the keyring'
has_logged 'pam_nhi\(sudo:auth\): denied: reason=account' 'is denied'
in_keyring deploy "$W/key-good" sudo -n id
is "$RC" 1 'a person'"'"'s sudo finds no ticket in a keyring'

# The keyring that all processes of a uid share is not a session.
capture as ci-bot sh -c 'keyctl padd user nhi:ticket @us <"$1" >/dev/null; sudo -n id' sh "$W/key-good"
is "$RC" 1 'the keyring of the uid is not looked at'
as ci-bot keyctl clear @us

mark_log
capture as ci-bot sudo -n /usr/bin/true
is "$RC" 1 'NOPASSWD, an agent outside of any session and without a ticket'
has_logged 'pam_nhi\(sudo:account\): denied: reason=no-ticket' 'is denied in account'

# ---- a prompt ----

capture as ci-bot "$PTY" ': ' "$W/typed" -- sudo id
like "$RC$OUT" '^0.*uid=0\(root\)' 'a ticket at the prompt of sudo'
unlike "$OUT" 'v4\.public' 'which does not show it'
capture as ci-bot "$PTY" ': ' "$W/other-for-ci" ': ' "$W/other-for-ci" ': ' "$W/other-for-ci" -- sudo id
unlike "$RC" '^0$' 'another agent'"'"'s ticket at that prompt'

# ---- in a session ----

inside() { # inside SCRIPT: in a session of the ticket, as the agent; OUT.
    printf '%s\n' "$1" >"$W/script"
    ssh_as ci-bot reply "$W/ticket" "bash $W/script"
}
inside 'keyctl new_session >/dev/null; sudo -n id -u; setsid -w sudo -n id -u
    (sh -c "sudo -n id -u; : >'"$W"'/orphan-said" &); until [ -e '"$W"'/orphan-said ]; do sleep 0.05; done'
is "$OUT" $'0\n0\n0' 'a new keyring, a new session and an orphan are still inside'
mark_log
inside "keyctl session - sh -c 'keyctl padd user nhi:ticket @s <$W/other-for-ci >/dev/null; sudo -n id -u'"
is "$OUT" 0 'another ticket in the keyring does not count inside'
has_logged 'pam_nhi\(sudo:auth\): permitted: .*source=session' 'but that of the session'
! logged 'source=keyring'
ok $? 'it is not even read'
mark_log
inside "$PTY 'word' $W/other-for-ci -- su deploy -c id; echo \$?"
like "$OUT" '1$' 'another agent'"'"'s ticket shown inside a session is refused'

SCRIPT='
    sudo -n id -u; : >'$W'/in; until [ -e '$W'/go ]; do sleep 0.05; done
    t() { "$@" >/dev/null 2>&1; echo "$?"; }
    echo "plain $(t sudo -n /usr/bin/true)"
    keyctl new_session >/dev/null 2>&1; echo "no keyring $(t sudo -n /usr/bin/true)"
    keyctl revoke @s 2>/dev/null; echo "revoked keyring $(t sudo -n /usr/bin/true)"
    echo "setsid $(t setsid -w sudo -n /usr/bin/true)"
    keyctl session - sh -c "keyctl padd user nhi:ticket @s <'$W'/mine >/dev/null; sudo -n /usr/bin/true" 2>/dev/null
    echo "same ticket again $?"
    echo "env $(t env -i sudo -n /usr/bin/true)"
    echo "limits $(ulimit -n 20; t sudo -n /usr/bin/true)"
    (setsid sh -c "sleep 0.2; sudo -n /usr/bin/true; echo orphan \$? >>'$W'/orphan" >/dev/null 2>&1 &)'
printf '%s\n' "$SCRIPT" >"$W/script"
ssh_bg ci-bot reply "$W/ticket" "bash $W/script"
BG=$!
eventually test -e "$W/in" || bail 'the session did not begin'
mark_log
behind_its_back "UPDATE task SET state = 2 WHERE id = 'build-1'"
: >"$W/go"
wait "$BG"
out=$(cat "$W/bg.out")
like "$out" '^0' 'sudo before the task was closed'
for way in plain 'no keyring' 'revoked keyring' setsid 'same ticket again' env limits; do
    like "$out" "$way 1" "NOPASSWD after the task was closed, $way: refused"
done
eventually test -s "$W/orphan"
is "$(cat "$W/orphan")" 'orphan 1' 'a process that outlives the session is still the agent'
has_logged 'pam_nhi\(sudo:account\): denied: reason=task-closed account=ci-bot agent=ci-bot task=build-1' \
    'the log shows the reason'

finish
