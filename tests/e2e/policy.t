#!/bin/bash
# SPDX-License-Identifier: ISC
# Policy at the moment of use: a change is in force at the next sshd login and the next sudo, without any restart.
# Invariant: 4.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
open_task build-1
ssh-keygen -q -t ed25519 -N '' -f "$W/id"
issue "$W/bound" build-1 --bind-key "$W/id.pub" --service sshd,sudo --account ci-bot,deploy
issue "$W/bearer" build-1 --no-pin

by_key() { ssh_as "${2:-ci-bot}" key "$W/id" "$1"; }
# rules CONDITIONS [RULE...]: one rule that permits with these conditions, and others.
rules() {
    {
        printf 'rules = ( { name = "may"; effect = "permit"; agent = "ci-*"; account = [ "ci-bot", "deploy" ];\n'
        printf 'service = [ "sshd", "sudo", "cron" ]; %s }' "$1"
        [ "$#" -lt 2 ] || printf ',\n%s' "${@:2}"
        printf ' );\n'
    } >/etc/nhi/policy.d/e2e.conf
    must nhictl apply --force
}
refused() { # refused REASON NAME; REASON -: sshd does not accept the key at all.
    unlike "$RC" '^0$' "$2: refused"
    [ "$1" = - ] || has_logged "pam_nhi\(sshd:[a-z]+\): denied: reason=$1" "$2: the log shows $1"
}

# ---- an open session, and the next sudo in it ----

rules ''
mkfifo "$W/go"
chmod 666 "$W/go"
ssh_bg ci-bot key "$W/id" "sudo -n id -u; echo ready; read -r x <$W/go; sudo -n id -u; echo rc=\$?"
BG=$!
eventually grep -q ready "$W/bg.out"
mark_log
rules '' '{ name = "no-sudo"; effect = "forbid"; agent = "*"; account = "*"; service = "sudo"; }'
echo go >"$W/go"
wait "$BG"
like "$(cat "$W/bg.out")" $'^0\nready\nrc=1' 'sudo in an open session, until a rule forbids it'
has_logged 'pam_nhi\(sudo:auth\): denied: reason=forbidden .*agent=ci-bot' 'and the log shows it'
by_key 'id -un'
is "$OUT" ci-bot 'what it does not forbid is still permitted'

# ---- source ----

rules 'source = "127.0.0.0/8";'
by_key 'id -un; sudo -n id -u'
is "$OUT" $'ci-bot\n0' 'from the address that a rule names, and sudo in that session'
rules 'source = "192.0.2.0/24";'
mark_log
by_key 'echo got-in'
# From OpenSSH 9.4 on the helper for keys gets the address, and sshd does not accept the key at all.
BEFORE_THE_KEY='(policy|no-ticket)'
! grep -q '%C' /etc/ssh/sshd_config.d/00-nhi.conf || BEFORE_THE_KEY=-
refused "$BEFORE_THE_KEY" 'from another'
mark_log
ssh_as ci-bot reply "$W/bearer" 'echo got-in'
refused policy 'at the prompt, too'
rules 'source = "local";'
by_key 'echo got-in'
refused - 'over a network, if it must come from here'

# An earlier decision, with the rules of that time.
must nhictl status
SEQ=$(sqlite3 -readonly "$STATE/ledger.db" \
    "SELECT seq FROM event WHERE kind = 'denial' AND detail LIKE '%\"reason\":\"policy\"%' ORDER BY seq DESC LIMIT 1")
capture nhictl explain --json "$SEQ"
is "$RC.$(jq -c '[.decision, .reason, [.rules[] | [.rule, .fails, .because]]]' <<<"$OUT")" \
    '1.["deny","policy",[["may","source","source is 127.0.0.1"]]]' 'explain EVENT: what was in force then'
SEQ=$(sqlite3 -readonly "$STATE/ledger.db" "SELECT seq FROM event WHERE kind = 'grant' ORDER BY seq LIMIT 1")
capture nhictl explain --json "$SEQ"
is "$RC.$(jq -c '[.decision, .rule]' <<<"$OUT")" '0.["permit","may"]' 'a permit, too'

