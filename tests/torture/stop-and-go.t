#!/bin/bash
# SPDX-License-Identifier: ISC
# A host program is stopped, before each phase and at random moments; its ticket is ended; it is continued. A program
# that was stopped before our last call has permitted it never begins its command. One that was stopped after that, where
# no gate exists, is told to end within a second after it is continued, and has ended after the grace.
#
#   stop-and-go.t [lab] [PROGRAM=ROUNDS...]
#
# In each release of Debian, booted with systemd; lab: in a copy of this machine, without. By default 1,000 rounds for
# sudo and 100 for each other program, half of them in each release. A command counts as begun when execve has succeeded.
#
# Invariants: 4, 17, 19.
export NHI_BOOT_ALSO=contract
if [ "${1:-}" = lab ]; then
    # shellcheck source=tests/e2e/lib.sh
    . "$(dirname "$0")/../e2e/lib.sh"
    shift
else
    # shellcheck source=tests/boot/lib.sh
    . "$(dirname "$0")/../boot/lib.sh"
fi

host_up
# shellcheck source=tests/contract/lib.sh
. tests/contract/lib.sh
wire_all
ANSWER=$BUILD/tests/contract/pam_answer.so
# One before our module and one after it. After ours in auth, no module is asked any more.
stacks "s,^([[:space:]]*(auth|account|session)[[:space:]].*pam_nhi\.so.*),\2 required $ANSWER $D before 25\n\1,"
stacks "s,^([[:space:]]*(account|session)[[:space:]].*pam_nhi\.so.*),\1\n\2 required $ANSWER $D after 25,"
answer before
answer after
GRACE=1
start_sshd
[ -n "${SSHD:-}" ] || SSHD=$(systemctl show ssh -p MainPID --value)
disown -a
must nhictl init
for a in ci-bot other-bot; do
    must nhictl agent add "$a" --owner ops@example.org --purpose 'builds and deploys' --review-by 2099-06-30
done
POLICY='rules = ( { name = "ci"; effect = "permit"; agent = "ci-bot"; account = [ "ci-bot", "batch" ];
    service = [ "sshd", "sudo", "su", "cron", "atd", "runuser", "doas", "contract" ]; } );'
set_policy
echo "grace = $GRACE;" >/etc/nhi/nhi.conf
must nhictl apply
start_watch
chmod 1777 "$W"
echo 'ci-bot ALL=(root) ALL' >/etc/sudoers.d/stop-and-go
chmod 440 /etc/sudoers.d/stop-and-go
echo 'permit nopass ci-bot as batch' >/etc/doas.conf
chmod 400 /etc/doas.conf
# Its shell is the command: nothing comes between the program's execve and it.
echo "$BEGUN" >>/etc/shells
must usermod -s "$BEGUN" batch
ssh-keygen -q -t ed25519 -N '' -f "$W/agent-key"
TARGET=batch REPLY_KEY=$W/agent-key REPLY=$W/ticket
printf '#!/bin/sh\nkeyctl padd user nhi:ticket @s <%s >/dev/null\nexec "$@"\n' "$W/held" >"$W/holding"
chmod 755 "$W/holding"
AS=(setpriv --reuid ci-bot --regid ci-bot --init-groups keyctl session - "$W/holding")

service_of() { # service_of PROGRAM
    case $1 in
    sshd-*) echo sshd ;;
    sudo-in-session) echo sshd,sudo ;;
    sudo*) echo sudo ;;
    unit) echo contract ;;
    *) echo "$1" ;;
    esac
}
# sudo in a session that came in over ssh
run_sudo-in-session() { ssh_as ci-bot reply "$REPLY" "exec sudo -n $BEGUN"; }

