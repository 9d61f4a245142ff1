#!/bin/bash
# SPDX-License-Identifier: ISC
# Speed and memory of what is in $BUILD, as ratios to what the least possible or somebody else's costs in the same run.
#
#   tests/bench/run.sh [--json] [GROUP...]
#
# Groups of rows: login peers hosts scale sessions verbs names sources state; all without one. It happens in a private copy of this
# machine (packaging/lab.sh), with /var/lib/nhi on the disk that has $BUILD. Fixtures stay in $BUILD/bench. The table goes
# to standard output, what is being done to standard error. Root, on Debian 12 or 13; about five minutes, and as many once
# for the fixtures.
set -u

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "${BUILD:-$TREE/build}" && pwd) || exit 1
GROUPS_ALL='login peers hosts scale sessions verbs names sources state'

if [ ! -e /run/nhi-lab ]; then
    mkdir -p "$BUILD/bench"
    exec 9>"$BUILD/bench/lock" && flock 9
    NHI_LAB_ALSO=bench exec "$TREE/packaging/lab.sh" hosts \
        "$TREE/packaging/lab.sh" run --disk "$BUILD/bench" /srv/bench -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 BUILD="$BUILD" "$BASH" "$0" "$@"
fi

form=table
wanted=()
for word; do
    case " --json $GROUPS_ALL " in
    *" $word "*) ;;
    *) sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
    esac
    if [ "$word" = --json ]; then form=json; else wanted+=("$word"); fi
done
[ "${#wanted[@]}" -gt 0 ] || read -ra wanted <<<"$GROUPS_ALL"

# shellcheck source=tests/bench/lib.sh
. "$TREE/tests/bench/lib.sh"
# shellcheck source=tests/bench/fixtures.sh
. "$TREE/tests/bench/fixtures.sh"
bench_up lab_up
open_few
for group in "${wanted[@]}"; do
    # shellcheck disable=SC1090
    . "$TREE/tests/bench/rows-$group.sh"
    "rows_$group"
done
progress 'done'
perl "$TREE/tests/bench/report.pl" "$form" "$RESULTS" "$HINTS"
