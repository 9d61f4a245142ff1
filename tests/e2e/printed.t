#!/bin/bash
# What README.md and the examples of nhictl(8) print is run as it stands there.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
install -d -m 700 ~/.ssh
echo '127.0.0.1 host' >>/etc/hosts
printf 'Host host\nPort %s\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n' "$PORT" >~/.ssh/config
cd "$W" || exit 1

# ---- a day with it ----

awk '/^## /{ day = /^## A day with it/ } /^```/{ in_it = !in_it; next } day && in_it' "$TREE/README.md" >day
like "$(cat day)" 'nhictl init.*ssh ci-bot@host.*nhictl revoke' 'README.md has a day with it'
echo 'tty; sudo -n id -u; exit' >typed
# On a terminal, line by line, each of which has to do what it says.
capture timeout 120 "$PTY" Password: ticket '$ ' typed -- bash -ec "$(sed '$d' day)"
is "$RC" 0 'each line of it does what it says' || note "$OUT"
like "$OUT" $'/dev/pts/[0-9]+\r\n0\r' 'ssh asks for the ticket, and sudo -n works inside'
ssh_bg ci-bot reply ticket 'echo in; exec sleep 1000'
BG=$!
disown
eventually grep -q in bg.out
capture bash -ec "$(tail -n 1 day)"
is "$RC" 0 'its last line' || note "$ERR"
eventually test ! -e "/proc/$BG"
ok $? 'also ends the session'

# ---- the examples of the manual, on another host ----

# What is printed, a command a line; but for the year, which comes.
mandoc -T ascii "$TREE/nhictl/nhictl.8" | col -b | sed -n '/^EXAMPLES/,/^SEE ALSO/p' | grep -P '^\t' |
    sed -e ':a' -e '/\\$/{N;s/\\\n\s*//;ba' -e '}' -e 's/^\s*//; s/2027-06-30/2099-06-30/' >examples
is "$(grep -vc '^[a-z]' examples)" 0 'nhictl(8) has examples'
pkill -x nhictl
eventually test ! -e /run/nhi/watch
rm -rf "$STATE" /etc/nhi
must nhictl init
install -d /etc/nhi/policy.d
echo 'rules = ( { effect = "permit"; agent = "ci-bot"; account = "deploy"; service = ["sshd", "sudo"]; } );' \
    >/etc/nhi/policy.d/a.conf
must nhictl apply
start_watch
while read -r line; do
    RC=0
    case $line in
    # It says why it is refused.
    'nhictl ticket inspect '*) RC=1 ;;
    'git '*)
        # There it is.
        git init -q . && git add ticket.txt && git -c user.name=x -c user.email=x@example.org commit -qm oops
        RC=1
        ;;
    esac
    expected=$RC
    capture bash -c "$line"
    is "$RC" "$expected" "$line" || note "$ERR"
    [[ $line != 'nhictl issue '* ]] || printf '%s\n' "$OUT" >ticket.txt
done <examples
like "$(cat story.html)" 'build-4711' 'the page tells the story'
finish
