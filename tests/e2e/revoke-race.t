#!/bin/bash
# SPDX-License-Identifier: ISC
# No login that begins after its revocation has returned succeeds, however many are under way: eight loops of
# logins, six of them through the real libpam and two by the real ssh, while tickets are revoked one by one.
#
# REVOCATIONS: how many; `make race` does 10,000, which takes hours.
# Invariant: 4.
# shellcheck source=tests/e2e/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

COUNT=${REVOCATIONS:-50}

lab_up
nhi_up
chmod 1777 "$W"
# Its logins leave the machine to the revoking process, as all of these do; so does a process that would only do the
# same.
renice -n 19 -p "$SSHD" "$WATCH" >/dev/null
# As much of a daemon's PAM file as concerns us, without what takes time elsewhere.
cat >/etc/pam.d/race <<'PAM'
auth [success=done user_unknown=ignore default=die] pam_nhi.so
auth required pam_deny.so
account required pam_nhi.so
session required pam_nhi.so
PAM
sed -i 's/"sshd", "sudo", "su", "su-l", "cron"/"sshd", "race"/' /etc/nhi/policy.d/e2e.conf
echo 'grace = 0;' >/etc/nhi/nhi.conf
must nhictl apply
must nhictl task open race --agent ci-bot --until 12h --concurrent

mkdir -m 700 "$W/tickets"
seq "$COUNT" | xargs -P 2 -I '{}' nhictl issue --agent ci-bot --task race --account ci-bot --service sshd,race \
    --ttl 10h --out "$W/tickets/{}" >"$W/must" 2>&1 || { sed 's/^/# /' "$W/must" && bail issue; }
# The claims are in the clear, before a signature of 64 bytes.
for ((i = 1; i <= COUNT; i++)); do cat "$W/tickets/$i"; done |
    perl -MMIME::Base64=decode_base64url -ne \
        'm{^v4\.public\.([^.]+)} && decode_base64url($1) =~ /"jti":"([^"]{22})"/ or die; print "$1\n"' >"$W/tickets/jtis"
is "$(sort -u "$W/tickets/jtis" | wc -l)" "$COUNT" "$COUNT tickets"

capture "$BUILD/tests/tools/race" race ci-bot "$W/tickets" "$COUNT" "$SSH_TOOL"
is "$RC" 0 "$COUNT revocations against eight loops: $OUT"
note "${OUT##*$'\n'}"
like "$OUT" 'by PAM, [1-9][0-9]* by ssh; begun later and refused: [1-9][0-9]* by PAM, [1-9][0-9]* by ssh; .*let in: 0$' \
    'both ways in were tried before and after them'
must nhictl task close race
is "$(nhictl session list --json | jq -c .sessions)" '[]' 'no session is left'

finish
