#!/bin/bash
# SPDX-License-Identifier: ISC
# su and sudo run with their caller's real uid: the caller may stop or kill them between any two instructions. At
# every system call that one run makes, in turn, they are stopped, and stay stopped, a hundred at once; then logins,
# grants and revocations must work as ever. Then the same with killing them. A sample takes a few of the system calls,
# a sweep every fifth, torture each of them.
# Invariants: 5, 17.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

STOPAT=$BUILD/tests/tools/stopat
STEP=$(depth 97 5 1)
BATCH=100
HANG=60 # seconds. Distinguishes a hang from a delay on a busy machine; nothing here takes more than one

lab_up
nhi_up
chmod 1777 "$W"
open_task build-1
open_task build-2
open_task other-1 other-bot
# A ticket that was renewed and is pinned, so that each run checks both. That needs one place for all of them: the
# audit session of this shell, if the kernel has any.
PIN=--no-pin
[ "$(cat "/proc/$$/sessionid" 2>/dev/null)" -lt 4294967295 ] 2>/dev/null && PIN=''
# shellcheck disable=SC2086 # nothing, or a word
issue "$W/first" build-1 --account ci-bot,batch --ttl 1h $PIN
FIRST=$(jti_of "$W/first")
must nhictl renew "$FIRST" --ttl 2h --out "$W/held"
issue "$W/free" build-2 --account ci-bot,batch --ttl 110m

# ---- an agent with its ticket in a session keyring ----

# One keyring, with a name that no other run has, which all of them join: a uid may have 20,000 bytes of keys.
KEYRING=e2e-$(cat /proc/sys/kernel/random/uuid)
IN_KEYRING=(setpriv --reuid ci-bot --regid ci-bot --init-groups keyctl session "$KEYRING")
# hold FILE: until the next call, that keyring has the ticket in FILE.
hold() {
    rm -f "$W/held-now"
    printf '%s' "$(cat "$1")" >"$W/key"
    chmod 644 "$W/key"
    # shellcheck disable=SC2016
    "${IN_KEYRING[@]}" sh -c 'keyctl setperm @s 0x3f3f0000 && keyctl padd user nhi:ticket @s <"$0" && : >"$1" && exec sleep 1000000' \
        "$W/key" "$W/held-now" >/dev/null 2>&1 </dev/null &
    HOLDER=${HOLDER:-$!}
    eventually test -e "$W/held-now" || bail 'no keyring'
    [ "$HOLDER" = "$!" ] || kill "$!"
    disown -a
}
hold "$W/held"

# What is stopped: whole transactions, from authenticate to close_session.
SU=("${IN_KEYRING[@]}" su batch -c true)
SUDO=("${IN_KEYRING[@]}" sudo -n id)

in_time() { timeout -k 1 "$HANG" "$@"; }

# all_goes_through NAME: a person, a login and a sudo by ticket, an issue and a revocation.
all_goes_through() {
    local bad=''
    in_time "$SSH_TOOL" ci-bot reply "$W/free" 'sudo -n id -u' >"$W/out" 2>&1 </dev/null || bad+=" login($?)"
    in_time "$SSH_TOOL" alice key "$W/alice-key" true >"$W/out" 2>&1 </dev/null || bad+=" person($?)"
    in_time nhictl issue --task other-1 --agent other-bot --account other-bot --service sshd \
        --ttl 15m --force --out "$W/spent" >"$W/out" 2>&1 || bad+=" issue($?)"
    in_time nhictl revoke --ticket "$(jti_of "$W/spent")" --reason test >"$W/out" 2>&1 || bad+=" revoke($?)"
    in_time nhictl status >"$W/out" 2>&1 || bad+=" status($?)"
    [ -z "$bad" ]
    ok $? "$1" || note "hung or refused:$bad: $(cat "$W/out")"
}

# Every grant, whole.
record() { perl "$TREE/tests/tools/record.pl" read "$1"; }
pin_of() { grep -lsF "$1" "$STATE"/grants/i-*-l; } # pin_of JTI: the record of its first place.
grants_are_whole() {
    local f
    for f in "$STATE"/grants/[gud]-*; do
        [ -e "$f" ] || continue
        record "$f" >/dev/null 2>&1 || { note "not whole: $f" && return 1; }
    done
}

# one EXE ACTION K COMMAND...: one run; prints a line with K, stopat's status and the pids that are stopped now.
cat >"$W/one" <<ONE
#!/bin/bash
exe=\$1 action=\$2 k=\$3
shift 3
out=\$("$STOPAT" "\$exe" "\$k" "\$action" -- "\$@" 2>/dev/null </dev/null)
echo "\$k" "\$?" \$out
ONE
chmod 755 "$W/one"

