#!/bin/bash
# SPDX-License-Identifier: ISC
# Two writers that suspend and resume 10,000 times and are stopped anywhere, and writers killed at every call.
#
# Invariants: 4, 5.
cd "$(dirname "$0")/../.." && DEPTH=torture CMOCKA_MESSAGE_OUTPUT=TAP exec "${BUILD:-build}/tests/unit/test_publish"
