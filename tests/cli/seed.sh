# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# A history with known events: two logins, sudo in one of them, a hand-off, a denial, a renewal and a revocation,
# within some minutes of one day. Sets JTI, NEXT (its renewal), S1 and S2 (the records that opened the sessions) and
# T0.
sql() {
    sqlite3 -cmd ".timeout 10000" "$LEDGER" "$1"
}

# event SECOND KIND COLUMN=VALUE…: adds one, that many seconds after T0. Values are SQL literals.
event() {
    local second=$1 kind=$2 columns='' values=''
    shift 2
    for pair; do
        columns+=", ${pair%%=*}"
        values+=", ${pair#*=}"
    done
    sql "INSERT INTO event (at, kind, host, agent, owner, task, jti, kid, account, service, source, origin, decision,
        reason, rule, policy, proof, within, session, cause, detail, prev, hash) SELECT $((T0 + second)), '$kind',
        'testhost', 'ci-bot', 'ops@example.org', 'build-4711', '', 'main', '', '', '', '', '', '', '', '', '', '', '',
        '', '{}', '', '';
        UPDATE event SET ($(cut -c 3- <<<"$columns")) = ($(cut -c 3- <<<"$values")) WHERE seq = last_insert_rowid();"
}

# grant SECOND RECORD SERVICE WITHIN [COLUMN=VALUE…]
grant() {
    local second=$1 record=$2 service=$3 within=$4
    shift 4
    event "$second" grant "record='$record'" "service='$service'" "within='$within'" "account='ci-bot'" \
        "source='prompt'" "origin='192.0.2.7'" "decision='permit'" "reason='permit'" "rule='deploy'" "proof='bearer'" \
        "jti='$JTI'" "policy='0123456789abcdef0123456789abcdef'" "$@"
}

# end SECOND RECORD HANDLE BEGAN REASON SERVICE
end() {
    event "$1" session-end "jti='$JTI'" "session='$3'" "within='$2'" "service='$6'" "account='ci-bot'" "reason='$5'" \
        "detail='{\"began\":\"$(date -u -d "@$((T0 + $4))" +%FT%TZ)\"}'"
}

seed() {
    T0=$(date -u -d 'yesterday 11:00' +%s)
    sql "DELETE FROM event WHERE task = 'build-4711' OR kind = 'policy-apply'; UPDATE task SET opened = $T0,
        deadline = $((T0 + 7200)), state = 2, closed = $((T0 + 760)), reason = 'cancelled <b>&amp; \"done\"'"
    JTI=AAECAwQFBgcICQoLDA0ODw NEXT=BBECAwQFBgcICQoLDA0ODw S1=CCECAwQFBgcICQoLDA0ODw S2=DDECAwQFBgcICQoLDA0ODw
    sql "INSERT INTO ticket (jti, kid, agent, task, host, accounts, services, iat, nbf, exp, uses, origin, recorded, root,
        successor, superseded) SELECT '$JTI', kid, 'ci-bot', 'build-4711', 'testhost', 'ci-bot', 'sshd sudo', $((T0 + 5)), 0,
        $((T0 + 905)), 0, 1, $T0, '$JTI', '$NEXT', 0 FROM issuer;
        INSERT INTO ticket (jti, kid, agent, task, host, accounts, services, iat, nbf, exp, uses, origin, recorded, root,
        renews) SELECT '$NEXT', kid, 'ci-bot', 'build-4711', 'testhost', 'ci-bot', 'sshd sudo', $((T0 + 600)), 0,
        $((T0 + 1500)), 0, 1, $T0, '$JTI', '$JTI' FROM issuer;"
    event 0 task-open "detail='{\"deadline\":\"$(date -u -d "@$((T0 + 7200))" +%FT%TZ)\",\"uid\":0,\"loginuid\":4002}'"
    event 5 issue "jti='$JTI'" "detail='{\"accounts\":[\"ci-bot\"],\"services\":[\"sshd\",\"sudo\"],\"exp\":\"$(date -u -d "@$((T0 + 905))" +%FT%TZ)\",\"uid\":0,\"sudo_uid\":4002}'"
    grant 30 "$S1" sshd ''
    grant 95 EEECAwQFBgcICQoLDA0ODw sudo "$S1" "source='session'" "origin='local'"
    end 97 EEECAwQFBgcICQoLDA0ODw a-0f5c21d8-58 95 closed sudo
    end 240 "$S1" a-0f5c21d8-57 30 closed sshd
    grant 400 FFECAwQFBgcICQoLDA0ODw sshd '' "kind='hand-off'" "decision='deny'" "reason='pin'" "origin='198.51.100.23'"
    event 600 renew "jti='$NEXT'" "detail='{\"accounts\":[\"ci-bot\"],\"services\":[\"sshd\",\"sudo\"],\"renews\":\"$JTI\",\"exp\":\"$(date -u -d "@$((T0 + 1500))" +%FT%TZ)\",\"uid\":0}'"
    grant 620 "$S2" sshd '' "jti='$NEXT'"
    event 760 revoke "cause='cancelled <b>&amp; \"done\"'" "detail='{\"kind\":\"task\",\"id\":\"build-4711\",\"live\":1,\"uid\":0}'"
    end 761 "$S2" a-0f5c21d8-59 620 task-closed sshd
    grant 790 GGECAwQFBgcICQoLDA0ODw sshd '' "decision='deny'" "reason='task-closed'" "kind='denial'" "jti='$NEXT'" "rule=''"
}
