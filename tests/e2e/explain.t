#!/bin/bash
# SPDX-License-Identifier: ISC
# nhictl explain gives the same answer as PAM, and for the same reason: generated requests, each asked of both;
# thousands in a sweep.
# Invariant: 3.
# shellcheck source=tests/e2e/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

ROUNDS=$(depth 2 10) # policies
EACH=200              # requests for each policy

lab_up
nhi_up
TRY=$BUILD/tests/tools/pamtry
for s in app-1 app-2; do cp /etc/pam.d/sshd "/etc/pam.d/$s"; done

RANDOM=4711
# one_of WORD...: PICK is one of them.
one_of() { PICK=${!#} && set -- "${@:1}" && eval "PICK=\${$((RANDOM % $# + 1))}"; }
# some_of WORD...: PICK is a few of them, with commas.
some_of() {
    local word
    PICK=
    for word; do [ $((RANDOM % 2)) = 0 ] || PICK+=${PICK:+,}$word; done
    PICK=${PICK:-$1}
}

# ---- tickets: of both agents, for some accounts and services, and in every state ----

cat >/etc/nhi/policy.d/e2e.conf <<'P'
rules = ( { name = "open"; effect = "permit"; agent = "*-bot"; account = [ "ci-bot", "other-bot", "deploy", "batch" ];
            service = [ "sshd", "app-1", "app-2" ]; } );
P
must nhictl apply
TICKETS=() ACCOUNTS=() SERVICES=()
for ((i = 0; i < 24; i++)); do
    one_of ci-bot other-bot && agent=$PICK
    some_of "$agent" deploy batch && accounts=$PICK
    some_of sshd app-1 app-2 && services=$PICK
    # None of them expires between the two requests.
    one_of 40m 55m 2h && ttl=$PICK
    must nhictl task open "job-$i" --agent "$agent" --until 4h --concurrent
    must nhictl issue --agent "$agent" --task "job-$i" --account "$accounts" --service "$services" --ttl "$ttl" \
        --no-pin --force --out "$W/t-$i"
    TICKETS+=("$W/t-$i") ACCOUNTS+=("${accounts//,/ }") SERVICES+=("${services//,/ }")
done
must nhictl revoke --ticket "$(jti_of "$W/t-0")"
must nhictl task close job-1
must nhictl revoke --task job-2
must nhictl task open over --agent ci-bot --until 4h --concurrent
must nhictl issue --agent ci-bot --task over --account ci-bot --service sshd --ttl 2s --no-pin --force --out "$W/t-over"
TICKETS+=("$W/t-over") ACCOUNTS+=(ci-bot) SERVICES+=(sshd)
sleep 3

# ---- rules ----

write_rule() { # write_rule NAME
    one_of permit permit permit forbid && printf '{ name = "%s"; effect = "%s"; ' "$1" "$PICK"
    one_of ci-bot other-bot '*-bot' && printf 'agent = "%s"; ' "$PICK"
    some_of ci-bot other-bot deploy batch && printf 'account = [ "%s" ]; ' "${PICK//,/\", \"}"
    some_of sshd app-1 app-2 && printf 'service = [ "%s" ]; ' "${PICK//,/\", \"}"
    one_of '' '' 'task = "job-1*"; ' 'task = "job-?"; ' && printf '%s' "$PICK"
    one_of '' '' 'source = [ "192.0.2.0/24" ]; ' 'source = [ "2001:db8::/32", "198.51.100.7" ]; ' && printf '%s' "$PICK"
    one_of '' '' 'max_lifetime = "1h"; ' 'owner = "ops@example.org"; ' && printf '%s' "$PICK"
    one_of '' '' '' 'days = "mon-fri"; ' 'bound = "key"; ' && printf '%s' "$PICK"
    printf '}'
}
write_policy() {
    local n=$((RANDOM % 6 + 2)) i
    printf 'rules = ('
    for ((i = 0; i < n; i++)); do [ "$i" = 0 ] || printf ',\n' && write_rule "r-$i"; done
    printf ');\n'
}

# ---- both are asked ----

reason_of_explain() {
    nhictl explain --json --account "$2" --service "$1" --from "$3" "$4" 2>/dev/null | jq -r '.reason // .decision.reason'
}
for ((round = 0; round < ROUNDS; round++)); do
    write_policy >/etc/nhi/policy.d/e2e.conf
    must nhictl apply --force
    : >"$W/requests"
    for ((i = 0; i < EACH; i++)); do
        # Mostly what the ticket names: otherwise only that would be tested.
        t=$((RANDOM % ${#TICKETS[@]}))
        # shellcheck disable=SC2086 # words
        { one_of ${SERVICES[t]} ${SERVICES[t]} ${SERVICES[t]} sshd app-1 app-2 && line=$PICK
          one_of ${ACCOUNTS[t]} ${ACCOUNTS[t]} ${ACCOUNTS[t]} ci-bot deploy batch && line+=" $PICK"; }
        one_of 192.0.2.9 198.51.100.7 2001:db8::1 127.0.0.1 ::ffff:192.0.2.1 && line+=" $PICK"
        printf '%s %s\n' "$line" "${TICKETS[t]}" >>"$W/requests"
    done
    # A dead ticket has a limited number of lines in an hour: here each is asked for more often than that.
    rm -f "$STATE"/grants/d-*
    mark_log
    "$TRY" ask <"$W/requests" >"$W/pam"
    all_logged() { [ "$(since_mark | grep -cE ':auth\): .*reason=')" -ge "$EACH" ]; }
    eventually all_logged
    since_mark | sed -nE 's/.*:auth\): .*reason=([a-z-]+).*/\1/p' >"$W/by-pam"
    while read -r request; do
        # shellcheck disable=SC2086 # words
        reason_of_explain $request
    done <"$W/requests" >"$W/by-explain"
    is "$(wc -l <"$W/by-pam"):$(grep -c . "$W/by-explain")" "$EACH:$EACH" "policy $round: $EACH answers of each"
    paste -d' ' "$W/by-pam" "$W/by-explain" "$W/requests" | awk '$1 != $2' >"$W/differ"
    is "$(head -n 3 "$W/differ")" '' "policy $round: PAM and explain give the same reason"
    is "$(grep -c '^permit$' "$W/pam")" "$(grep -c '^permit$' "$W/by-explain")" "policy $round: and PAM returns what it logs"
    cat "$W/by-explain" >>"$W/reasons"
done
note "$(sort "$W/reasons" | uniq -c | awk '{ printf "%s %s, ", $1, $2 }')"
for reason in permit policy forbidden account service revoked task-closed expired; do
    grep -qx "$reason" "$W/reasons"
    ok $? "$reason was among them"
done
finish