# soon COMMAND...: like eventually, for what usually comes at once.
soon() {
    local i
    for ((i = 0; i < 200; i++)); do
        "$@" && return 0
        sleep 0.005
    done
    eventually "$@"
}
now() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }
lives() { grep -qE '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null; }

# ---- which processes are stopped ----

below() { # below PID: all its descendants.
    local child
    # shellcheck disable=SC2013 # words
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        echo "$child"
        below "$child"
    done
}
# hosts_of PROGRAM: its live processes.
hosts_of() {
    case $1 in
    sshd-*) below "$SSHD" ;;
    cron | atd) [ ! -s "$D/daemon" ] || below "$(cat "$D/daemon")" ;;
    unit) cat /sys/fs/cgroup/system.slice/contract.service/cgroup.procs 2>/dev/null ;;
    sudo-in-session) below "$SSHD" ;;
    *) below "$RUNNER" ;;
    esac
}
is_stopped() { grep -q '^State:.[Tt]' "/proc/$1/status" 2>/dev/null; }
# Until a module has stopped its process, or the command has begun, or the program has given up.
at_rest() {
    local pid
    [ ! -s "$D/began" ] || return 0
    pid=$(sed -n 's/.* //p' "$D/before.called" "$D/after.called" | tail -n 1)
    [ -z "$pid" ] || ! is_stopped "$pid" || { STOPPED=$pid && return 0; }
    ! kill -0 "$RUNNER" 2>/dev/null
}

# start PROGRAM WHERE: RUNNER, and STOPPED: the processes that are stopped now; empty: it could not be stopped there.
# WHERE: a module and a phase, or random.
start() {
    local program=$1 where=$2 pid
    STOPPED=''
    answer before
    answer after
    rm -f "$D/began" "$D/told" "$D/daemon"
    [ "$where" = random ] || answer "${where%:*}" "${where#*:} stop"
    STARTED=$(now)
    "run_$program" >/dev/null 2>&1 &
    RUNNER=$!
    disown "$RUNNER"
    if [ "$where" != random ]; then
        soon at_rest
        return
    fi
    # Within the time in which it began its command when it was not stopped.
    sleep "$(awk -v max="${SPAN[$program]}" -v seed="$RANDOM$RANDOM" 'BEGIN { srand(seed); printf "%.4f", rand() * max / 1000 }')"
    # Twice: processes that were forked meanwhile as well.
    for _ in 1 2; do
        for pid in $(hosts_of "$program"); do
            case $(cat "/proc/$pid/comm" 2>/dev/null) in
            timeout | setpriv | keyctl | holding | bash | '' | begun) ;;
            *) kill -STOP "$pid" 2>/dev/null && STOPPED+=" $pid" ;;
            esac
        done
    done
}
go_on() {
    local pid
    # A program that asks again would stop again.
    : >"$D/before.answer"
    : >"$D/after.answer"
    # su stops itself when its child is stopped, and some are stopped twice.
    for pid in $STOPPED; do kill -CONT "$pid" 2>/dev/null; done
}

# ---- how it is ended ----

