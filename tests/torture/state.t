#!/bin/bash
# SPDX-License-Identifier: ISC
# A file that is exchanged 100,000 times under 32 readers.
#
# Invariants: 5, 20.
cd "$(dirname "$0")/../.." && DEPTH=torture CMOCKA_MESSAGE_OUTPUT=TAP exec "${BUILD:-build}/tests/unit/test_state"
