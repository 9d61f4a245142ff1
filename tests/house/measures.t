#!/bin/bash
# SPDX-License-Identifier: ISC
# What the tree is held to in numbers: see measures.pl, which prints them as a table.
cd "$(dirname "$0")/../.." && exec perl tests/house/measures.pl --tap
