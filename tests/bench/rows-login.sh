# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Rows of one PAM cycle, each in a fresh process: by a shown ticket, by a bound key, a person's, a denial.
# shellcheck source=tests/bench/lib.sh

ROUNDS=${ROUNDS:-30}

# What is run, as words.
by_ticket() { echo "$CYCLE -c $STACKS/$1 -f $FROM -r $W/ticket sshd ci-bot"; }
by_key() { echo "$CYCLE -c $STACKS/$1 -f $FROM -p cox -k $W/proven sshd ci-bot"; }
by_bad() { echo "$CYCLE -c $STACKS/ours -f $FROM -p ac -n -r $W/bad sshd ci-bot"; }
person() { # person STACK SERVICE
    case $2 in
    sshd) echo "$CYCLE -c $STACKS/$1 -f $FROM -r $W/password sshd alice" ;;
    *) echo "$CYCLE -c $STACKS/$1 -u alice -t /dev/pts/0 -r $W/password $2 alice" ;;
    esac
}
person_key() { echo "$CYCLE -c $STACKS/$1 -f $FROM -p cox -k $W/proven-person sshd $2"; }

rows_login() {
    local service
    progress 'one PAM cycle: tickets and keys'
    in_turn "$ROUNDS" <<END
cycle.ticket $(by_ticket ours)
cycle.key $(by_key ours)
cycle.floor $(by_ticket floor)
cycle.permit $(by_ticket permit)
cycle.none $CYCLE -p 0 sshd ci-bot
END
    progress 'one PAM cycle: people'
    in_turn "$ROUNDS" <<END
person.sshd $(person ours sshd)
person.sshd.permit $(person permit sshd)
observed $(person_key ours carol)
observed.permit $(person_key permit carol)
shared $(person_key ours deploy)
shared.permit $(person_key permit deploy)
END
    for service in su sudo; do
        "$TOOLS/ancestors" 8 "$TOOLS/in_turn" "$ROUNDS" >>"$RESULTS" <<END
person.$service $(person ours $service)
person.$service.permit $(person permit $service)
END
    done
    rows_fast
    rows_denied
    rows_counts
}

# What is denied costs no more than what is permitted.
rows_denied() {
    progress 'a bad signature, and a revoked ticket'
    bad_signature
    issue "$W/revoked" build-1
    must nhictl revoke --ticket "$(jti_of "$W/revoked")"
    in_turn "$ROUNDS" <<END
auth.permitted $CYCLE -c $STACKS/ours -f $FROM -p ac -r $W/ticket sshd ci-bot
auth.bad $(by_bad)
auth.revoked $CYCLE -c $STACKS/ours -f $FROM -p ac -n -r $W/revoked sshd ci-bot
END
}

# Another letter at the tenth place from the end, which is in the signature.
bad_signature() {
    perl -pe 'chomp; my $c = \substr($_, -10, 1); $$c = $$c eq "A" ? "B" : "A"' "$W/ticket" >"$W/bad"
}

# Without flushing the record of a permit, where this nhi has that setting.
rows_fast() {
    cp -p /etc/nhi/nhi.conf "$W/nhi.conf" 2>/dev/null || : >"$W/nhi.conf"
    echo 'durability = "fast";' >>/etc/nhi/nhi.conf
    if nhictl apply >/dev/null 2>&1; then
        progress 'one PAM cycle, durability = fast'
        in_turn "$ROUNDS" <<END
cycle.ticket.fast $(by_ticket ours)
cycle.key.fast $(by_key ours)
END
    else
        hint 'durability in nhi.conf: not there yet'
    fi
    cp "$W/nhi.conf" /etc/nhi/nhi.conf
    must nhictl apply
}

rows_counts() {
    progress 'instructions and system calls'
    # shellcheck disable=SC2046 # words
    {
        count cycle.none "$CYCLE" -p 0 sshd ci-bot
        count cycle.permit $(by_ticket permit)
        count cycle.floor $(by_ticket floor)
        count cycle.ticket $(by_ticket ours)
        count cycle.key $(by_key ours)
        count person.sshd $(person ours sshd)
        count person.sudo $(person ours sudo)
        count shared $(person_key ours deploy)
        bad_signature
        count bad $(by_bad)
    }
}
