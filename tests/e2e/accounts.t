#!/bin/bash
# SPDX-License-Identifier: ISC
# An agent's account works with ordinary programs: home, shell, groups, mail, crontab. And what remains of it when the
# agent is retired.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
groupadd -g 4010 builders
install -d -m 2770 -o root -g builders /var/tmp/shared
must nhictl agent add web-bot --owner ops@example.org --purpose 'web pages' --review-by 2099-06-30 --group builders \
    --shell /bin/bash --uid 70000
must nhictl agent add bare-bot --owner ops@example.org --purpose 'no home' --review-by 2099-06-30 --no-home --home /nowhere
POLICY=${POLICY//'agent = "other-bot"; account = [ "other-bot", "deploy" ]'/'agent = "*"; account = [ "web-bot", "bare-bot" ]'}
set_policy
open_task web-1 web-bot
issue "$W/ticket" web-1 --agent web-bot --account web-bot
in_account() { ssh_as web-bot reply "$W/ticket" "$1"; }

in_account 'id -u; id -un; id -gn; echo $HOME; echo $SHELL; pwd; echo $0'
is "$OUT" $'70000\nweb-bot\nweb-bot\n/home/web-bot\n/bin/bash\n/home/web-bot\nbash' 'uid, names, home and shell'
is "$(getent passwd 70000)" 'web-bot:*:70000:70000:web pages:/home/web-bot:/bin/bash' 'other programs see the same'
is "$(stat -c '%U:%G %a' /home/web-bot)" 'web-bot:web-bot 700' 'its home is its own'
in_account 'umask 077; mkdir -p ~/.config ~/.cache && echo mine >~/.config/file && cat ~/.config/file; ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id && ls ~/.ssh'
is "$RC:$OUT" $'0:mine\nid\nid.pub' 'it has its own dotfiles, caches and keys'
in_account 'id -nG | tr " " "\n" | sort | paste -sd" "; echo built >/var/tmp/shared/page && stat -c %G /var/tmp/shared/page'
is "$RC:$OUT" $'0:builders nhi-agents web-bot\nbuilders' 'an ordinary group permits what it permits to others'
is "$(as alice sh -c 'cat /var/tmp/shared/page' 2>&1 | grep -c denied)" 1 'and not to an account outside of it'
in_account 'f=$(mktemp) && echo x >$f && rm $f; sh -c "kill -0 \$\$"; tty; command -v perl >/dev/null'
is "$RC" 0 'temporary files, signals, programs'

# Mail, as a local MTA delivers it: by name, into a file of that owner.
install -m 660 -o web-bot -g mail /dev/null /var/mail/web-bot
printf 'From cron\nSubject: x\n\nhello\n\n' >>/var/mail/web-bot
in_account 'tail -n 2 /var/mail/web-bot | head -n 1; : >/var/mail/web-bot; echo emptied'
is "$RC:$OUT" $'0:hello\nemptied' 'it reads and empties its /var/mail'
printf '30 3 * * * true\n' | crontab -u web-bot -
is "$(crontab -l -u web-bot)" '30 3 * * * true' 'crontab accepts it'
is "$(getent initgroups web-bot | xargs)" 'web-bot 65536 4010' 'a program that asks for its groups gets them'

# Without a home it can still log in.
open_task bare-1 bare-bot
issue "$W/bare" bare-1 --agent bare-bot --account bare-bot
ssh_as bare-bot reply "$W/bare" 'pwd; d=/var/tmp/.ansible-$(id -un)/tmp; mkdir -p -m 700 $d && touch $d/x && echo there'
is "$RC:$OUT" $'0:/\nthere' 'an agent without a home works elsewhere, as with remote_tmp'
is "$(test -e /nowhere && echo there)" '' 'its home was not made'

# ---- suspended, and in a lockdown ----

# Programs that do not ask PAM check the shell.
shell_of() { getent passwd "$1" | cut -d: -f7; }
must nhictl agent suspend web-bot
is "$(shell_of web-bot) $(shell_of ci-bot)" '/usr/sbin/nologin /bin/sh' 'a suspended agent has no shell, others keep theirs'
must nhictl agent resume web-bot
is "$(shell_of web-bot)" /bin/bash 'resumed, it has its own again'
must nhictl lockdown on --reason test
is "$(shell_of web-bot) $(shell_of ci-bot)" '/usr/sbin/nologin /usr/sbin/nologin' 'in a lockdown no agent has a shell'
is "$(nhictl metrics | awk '$1 == "nhi_accounts_behind" { print $2 }')" 0 'which is as it should be'
must nhictl lockdown off
is "$(shell_of web-bot) $(shell_of ci-bot)" '/bin/bash /bin/sh' 'and then each has its own'
must nhictl owner offboard ops@example.org --reason left
is "$(shell_of web-bot)" /usr/sbin/nologin 'nor has an agent whose owner has left'
must nhictl agent transfer web-bot --owner dev@example.org --resume
is "$(shell_of web-bot)" /bin/bash 'until another owner takes it over'

# ---- retired ----

capture nhictl agent retire web-bot --reason 'replaced'
is "$RC" 0 'retired'
is "$(getent passwd web-bot | cut -d: -f3,6,7)" '70000:/home/web-bot:/usr/sbin/nologin' 'kept: name, uid and home; removed: the shell'
is "$(id -nG web-bot)" 'web-bot nhi-agents builders' 'kept: its groups, so that files read as before'
is "$(stat -c '%U %G' /home/web-bot/.config/file /var/tmp/shared/page /var/mail/web-bot | paste -sd,)" \
    'web-bot web-bot,web-bot builders,web-bot mail' 'kept: its files and its mail, with their owner'
is "$(crontab -l -u web-bot)" '30 3 * * * true' 'kept: its crontab, whose jobs no longer run'
is "$(nhictl task list --agent web-bot --json | jq '.tasks | length'):$(nhictl ticket list --agent web-bot --json | jq '.tickets | length')" \
    0:0 'removed: its tasks and tickets'
in_account true
unlike "$RC" '^0$' 'removed: its logins'
capture su web-bot -c true
unlike "$RC" '^0$' 'root gets no shell as the agent with su'
capture nhictl agent add web-bot --owner o@example.org --purpose x --review-by 2099-06-30
is "$RC" 1 'kept: its name'
capture nhictl agent add next-bot --owner o@example.org --purpose x --review-by 2099-06-30 --uid 70000
is "$RC" 1 'and its uid'
like "$(nhictl trace --agent web-bot)" 'retired' 'kept: its trail'

# The commands of the manual for when nothing of it is needed any more.
must crontab -r -u web-bot
must rm -r /home/web-bot /var/mail/web-bot
is "$(find /home /var -xdev -uid 70000)" /var/tmp/shared/page 'find shows what else belongs to it'
finish
