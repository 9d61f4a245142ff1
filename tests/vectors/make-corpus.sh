#!/bin/bash
# Writes the seeds of a fuzzer of tests/fuzz into DIR: make-corpus.sh FUZZER DIR
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
fuzz_record)
    for observed in true false; do
        jq -cj --argjson observed $observed '.tickets[] | { id: "gAAAAAAAAAAAAAAAAAAAAA", at: 1800000000, reason: "permit",
            source: "key", service: "sshd", subject: "deploy", rule: "all.conf:1", rhost: "192.0.2.7", pid: 7, start: 8,
            ppid: 1, pstart: 2, place: "192.0.2.7", pin: 1, owner: "ops@example.org", kid: "main", observed: $observed,
            claims: .payload | fromjson }, "\n"' "$golden"
    done | while IFS= read -r line; do
        { printf '\000' && perl "$here/../tools/record.pl" write <<<"$line"; } >"$dir/record-$n"
        n=$((n + 1))
    done
    ;;
*)
    echo "$0: no seeds for $1" >&2
    exit 2
    ;;
esac
