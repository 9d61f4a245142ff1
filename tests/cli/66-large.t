#!/bin/bash
# SPDX-License-Identifier: ISC
# Among thousands of agents a change is added to what is published, instead of writing all of it again: with the same
# result, and only where that is known to be of this ledger.
# Invariants: 10, 20.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317,SC2329
. "$(dirname "$0")/lib.sh"

QUICK=/run/nhi-public/accounts
DURABLE=/var/lib/nhi/accounts
agents() {
    seq "$1" | awk '
        BEGIN { print "agents = (" }
        { print between "{ name=\"n-" $1 "\"; uid=" 65536 + $1 "; owner=\"" ($1 % 50 ? "ops" : "eve") "\"; purpose=\"builds\";"
          print "  review_by=\"2099-06-30\"; }"; between = "," }
        END { print ");" }'
}
accounts() { LD_LIBRARY_PATH=$BUILD getent -s nhi passwd; }
shell_of() { LD_LIBRARY_PATH=$BUILD getent -s nhi passwd "$1" | cut -d: -f7; }
resolves() { [ "$(LD_LIBRARY_PATH=$BUILD getent -s nhi passwd "$1" | cut -d: -f1)" = "$1" ]; }
files() { stat -c %i "$DURABLE" "$QUICK" | paste -sd,; }
was_added() { [ "$FILES" = "$(files)" ]; }
was_made_anew() { ! was_added; }
# The files have what they would have if all was written again, in every answer, from both copies.
is_complete() {
    accounts >got && nhictl publish && accounts >want && cmp got want && FILES=$(files)
}
durable_too() {
    accounts >quick && mv "$QUICK" aside && accounts >durable && mv aside "$QUICK" && cmp quick durable
}
if nm -D "$BUILD/libnss_nhi.so.2" | grep -q __asan_; then
    skip 'all of it' 'getent does not carry the sanitizer that the module needs'
    finish
fi

nhictl init >/dev/null
agents 5000 >agents.conf
expect 0 'many agents' nhictl agent import --no-home agents.conf
FILES=$(files)
OPTIONS=(--no-home --owner ops --purpose p --review-by 2099-06-30)

expect 0 'another one' nhictl agent add new-bot "${OPTIONS[@]}" --group builders
ok 'is added to the files' was_added
ok 'and resolves' resolves new-bot
ok 'with its group' test "$(LD_LIBRARY_PATH=$BUILD getent -s nhi initgroups new-bot | xargs)" = 'new-bot 65536 4010'
ok 'in both copies' durable_too
ok 'nothing else has changed' is_complete
expect 0 'an agent is suspended' nhictl agent suspend n-4000
ok 'which is added' was_added
ok 'it has no shell' test "$(shell_of n-4000)" = /usr/sbin/nologin
expect 0 'resumed' nhictl agent resume n-4000
ok 'it has one' test "$(shell_of n-4000)" = /bin/sh
expect 0 'and retired' nhictl agent retire n-4000
ok 'again without' test "$(shell_of n-4000)" = /usr/sbin/nologin
expect 0 'a transfer' nhictl agent transfer n-7 --owner eve
expect 0 'one more' nhictl agent add newer-bot "${OPTIONS[@]}"
ok 'all of them were added' was_added
ok 'in both copies' durable_too
ok 'in their order' test "$(accounts | cut -d: -f3 | sort -cn && accounts | tail -n 2 | cut -d: -f1 | paste -sd,)" = new-bot,newer-bot
ok 'and nothing else' is_complete

touch -d '2000-01-01' "$DURABLE"
expect 0 'a change that no account shows' nhictl agent set n-8 --daemons
ok 'writes none' was_added
ok 'but the supervisor sees that there was one' test "$(stat -c %Y "$DURABLE")" -gt 1000000000

expect 0 'many changes at once' nhictl owner offboard eve --reason left
ok 'make the files anew' was_made_anew
ok 'with all of them' test "$(accounts | grep -c nologin)" = 101
ok 'and nothing else' is_complete

expect 0 'a lockdown' nhictl lockdown on
ok 'makes them anew' was_made_anew
FILES=$(files)
ok 'no account has a shell' test "$(accounts | grep -vc nologin)" = 0
expect 0 'an agent that is added meanwhile' nhictl agent add late-bot "${OPTIONS[@]}"
ok 'is added' was_added
ok 'without a shell' test "$(shell_of late-bot)" = /usr/sbin/nologin
expect 0 'its end' nhictl lockdown off
ok 'gives them back' test "$(accounts | grep -c nologin)" = 101
ok 'and nothing else' is_complete

# One that waits for nobody, and does not change the files.
sqlite3 "$LEDGER" 'BEGIN IMMEDIATE;' ".shell $BUILD/nhictl lockdown on >/dev/null 2>&1" 'ROLLBACK;'
ok 'a lockdown while the ledger is busy leaves the files as they are' was_added
expect 0 'the next change' nhictl agent add later-bot "${OPTIONS[@]}"
ok 'makes them anew' was_made_anew
ok 'no account has a shell' test "$(accounts | grep -vc nologin)" = 0
expect 0 'its end' nhictl lockdown off
ok 'and nothing else' is_complete

# What the files are not known to have.
sqlite3 "$LEDGER" "UPDATE agent SET shell = '/bin/bash' WHERE name = 'n-3'"
expect 0 'a change after one that was made by hand' nhictl agent suspend n-4
ok 'both are published' test "$(shell_of n-3),$(shell_of n-4)" = /bin/bash,/usr/sbin/nologin
ok 'by adding' was_added
ok 'and nothing else' is_complete
sqlite3 "$LEDGER" "UPDATE agent SET shell = '/bin/sh' WHERE name = 'n-3'; UPDATE account_change SET number = number + 64"
expect 0 'a ledger that went another way' nhictl agent resume n-4
ok 'is published whole' was_made_anew
ok 'with what it has' test "$(shell_of n-3),$(shell_of n-4)" = /bin/sh,/bin/sh
ok 'and nothing else' is_complete
rm "$QUICK"
expect 0 'a copy is missing' nhictl agent suspend n-5
ok 'it is made again' was_made_anew
ok 'with the change' test "$(shell_of n-5)" = /usr/sbin/nologin
FILES=$(files)
printf x | dd of="$QUICK" bs=1 seek=$(($(stat -c %s "$QUICK") - 1)) conv=notrunc status=none
expect 0 'a copy is damaged' nhictl agent resume n-5
ok 'both are made again' was_made_anew
ok 'and nothing else' is_complete
finish
