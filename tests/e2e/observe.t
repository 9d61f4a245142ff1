#!/bin/bash
# SPDX-License-Identifier: ISC
# An account under observation: everything that was permitted is still permitted, the record shows how it would be
# decided, and a ticket is decided on as everywhere.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
groupadd nhi-observe
add_person legacy nhi-observe
echo 'legacy ALL=(root) NOPASSWD: /usr/bin/true, (alice) NOPASSWD: /usr/bin/id' >/etc/sudoers.d/legacy
chmod 440 /etc/sudoers.d/legacy
sed 's/deploy/legacy/' /etc/nhi/policy.d/e2e.conf >"$W/policy" && cp "$W/policy" /etc/nhi/policy.d/e2e.conf
must nhictl apply

observed() { nhictl status --json | jq -c '.observed[] | [.account, .would_be_denied, .would_be_permitted]'; }
events() { # events FIELD: of all observed events, in order.
    sqlite3 -readonly "$STATE/ledger.db" "SELECT json_extract(detail, '\$.$1') FROM event WHERE kind = 'observed' ORDER BY seq" |
        paste -sd' '
}

is "$(observed)" '["legacy",0,0]' 'the account is listed before anything happened'

# ---- people and old keys ----

mark_log
ssh_as legacy key "$W/key" 'id -un'
is "$RC/$OUT" 0/legacy 'the old key still works'
has_logged 'pam_nhi\(sshd:session\): observed: would be denied: reason=no-ticket account=legacy' 'and the log shows how it would be decided'
ssh_as legacy reply "$W/password" 'sudo -n true && sudo -n -u alice id -un'
is "$RC/$OUT" 0/alice 'the password works, and its sudo, too'
has_logged 'pam_nhi\(sudo:session\): observed: would be denied: reason=no-ticket account=legacy' 'each is recorded'
capture su - legacy -c 'id -un'
is "$RC/$OUT" 0/legacy 'root can still become it'
is "$(observed)" '["legacy",4,0]' 'all are counted; root is nobody of whom a ticket would be asked'
nhictl status >/dev/null
is "$(events service | tr ' ' '\n' | sort | paste -sd' ')" 'sshd sshd sudo sudo' 'and recorded, with the service'
is "$(events subject | tr ' ' '\n' | sort -u)" legacy 'for that account'
is "$(events rhost | tr -s ' ' '\n' | grep . | sort -u)" 127.0.0.1 'with its source'
like "$(nhictl status)" 'UNDER OBSERVATION +WOULD BE DENIED +WOULD BE PERMITTED' 'in a table, for people'
SEQ=$(sqlite3 -readonly "$STATE/ledger.db" "SELECT max(seq) FROM event WHERE kind = 'observed'")
capture nhictl explain "$SEQ"
like "$RC$ERR" '^1.*is not a decision on a ticket' 'there is no decision to explain'

# ---- what would be permitted ----

# A minute of this test is an hour for cron.
must nhictl task open build-1 --agent ci-bot --until 2d --concurrent
issue "$W/cron" build-1 --account legacy --service cron --ttl 24h
printf '* * * * * legacy echo >>%s\n' "$W/ran" >/etc/cron.d/e2e
chmod 600 /etc/cron.d/e2e
chmod 1777 "$W"
FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f +0x60 cron -f >"$W/cron.log" 2>&1 &
disown $!
eventually test -e "$W/ran"
ok $? 'its job runs'
has_logged 'pam_nhi\(cron:session\): observed: would be permitted: reason=permit account=legacy source=ledger' \
    'and would be permitted, with the present ticket'
# Not faketime, which only waits for it. Both it and a job that it has begun must have ended.
kill "$(cat /run/crond.pid)"
eventually sh -c '! pgrep -x cron >/dev/null'
ok $? 'that was the last job'
[ "$(nhictl status --json | jq '.observed[0].would_be_permitted')" -gt 0 ]
ok $? 'that is counted separately'
is "$(nhictl ticket show --json "$(jti_of "$W/cron")" | jq .ticket.grants)" 0 'and is no use of the ticket'

# ---- a ticket is a ticket ----

open_task build-2
issue "$W/ticket" build-2 --account legacy
BEFORE=$(observed)
mark_log
ssh_as legacy reply "$W/ticket" 'id -un; sudo -n true'
is "$RC/$OUT" 0/legacy 'a ticket is permitted, and sudo with it'
has_logged 'pam_nhi\(sudo:[a-z]+\): permitted: .*account=legacy agent=ci-bot' 'as that agent'
is "$(observed)" "$BEFORE" 'that is not an observed event'
must nhictl revoke --ticket "$(jti_of "$W/ticket")" --reason test
mark_log
ssh_as legacy reply "$W/ticket" id
unlike "$RC" '^0$' 'a revoked one is denied, observed or not'
has_logged 'pam_nhi\(sshd:auth\): denied: reason=revoked account=legacy' 'with its own reason'

# ---- many logins do not fill the disk ----

kill -STOP "$WATCH" # which would turn them into events
for _ in {1..80}; do setpriv --reuid legacy --regid legacy --init-groups sudo -n true || bail sudo; done
is "$(find "$STATE/grants" -name 'o-*' | wc -l)" 64 'this many records, and no more'
capture setpriv --reuid legacy --regid legacy --init-groups sudo -n true
is "$RC" 0 'the account still works'
let_go

# ---- a full disk, a lost ledger ----

mv "$STATE" "$W/away"
ssh_as legacy key "$W/key" 'sudo -n true; id -un'
is "$RC/$OUT" 0/legacy 'without a ledger the account still works'
mv "$W/away" "$STATE"

# ---- afterwards ----

gpasswd -d legacy nhi-observe >/dev/null
usermod -a -G nhi-only legacy
ssh_as legacy key "$W/key" id
unlike "$RC" '^0$' 'tickets only: the old key no longer works'
is "$(nhictl status --json | jq -c .observed)" '[]' 'and nothing is under observation'

finish
