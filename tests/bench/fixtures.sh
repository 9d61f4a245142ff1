# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Ledgers of great size, made once by SQL and kept in $BUILD/bench/fixtures. Each is a whole /var/lib/nhi of this machine
# with agent ci-bot, its task build-1 and the policy of lib.sh, and rows which no verb has to make one by one.
# shellcheck source=tests/bench/lib.sh

# What makes a kept one useless: other tables, another script, another machine, another source of this file.
fixture_stamp() {
    cat "$TREE"/libnhi/ledger/schema*.c "$TREE/tests/bench/fixtures.sh" /etc/machine-id | sha256sum
}

# use_fixture NAME: from here on /var/lib/nhi, with a supervisor that need not run
use_fixture() {
    local dir=$DISK/fixtures/$1 stamp
    stamp=$(fixture_stamp)
    if [ "$(cat "$dir.stamp" 2>/dev/null)" != "$stamp" ]; then
        progress "fixture $1 is made, once"
        rm -rf "$dir" "$dir.stamp"
        mount_state "$dir"
        make_fixture "$1"
        printf '%s\n' "$stamp" >"$dir.stamp"
    fi
    mount_state "$dir"
    ! has_verb publish || must nhictl publish
}

make_fixture() {
    local sql=fixture_$1
    echo 'supervisor = "optional";' >/etc/nhi/nhi.conf
    must nhictl init --uid-max 4000000
    must nhictl agent add ci-bot --owner ops@example.org --purpose 'builds and deploys' --review-by 2099-06-30
    must nhictl agent add other-bot --owner ops@example.org --purpose 'other work' --review-by 2099-06-30
    must nhictl apply
    must nhictl task open build-1 --agent ci-bot --until 6d --concurrent
    { echo 'PRAGMA cache_size = -1000000; PRAGMA synchronous = OFF;' && "$sql"; } >"$W/fixture.sql"
    must sqlite3 "$STATE/ledger.db" <"$W/fixture.sql"
    must sqlite3 "$STATE/ledger.db" 'PRAGMA wal_checkpoint(TRUNCATE)'
}

# The numbers 1 to $1 as n(i).
numbers() { printf 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ' "$1"; }

fixture_empty() { :; }

fixture_revoked() {
    numbers 1000000
    echo "INSERT INTO revocation (kind, id, at, reason) SELECT 1, hex(randomblob(11)), 1700000000, 'bench' FROM n;"
}

# tickets NUMBER EXP: of ci-bot for build-1, which is the worst for it
tickets() {
    echo 'BEGIN;'
    numbers "$1"
    cat <<SQL
INSERT INTO ticket (jti, kid, agent, task, host, accounts, services, iat, nbf, exp, uses, origin, recorded, root)
    SELECT printf('bench%017d', i), (SELECT kid FROM issuer WHERE own = 1), 'ci-bot', 'build-1',
        (SELECT host FROM setting), 'ci-bot', 'sshd sudo su cron', $2 - 900, $2 - 900, $2, 0, 1, $2 - 900,
        printf('bench%017d', i) FROM n;
INSERT INTO ticket_account (account, exp, jti) SELECT 'ci-bot', exp, jti FROM ticket;
COMMIT;
SQL
}
fixture_past() { tickets 1000000 1700000000; }
fixture_live() { tickets 100000 4000000000; }

fixture_tasks() {
    numbers 100000
    cat <<'SQL'
INSERT INTO task (id, agent, state, opened, deadline, closed)
    SELECT printf('bench-%d', i), 'other-bot', 1 + i % 2, 1700000000, 4000000000, (i % 2) * 1700000000 FROM n;
SQL
}

fixture_events() {
    numbers 100000
    cat <<'SQL'
INSERT INTO event (at, kind, host, agent, owner, task, jti, kid, account, service, source, origin, decision, reason, rule,
        policy, proof, record, within, session, cause, detail, prev, hash)
    SELECT 1700000000 + i, 'login', host, 'ci-bot', 'ops@example.org', 'build-1', 'bench00000000000000001', '', 'ci-bot',
        'sshd', 'prompt', '192.0.2.7', 'permit', '', 'ci', '', '', NULL, '', '', '', '', printf('%064d', i - 1),
        printf('%064d', i) FROM n, setting;
SQL
}

# agents NUMBER: those of tests/bench/accounts.h
agents() {
    numbers "$1"
    cat <<SQL
INSERT INTO agent (name, uid, owner, purpose, review_by, gecos, home, shell, state, created, changed, reason)
    SELECT printf('agent-%07d', i - 1), 99999 + i, 'ops@example.org', 'builds and deploys', 4000000000,
        'builds and deploys', printf('/home/agent-%07d', i - 1), '/bin/sh', 1, 1700000000, 1700000000, '' FROM n;
UPDATE setting SET next_uid = 100000 + $1;
SQL
}
fixture_agents10() { agents 10; }
fixture_agents1000() { agents 1000; }
fixture_agents10000() { agents 10000; }
fixture_agents100000() { agents 100000; }
fixture_agents1000000() { agents 1000000; }
