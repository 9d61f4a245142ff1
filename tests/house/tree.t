#!/bin/bash
# SPDX-License-Identifier: ISC
# The structure of the tree: see tree.pl.
cd "$(dirname "$0")/../.." && exec perl tests/house/tree.pl
