#!/bin/bash
# SPDX-License-Identifier: ISC
# su of util-linux: from an agent to an ordinary account, from a person to an agent, from root.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
open_task build-1
open_task other-1 other-bot
issue "$W/both" build-1 --account ci-bot,deploy
issue "$W/own" build-1
issue "$W/other" other-1 --agent other-bot --account other-bot
chmod 644 "$W/both" "$W/own" "$W/other" # alice types them

# ---- from a person ----

capture as alice "$PTY" 'word: ' "$W/own" -- su ci-bot -c 'id -un'
like "$RC$OUT" '^0.*ci-bot' 'a person with a ticket becomes the agent'
unlike "$OUT" 'v4\.public' 'the ticket is not shown'
capture as alice "$PTY" 'word: ' "$W/password" -- su ci-bot -c id
like "$RC$OUT" '^1.*Authentication failure' 'a password does not'
FAILURE=$OUT
mark_log
capture as alice "$PTY" 'word: ' "$W/other" -- su ci-bot -c id
is "$RC$OUT" "1$FAILURE" 'nor another agent'"'"'s ticket, and it looks the same'
has_logged 'pam_nhi\(su:auth\): denied: reason=account account=ci-bot agent=other-bot' 'with a reason'
printf 'v4.%s\n' "$(head -c 3900 /dev/zero | tr '\0' A)" >"$W/rubbish"
mark_log
capture as alice "$PTY" 'word: ' "$W/rubbish" -- su ci-bot -c id
is "$RC$OUT" "1$FAILURE" 'nor as many bytes as a terminal accepts'
has_logged 'pam_nhi\(su:auth\): denied: reason=malformed' 'with a reason'
capture as alice "$PTY" 'word: ' "$W/password" -- su deploy -c 'id -un'
like "$RC$OUT" '^0.*deploy' 'su between people works as ever'
capture as alice "$PTY" 'word: ' "$W/wrong" -- su deploy -c 'id -un'
like "$RC$OUT" '^1.*Authentication failure' 'a wrong password fails, too'

# A session that su opened is the agent's, though a person began it. On another terminal: a ticket of its own.
issue "$W/again" build-1 && chmod 644 "$W/again"
capture as alice "$PTY" 'word: ' "$W/again" -- su ci-bot -c 'sudo -n id -u'
like "$RC$OUT" '^0.*0' 'sudo in a session that su opened'

# ---- from the agent's session ----

ssh_as ci-bot reply "$W/both" 'su deploy -c "id -un; sudo -n id -u"'
is "$RC/$OUT" $'0/deploy\n0' 'from the agent'"'"'s session to an ordinary account, without a prompt'
mark_log
ssh_as ci-bot reply "$W/own" 'su deploy -c id'
unlike "$RC" '^0$' 'not with a ticket that does not name the account'
has_logged 'pam_nhi\(su:auth\): denied: reason=account account=deploy agent=ci-bot' 'with a reason'
ssh_as ci-bot reply "$W/own" "$PTY word: $W/password -- su alice -c id; echo \$?"
like "$OUT" '1$' 'nor to a person with the right password: inside a session the agent stays the agent'

# ---- from root ----

capture su deploy -c 'id -un'
is "$RC/$OUT" 0/deploy 'root'"'"'s su to a person is as ever'

# ---- after the end ----

ssh_bg ci-bot reply "$W/both" ': >'"$W"'/in; until [ -e '"$W"'/go ]; do sleep 0.05; done
    su deploy -c id; echo "session $?"'
BG=$!
eventually test -e "$W/in" || bail 'the session did not begin'
mark_log
behind_its_back "UPDATE agent SET revoked_until = $NOW_SQL WHERE name = 'ci-bot'"
: >"$W/go"
wait "$BG"
let_go
like "$(cat "$W/bg.out")" 'session 1' 'after the revocation: su from the session that was open is refused'
has_logged 'pam_nhi\(su:auth\): denied: reason=revoked account=deploy agent=ci-bot' 'with a reason'
capture as alice "$PTY" 'word: ' "$W/own" -- su ci-bot -c id
is "$RC$OUT" "1$FAILURE" 'and so is the ticket at the prompt'

finish
