# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034
# What the rows of the benchmark share, sourced inside a private copy of the machine: a host with nhi, and how a figure
# is taken. Figures go to $RESULTS, a line each: NAME MINIMUM MEDIAN RUNS, times in microseconds.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

DISK=/srv/bench # of the machine's own disk, and kept: see run.sh
TOOLS=$BUILD/tests/bench
RESULTS=$W/results
HINTS=$W/hints # what the machine does not have
CYCLE=$TOOLS/pam_cycle
STACKS=/etc/pam-bench
FROM=192.0.2.7

# What the end-to-end tests do after a failure, without their form of output.
bail() {
    printf 'bench: cannot go on: %s\n' "$*" >&2
    sed 's/^/bench: /' "$W/must" >&2
    grep -o 'pam_nhi(.*denied: .*' "$LOG" | tail -n 1 >&2
    exit 1
}
progress() { printf '# %3d s  %s\n' "$SECONDS" "$*" >&2; }
hint() { printf '%s\n' "$*" >>"$HINTS"; }

# ---- figures ----

put() { printf '%s %s %s %s\n' "$1" "$2" "${3:-$2}" "${4:-1}" >>"$RESULTS"; }
# in_turn ROUNDS: lines of NAME COMMAND...; figures NAME.wall, .cpu, .rss, .inner
in_turn() { "$TOOLS/in_turn" "$1" >>"$RESULTS"; }
# put_all NAME: minimum and median of the numbers on standard input
put_all() {
    sort -g | awk -v name="$1" '{ v[NR] = $1 } END { if (NR) print name, v[1], v[int(NR / 2) + 1], NR }' >>"$RESULTS"
}

# count NAME COMMAND...: NAME.instructions in user mode, NAME.calls to the kernel, children included in the latter
count() {
    local name=$1
    shift
    calls_of "$@"
    put "$name.calls" "$CALLS"
    instructions_of "$@"
    put "$name.instructions" "$INSTRUCTIONS"
}
calls_of() {
    strace -f -c -U calls,name -o "$W/strace" "$@" >/dev/null 2>"$W/must" </dev/null || bail "$*"
    CALLS=$(awk '$NF == "total" { print $1 }' "$W/strace")
}
# Counted by the processor where it does, else by callgrind.
instructions_of() {
    if [ -z "${NHI_BENCH_CALLGRIND:-}" ] && "$TOOLS/instructions" true >/dev/null 2>&1; then
        "$TOOLS/instructions" "$@" >"$W/must" 2>&1 </dev/null || bail "$*"
        INSTRUCTIONS=$(tail -n 1 "$W/must")
    else
        valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" >/dev/null 2>"$W/must" </dev/null || bail "$*"
        INSTRUCTIONS=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$W/must" | tail -n 1)
    fi
}

# look NAME SOURCE KIND ACCOUNTS EACH: nanoseconds of one look-up, as microseconds; the time limit is for what is linear
look() {
    local least middle runs
    read -r least middle runs < <(LD_LIBRARY_PATH=$TOOLS NHI_BARE=$4 timeout 20 "$TOOLS/look_up" "$2" "$3" "$4" "$5" 2>&1)
    case $least in
    '' | *[!0-9]*) hint "$2, $3 of $4 accounts: ${least:-more than 20 seconds} $middle $runs" ;;
    *) awk -v n="$1" -v a="$least" -v b="$middle" -v r="$runs" 'BEGIN { print n, a / 1000, b / 1000, r }' >>"$RESULTS" ;;
    esac
}

# has_verb WORD...: whether this nhictl has it yet
has_verb() { nhictl "$@" --help >/dev/null 2>&1; }

# ---- the host ----

POLICY='rules = (
  { name = "ci"; effect = "permit"; agent = "ci-bot"; account = [ "ci-bot", "deploy" ];
    service = [ "sshd", "sudo", "su", "cron" ]; },
  { name = "counted"; effect = "permit"; agent = "other-bot"; account = [ "other-bot" ];
    service = [ "sshd", "sudo", "su", "cron" ]; max_sessions = 100000; }
);'

# mount_state DIR: this directory of the real disk becomes /var/lib/nhi; no supervisor runs, no session is registered.
mount_state() {
    stop_watch
    close_few
    if mountpoint -q "$STATE"; then
        umount "$STATE" || bail "umount $STATE"
    fi
    mkdir -p "$1" "$STATE"
    mount --bind "$1" "$STATE" || bail "mount $1"
    rm -rf /run/nhi /run/nhi-public
}

