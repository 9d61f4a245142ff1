#!/bin/bash
# SPDX-License-Identifier: ISC
# The whole story with the real programs: sshd, sudo and cron open to an agent's ticket, and shut when
# its task is revoked. Run as root on Debian 12 or 13.
#
# It happens in a private copy of this machine (lab.sh), packages included: the machine's accounts, PAM
# files, nsswitch.conf, sshd and package list stay as they are. Every command is printed as a person
# would type it, then run; exit status 0 means that all of it happened.
set -u

TREE=$(cd "$(dirname "$0")/.." && pwd)
SELF=$TREE/packaging/demo.sh
AUTH_LOG=/var/log/auth.log
BOLD='' DIM='' PLAIN=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' PLAIN=$'\e[0m'
fi

die() {
    printf 'demo: %s\n' "$*" >&2
    if [ -s "$AUTH_LOG" ] && [ -e /run/nhi-lab ]; then
        echo "demo: the last lines of the copy's $AUTH_LOG:" >&2
        tail -n 8 "$AUTH_LOG" >&2
    fi
    exit 1
}

# ---- telling ----

say() { printf '\n%s%s%s\n' "$DIM" "$*" "$PLAIN"; }

# show PROMPT COMMANDLINE: what is printed is what is run. OUT has its output, RC its status.
show() {
    printf '%s%s %s%s\n' "$BOLD" "$1" "$2" "$PLAIN"
    RC=0
    OUT=$(eval "$2" 2>&1 </dev/null) || RC=$?
    [ -z "$OUT" ] || printf '%s\n' "$OUT"
}
root() {
    show '#' "$1"
    [ "$RC" = 0 ] || die "this should have succeeded, and ended with status $RC: $1"
}
client() {
    show '$' "$1"
    [ "$RC" = 0 ] || die "this should have succeeded, and ended with status $RC: $1"
}
refused() {
    show '$' "$1"
    [ "$RC" != 0 ] || die "this should have been refused: $1"
}
expect() { [[ $OUT =~ $1 ]] || die "the output should have shown $1"; }

# eventually COMMAND...: within ten seconds
eventually() {
    local i
    for ((i = 0; i < 200; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

denials() { tail -n +"$((MARK + 1))" "$AUTH_LOG" | grep -E "pam_nhi\\($1:[a-z]+\\): denied: reason=$2 "; }
# expect_denial SERVICE REASON: since MARK, and shown as the operator sees it
expect_denial() {
    eventually denials "$1" "$2" >/dev/null || die "the log should have shown a denial of $1 with reason=$2"
    show '#' "grep 'pam_nhi($1:' $AUTH_LOG | tail -n 1"
    expect "reason=$2"
}

# ---- setting up, inside the copy ----

prepare() {
    local log=/var/tmp/nhi-demo.log
    echo "Packages, into the copy …"
    "$TREE/packaging/deps.sh" install build hosts lab || exit 1
    echo "Building …"
    if ! { make -s -C "$TREE" -j "$(nproc)" BUILD=/var/tmp/nhi-build &&
        make -s -C "$TREE" BUILD=/var/tmp/nhi-build install; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die 'the build failed'
    fi
    nhictl setup nss sshd sudo su cron >>"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        die 'this machine could not be set up'
    }
    # The machine's own state, jobs and keys have no part in the story.
    rm -rf /var/lib/nhi /etc/nhi /root/.ssh /etc/cron.d/* /var/spool/cron/crontabs/*
    : >/etc/crontab
    : >"$AUTH_LOG"
}

start_daemons() {
    perl "$TREE/packaging/collect-log.pl" "$AUTH_LOG" &
    eventually test -S /dev/log || die 'the log collector did not start'
    ssh-keygen -A >/dev/null
    /usr/sbin/sshd -t || die 'sshd refuses its configuration'
    /usr/sbin/sshd
    mkdir -m 700 /root/.ssh
    eventually scan_host_key || die 'sshd does not answer on loopback'
}
scan_host_key() { ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null >/root/.ssh/known_hosts && [ -s /root/.ssh/known_hosts ]; }

boot_cron() {
    if [ -n "${CRON:-}" ]; then
        kill "$CRON" && wait "$CRON" 2>/dev/null
    fi
    rm -f /run/crond.*
    cron -f >>/var/log/cron.log 2>&1 &
    CRON=$!
}

# ---- the story ----

meet_the_agent() {
    local review
    review=$(date -u -d '+6 months' +%F)
    say 'This host learns about agents.'
    root 'nhictl init'
    say 'An agent is registered, with an owner, a purpose and a review date.'
    root "nhictl agent add ci-bot --owner ops@example.org --purpose 'builds and deploys' --review-by $review"
    root 'getent passwd ci-bot'
    expect '^ci-bot:\*:'
    say 'Policy decides what it may do. Without a rule, that is nothing.'
    root 'cat >/etc/nhi/policy.d/ci.conf <<END
rules = (
  { name = "ci"; effect = "permit"; agent = "ci-bot"; account = "ci-bot"; service = [ "sshd", "sudo", "cron" ]; }
);
END'
    root 'nhictl apply'
    say 'A supervisor ends sessions in time. With systemd: systemctl enable --now nhi-watch.'
    root 'nhictl watch >/var/log/nhi-watch 2>&1 &'
    eventually test -e /run/nhi/watch || die 'nhictl watch did not start'
    echo 'ci-bot ALL=(root) /usr/bin/id' >/etc/sudoers.d/ci-bot
    chmod 440 /etc/sudoers.d/ci-bot
}

give_a_ticket() {
    say 'The agent gets a task with a deadline, and a ticket for this task alone.'
    root 'nhictl task open build-4711 --agent ci-bot --until 2h'
    root 'nhictl issue --agent ci-bot --task build-4711 --account ci-bot --service sshd,sudo,cron --ttl 15m --out /root/ticket'
    say 'ssh gets the reply from a program, since nobody is there to type it.'
    root "printf '#!/bin/sh\ncat /root/ticket\n' >/root/askpass; chmod 700 /root/askpass"
}

doors_open() {
    say 'The ticket is the answer to the prompt of a real sshd. No key, no password.'
    client 'SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force ssh ci-bot@127.0.0.1 id'
    expect 'uid=[0-9]+\(ci-bot\).*\(nhi-agents\)'
    say 'Inside that session, sudo works by the ticket that opened it. (sudoers: ci-bot may run id.)'
    client 'SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force ssh ci-bot@127.0.0.1 sudo -n id'
    expect '^uid=0\(root\)'
    say 'Cron finds the ticket in the ledger. (cron starts, as at a boot.)'
    root "echo '@reboot ci-bot date >>ran' >/etc/cron.d/ci-bot"
    boot_cron
    eventually test -s /home/ci-bot/ran || die 'the cron job should have run'
    root 'cat /home/ci-bot/ran'
    say 'The live tickets, and the state of the host:'
    root 'nhictl ticket list'
    expect 'build-4711'
    root 'nhictl status'
}

doors_shut() {
    local lines
    say 'One command ends the running session, and every later use is denied.'
    # An open session, in which somebody tries to outlive it.
    SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force setsid -w ssh ci-bot@127.0.0.1 \
        'trap "" TERM HUP; setsid nohup sleep 100000 >/dev/null 2>&1 & echo in >inside; sleep 100000; sleep 100000' \
        >/var/tmp/inside.log 2>&1 </dev/null &
    eventually test -s /home/ci-bot/inside || die 'the session to be cut off should have begun'
    root 'nhictl session list'
    expect 'build-4711'
    MARK=$(wc -l <"$AUTH_LOG")
    root 'nhictl revoke --task build-4711 --reason cancelled'

    refused 'SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force ssh -o NumberOfPasswordPrompts=1 ci-bot@127.0.0.1 id'
    expect 'Permission denied'
    expect_denial sshd '(revoked|task-closed)'

    say 'No process of the open session is left:'
    refused 'pgrep -u ci-bot -l .'

    say 'And cron (started again, as at a boot):'
    lines=$(wc -l </home/ci-bot/ran)
    boot_cron
    expect_denial cron '(no-ticket|revoked|task-closed)'
    root 'cat /home/ci-bot/ran'
    [ "$(wc -l </home/ci-bot/ran)" = "$lines" ] || die 'the cron job should not have run again'
}

tell_the_story() {
    say 'Who was that, for which task, who is its owner, what did it do, and why did it end?'
    root 'nhictl trace build-4711'
    expect 'owner +ops@example\.org'
    expect 'opened .*issued .*permit +ci-bot +sshd from 127\.0\.0\.1.*permit +ci-bot +sudo.*permit +ci-bot +cron'
    expect 'revoked +root +task build-4711: cancelled.*denied +ci-bot +sshd from 127\.0\.0\.1'
    expect 'cut off +sshd ci-bot'
    say 'The same for a browser, a printer or a program: nhictl trace build-4711 --html story.html, or --json.'
}

story() {
    ip link set lo up || die 'no loopback'
    start_daemons
    meet_the_agent
    give_a_ticket
    doors_open
    doors_shut
    tell_the_story
    say 'All of this happened in a copy of this machine, which is gone now. The machine was not changed.'
}

case ${1:-} in
--inside)
    [ -e /run/nhi-lab ] || die 'only inside a lab'
    prepare
    exec unshare --net "$BASH" "$SELF" --story
    ;;
--story)
    [ -e /run/nhi-lab ] || die 'only inside a lab'
    story
    exit 0
    ;;
'') ;;
*)
    sed -n '3,/^set/s/^# \{0,1\}//p' "$SELF" >&2
    exit 2
    ;;
esac
[ "$(id -u)" = 0 ] || die 'this needs root: it makes a private copy of the machine (sudo packaging/demo.sh)'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
exec "$TREE/packaging/lab.sh" run --online -- "$BASH" "$SELF" --inside
