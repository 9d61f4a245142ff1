# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Rows of accounts: look-ups through glibc with 1,000 to 1,000,000 of them beside a bare hash table behind the same glue,
# id, and the snapshot.
# shellcheck source=tests/bench/lib.sh

SNAPSHOT_LIMIT=40 # seconds
SIZES='1000 10000 100000 1000000'

rows_names() {
    local size kind
    cp -p /etc/nsswitch.conf "$W/nsswitch"
    printf 'passwd: files nhi\ngroup: files nhi\nshadow: files\nhosts: files\n' >/etc/nsswitch.conf
    use_fixture agents10
    must nhictl agent add small --no-home --owner ops --purpose bench --review-by 2099-06-30
    rows_id 10 agent-0000005
    for size in $SIZES; do
        progress "look-ups among $size accounts"
        use_fixture "agents$size"
        if ! write_snapshot "$size"; then
            hint "look-ups among $size: the snapshot took more than $SNAPSHOT_LIMIT seconds"
            continue
        fi
        for kind in name uid missname missuid; do
            look "nhi.$kind.$size" nhi $kind "$size" 5000
            look "bare.$kind.$size" bare $kind "$size" 5000
        done
        [ "$size" != 1000000 ] || rows_id 1000000 agent-0500000
    done
    progress 'system calls and instructions of look-ups'
    use_fixture agents1000
    rows_look_counts
    cp -p "$W/nsswitch" /etc/nsswitch.conf
}

# write_snapshot SIZE: what registering one agent takes where the snapshot is missing, and the next one. Status 1: there
# is no snapshot after that.
write_snapshot() {
    rm -f "$STATE"/accounts*
    add_one "snapshot.$1" && add_one "snapshot.$1.change"
}
add_one() {
    local began
    began=$(date +%s%N)
    if timeout -s KILL "$SNAPSHOT_LIMIT" nhictl agent add "new-$began" --no-home --owner ops --purpose bench \
        --review-by 2099-06-30 >"$W/must" 2>&1; then
        put "$1" "$((($(date +%s%N) - began) / 1000))"
    else
        put "$1.more" "${SNAPSHOT_LIMIT}000000"
        return 1
    fi
}

rows_id() {
    in_turn 20 <<END
id.$1 id $2
END
    count "id.$1" id "$2"
}

# By the difference between two numbers of look-ups.
rows_look_counts() {
    local kind
    for kind in name uid missname; do
        look_counts "nhi.$kind" nhi $kind
        look_counts "bare.$kind" bare $kind
    done
}

# Sixteen batches, one of which is not measured: 1,600 look-ups and 17,600.
look_counts() {
    local -x LD_LIBRARY_PATH=$TOOLS NHI_BARE=1000
    local name=$1 run=("$TOOLS/look_up" "$2" "$3" 1000)
    local few_calls few_instructions
    calls_of "${run[@]}" 100
    instructions_of "${run[@]}" 100
    few_calls=$CALLS few_instructions=$INSTRUCTIONS
    calls_of "${run[@]}" 1100
    instructions_of "${run[@]}" 1100
    put "$name.calls" "$(((CALLS - few_calls) / 16000))"
    put "$name.instructions" "$(((INSTRUCTIONS - few_instructions) / 16000))"
}