kill_stopped() { # kill_stopped FILE: kills the processes in lines of that kind.
    local status pids pid
    while read -r _ status pids; do
        [ "$status" = 0 ] || continue
        for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
    done <"$1"
}

# sweep NAME EXE stop|kill COMMAND...
sweep() {
    local name=$1 exe=$2 action=$3 k hung='' stopped=0 now=1
    shift 3
    like "$(in_time "$@" </dev/null 2>&1; echo "status $?")" 'status 0' "$name: it succeeds when it is not stopped"
    # One run may make some calls more than another, the first one thousands: continues until none gets that far.
    for ((k = 1; now > 0; k += STEP * BATCH)); do
        seq "$k" "$STEP" "$((k + STEP * BATCH - 1))" |
            xargs -P 2 -I '{}' "$W/one" "$exe" "$action" '{}' "$@" >"$W/runs"
        now=$(grep -c '^[0-9]* 0' "$W/runs")
        stopped=$((stopped + now))
        # 3: it made fewer calls. 4: it waited for a stopped one.
        hung+=$(grep -vE '^[0-9]+ [03]( |$)' "$W/runs")
        all_goes_through "$name: from system call $k: everything else works"
        kill_stopped "$W/runs"
    done
    is "$hung" '' "$name: none of them waited for another"
    [ "$stopped" -gt "$((1000 / STEP))" ]
    ok $? "$name: at $stopped places"
    grants_are_whole
    ok $? "$name: no record is half written"
}

# The first use pins it, and ends the earlier text.
"${SU[@]}" </dev/null >/dev/null 2>&1
[ -n "$PIN" ] || is "$(record "$(pin_of "$FIRST")" | jq -r .place | cut -c 1)" a 'pinned to the audit session'
is "$(nhictl ticket show --json "$FIRST" | jq -r .ticket.state)" renewed 'and a renewal that is in use'
ssh-keygen -q -t ed25519 -N '' -f "$W/alice-key"
cat "$W/alice-key.pub" >>/home/alice/.ssh/authorized_keys

sweep 'su stopped' /usr/bin/su stop "${SU[@]}"
sweep 'sudo stopped' /usr/bin/sudo stop "${SUDO[@]}"
sweep 'su killed' /usr/bin/su kill "${SU[@]}"
sweep 'sudo killed' /usr/bin/sudo kill "${SUDO[@]}"

# From here on each run is a session of its own.
issue "$W/held" build-1 --account ci-bot,batch --ttl 90m --no-pin
hold "$W/held"

# ---- a frozen cgroup ----

frozen() {
    local cg=$W/cgroup/nhi-e2e status pids pid
    mkdir -p "$W/cgroup"
    if ! mount -t cgroup2 cgroup2 "$W/cgroup" 2>/dev/null || ! mkdir "$cg" 2>/dev/null; then
        TESTS=$((TESTS + 1))
        printf 'ok %d # SKIP no cgroup v2 to be frozen here\n' "$TESTS"
        return
    fi
    trap 'echo 1 >"$W/cgroup/nhi-e2e/cgroup.kill"; rmdir "$W/cgroup/nhi-e2e"' EXIT
    seq 100 100 1500 | xargs -I '{}' "$W/one" /usr/bin/su stop '{}' "${SU[@]}" >"$W/runs"
    while read -r _ status pids; do
        [ "$status" = 0 ] || continue
        for pid in $pids; do echo "$pid" >"$cg/cgroup.procs"; done
    done <"$W/runs"
    echo 1 >"$cg/cgroup.freeze"
    eventually grep -q 'frozen 1' "$cg/cgroup.events"
    ok $? "frozen: $(wc -l <"$cg/cgroup.procs") processes of su"
    while read -r pid; do kill -CONT "$pid"; done <"$cg/cgroup.procs"
    all_goes_through 'frozen: everything else works'
    echo 1 >"$cg/cgroup.kill"
    eventually grep -q 'populated 0' "$cg/cgroup.events"
    rmdir "$cg"
    trap - EXIT
}
frozen

# ---- stopped before a revocation, continued after it ----

# su stops itself along with its child, so one SIGCONT may not be enough; and one may wait for another. A zombie
# counts as ended: the first process here is a shell and reaps it.
gone() {
    local pid
    kill -CONT "$@" 2>/dev/null
    for pid; do
        ! grep -qE '^State:.[^ZX]' "/proc/$pid/status" 2>/dev/null || return 1
    done
}

