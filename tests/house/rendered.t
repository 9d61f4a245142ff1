#!/bin/bash
# SPDX-License-Identifier: ISC
# The manuals as readers see them: see rendered.pl.
command -v mandoc >/dev/null || { echo "1..0 # SKIP no mandoc"; exit 0; }
cd "$(dirname "$0")/../.." || exit 99
TMP_OF_RENDERED=$(mktemp)
export TMP_OF_RENDERED
trap 'rm "$TMP_OF_RENDERED"' EXIT
perl tests/house/rendered.pl "${BUILD:-build}/nhictl" "${BUILD:-build}/nhi-reasons.7"
