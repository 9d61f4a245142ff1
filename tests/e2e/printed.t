#!/bin/bash
# SPDX-License-Identifier: ISC
# What README.md and the manuals print is run unchanged. The commands of nhi-recovery(7) are in recovery.t, those that
# ask for a passphrase in tests/cli/69-custody.t, the job of nhictl run in nightly.t, and those of systemctl in
# tests/boot.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
install -d -m 700 ~/.ssh
echo '127.0.0.1 host' >>/etc/hosts
printf 'Host host\nPort %s\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n' "$PORT" >~/.ssh/config
cd "$W" || exit 1

# ---- a day with nhi ----

awk '/^## /{ day = /^## A day with it/ } /^```/{ in_it = !in_it; next } day && in_it' "$TREE/README.md" >day
like "$(cat day)" 'nhictl init.*ssh ci-bot@host.*nhictl revoke' 'README.md has a day with nhi'
echo 'tty; sudo -n id -u; exit' >typed
# On a terminal, line by line, each of which must do what it promises. A person types more slowly than the supervisor
# starts.
sed '$d; /^nhictl watch &/a until [ -e /run/nhi/watch ]; do sleep 0.05; done' day >typed-day
grep -q '^until' typed-day || bail 'README.md starts no supervisor'
capture timeout 300 "$PTY" Password: ticket '$ ' typed -- bash -ec "$(cat typed-day)"
is "$RC" 0 'each line of it does what it promises' || note "$OUT"
like "$OUT" $'/dev/pts/[0-9]+\r\n0\r' 'ssh asks for the ticket, and sudo -n works inside'
# The supervisor ended with the terminal on which it was started.
start_watch
ssh_bg ci-bot reply ticket 'echo in; exec sleep 1000'
BG=$!
disown
eventually grep -q in bg.out
ok $? 'a session with that ticket' || note "$(cat bg.err)"
capture bash -ec "$(tail -n 1 day)"
is "$RC" 0 'its last line' || note "$ERR"
eventually test ! -e "/proc/$BG"
ok $? 'also ends the session'

# ---- the examples of the manual, on another host ----

# Printed commands, one on each line, with the year replaced by a future one. example_of PAGE BEGINNING: the first
# example of the page with that beginning.
example_of() {
    mandoc -T ascii "$TREE/nhictl/$1" | sed 's/.\x08//g' | sed -n '/^EXAMPLES/,/^SEE ALSO/p' | grep '^        ' |
        sed -e ':a' -e '/\\$/{N;s/\\\n\s*//;ba' -e '}' -e 's/^\s*//; s/2027-06-30/2099-06-30/' | grep -m 1 "^$2" ||
        echo "NONE that begins with $2"
}
{
    example_of agent/nhictl-agent.8 'nhictl agent add'
    example_of task/nhictl-task.8 'nhictl task open'
    example_of ticket/nhictl-issue.8 'nhictl issue'
    example_of revoke/nhictl-revoke.8 'nhictl revoke'
    example_of trace/nhictl-trace.8 'nhictl trace'
    example_of scan/nhictl-scan.8 'git log'
    example_of ticket/nhictl-ticket.8 'nhictl ticket inspect'
    example_of task/nhictl-task.8 'nhictl task list'
} >examples
is "$(grep -vc '^[a-z]' examples)" 0 'the pages of nhictl have examples'
pkill -x nhictl
eventually test ! -e /run/nhi/watch
rm -rf "$STATE" /etc/nhi /run/nhi
must nhictl init
install -d /etc/nhi/policy.d
echo 'rules = ( { effect = "permit"; agent = "ci-bot"; account = "deploy"; service = ["sshd", "sudo"]; } );' \
    >/etc/nhi/policy.d/a.conf
must nhictl apply
start_watch
while read -r line; do
    RC=0
    case $line in
    # The reason for the denial is printed.
    'nhictl ticket inspect '*) RC=1 ;;
    'git '*)
        # This is the line.
        git init -q . && git add ticket.txt && git -c user.name=x -c user.email=x@example.org commit -qm oops
        RC=1
        ;;
    esac
    expected=$RC
    capture bash -c "$line"
    is "$RC" "$expected" "$line" || note "$ERR"
    [[ $line != 'nhictl issue '* ]] || printf '%s\n' "$OUT" >ticket.txt
done <examples
like "$(cat story.html)" 'build-4711' 'the page shows the events'

# ---- other manuals ----

