# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034
# What the end-to-end tests share. Sourced first: it enters a private copy of the machine, sets up a host there as the
# README describes, and defines functions for the tests. TAP on standard output.
set -u

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "${BUILD:-$TREE/build}" && pwd) || exit 1
if [ ! -e /run/nhi-lab ]; then
    exec "$TREE/packaging/lab.sh" hosts "$TREE/packaging/lab.sh" run -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 BUILD="$BUILD" \
        DEPTH="${DEPTH:-}" ESCAPE_RUNS="${ESCAPE_RUNS:-}" REVOCATIONS="${REVOCATIONS:-}" \
        "$BASH" "$0" "$@"
fi
cd "$TREE" || exit 1
# The caller is root, logged in: what root runs as an agent from here does not count as an orphan without a login.
{ echo 0 >/proc/self/loginuid; } 2>/dev/null || :

W=/var/tmp/e2e             # scratch, readable by every account
LOG=/var/log/e2e.log       # what syslog got
PORT=2222
PASSWORD='correct horse 7' # of every person
HOST=$(hostname)
STATE=/var/lib/nhi
SSH_TOOL=$W/ssh-as
PTY=$BUILD/tests/tools/pty

# ---- TAP ----

TESTS=0
ok() { # ok STATUS NAME
    TESTS=$((TESTS + 1))
    if [ "$1" = 0 ]; then
        printf 'ok %d - %s\n' "$TESTS" "$2"
    else
        printf 'not ok %d - %s\n' "$TESTS" "$2"
        printf '%s\n' "${OUT:-}" "${ERR:-}" | sed 's/^/# /'
        tail -n 4 "$LOG" 2>/dev/null | sed 's/^/# log: /'
        return 1
    fi
}
is() { # is GOT WANTED NAME
    [ "$1" = "$2" ]
    ok $? "$3" || printf '# got:    %s\n# wanted: %s\n' "$1" "$2"
}
like() { # like GOT REGEX NAME
    [[ $1 =~ $2 ]]
    ok $? "$3" || printf '# got:    %s\n# wanted: %s\n' "$1" "$2"
}
unlike() { # unlike GOT REGEX NAME
    ! [[ $1 =~ $2 ]]
    ok $? "$3"
}
# todo STATUS NAME REASON: a test that is expected to fail for now
todo() {
    TESTS=$((TESTS + 1))
    if [ "$1" = 0 ]; then printf 'ok %d - %s # TODO %s\n' "$TESTS" "$2" "$3"; else
        printf 'not ok %d - %s # TODO %s\n' "$TESTS" "$2" "$3"
    fi
}
note() { printf '# %s\n' "$*"; }
# The rest of this file cannot be run. TAP's own word for this would make prove skip all other files, too.
bail() {
    printf 'not ok %d - cannot go on: %s\n' "$((TESTS + 1))" "$*"
    exit 1
}
finish() { printf '1..%d\n' "$TESTS"; }
must() { "$@" >"$W/must" 2>&1 || { sed 's/^/# /' "$W/must" && bail "$*"; }; }

# depth SAMPLE SWEEP [TORTURE]: how much to do, depending on the kind of run. The default is a sample; DEPTH=sweep is
# what `packaging/test.sh full` adds, DEPTH=torture is for `make torture`.
depth() {
    case ${DEPTH:-sample} in
    sample) echo "$1" ;;
    sweep) echo "$2" ;;
    torture) echo "${3:-$2}" ;;
    *) bail "DEPTH is sample, sweep or torture, not $DEPTH" ;;
    esac
}

