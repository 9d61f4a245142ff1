#!/bin/bash
# SPDX-License-Identifier: ISC
# The contract with the host programs, with each of PAM's codes.
#
# Invariants: 17.
cd "$(dirname "$0")/../.." && exec "$BASH" tests/contract/contract.t all
