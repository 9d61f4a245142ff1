#!/bin/bash
# SPDX-License-Identifier: ISC
# Every invariant of DESIGN.md has a test that names it, and tests/README.md says which.
cd "$(dirname "$0")/../.." || exit 99
exec tests/tools/test-map.pl --check