explained() { # explained WHERE NAME WANTED: the newest event for which that is true.
    must nhictl status
    SEQ=$(sqlite3 -readonly "$STATE/ledger.db" "SELECT seq FROM event WHERE $1 ORDER BY seq DESC LIMIT 1")
    capture nhictl explain --json "$SEQ"
    is "$(jq -c '[.decision, .reason, [.rules[] | [.rule, .fails, .because]]]' <<<"$OUT")" "$3" "$2"
}
rules 'owner = "ops@example.org";'
by_key 'id -un'
is "$OUT" ci-bot 'by the owner of the agent'
must nhictl agent transfer ci-bot --owner other@example.org
by_key 'echo got-in'
refused - 'no longer, once the agent has another owner'
explained "kind = 'grant'" 'explain EVENT: the owner at that time' '["permit","permit",[["may",null,"it matches"]]]'
must nhictl agent transfer ci-bot --owner ops@example.org

# ---- properties of the ticket ----

rules 'bound = "key"; max_lifetime = "15m";'
by_key 'id -un'
is "$OUT" ci-bot 'a rule for bound tickets of fifteen minutes'
mark_log
ssh_as ci-bot reply "$W/bearer" 'echo got-in'
refused policy 'does not match the text of another'
rules 'max_lifetime = "14m";'
by_key 'echo got-in'
refused - 'nor does one of fourteen match these'
rules 'task = "build-?";'
by_key 'id -un'
is "$OUT" ci-bot 'by the task'
rules 'task = "nightly-*";'
by_key 'echo got-in'
refused - 'of another task'
rules '' '{ effect = "permit"; owner = "nobody@example.org"; account = "*"; service = "*"; }'
by_key 'id -un'
is "$OUT" ci-bot 'by one of two rules'

# ---- time ----

# Not across midnight, when the day changes: then it is morning in Tokyo.
ZONE=UTC
[ "$(date -u +%d)" = "$(date -u -d '+6 minutes' +%d)" ] || ZONE=Asia/Tokyo
there() { TZ=$ZONE date "$@"; }
NOW=$(there +%H:%M) THEN=$(there -d '+5 minutes' +%H:%M) LATER=$(there -d '+6 minutes' +%H:%M)
rules "zone = \"$ZONE\"; hours = \"$NOW-$THEN\"; days = \"$(there +%a | tr '[:upper:]' '[:lower:]')\";"
by_key 'id -un'
is "$OUT" ci-bot 'in the hours of a rule'
rules "zone = \"$ZONE\"; hours = \"$THEN-$LATER\";"
by_key 'echo got-in'
refused - 'outside of them'

# ---- limits ----

rules 'max_sessions = 1;'
ssh_bg ci-bot key "$W/id" "echo ready; read -r x <$W/go"
BG=$!
eventually grep -q ready "$W/bg.out"
mark_log
ssh_as ci-bot reply "$W/bearer" 'echo got-in'
refused limit 'a second session'
explained "kind = 'denial' AND detail LIKE '%\"reason\":\"limit\"%'" 'explain EVENT: which cap was reached' \
    '["deny","limit",[["may","max_sessions","its limit was reached then"]]]'
mark_log
by_key 'echo got-in' deploy
refused - 'for another account'
echo go >"$W/go"
wait "$BG"
# sshd ends a session only after its client has gone.
none_is_open() { [ "$(nhictl session list --json | jq -c .sessions)" = '[]' ]; }
eventually none_is_open
mark_log
by_key 'sudo -n id -u'
is "$OUT" 0 'after the end of the first; sudo in it is no session of its own'
rules 'max_grants_per_hour = 3;'
for n in 1 2 3; do
    by_key 'id -un'
    is "$OUT" ci-bot "grant $n of three in an hour"
done
mark_log
by_key 'echo got-in'
refused - 'the fourth'
must nhictl status
by_key 'echo got-in'
refused - 'nor after the records were folded'
rules 'max_grants_per_hour = 4;'
for n in 1 2 3 4 5 6; do
    SSH_ASKPASS="$W/askpass" "$SSH_TOOL" ci-bot key "$W/id" 'echo got-in' </dev/null >"$W/at-once.$n" 2>/dev/null &
done
wait
N=$(grep -l got-in "$W"/at-once.* | wc -l)
ok "$((N > 1))" "six at once, with room for one: $N permitted"

# ---- the host's own limits ----

rules ''
echo 'max_lifetime = "14m";' >/etc/nhi/nhi.conf
must nhictl apply --force
by_key 'echo got-in'
refused - 'a ticket that lives longer than this host permits'
capture nhictl issue --agent ci-bot --task build-1 --account deploy --service cron --ttl 15m
like "$RC$ERR" '^1.*14m at most' 'nor is one issued'
rm /etc/nhi/nhi.conf
must nhictl apply
by_key 'id -un'
is "$OUT" ci-bot 'until the limit permits it'

finish
