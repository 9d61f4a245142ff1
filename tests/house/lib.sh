# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# For the tests of this folder that compare texts. Source it first: it changes to the top of the tree, and counts tests
# in n.
set -u
cd "$(dirname "$0")/../.." || exit 99
n=0
is() { # is GOT WANTED NAME
    n=$((n + 1))
    if [ "$1" = "$2" ]; then
        echo "ok $n - $3"
    else
        echo "not ok $n - $3"
        diff <(echo "$2") <(echo "$1") | sed 's/^/#   /'
    fi
}