# eventually COMMAND...: within a minute, which is long enough on a busy machine. For what another process does in its
# own time.
eventually() {
    local i
    for ((i = 0; i < 1200; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    note "waited in vain: $*"
    return 1
}
# in_one_hour SECONDS: what is limited by the hour of the clock needs that long within one.
in_one_hour() {
    local left=$((3600 - $(date +%s) % 3600))
    [ "$left" -ge "$1" ] || sleep "$left"
}
# eventually_gone PID: for a child that the shell cannot wait for.
eventually_gone() { eventually test ! -e "/proc/$1"; }

# For eventually: whether the supervisor can see the ledger, as agents need it to.
watch_sees() { [ "$(cut -d' ' -f3 /run/nhi/watch 2>/dev/null)" = 0 ]; }
watch_is_blind() { ! watch_sees; }

# ---- running things: OUT, ERR and RC ----

capture() {
    RC=0
    "$@" >"$W/out" 2>"$W/err" </dev/null || RC=$?
    OUT=$(cat "$W/out")
    ERR=$(cat "$W/err")
}
# as USER COMMAND...: outside of any session
as() { setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"; }

# orphan USER COMMAND...: without a login, as a child of init
orphan() { (
    echo 4294967295 >/proc/self/loginuid
    setsid setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}" </dev/null >/dev/null 2>&1 &
); }

# ssh_as USER WHAT FILE COMMAND...: logs in with the ticket or password in FILE (WHAT: reply) or the private key
# (WHAT: key), and nothing else.
ssh_as() { capture timeout 60 "$SSH_TOOL" "$@"; }
# In the background; the output of the previous one has been removed when this returns.
ssh_bg() {
    : >"$W/bg.out" 2>"$W/bg.err"
    "$SSH_TOOL" "$@" </dev/null >"$W/bg.out" 2>"$W/bg.err" &
}

write_ssh_tool() {
    cat >"$W/askpass" <<'TOOL'
#!/bin/sh
exec cat "$E2E_REPLY"
TOOL
    cat >"$SSH_TOOL" <<TOOL
#!/bin/bash
user=\$1 what=\$2 file=\$3
shift 3
if [ "\$what" = key ]; then
    how=(-o PreferredAuthentications=publickey -o IdentitiesOnly=yes -i "\$file")
else
    how=(-o PreferredAuthentications=\${E2E_METHOD:-keyboard-interactive} -o NumberOfPasswordPrompts=1)
fi
E2E_REPLY=\$file SSH_ASKPASS=$W/askpass SSH_ASKPASS_REQUIRE=force exec setsid -w ssh -F none -p $PORT \\
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "\${how[@]}" \\
    "\$user@127.0.0.1" "\$@" </dev/null
TOOL
    chmod 755 "$W/askpass" "$SSH_TOOL"
}

# ---- the log ----

# settle_log: all earlier lines are in the file, however slow its reader is.
settle_log() {
    local mark
    mark="settled $(date +%s%N)"
    timeout 60 logger -t e2e "$mark"
    eventually grep -q "$mark" "$LOG" || bail 'nobody reads the log'
}
mark_log() {
    settle_log
    MARK=$(stat -c %s "$LOG")
}
since_mark() { tail -c +"$((MARK + 1))" "$LOG"; }
logged() { since_mark | grep -qE -- "$1"; }
# has_logged REGEX NAME: since the last mark_log
# explained REASON FILE ACCOUNT NAME: nhictl explain gives the same reason for a ticket as the login with it; if it has no
# answer, the ledger is the reason
explained() {
    local said
    said=$(nhictl explain --json --account "$3" --service sshd --from 127.0.0.1 "$2" 2>"$W/explain.err" |
        jq -r '.reason // empty')
    like "${said:-ledger}" "^($1)\$" "$4" || sed 's/^/# /' "$W/explain.err"
}
has_logged() {
    eventually logged "$1"
    ok $? "$2" || since_mark | sed 's/^/# log: /'
}

# ---- the host ----

add_person() { # add_person NAME [GROUP]
    useradd -m -s /bin/bash ${2:+-G "$2"} -p "$(perl -e 'print crypt($ARGV[0], q($6$e2e$))' "$PASSWORD")" "$1"
    install -d -m 700 -o "$1" -g "$1" "/home/$1/.ssh"
    install -m 600 -o "$1" -g "$1" "$W/key.pub" "/home/$1/.ssh/authorized_keys"
}

make_people() {
    ssh-keygen -q -t ed25519 -N '' -f "$W/key"
    printf '%s\n' "$PASSWORD" >"$W/password"
    printf 'not the password\n' >"$W/wrong"
    groupadd nhi-only
    add_person alice
    add_person deploy
    add_person batch nhi-only
    cat >/etc/sudoers.d/e2e <<'SUDO'
Defaults:deploy,batch noninteractive_auth, timestamp_timeout=0
Defaults:alice timestamp_timeout=0
alice, ci-bot, other-bot, deploy, batch ALL=(root) /usr/bin/id
ci-bot, deploy ALL=(root) NOPASSWD: /usr/bin/true
SUDO
    chmod 440 /etc/sudoers.d/e2e
}

# people_work WHEN: one test; whatever the state of our files.
people_work() {
    local bad=''
    ssh_as alice reply "$W/password" id -un
    [ "$RC/$OUT" = 0/alice ] || bad+=" password($RC $ERR)"
    ssh_as alice key "$W/key" id -un
    [ "$RC/$OUT" = 0/alice ] || bad+=" key($RC $ERR)"
    capture as alice "$PTY" 'password for alice: ' "$W/password" -- sudo id -u
    [[ $RC/$OUT == 0/*$'\n0'* ]] || bad+=" sudo($RC $OUT)"
    ssh_as deploy reply "$W/password" id -un
    [ "$RC/$OUT" = 0/deploy ] || bad+=" shared($RC $ERR)"
    [ -z "$bad" ]
    ok $? "$1: a person's password, key, sudo and shared account work" || note "failed:$bad"
}

start_sshd() {
    ssh-keygen -A >/dev/null
    cat >/etc/ssh/sshd_config.d/00-e2e.conf <<CONF
Port $PORT
ListenAddress 127.0.0.1
MaxStartups 100
MaxAuthTries 20
CONF
    # OpenSSH 9.8 and later would soon refuse a client that fails as often as these tests do.
    if sshd -T 2>/dev/null | grep -q persourcepenalties; then
        echo 'PerSourcePenalties no' >>/etc/ssh/sshd_config.d/00-e2e.conf
    fi
    run_sshd
}

run_sshd() {
    must sshd -t
    /usr/sbin/sshd -D &
    SSHD=$!
    # shellcheck disable=SC2016
    eventually bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$PORT" 2>/dev/null || bail 'sshd does not answer'
}

# After a change of its configuration. The previous one must have ended: it has the port.
restart_sshd() {
    kill "$SSHD"
    eventually_gone "$SSHD" || bail 'sshd stays'
    run_sshd
}

start_collector() {
    perl packaging/collect-log.pl "$LOG" &
    eventually test -S /dev/log || bail 'no log collector'
}

# A host on which nhi is installed, but not yet wired.
host_up() {
    install -d -m 755 "$W"
    rm -rf /etc/nhi "$STATE"
    start_collector
    make_people
    # Only our own jobs: cron jobs of the machine must not run here.
    rm -f /etc/cron.d/* /var/spool/cron/crontabs/*
    : >/etc/crontab
    # Nor may other sources that this machine has (systemd, ldap) be asked.
    printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' >/etc/nsswitch.conf
    must make -s -o all BUILD="$BUILD" install
    write_ssh_tool
}

lab_up() {
    host_up
    must nhictl setup nss sshd sudo su cron
    start_sshd
    # The shell would report killed jobs when the lab ends.
    disown -a
}

# person_works USER WHEN: password, key and sudo with a password
person_works() {
    local user=$1 when=$2 bad=''
    if sshd -T 2>/dev/null | grep -q '^kbdinteractiveauthentication yes'; then
        ssh_as "$user" reply "$W/password" id -un
        [ "$RC/$OUT" = "0/$user" ] || bad+=" keyboard-interactive($RC)"
    fi
    E2E_METHOD=password ssh_as "$user" reply "$W/password" id -un
    [ "$RC/$OUT" = "0/$user" ] || bad+=" password($RC)"
    ssh_as "$user" key "$W/key" id -un
    [ "$RC/$OUT" = "0/$user" ] || bad+=" key($RC)"
    capture as "$user" "$PTY" "password for $user: " "$W/password" -- sudo id
    [[ $RC/$OUT =~ ^0/.*uid=0\(root\) ]] || bad+=" sudo($RC)"
    [ -z "$bad" ]
    ok $? "$user: every way in, and sudo: $when" || note "failed:$bad"
}

# ---- nhi ----

POLICY='rules = (
  { name = "ci"; effect = "permit"; agent = "ci-bot"; account = [ "ci-bot", "deploy", "batch" ];
    service = [ "sshd", "sudo", "su", "su-l", "cron" ]; },
  { name = "other"; effect = "permit"; agent = "other-bot"; account = [ "other-bot", "deploy" ];
    service = [ "sshd", "sudo", "su", "cron" ]; }
);'

set_policy() {
    install -d /etc/nhi/policy.d
    printf '%s\n' "$POLICY" >/etc/nhi/policy.d/e2e.conf
    must nhictl apply --force
}

# SCHEMA: the version of the ledger's tables.
nhi_up() {
    must nhictl init
    SCHEMA=$(sqlite3 "file:$STATE/ledger.db?immutable=1" 'PRAGMA user_version')
    must nhictl agent add ci-bot --owner ops@example.org --purpose 'builds and deploys' --review-by 2099-06-30
    must nhictl agent add other-bot --owner ops@example.org --purpose 'other work' --review-by 2099-06-30
    set_policy
    start_watch
}

# The supervisor: WATCH is its pid.
start_watch() {
    # The previous one may still be ending.
    [ ! -e /run/nhi/watch.lock ] || eventually flock -n /run/nhi/watch.lock true
    nhictl watch &
    WATCH=$!
    disown "$WATCH"
    eventually test -e /run/nhi/watch || bail 'nhictl watch'
}

# beat_at UPTIME: the heartbeat of a supervisor of this release that looked at that time.
beat_at() {
    (umask 077 && printf '%s %s 0\n' "$1" "$SCHEMA" >/run/nhi/watch)
}
uptime_now() { cut -d. -f1 /proc/uptime; }
# hold_watch: stops the supervisor until let_go. Its heartbeat is new, for 30 seconds.
hold_watch() {
    # Not while it writes: no other process could.
    # shellcheck disable=SC2317  # eventually calls it
    held() {
        kill -STOP "$WATCH" || return
        [ "$(ps -o stat= -p "$WATCH" | cut -c1)" = T ] &&
            ! grep -qE "POSIX .* WRITE $WATCH |FLOCK .* $WATCH [^ ]*:$(stat -c %i /run/nhi/state.lock) " /proc/locks && return
        kill -CONT "$WATCH"
        return 1
    }
    eventually held && beat_at "$(uptime_now)"
}
# behind_its_back SQL: a change that nothing has acted on yet, as in the moment before sessions are ended, with the
# supervisor stopped.
behind_its_back() {
    # It may have been stopped while it held the ledger.
    # shellcheck disable=SC2317  # eventually calls it
    wrote() { hold_watch && sqlite3 -cmd '.timeout 300' "$STATE/ledger.db" "$1; UPDATE setting SET generation = generation + 1" 2>"$W/must" || ! let_go; }
    eventually wrote "$1" || bail "$(cat "$W/must")"
    # sqlite3 removed the files of the WAL.
    must nhictl status
}
# The next agent is permitted only while its heartbeat is recent, which it writes every ten seconds.
beats() { [ -s /run/nhi/watch ] && [ "$(($(uptime_now) - $(cut -d' ' -f1 /run/nhi/watch)))" -le 11 ]; }
let_go() {
    kill -CONT "$WATCH"
    eventually beats || bail 'the supervisor does not go on'
}
NOW_SQL="CAST(strftime('%s') AS INTEGER)"

open_task() { must nhictl task open "$1" --agent "${2:-ci-bot}" --until 2h --concurrent; }

# issue FILE TASK [OPTION...]: a ticket; without other options for ci-bot, its own account, every service, 15 minutes
issue() {
    local file=$1 task=$2 has
    shift 2
    has=" $* "
    [[ $has == *' --agent '* ]] || set -- "$@" --agent ci-bot
    [[ $has == *' --account '* ]] || set -- "$@" --account ci-bot
    [[ $has == *' --service '* ]] || set -- "$@" --service sshd,sudo,su,cron
    [[ $has == *' --ttl '* ]] || set -- "$@" --ttl 15m
    must nhictl issue --task "$task" --force --out "$file" "$@"
}
exp_of() { date -d "$(nhictl ticket inspect --json "$1" | jq -r .ticket.exp)" +%s; }
# wait_out FILE: until the ticket in it has expired
wait_out() {
    local end
    end=$(exp_of "$1")
    until [ "$(date +%s)" -ge "$end" ]; do sleep 0.1; done
}
jti_of() { nhictl ticket inspect --json "$1" | jq -r '.. | .jti? // empty' | head -n 1; }
