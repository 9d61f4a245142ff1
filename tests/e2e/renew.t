#!/bin/bash
# SPDX-License-Identifier: ISC
# nhictl renew: a later end for a ticket of each kind, and what the new ticket takes over.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
open_task build-1
# renew FILE [OPTION...]: renews the ticket in FILE into FILE.new.
renew() { capture nhictl renew "$(jti_of "$1")" --force --out "$1.new" "${@:2}"; }
exp_of() { nhictl ticket show --json "$(jti_of "$1")" | jq -r '.ticket.exp'; }
state_of() { nhictl ticket show --json "$(jti_of "$1")" | jq -r '.ticket.state'; }
login() { ssh_as ci-bot reply "$1" id -un; }

# ---- a bearer ticket: two texts, until the new one is used ----

issue "$W/a" build-1
login "$W/a"
is "$RC" 0 'a ticket'
renew "$W/a" --ttl 30m
is "$RC" 0 'is renewed'
[[ $(exp_of "$W/a") < $(exp_of "$W/a.new") ]]
ok $? 'with a later end'
login "$W/a"
is "$RC" 0 'the old text still works'
login "$W/a.new"
is "$RC" 0 'the new one is used'
mark_log
login "$W/a"
unlike "$RC" '^0$' 'the old one has ended'
has_logged 'pam_nhi\(sshd:auth\): denied: reason=superseded' 'with the reason'
is "$(state_of "$W/a"):$(state_of "$W/a.new")" renewed:live 'as the ledger shows'
login "$W/a"
unlike "$RC" '^0$' 'also now, when this is folded as well'
renew "$W/a" --ttl 45m
is "$RC" 0 'the first ID of a lineage finds its last ticket'
is "$(nhictl ticket inspect --json "$W/a.new" | jq -r .ticket.jti)" "$(jti_of "$W/a.new")" 'which was written'
must nhictl revoke --ticket "$(jti_of "$W/a")" --reason test
login "$W/a.new"
unlike "$RC" '^0$' 'revoking the first revokes the last'
renew "$W/a"
is "$RC" 1 'what is revoked is not renewed'

# ---- two texts, not three ----

issue "$W/t" build-1
login "$W/t"
renew "$W/t" --ttl 30m
cp "$W/t.new" "$W/t.second"
renew "$W/t" --ttl 45m
is "$RC" 0 'renewed again, before the second text was used'
mark_log
login "$W/t"
unlike "$RC" '^0$' 'the first text has ended'
has_logged 'reason=superseded' 'with the reason'
login "$W/t.second"
is "$RC" 0 'the second still works'
login "$W/t.new"
is "$RC" 0 'until the third'
login "$W/t.second"
unlike "$RC" '^0$' 'was used'
must nhictl revoke --ticket "$(jti_of "$W/t")" --reason test

# ---- at once ----

in_ledger() { sqlite3 -readonly "$STATE/ledger.db" "$1"; }
of_lineage() { in_ledger "select $2 from ticket where root = '$1'"; }
issue "$W/o" build-1 --ttl 10m
ROOT=$(jti_of "$W/o")
PIDS=()
for i in {1..8}; do
    nhictl renew "$ROOT" --ttl "$((20 + i))m" --out "$W/o.$i" >"$W/out-$i" 2>&1 &
    PIDS+=($!)
done
WON=0 BAD=''
for i in {1..8}; do
    wait "${PIDS[i - 1]}"
    case $?:$(cat "$W/out-$i") in
    0:*) WON=$((WON + 1)) ;;
    1:*'would not end later'*) ;;
    *) BAD="$BAD $i: $(cat "$W/out-$i")" ;;
    esac
done
is "$BAD" '' 'eight renewals at once: each is done, or reports that it ends no later'
is "$(of_lineage "$ROOT" 'count(*), count(distinct renews), sum(successor is null), sum(not superseded)')" \
    "$((WON + 1))|$WON|1|2" "one after the other: each of the $WON renews the one before it"
must nhictl revoke --ticket "$ROOT" --reason test

# When revoke has returned, no ticket of the lineage lives, even if another command is renewing it.
has_begun() { compgen -G "$W/v.*.*" >/dev/null; }
opens() { nhictl ticket inspect --json "$1" 2>/dev/null | jq -r '.decisions[0].reason'; }
LATE=0 BAD=''
for how in ticket agent task resume; do
    must nhictl task open "race-$LATE" --agent ci-bot --concurrent
    issue "$W/v" "race-$LATE" --ttl 10m
    [ "$(opens "$W/v")" = permit ] || BAD="$BAD $how: not at first"
    ROOT=$(jti_of "$W/v")
    for w in 1 2 3; do
        for i in {1..4}; do
            nhictl renew "$ROOT" --ttl "$((10 + 5 * i + w))m" --out "$W/v.$w.$i" || :
        done >/dev/null 2>&1 &
        PIDS[w]=$!
    done
    # The first one may be any of them: the lifetime of another may then be no later.
    eventually has_begun
    case $how in
    ticket) nhictl revoke --ticket "$ROOT" ;;
    agent) nhictl revoke --agent ci-bot ;;
    task) nhictl task close "race-$LATE" ;;
    resume) nhictl agent suspend ci-bot && nhictl revoke --agent ci-bot && nhictl agent resume ci-bot ;;
    esac >/dev/null 2>&1 || BAD="$BAD $how was refused"
    wait "${PIDS[@]:1:3}"
    for text in "$W"/v.*; do
        [ "$(opens "$text")" != permit ] || BAD="$BAD $how: $text"
    done
    LATE=$((LATE + 1))
    rm -f "$W"/v.*
