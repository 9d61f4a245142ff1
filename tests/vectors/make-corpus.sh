#!/bin/bash
# Writes the seeds of a fuzzer of tests/fuzz into DIR: make-corpus.sh fuzz_ticket|fuzz_sshcert|fuzz_scan DIR
set -euo pipefail
if [ $# -ne 2 ]; then
    echo "usage: $0 FUZZER DIR" >&2
    exit 2
fi
here=$(dirname "$0")
golden=$here/golden.json
dir=$2
mkdir -p "$dir"
n=0
# The first byte is the kind of the rest.
seed() {
    printf "$1%s" "$2" >"$dir/ticket-$n"
    n=$((n + 1))
}
tickets() {
    while IFS= read -r text; do seed '\000' "$text"; done < <(jq -r '(.tickets, .refused)[].token' "$golden")
    while IFS= read -r text; do seed '\001' "$text"; done < <(jq -r '.tickets[].payload' "$golden")
    while IFS= read -r text; do seed '\002' "$text"; done < <(jq -r '.secret, .public' "$golden")
    seed '\003' 2026-11-23T22:05:00Z
    seed '\003' 2024-02-29T23:59:59Z
}
case $1 in
fuzz_ticket) tickets ;;
fuzz_sshcert)
    cp "$here/sshcert.txt" "$dir/text"
    base64 -d "$here/sshcert.txt" >"$dir/blob"
    ;;
fuzz_scan)
    printf '\010\100\123%s\n> %s' "$(jq -r '.tickets[0].token, .secret' "$golden" | fold -w 70)" "$(cat "$here/sshcert.txt")" \
        >"$dir/text"
    printf '\010\100\123-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEA\\u000aAAAA\\/' >"$dir/key"
    printf '\010\100\123v\0004\000.\000p\000k4.secret-pw.' >"$dir/wide"
    ;;
*)
    echo "$0: no seeds for $1" >&2
    exit 2
    ;;
esac