# stack DIR SERVICE MODULE...: a stack of these and pam_permit; ours as nhictl setup wires it
stack() {
    local dir=$STACKS/$1 service=$2 module
    shift 2
    mkdir -p "$dir"
    for module; do
        if [ "$module" = pam_nhi.so ]; then
            echo 'auth [success=done user_unknown=ignore default=die] pam_nhi.so'
            echo 'account required pam_nhi.so'
            echo 'session required pam_nhi.so'
        else
            echo "auth required $module"
        fi
    done >"$dir/$service"
    printf '%s required pam_permit.so\n' auth account session >>"$dir/$service"
    printf '%s required pam_deny.so\n' auth account session >"$dir/other"
}

make_stacks() {
    local service
    for service in sshd su sudo; do
        stack ours $service pam_nhi.so
        stack permit $service
        stack floor $service "$TOOLS/pam_verify.so"
    done
}

# The ID of a ticket that nobody has seen, and whose revocation is one record.
unknown_jti() { head -c 17 /dev/urandom | base64 | tr '+/' '-_' | cut -c1-21 | sed 's/$/A/'; }

# open_session FILE USER: prints the ID of a process that has been through the whole of PAM and stays. It obeys SIGTERM
# and has no terminal.
open_session() {
    "$CYCLE" -c "$STACKS/ours" -f "$FROM" -s -r "$1" sshd "$2" </dev/null 2>>"$W/sessions.err" 3>&- &
}

has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

# A few of another agent, as long as this ledger is the host's.
open_few() {
    local i
    issue "$W/few" other-1 --agent other-bot --account other-bot
    for ((i = 0; i < 5; i++)); do open_session "$W/few" other-bot >>"$W/few.pids"; done
    eventually has_lines "$W/few.pids" 5 || bail "sessions: $(tail -n 1 "$W/sessions.err")"
}
close_few() {
    [ ! -s "$W/few.pids" ] || xargs kill <"$W/few.pids"
    rm -f "$W/few.pids"
}

# What a reader of the figures has to know of this machine.
describe_machine() {
    hint "/var/lib/nhi is on $(stat -f -c %T "$DISK"); $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg)"
    "$TOOLS/instructions" true >/dev/null 2>&1 ||
        hint 'the processor counts no instructions here: callgrind counts them, without those of the kernel'
    [ -e "/sys/fs/cgroup/cgroup.procs" ] || [ -e /sys/fs/cgroup/unified/cgroup.procs ] ||
        hint 'no cgroups of version 2 here: sessions have none, and cost less for it'
    [ "$(cat /proc/self/sessionid)" != 4294967295 ] || hint 'no audit sessions here'
}

stop_watch() {
    [ -n "${WATCH:-}" ] || return 0
    kill "$WATCH" && eventually_gone "$WATCH"
    WATCH=
}

# deep_ticket FILE TASK [OPTION...]: a ticket with 16 ancestors, each of which is a parent that has to be live
deep_ticket() {
    local file=$1 task=$2 parent='' i ttl=3600
    shift 2
    for ((i = 0; i < 16; i++)); do
        # shellcheck disable=SC2086 # or no word
        issue "$W/parent" "$task" --ttl "$((ttl--))s" ${parent:+--parent "$parent"}
        parent=$(jti_of "$W/parent")
    done
    issue "$file" "$task" --ttl "${ttl}s" --parent "$parent" "$@"
}

# The inode of the newest base of the published state, or nothing.
state_file() {
    find /run/nhi -maxdepth 1 -type f -name 'state-*-base*' -printf '%T@ %i\n' 2>/dev/null | sort -g | tail -n 1 | cut -d' ' -f2
}

# Its tail is left one record short of full, which costs readers most.
fill_tail() {
    local file count=0 i
    if ! has_verb publish; then
        hint 'the published state: not there yet, so no tail of it was filled'
        return
    fi
    must nhictl publish
    file=$(state_file)
    while [ "$(state_file)" = "$file" ] && [ "$count" -lt 4000 ]; do
        must nhictl revoke --ticket "$(unknown_jti)"
        count=$((count + 1))
    done
    # The last of them made a new file.
    must nhictl publish
    for ((i = 2; i < count; i++)); do must nhictl revoke --ticket "$(unknown_jti)"; done
}

# All that the rows find: agents, tasks, people, and other sessions.
bench_up() {
    mkdir -p /etc/sudoers.d
    "$1"
    rm -rf "$DISK/state"
    mount_state "$DISK/state"
    nhi_up
    add_person carol
    groupadd nhi-observe && usermod -aG nhi-observe carol
    make_stacks
    open_task build-1
    open_task other-1 other-bot
    deep_ticket "$W/ticket" build-1
    ssh-keygen -q -t ed25519 -N '' -f "$W/id-bound"
    deep_ticket "$W/bound" build-1 --bind-key "$W/id-bound.pub"
    fill_tail
    describe_machine
    # As sshd names a key that it has seen proven: without a comment.
    cut -d' ' -f1,2 "$W/id-bound.pub" >"$W/proven"
    cut -d' ' -f1,2 "$W/key.pub" >"$W/proven-person"
}