block() { "$TREE/tests/tools/manual.pl" "$TREE/$1" "$2" 1; }
block nhictl/nhi-trail.5 'The chain' >loop
like "$(cat loop)" 'audit export.*b2sum' 'nhi-trail(5) verifies an export by hand'
capture bash -c "$(cat loop)"
is "$RC$OUT$ERR" 0 'which finds nothing broken'
# shellcheck disable=SC2016 # is the page's
capture bash -c "nhictl() { command nhictl \"\$@\" | sed '3s/ci-bot/ci-bat/'; }; $(cat loop)"
like "$OUT" '^broken: .*ci-bat' 'except where something is'

# job: a line of crontab(5), which may be printed as several, run as cron runs it.
job() { sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}' -e 's/^\([^ ]* \)\{5\}root //; s/\\%/%/g'; }
mkdir -p /var/backups
# As the supervisor does after 400 days.
[ -d /var/lib/nhi/archive ] || mkdir -m 700 /var/lib/nhi/archive
# What happened in this second is not old enough yet.
archived() {
    nhictl audit archive --before "$(date -u +%FT%TZ)" --out /var/lib/nhi/archive/trail-1 >/dev/null 2>&1
    [ -e /var/lib/nhi/archive/trail-1 ]
}
eventually archived || bail 'no archive'
capture sh -c "$(block nhictl/nhi-trail.5 Archives)"
is "$RC" 0 'nhi-trail(5) verifies all archives' || note "$ERR"
sed -n 's/^\.Dl \(0 6 .*nhictl review\)/\1/p' "$TREE/nhictl/review/nhictl-review.8" | job >review
like "$(cat review)" '^/usr/sbin/nhictl review' 'nhictl-review(8) has a nightly review'
capture sh -c "$(cat review)"
like "$RC" '^[01]$' 'which runs' || note "$ERR"

dl() { sed -n 's/^\.Dl \(# \)\?//p' "$TREE/$1" | head -n 1; }
capture bash -c "$(dl nss_nhi/nss_nhi.8 | sed 's/NAME/ci-bot/')"
like "$RC$OUT" '^0ci-bot:\*:' 'nss_nhi(8): the output of the module alone'
ssh-keygen -q -t ed25519 -N '' -f id_ed25519
nhictl task open bound --agent ci-bot --concurrent >/dev/null
must nhictl issue --agent ci-bot --task bound --account deploy --service sshd --bind-key id_ed25519.pub --out bound
capture bash -c "PATH=/usr/libexec:\$PATH; $(dl sshd_nhi/nhi-authorized-keys.8)"
is "$RC$(grep -cF "$(cut -d' ' -f2 id_ed25519.pub)" <<<"$OUT")" 01 'nhi-authorized-keys(8): the output for sshd'

# ---- the first example, on one more host ----

# From the first setup to the first login. The commands of systemctl are in tests/boot, the login is above.
pkill -x nhictl
eventually test ! -e /run/nhi/watch
rm -rf "$STATE" /etc/nhi /run/nhi ticket
"$TREE/tests/tools/manual.pl" "$TREE/nhictl/nhictl.8" EXAMPLES 1 | sed '/^ssh \|^systemctl /d; s/2027-06-30/2099-06-30/' >first
capture bash -ec "$(cat first)"
is "$RC" 0 'nhictl(8): each line from the first setup on does what it promises' || note "$ERR"
start_watch
capture nhictl ticket inspect ticket
is "$RC" 0 'and its ticket opens the account' || note "$OUT"

# ---- installing for real ----

cd "$TREE" || exit 1
awk '/^## /{ it = /^## Installing for real/ } /^```/{ in_it = !in_it; next } it && in_it' README.md |
    sed 's/ *#.*//' >"$W/install"
like "$(cat "$W/install")" 'deps.sh.*make install.*nhictl init.*nhictl setup' 'README.md describes the installation'
pkill -x nhictl
eventually test ! -e /run/nhi/watch
rm -rf "$STATE" /etc/nhi /run/nhi
must nhictl setup --undo
while read -r line; do
    if [[ $line == systemctl* ]]; then
        grep -qF -- "$line" tests/boot/lib.sh tests/boot/*.t
        ok $? "$line: in tests/boot"
        continue
    fi
    capture env BUILD="$BUILD" bash -c "$line"
    is "$RC" 0 "$line" || note "$ERR"
done <"$W/install"
usermod -p '*' batch
capture nhictl doctor
is "$(grep -v '^ ' <<<"$OUT" | awk '{ print $1, $3 }' | sort | paste -sd' ')" 'error watch-missing warning policy-empty' \
    'then nothing is wrong except that no supervisor runs, and no rule permits anything'
finish
