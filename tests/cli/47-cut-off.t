#!/bin/bash
# SPDX-License-Identifier: ISC
# Killed while a file is written: nothing is left beside it that somebody could use, or that is never removed.
# Invariant: 15.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

setup_host
command -v strace >/dev/null || {
    skip 'killed while a file is written' 'no strace'
    finish
}
mkdir out

to_file() { "$@" --agent ci-bot --task build-4711 --account deploy --service sshd,sudo --force --out out/ticket; }
# cut CALL NTH [OPTION...]: an issue that is killed at that call; not 0 if it does not get there.
cut() {
    { to_file strace -qq -o /dev/null "${@:3}" -e trace="$1" -e inject="$1:signal=KILL:when=$2" "$BUILD/nhictl" issue; } >/dev/null 2>&1
    [ $? -gt 128 ]
}
beside() { find out -mindepth 1 ! -name ticket -printf '%f '; }

KILLS=0
LEFT=
for call in openat write fchmod fsync linkat; do
    for ((nth = 1; nth < 60; nth++)); do
        rm -f out/ticket
        cut "$call" "$nth" || break
        KILLS=$((KILLS + 1))
        LEFT+=$(beside)
    done
done
ok "issue --out killed at $KILLS calls: nothing beside the file" test -z "$LEFT" -a "$KILLS" -gt 20
ok 'nor in our directories' test -z "$(find /var/lib/nhi /run/nhi ! -name . \( -name '.*new' -o -name '.*.part' -o -name '.mark*' \) -print)"

rm -f out/ticket
to_file nhictl issue >/dev/null
cp out/ticket before
ok 'a ticket that replaces another, killed just before that' cut renameat 1 -P "$PWD/out"
ok 'the old file is whole' cmp -s before out/ticket
ok 'the new one has a temporary name beside it' test "$(beside)" = '.ticket.nhi-new '
expect 0 'the next one' to_file nhictl issue
ok 'leaves nothing beside it' test -z "$(beside)"
expect 0 'and is whole' nhictl ticket inspect out/ticket
ok 'and is another ticket than before' test "$(cat out/ticket)" != "$(cat before)"

# A file of another user with such a name is left alone.
echo his >out/.ticket.new
expect 0 'beside a file of another user' to_file nhictl issue
ok 'that file stays' test "$(cat out/.ticket.new)" = his
rm out/.ticket.new

# A file system without unnamed files, such as one of the network.
no_tmpfile() { to_file strace -qq -o calls -P "$PWD/out" -e trace=openat,renameat -e inject=openat:error=EOPNOTSUPP:when=1 "$BUILD/nhictl" issue; }
expect 0 'without unnamed files' no_tmpfile
ok 'it has another name until it is whole' grep -q 'renameat(.*"\.ticket\.[0-9a-f]*\.part".*"ticket") = 0' calls
ok 'and nothing is left beside it' test -z "$(beside)"
rm out/ticket
expect 0 'a new one there' no_tmpfile
expect 0 'is whole, too' nhictl ticket inspect out/ticket

# An account whose agent add was killed before it made the home directory.
add() { "$@" agent add late-bot --owner ops@example.org --purpose work --review-by 2099-06-30; }
{ add strace -qq -o /dev/null -e trace=mkdirat -e inject=mkdirat:signal=KILL:when=1 "$BUILD/nhictl"; } >/dev/null 2>&1
ok 'the agent is registered, and has no home' test ! -e /home/late-bot -a "$(nhictl agent show late-bot --json | jq -r .agent.state)" = active
refused 1 'agent late-bot already exists' 'it is not added again' add nhictl
ok 'and the hint makes the home' eval "$(sed -n 's/^try: //p' <<<"$ERR")"
ok 'which belongs to the agent' test "$(stat -c %u:%a /home/late-bot)" = "$(nhictl agent show late-bot --json | jq -r .agent.uid):700"
refused 1 'agent late-bot already exists' 'then' add nhictl
ok 'with a home, the hint is another one' complained 'nhictl agent show'

# The group adm can read the output of a unit.
run true
unit() { JOURNAL_STREAM=$(stat -c %d:%i /run/t/.out) "$BUILD/nhictl" "$@"; }
refused 1 'standard output is the journal' 'issue in a unit' unit issue --agent ci-bot --task build-4711 --account deploy --service sudo
ok 'with the command to type' complained '--out FILE'
refused 1 'standard output is the journal' 'renew' unit renew "$(nhictl ticket list --json | jq -r '.tickets[0].jti')"
expect 0 'issue --out in a unit' to_file unit issue
expect 0 'a stream that is not the journal' env JOURNAL_STREAM=1:2 "$BUILD/nhictl" issue --agent ci-bot --task build-4711 --account deploy --service sudo
finish
