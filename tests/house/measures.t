#!/bin/bash
# SPDX-License-Identifier: ISC
# The limits of the tree in numbers: see measures.pl, which prints them as a table.
cd "$(dirname "$0")/../.." && exec perl tests/house/measures.pl --tap