done
is "$BAD" '' "revoked while it was renewed, $LATE times: no renewal lives"

# ---- a session continues with the ticket that renewed its own ----

issue "$W/s" build-1 --ttl 20s
SECONDS=0
rm -f "$W/go" "$W/inside"
ssh_bg ci-bot reply "$W/s" "sudo -n id -u; until [ -e $W/go ]; do sleep 0.1; done; sudo -n id -u"
SSH=$!
eventually grep -q 0 "$W/bg.out"
renew "$W/s" --ttl 5m
until [ "$SECONDS" -gt 20 ]; do sleep 0.5; done
login "$W/s"
unlike "$RC" '^0$' 'the old text has expired'
: >"$W/go"
wait "$SSH"
is "$?:$(tr -d '\n' <"$W/bg.out")" 0:00 'the session that it opened continues'
must nhictl revoke --ticket "$(jti_of "$W/s.new")" --reason test

# ---- used uses stay used ----

issue "$W/u" build-1 --uses 3 --service sshd
login "$W/u"
renew "$W/u" --ttl 30m
for n in 2 3; do
    login "$W/u.new"
    is "$RC" 0 "use $n of 3, with the new text"
done
mark_log
login "$W/u.new"
unlike "$RC" '^0$' 'a fourth is denied'
has_logged 'reason=uses' 'with the reason'
must nhictl revoke --ticket "$(jti_of "$W/u")" --reason test

# ---- a key-bound ticket: superseded at once ----

ssh-keygen -q -t ed25519 -N '' -f "$W/id"
issue "$W/k" build-1 --bind-key "$W/id.pub" --ttl 10m
ssh_as ci-bot key "$W/id" true
is "$RC" 0 'a key with its ticket'
renew "$W/k" --ttl 30m
is "$RC:$(state_of "$W/k")" 0:renewed 'renewed'
ssh_as ci-bot key "$W/id" sudo -n id -u
is "$RC:$OUT" 0:0 'the key still works'
mark_log
login "$W/k.new"
unlike "$RC" '^0$' 'the text alone is as useless as before'
has_logged 'reason=key' 'with the reason'
renew "$W/k" --ttl 40m --cert "$W/id.pub"
is "$RC" 0 'with a certificate'
ssh-keygen -L -f "$W/id-cert.pub" | grep -q ticket@nhi
ok $? 'which carries it'
ssh-keygen -q -t ed25519 -N '' -f "$W/id2"
renew "$W/k" --ttl 50m --cert "$W/id2.pub"
is "$RC" 1 'not for another key'
must nhictl revoke --ticket "$(jti_of "$W/k")" --reason test
rm "$W/id-cert.pub"
ssh_as ci-bot key "$W/id" true
unlike "$RC" '^0$' 'revoking the first ends the key'

# ---- a renewed child has the same parent ----

issue "$W/p" build-1 --ttl 45m
issue "$W/q" build-1 --parent "$(jti_of "$W/p")"
renew "$W/q" --ttl 30m
is "$(nhictl ticket show --json "$(jti_of "$W/q.new")" | jq -r .ticket.parent)" "$(jti_of "$W/p")" 'a renewed child is still a child'
login "$W/q.new"
is "$RC" 0 'which is used'
must nhictl revoke --ticket "$(jti_of "$W/p")" --reason test
mark_log
login "$W/q.new"
unlike "$RC" '^0$' 'and ends with its parent'
has_logged 'reason=revoked' 'with the reason'

# ---- cron finds one ticket, not two ----

issue "$W/c" build-1 --service cron --ttl 10m
renew "$W/c" --ttl 20m
rm -f /home/ci-bot/ran
echo '@reboot ci-bot touch /home/ci-bot/ran' >/etc/cron.d/e2e
rm -f /run/crond.reboot
cron -f &
CRON=$!
disown
eventually test -e /home/ci-bot/ran
ok $? 'a cron job with a ticket that was renewed'
kill "$CRON"
must nhictl revoke --ticket "$(jti_of "$W/c")" --reason test

# ---- bounds ----

issue "$W/b" build-1 --ttl 10m --renewable-until 20m
renew "$W/b" --ttl 1h
is "$RC" 0 'renewed for longer than is permitted'
END=$(date -d "$(exp_of "$W/b.new")" +%s)
[ "$END" -le $(($(date +%s) + 1200)) ]
ok $? 'is cut to the limit that was set at issue'
renew "$W/b" --ttl 1h
is "$RC" 1 'and no further'
must nhictl task open short --agent ci-bot --until 12m --concurrent
issue "$W/d" short --ttl 10m
renew "$W/d" --ttl 1h
END=$(date -d "$(exp_of "$W/d.new")" +%s)
[ "$END" -le $(($(date +%s) + 720)) ]
ok $? 'a task'"'"'s deadline cuts it too'
must nhictl task close short
renew "$W/d"
is "$RC" 1 'a ticket of a closed task: refused'
issue "$W/e" build-1 --ttl 1s
sleep 1
renew "$W/e"
is "$RC" 1 'an expired ticket: refused'
issue "$W/f" build-1 --ttl 5m --host b.example.org --uses 2
renew "$W/f"
is "$RC" 1 'counted on another host: refused'
must nhictl agent suspend ci-bot --reason test
issue_rc() { capture nhictl renew "$(jti_of "$W/b")"; }
issue_rc
is "$RC" 1 'a suspended agent'"'"'s: refused'
capture nhictl renew AAAAAAAAAAAAAAAAAAAAAA
is "$RC" 1 'an unknown ticket: refused'
capture nhictl renew x
is "$RC" 1 'a malformed ticket ID'

finish
