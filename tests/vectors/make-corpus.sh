#!/bin/bash
# Writes the seeds of tests/fuzz/fuzz_ticket.c into DIR, from golden.json: make-corpus.sh DIR
set -euo pipefail
if [ $# -ne 1 ]; then
    echo "usage: $0 DIR" >&2
    exit 2
fi
golden=$(dirname "$0")/golden.json
mkdir -p "$1"
n=0
# The first byte says what the rest is.
seed() {
    printf "$1%s" "$2" >"$3/ticket-$n"
    n=$((n + 1))
}
while IFS= read -r text; do seed '\000' "$text" "$1"; done < <(jq -r '(.tickets, .refused)[].token' "$golden")
while IFS= read -r text; do seed '\001' "$text" "$1"; done < <(jq -r '.tickets[].payload' "$golden")
while IFS= read -r text; do seed '\002' "$text" "$1"; done < <(jq -r '.secret, .public' "$golden")
seed '\003' 2026-11-23T22:05:00Z "$1"
seed '\003' 2024-02-29T23:59:59Z "$1"
