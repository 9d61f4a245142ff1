#!/bin/bash
# SPDX-License-Identifier: ISC
# Runs a test in each release of Debian, booted with systemd: one stream of TAP.
#
#   tests/boot/each-release.sh TEST [ARGUMENT...]
#
# NHI_BOOT_RELEASES: which; both by default. A release that this machine cannot boot is skipped.
set -u

TREE=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=$(cd "${BUILD:-$TREE/build}" && pwd) || exit 1
TEST=$(realpath --relative-to="$TREE" "$1")
shift
count=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Numbers continue from one release to the next, and only the last line is a plan.
renumber() {
    awk -v release="$1" -v count="$count" '
        /^(not )?ok [0-9]+/ {
            bad = /^not/
            sub(/^(not )?ok [0-9]+ (- )?/, "")
            $0 = (bad ? "not " : "") "ok " ++count " - " release ": " $0
        }
        /^1\.\.[0-9]+$/ { next }
        { print; fflush() }'
}

for release in ${NHI_BOOT_RELEASES:-bookworm trixie}; do
    status=0
    "$TREE/packaging/boot.sh" build "$release" "$BUILD/boot-$release" >"$log" 2>&1 || status=$?
    if [ "$status" = 0 ]; then
        "$TREE/packaging/boot.sh" run "$release" "$BUILD/boot-$release" "$BASH" "$TREE/$TEST" "$@" \
            2>"$log" >"$log.tap" || status=$?
        renumber "$release" <"$log.tap"
        count=$((count + $(grep -cE '^(not )?ok [0-9]+' "$log.tap")))
        rm -f "$log.tap"
    fi
    sed 's/^/# /' "$log"
    case $status in
    0) ;;
    125)
        count=$((count + 1))
        printf 'ok %d # SKIP %s: %s\n' "$count" "$release" "$(grep '^boot: ' "$log" | tail -n 1)"
        ;;
    *)
        count=$((count + 1))
        printf 'not ok %d - %s: exit status %s\n' "$count" "$release" "$status"
        ;;
    esac
done
printf '1..%d\n' "$count"
