#!/bin/bash
# prove --exec tests/tools/keep-tap.sh: runs one file of tests, and keeps what it said in $BUILD/tap, from which
# tests/tools/test-map.pl counts.
set -u
mkdir -p "$BUILD/tap"
name=${1#"$BUILD"/}
name=${name//\//_}
[[ $1 != *.t ]] || set -- bash "$@"
"$@" | tee "$BUILD/tap/$name"
exit "${PIPESTATUS[0]}"
