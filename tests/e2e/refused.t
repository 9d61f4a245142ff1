#!/bin/bash
# SPDX-License-Identifier: ISC
# Bad tickets at a real sshd: refused, with a reason in the log and none at the prompt, and nothing changes.
# Invariant: 8.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
open_task build-1
open_task other-1 other-bot
open_task closing
issue "$W/good" build-1 --ttl 1h
ssh_as ci-bot reply "$W/good" true
is "$RC" 0 'a good ticket opens'

for user in ci-bot other-bot deploy; do
    ssh_as "$user" reply "$W/wrong" id
    printf '%s\n' "$ERR" >"$W/baseline-$user"
    like "$RC$ERR" '^255.*Permission denied' "what a wrong password for $user looks like"
done

# refuse FILE USER REASON NAME: at the prompt it looks like a wrong password; the log has the reason.
refuse() {
    local bad=''
    mark_log
    ssh_as "$2" reply "$1" id
    [ "$RC" = 255 ] || bad+=" status $RC"
    [ -z "$OUT" ] || bad+=' output'
    [ "$ERR" = "$(cat "$W/baseline-$2")" ] || bad+=" '$ERR'"
    eventually logged "pam_nhi\\(sshd:auth\\): denied: reason=$3 account=$2( |\$)" ||
        bad+=" log: $(since_mark | grep pam_nhi)"
    [ -z "$bad" ]
    ok $? "refused, reason=$3: $4" || note "but:$bad"
}

# The files before and after. A denial of a verified ticket is recorded: d-…
inventory() {
    nhictl agent list --json | jq -c 'del(.now)' &&
        nhictl task list --all --json | jq -c 'del(.now)' &&
        find "$STATE/grants" -name '[gu]-*' | sort && find /run/nhi/sessions -type f | sort
}

issue "$W/short" build-1 --ttl 1s
issue "$W/elsewhere" build-1 --host elsewhere.example
issue "$W/deploy" build-1 --account deploy
issue "$W/sudo" build-1 --service sudo
issue "$W/closing" closing
issue "$W/single" build-1
issue "$W/other" other-1 --agent other-bot --account other-bot,deploy
must nhictl task close closing --reason 'done'
must nhictl revoke --ticket "$(jti_of "$W/single")" --reason 'lost'
sleep 1.1 # the short ticket's second
# The one session, and the record of its grant, are moved into the ledger when it has ended.
is_settled() {
    nhictl status >/dev/null
    [ -z "$(find "$STATE/grants" -name 'g-*')" ] && [ "$(nhictl session list --json | jq -c .sessions)" = '[]' ]
}
eventually is_settled
inventory >"$W/before"

refuse "$W/short" ci-bot expired 'an expired ticket'
refuse "$W/elsewhere" ci-bot host 'a ticket for another host'
refuse "$W/deploy" ci-bot account 'a ticket for another account'
refuse "$W/good" deploy account 'for the agent'"'"'s own account, shown for another'
refuse "$W/other" ci-bot account 'a ticket of another agent'
refuse "$W/good" other-bot account 'a ticket for the account of another agent'
refuse "$W/sudo" ci-bot service 'a ticket for another service'
refuse "$W/closing" ci-bot task-closed 'a ticket of a closed task'
refuse "$W/single" ci-bot revoked 'revoked'

# ---- not as signed ----

text=$(cat "$W/good")
flip() { # flip POSITION: another base64url character there
    local c=${text:$1:1} to=A
    [ "$c" != A ] || to=B
    printf '%s%s%s\n' "${text:0:$1}" "$to" "${text:$1+1}"
}
flip 60 >"$W/payload"
refuse "$W/payload" ci-bot signature 'a character of its payload changed'
flip $((${#text} - 60)) >"$W/signature"
refuse "$W/signature" ci-bot signature 'a character of its signature changed'
printf '%s\n' "${text%.*}" >"$W/nofooter"
refuse "$W/nofooter" ci-bot malformed 'without its footer'
printf '%s\n' "${text:0:100}" >"$W/cut"
refuse "$W/cut" ci-bot malformed 'cut short'
printf '%s=\n' "$text" >"$W/padded"
refuse "$W/padded" ci-bot malformed 'with padding'
printf '%s \n' "$text" >"$W/space"
refuse "$W/space" ci-bot malformed 'with a space after it'
head -c 65536 /dev/zero | tr '\0' A >"$W/rubbish"
ssh_as ci-bot reply "$W/rubbish" id
is "$RC$ERR" "255$(cat "$W/baseline-ci-bot")" '64 KiB of other bytes look like a wrong password'
# No more than a pipe holds: ssh stops reading at 1,023, and an askpass that cannot write gives no reply.
{ printf 'v4.public.' && cat "$W/rubbish"; } | head -c 65536 >"$W/v4rubbish"
refuse "$W/v4rubbish" ci-bot malformed '64 KiB that begin like a ticket'
: >"$W/empty"
ssh_as ci-bot reply "$W/empty" id
is "$RC$ERR" "255$(cat "$W/baseline-ci-bot")" 'an empty reply looks like a wrong password'

inventory >"$W/after"
capture diff "$W/before" "$W/after"
is "$RC" 0 'nothing has changed: no grant, no session, no state'

# ---- states ----

must nhictl agent suspend ci-bot --reason 'being looked at'
refuse "$W/good" ci-bot agent-suspended 'a ticket of a suspended agent'
must nhictl agent resume ci-bot
ssh_as ci-bot reply "$W/good" id
is "$RC" 0 'resumed, it is permitted again'
must nhictl agent retire other-bot --reason 'not needed'
refuse "$W/other" deploy agent-retired 'a ticket of a retired agent'
mark_log
ssh_as other-bot reply "$W/other" id
unlike "$RC" '^0$' 'a retired agent'"'"'s own account opens to nothing'
capture getent passwd other-bot
like "$OUT" '^other-bot:.*nologin$' 'but its name and uid still resolve'

issue "$W/deploy" build-1 --account deploy
ssh_as deploy reply "$W/deploy" id
is "$RC" 0 'an ordinary account by ticket'
must usermod -a -G sudo deploy
refuse "$W/deploy" deploy privileged 'once the account is in a privileged group'
must gpasswd -d deploy sudo
must rm /etc/nhi/policy.d/e2e.conf
must nhictl apply --force
refuse "$W/good" ci-bot policy 'without a rule'

finish
