#!/bin/bash
# SPDX-License-Identifier: ISC
# Tickets that another host signed: seen here for the first time at a login, or imported earlier; and the issuer keys
# that may sign them.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
open_task known-1

# ---- another host, with a ledger and keys of its own ----

# there COMMAND...: on that host. SHIFT moves its clock.
there() {
    # shellcheck disable=SC2016
    capture unshare --mount "$BASH" -c '
        for d in /var/lib/nhi /etc/nhi /run/nhi /run/nhi-public; do mkdir -p "$0$d" && mount --bind "$0$d" "$d" || exit 9; done
        exec "$@"' "$W/there" ${SHIFT:+faketime -f "$SHIFT"} "$@"
    [ "$RC" = 0 ] || { note "$ERR" && bail "there: $*"; }
}
install -d "$W/there" /run/nhi-public
there nhictl init --host signer.example
# Its uids are not this host's: only names are the same.
there nhictl agent add ci-bot --owner o@example.org --purpose p --review-by 2099-01-01 --no-home
there nhictl agent add other-bot --owner o@example.org --purpose p --review-by 2099-01-01 --no-home
there nhictl agent add stranger --owner o@example.org --purpose p --review-by 2099-01-01 --no-home
for task in known-1 unknown-1; do
    there nhictl task open "$task" --agent ci-bot --until 20h --concurrent
done
there nhictl task open other-1 --agent other-bot --until 2h
there nhictl task open strange-1 --agent stranger --until 2h

# mint FILE [OPTION...]: there, for this host.
mint() {
    local file=$1 has
    shift
    has=" $* "
    [[ $has == *' --agent '* ]] || set -- "$@" --agent ci-bot
    [[ $has == *' --task '* ]] || set -- "$@" --task known-1
    [[ $has == *' --account '* ]] || set -- "$@" --account ci-bot
    [[ $has == *' --service '* ]] || set -- "$@" --service sshd,sudo
    [[ $has == *' --ttl '* ]] || set -- "$@" --ttl 15m
    there nhictl issue --host "$HOST" --force --out "$file" "$@"
}
# The foreign key's public half: PASERK text, whatever is printed around it.
public_key() { # public_key KID
    there nhictl key export "$1"
    PUBLIC=$(grep -oE 'k4\.public\.[A-Za-z0-9_-]+' <<<"$OUT")
}
trust() { must nhictl key add "$1" "$PUBLIC" --agents ci-bot --accounts ci-bot --services sshd,sudo --max-ttl 1h "${@:2}"; }
kid_of() { base64 -d <<<"$(cut -d. -f4 "$1" | tr '_-' '/+')==" 2>/dev/null | jq -r .kid; }

ssh_as ci-bot reply "$W/wrong" id
WRONG=$ERR
refuse() { # refuse FILE REASON NAME
    mark_log
    ssh_as ci-bot reply "$1" id
    is "$RC$ERR" "255$WRONG" "$3: denied like a wrong password"
    has_logged "pam_nhi\\(sshd:auth\\): denied: reason=$2 account=ci-bot" "reason=$2"
}
enter() { # enter FILE NAME
    ssh_as ci-bot reply "$1" 'id -un'
    is "$RC/$OUT" 0/ci-bot "$2: permitted"
}

mint "$W/foreign"
KID=$(kid_of "$W/foreign")
refuse "$W/foreign" issuer-unknown 'a key that this host does not know'
public_key "$KID"
trust "$KID"
enter "$W/foreign" 'a foreign ticket, once its key is trusted'
ssh_as ci-bot reply "$W/foreign" 'sudo -n id -u'
is "$RC/$OUT" 0/0 'sudo in its session'

# ---- bounds ----

mint "$W/agent" --agent other-bot --task other-1 --account other-bot
refuse "$W/agent" issuer-bounds 'an agent that the key may not speak for'
mint "$W/account" --account ci-bot,deploy
refuse "$W/account" issuer-bounds 'an account beyond its bounds'
mint "$W/service" --service sshd,cron
refuse "$W/service" issuer-bounds 'a service beyond its bounds'
mint "$W/long" --ttl 2h
refuse "$W/long" issuer-bounds 'a lifetime beyond its bounds'
mint "$W/strange" --agent stranger --task strange-1 --account stranger
refuse "$W/strange" '(issuer-bounds|agent-unknown)' 'an agent that this host does not know'
mint "$W/unknown" --task unknown-1
refuse "$W/unknown" task-unknown 'a task that this host does not know'
SHIFT=+1h mint "$W/future"
refuse "$W/future" not-yet 'a ticket with a time in the future'
there nhictl status --accept-clock

# ---- imported ----

mint "$W/import"
must nhictl import "$W/import"
enter "$W/import" 'an imported ticket'
capture nhictl import "$W/account"
is "$RC" 1 'import refuses what its issuer may not sign'
must nhictl revoke --ticket "$(jti_of "$W/import")" --reason 'lost'
refuse "$W/import" revoked 'an imported ticket that was revoked'
mint "$W/unseen"
must nhictl revoke --ticket "$(jti_of "$W/unseen")" --reason 'lost on the way'
refuse "$W/unseen" revoked 'a ticket that was revoked before it was ever seen'

# ---- a key that opens tasks ----

there nhictl key rotate
mint "$W/opens" --task unknown-1
public_key "$(kid_of "$W/opens")"
trust "$(kid_of "$W/opens")" --opens-tasks
enter "$W/opens" 'a key that opens tasks, for a task unknown here'
must nhictl revoke --unseen --task unknown-1 --reason 'not wanted here'
refuse "$W/opens" '(revoked|task-closed)' 'until that task is revoked here'

# ---- the end of a key ----

must nhictl key retire "$KID"
refuse "$W/foreign" issuer-retired 'a ticket of a retired key'
mint "$W/second"
SECOND=$(kid_of "$W/second")
enter "$W/second" 'the other key is as before'
must nhictl revoke --issuer "$SECOND" --reason 'stolen'
refuse "$W/second" issuer-revoked 'a ticket of a revoked key'
issue "$W/own" known-1
enter "$W/own" 'a ticket of this host'

finish