n=0
prepare() { # prepare PROGRAM TTL: TASK and JTI.
    n=$((n + 1))
    TASK=s-$n
    open_task "$TASK"
    if [ "$1" = sshd-key ]; then
        issue "$W/ticket" "$TASK" --account ci-bot,batch --service sshd --bind-key "$W/agent-key.pub" --ttl "$2"
    else
        issue "$W/ticket" "$TASK" --account ci-bot,batch --service "$(service_of "$1")" --no-pin --ttl "$2"
    fi
    JTI=$(jti_of "$W/ticket")
    END=$(exp_of "$W/ticket")
    printf '%s' "$(cat "$W/ticket")" >"$W/held"
    chmod 644 "$W/held"
}
end_it() { # end_it HOW: returns when the verb does.
    case $1 in
    revoke) nhictl revoke --ticket "$JTI" --reason incident ;;
    close) nhictl task close "$TASK" ;;
    suspend) nhictl agent suspend ci-bot --reason incident ;;
    lockdown) nhictl lockdown on --reason incident ;;
    expiry) until [ "$(date +%s)" -ge "$END" ]; do sleep 0.01; done ;;
    esac >"$W/verb" 2>&1
}
undo() {
    case $1 in
    suspend) must nhictl agent resume ci-bot ;;
    lockdown) must nhictl lockdown off ;;
    esac
    [ "$1" = close ] || nhictl task close "$TASK" >/dev/null 2>&1
}
is_in_force() { # is_in_force HOW
    case $1 in
    revoke | close) [ "$(nhictl ticket show --json "$JTI" | jq -r .ticket.state)" != live ] ;;
    suspend) [ "$(nhictl agent show --json ci-bot | jq -r .agent.state)" = suspended ] ;;
    lockdown) nhictl metrics | grep '^nhi_lockdown 1' >"$W/lockdown" ;;
    esac
}
is_registered() { grep -lqs "$JTI" /run/nhi/sessions/[ap]-*; }
is_over() { [ -s "$D/began" ] || ! kill -0 "$RUNNER" 2>/dev/null; }

# ---- one round ----

# For each program: rounds in which nothing was stopped, and in which it was before or after our last call; how many
# of these began; the slowest, in milliseconds from when it was continued: told to end, and ended.
declare -A SPAN COUNT
bump() { COUNT[$1]=$((${COUNT[$1]:-0} + 1)); }
most() { [ "$2" -le "${COUNT[$1]:-0}" ] || COUNT[$1]=$2; }
BAD=''

# watch_it_end PROGRAM FROM: a command that has begun: told to end, and ended.
watch_it_end() {
    local program=$1 from=$2 pid told gone
    read -r pid _ <"$D/began"
    eventually_gone_or_zombie "$pid" || { BAD+=" $LABEL: stays;" && kill -KILL "$pid"; }
    gone=$(($(now) - from))
    told=$gone
    [ ! -s "$D/told" ] || told=$(($(cut -d' ' -f2 "$D/told") - from))
    most "$program:told" "$told"
    most "$program:gone" "$gone"
    [ "$told" -le 1000 ] || bump "$program:late"
    [ "$gone" -le $((GRACE * 1000 + 1000)) ] || bump "$program:slow"
}
# shellcheck disable=SC2317 # eventually calls it
no_longer_lives() { ! lives "$1"; }
eventually_gone_or_zombie() { soon no_longer_lives "$1"; }

# round PROGRAM WHERE HOW WHEN: WHEN: returned, continued when the verb has returned; at-once, when it is in force.
round() {
    local program=$1 where=$2 how=$3 when=$4 class=before asked from verb='' pid
    LABEL="$program stopped at $where, $how, $when"
    prepare "$program" "$([ "$how" = expiry ] && echo 3s || echo 15m)"
    start "$program" "$where"
    if [ -s "$D/began" ]; then class=begun; elif is_registered; then class=after; fi
    [ -n "$STOPPED" ] || [ "$class" = begun ] || class=over
    asked=$(now)
    if [ "$when" = returned ] || [ "$how" = expiry ]; then
        end_it "$how"
        from=$(now)
        # The command of this round has ended.
        if [ -s "$D/began" ] && [ "$how" != expiry ]; then
            read -r pid _ <"$D/began"
            ! lives "$pid" || BAD+=" $LABEL: $how returned, and it lives;"
        fi
    else
        end_it "$how" &
        verb=$!
        soon is_in_force "$how"
        from=$(now)
    fi
    go_on
    soon is_over || BAD+=" $LABEL: neither begins nor ends;"
    go_on
    # A process was missed when all were stopped, and began before anything was ended.
    [ ! -s "$D/began" ] || [ "$(cut -d' ' -f2 "$D/began")" -ge "$asked" ] || class=begun
    bump "$program:$class"
    if [ -s "$D/began" ] && [ "$class" != begun ]; then
        bump "$program:$class:began"
        [ "$class" != before ] || BAD+=" $LABEL: began;"
        # After a verb has returned nothing begins, wherever it was stopped.
        [ "$class" != after ] || [ "$when" != returned ] || [ "$how" = expiry ] || [ "$(cut -d' ' -f2 "$D/began")" -lt "$from" ] || BAD+=" $LABEL: began after $how had returned;"
    fi
    [ ! -s "$D/began" ] || watch_it_end "$program" "$from"
    [ -z "$verb" ] || wait "$verb"
    soon no_longer_lives "$RUNNER" || { BAD+=" $LABEL: its program stays;" && kill -KILL "$RUNNER"; }
    undo "$how"
}