# Only a run whose session was registered before the revocation may go on to its command.
late_is_refused() {
    local total k pids bad='' refused=0 opened=0 before after
    SU=("${IN_KEYRING[@]}" su batch -c "echo >$W/ran")
    total=$("$STOPAT" /usr/bin/su 1000000 stop -- "${SU[@]}" </dev/null 2>/dev/null | tail -n 1)
    for ((k = 1; k <= total; k += $(depth 300 50 10))); do
        open_task "late-$k"
        issue "$W/late" "late-$k" --account ci-bot,batch
        hold "$W/late"
        rm -f "$W/ran"
        find /run/nhi/sessions -type f >"$W/before"
        pids=$("$STOPAT" /usr/bin/su "$k" stop -- "${SU[@]}" </dev/null 2>/dev/null) || continue
        before=0
        [ ! -e "$W/ran" ] || before=1
        find /run/nhi/sessions -type f | grep -qvxFf "$W/before" && before=1
        must nhictl revoke --task "late-$k" --reason test
        # shellcheck disable=SC2086 # a list
        eventually gone $pids || bad+=" $k: stays"
        after=0
        [ ! -e "$W/ran" ] || after=1
        [ "$after" -le "$before" ] || bad+=" $k: ran"
        opened=$((opened + before))
        refused=$((refused + 1 - before))
    done
    [ -z "$bad" ] && [ "$refused" -gt 0 ] && [ "$opened" -gt 0 ]
    ok $? "continued after the revocation: $refused were denied, $opened had their session already" || note "$bad"
}
late_is_refused

# ---- killed in the first use of a renewed ticket ----

# The place of its use, and the end of the earlier text, are recorded during the login. The host only records uses
# from other places, because each run is a session of its own.
first_use_killed() {
    local total k bad='' again=0 grants
    printf 'pin = "record";\n' >/etc/nhi/nhi.conf
    must nhictl apply
    SU=("${IN_KEYRING[@]}" su batch -c true)
    hold "$W/free"
    total=$("$STOPAT" /usr/bin/su 1000000 kill -- "${SU[@]}" </dev/null 2>/dev/null | tail -n 1)
    for ((k = 1; k <= total; k += $(depth 1200 200 60))); do
        open_task "first-$k"
        issue "$W/first" "first-$k" --account ci-bot,batch
        must nhictl renew "$(jti_of "$W/first")" --ttl 30m --force --out "$W/first.new"
        hold "$W/first.new"
        "$STOPAT" /usr/bin/su "$k" kill -- "${SU[@]}" </dev/null >/dev/null 2>&1 || continue
        in_time "${SU[@]}" </dev/null >/dev/null 2>&1 || bad+=" $k: locked out"
        hold "$W/first"
        ! in_time "${SU[@]}" </dev/null >/dev/null 2>&1 || bad+=" $k: the text before it"
        grants=$(nhictl ticket show --json "$(jti_of "$W/first.new")" | jq .ticket.grants)
        [ "$grants" = 1 ] || [ "$grants" = 2 ] || bad+=" $k: $grants grants"
        again=$((again + 1))
    done
    [ -z "$bad" ] && [ "$again" -gt 0 ]
    ok $? "killed in its first use at $again places: it still works, and the earlier text does not" || note "$bad"
    grants_are_whole
    ok $? 'no record is half written'
}
first_use_killed

# ---- two first uses, of which the second overtakes the first ----

# fresh K stop|kill [COMMAND]: the first use of a new ticket, up to that system call.
fresh() {
    issue "$W/fresh" build-2 --account ci-bot,batch
    hold "$W/fresh"
    "$STOPAT" /usr/bin/su "$1" "$2" -- "${IN_KEYRING[@]}" su batch -c "${3:-true}" </dev/null 2>/dev/null
}
went_on() {
    # shellcheck disable=SC2086 # a list
    kill -CONT $1 2>/dev/null
    [ -e "$W/ran" ]
}
overtaken() {
    local before=1 after k pids bad=''
    after=$(fresh 1000000 kill | tail -n 1)
    while ((after - before > 1)); do
        k=$(((before + after) / 2))
        fresh "$k" kill >/dev/null
        if [ -n "$(pin_of "$(jti_of "$W/fresh")")" ]; then after=$k; else before=$k; fi
    done
    for ((k = before - 8; k <= after; k++)); do
        rm -f "$W/ran"
        pids=$(fresh "$k" stop "echo >$W/ran") || { bad+=" $k: not stopped" && continue; }
        in_time "${SU[@]}" </dev/null >/dev/null 2>&1 || bad+=" $k: the second"
        eventually went_on "$pids" || bad+=" $k: the first"
    done
    is "$bad" '' "stopped before its pin is set, at system call $after, and overtaken: both are permitted if the host only records"
}
overtaken

finish
