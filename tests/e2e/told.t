#!/bin/bash
# SPDX-License-Identifier: ISC
# Each way in and each reason: a denial, or a permit that was not used, is found with one command, nhictl trace, in
# the order of events.
# Invariant: 21.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
TRY=$BUILD/tests/tools/pamtry

lab_up
nhi_up
chmod 1777 "$W"
ssh-keygen -q -t ed25519 -N '' -f "$W/id"
for service in nightly-unit doas; do
    printf 'auth [success=done user_unknown=ignore default=die] pam_nhi.so\nauth required pam_deny.so\naccount required pam_nhi.so\n' \
        >/etc/pam.d/$service
done

# told NAME WORD SERVICE REASON TRACE...: a step with that word, through that service, for that reason.
told() {
    local name=$1 word=$2 service=$3 reason=$4
    shift 4
    nhictl trace --json "$@" >"$W/story" 2>&1
    jq -e --arg w "$word" --arg s "$service" --arg r "$reason" \
        '[.steps[] | select(.step == $w and .service == $s and ($r == "" or .reason == $r))] | length > 0' "$W/story" >/dev/null
    ok $? "$name: trace $*" || jq -r '.steps[] | "# \(.at) \(.step) \(.service) \(.reason) \(.text)"' "$W/story"
}

# ---- nothing was shown, or nothing that can be believed: recorded for the account's agent ----

printf 'v4.public.rubbish\n' >"$W/rubbish"
ssh_as ci-bot reply "$W/rubbish" id
told 'sshd by prompt, no ticket' refused sshd malformed --agent ci-bot
capture as alice su ci-bot -c id
told 'su, no ticket' refused su no-ticket --agent ci-bot
capture as ci-bot sudo -n true
told 'sudo outside of a session' refused sudo no-ticket --agent ci-bot
for service in nightly-unit doas; do
    caller=()
    # doas is setuid, and asks for its caller.
    [ "$service" != doas ] || caller=(setpriv --ruid "$(id -u other-bot)")
    printf '%s other-bot 127.0.0.1 %s\n' "$service" "$W/rubbish" | "${caller[@]}" "$TRY" ask >/dev/null
    told "$service, wired as the manual describes" refused "$service" malformed --agent other-bot
done
printf '* * * * * %s true\n' other-bot >/etc/cron.d/e2e
chmod 600 /etc/cron.d/e2e
FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f +0x60 cron -f >"$W/cron.log" 2>&1 &
CRON=$!
disown "$CRON"
mark_log
has_logged 'pam_nhi\(cron:account\): denied: reason=no-ticket account=other-bot' 'cron refuses the job of an agent without a ticket'
kill "$(cat /run/crond.pid)"
told 'cron, no ticket' refused cron no-ticket --agent other-bot
like "$(nhictl status)" 'cron did not run a job of other-bot' 'and status reports that it did not run'

# ---- a verified ticket: recorded for its task ----

open_task k-1
issue "$W/t" k-1 --service sshd
issue "$W/all" k-1 --service sshd,sudo
ssh_as ci-bot reply "$W/t" sudo -n true
told 'sudo inside its session' denied sudo service k-1
ssh_as deploy reply "$W/t" true
told 'another account' denied sshd account k-1
must nhictl revoke --ticket "$(jti_of "$W/t")" --reason leaked
ssh_as ci-bot reply "$W/t" true
told 'revoked' denied sshd revoked --ticket "$(jti_of "$W/t")"

# ---- permitted, and not used ----

ssh_as ci-bot reply "$W/all" 'sudo -n /usr/bin/true && ! sudo -n /usr/bin/chown root /'
is "$RC" 0 'sudo runs what sudoers names, and refuses another command'
told 'what sudo refused by itself' 'not used' sudo '' k-1
is "$(jq '[.steps[] | select(.step == "not used")] | length' "$W/story")" 1 'that one, and not the one that ran'

# ---- in the order of events ----

POLICY="$POLICY" set_policy
ssh_as ci-bot reply "$W/all" 'sudo -n /usr/bin/true; su alice -c true </dev/null'
must rm /etc/nhi/policy.d/e2e.conf
must nhictl apply --force
settled() { [ "$(nhictl session list --json | jq -c .sessions)" = '[]' ]; }
eventually settled
nhictl trace --json k-1 >"$W/story"
last() { jq --arg w "$1" --arg s "$2" '[.steps | to_entries[] | select(.value.step == $w and (.value.service // "") == $s) | .key] | max' "$W/story"; }
LOGIN=$(last permit sshd) SUDO=$(last permit sudo) SU=$(last denied su) END=$(last ended sshd) POLICY_AT=$(last policy '')
[ "$LOGIN" -lt "$SUDO" ] && [ "$SUDO" -lt "$SU" ] && [ "$SU" -lt "$END" ] && [ "$SU" -lt "$POLICY_AT" ]
ok $? 'a login, its calls, a denial inside, its end, and the later change of policy' ||
    jq -r '.steps[] | "# \(.at) \(.ms) \(.step) \(.service) \(.text)"' "$W/story"
finish