HOWS=(revoke close revoke suspend revoke lockdown close revoke suspend expiry)
POINTS=(before:open_session before:account before:auth before:setcred after:account after:open_session)

# points_of PROGRAM: POINTS_OF, where it can be stopped, and SPAN, how long it takes to begin.
points_of() {
    local program=$1 point from span
    POINTS_OF=()
    SPAN[$program]=100000
    for _ in 1 2 3; do
        prepare "$program" 15m
        start "$program" nowhere:at-all
        from=$STARTED
        if [ -s "$D/began" ]; then
            span=$(($(cut -d' ' -f2 "$D/began") - from))
            [ "$span" -ge "${SPAN[$program]}" ] || SPAN[$program]=$span
        fi
        must nhictl task close "$TASK"
        soon no_longer_lives "$RUNNER"
    done
    [ "${SPAN[$program]}" -lt 100000 ]
    ok $? "$program: it begins its command when it is not stopped" || { note "$(tail -n 3 "$W/err")" && return 1; }
    for point in "${POINTS[@]}"; do
        ! grep -q "^${point#*:} " "$D/${point%:*}.called" || POINTS_OF+=("$point")
    done
    [ "${#POINTS_OF[@]}" -gt 0 ]
}

# rounds PROGRAM COUNT
rounds() {
    local program=$1 count=$2 i where
    BAD=''
    points_of "$program" || return
    for ((i = 0; i < count; i++)); do
        where=random
        [ $((i % 2)) = 1 ] || where=${POINTS_OF[$((i / 2 % ${#POINTS_OF[@]}))]}
        round "$program" "$where" "${HOWS[$(((i + i / 10) % 10))]}" "$([ $((i / 3 % 2)) = 0 ] && echo returned || echo at-once)"
    done
    is "${COUNT[$program:before:began]:-0}:${BAD:-}" 0: \
        "$program: stopped before our last call ${COUNT[$program:before]:-0} times and let go after it was ended: 0 began"
    note "$program: $count rounds, points ${POINTS_OF[*]} and random ones within ${SPAN[$program]} ms: before our last call" \
        "${COUNT[$program:before]:-0}, began ${COUNT[$program:before:began]:-0}; behind it ${COUNT[$program:after]:-0}," \
        "began ${COUNT[$program:after:began]:-0}; running already ${COUNT[$program:begun]:-0}, over already ${COUNT[$program:over]:-0};" \
        "of those that had begun, told to end after at most ${COUNT[$program:told]:-0} ms, gone after at most ${COUNT[$program:gone]:-0} ms"
    is "${COUNT[$program:late]:-0}:${COUNT[$program:slow]:-0}" 0:0 \
        "$program: what had begun was told within a second, and gone a second after its grace"
}

# runuser belongs to root and continues, whatever account it becomes.
[ "$#" -gt 0 ] || for program in $(programs) sudo-in-session; do
    case $program in
    runuser) ;;
    sudo) set -- "$@" sudo=500 ;;
    sudo-rs) set -- "$@" sudo-rs=100 ;; # in one of the two
    *) set -- "$@" "$program=50" ;;
    esac
done
for arg; do rounds "${arg%=*}" "${arg#*=}"; done
finish
