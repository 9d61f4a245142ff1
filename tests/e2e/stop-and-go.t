#!/bin/bash
# SPDX-License-Identifier: ISC
# A sample of tests/torture/stop-and-go.t: sudo is stopped, its ticket is ended, sudo is continued.
#
# Invariants: 4, 17.
cd "$(dirname "$0")/../.." && exec "$BASH" tests/torture/stop-and-go.t lab sudo=20
