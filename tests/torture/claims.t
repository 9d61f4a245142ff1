#!/bin/bash
# SPDX-License-Identifier: ISC
# Ten million payloads, right and changed, read by our own reader of claims and by jansson: the same verdict.
# Invariants: 8, 13.
set -u
exec env CLAIMS_ROUNDS="${1:-5000000}" "$BUILD/tests/unit/test_claims_judge"
