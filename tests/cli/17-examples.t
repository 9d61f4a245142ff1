#!/bin/bash
# SPDX-License-Identifier: ISC
# The commands in the manuals are commands that nhictl accepts: run without a ledger, each fails for that reason and
# not because of its syntax.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"
TREE=$(cd "$(dirname "$SCRIPT")/../.." && pwd)
(cd "$TREE" && perl tests/tools/manual-commands.pl ./nhictl/*.[578] ./*/*.8 ./nhictl/*/*.8) | sort -u |
    sed 's/2027-06-30/2099-06-30/; s/2027-12-31/2099-12-31/' >examples
ok 'the manuals have examples' test "$(wc -l <examples)" -ge 60
is_taken() {
    [ "$CODE" != 2 ] && [[ $ERR != *'unknown option'* && $ERR != *'needs a value'* && $ERR != *'is missing'* &&
        $ERR != *'unexpected argument'* && $ERR != *'no command'* ]]
}
while IFS=$'\t' read -r page line; do
    rm -rf /var/lib/nhi /etc/nhi
    run timeout 20 bash -c "nhictl() { \"\$BUILD/nhictl\" \"\$@\"; }; $line" </dev/null
    ok "${page##*/}: $line" is_taken
done <examples
finish
