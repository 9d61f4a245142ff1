#!/bin/bash
# SPDX-License-Identifier: ISC
# What is printed, and where: files of --out, colour, width, escapes.
# Invariant: 15.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"
setup_host

umask 000
expect 0 'issue --out' issue --out t.txt
ok 'standard output has a summary and no ticket' grep -qE '^ticket [A-Za-z0-9_-]{22} for ci-bot until .*, written to t.txt$' .out
ok 'the file is 0600 whatever the umask' test "$(stat -c %a t.txt)" = 600
ok 'the file holds one line' test "$(wc -l <t.txt)" = 1
expect 0 'the ticket in it is good' nhictl ticket inspect t.txt
live() { nhictl ticket list --json | jq '.tickets | length'; }
before=$(live)
refused 1 't.txt exists' 'issue --out over a file' issue --out t.txt
ok 'the hint is --force' complained 'try: another name, or --force to replace it'
ok 'and no ticket was issued' test "$(live)" = "$before"
expect 0 'renew --out over a ticket' nhictl renew --ttl 20m --out t.txt -- "$(nhictl ticket inspect t.txt --json | jq -r .ticket.jti)"
echo text >text.txt
refused 1 'text.txt exists' 'renew --out over another file' nhictl renew --ttl 30m --out text.txt -- "$(nhictl ticket inspect t.txt --json | jq -r .ticket.jti)"
for line in 'backup text.txt' 'agent export --out text.txt' 'audit head --out text.txt' 'review --html text.txt' 'trace build-4711 --html text.txt'; do
    # shellcheck disable=SC2086 # words
    refused 1 'text.txt exists' "$line" nhictl $line
    ok 'leaves the file' grep -qx text text.txt
    # shellcheck disable=SC2086
    expect 0 "$line --force" nhictl $line --force
    ok 'replaces it' test "$(head -c 4 text.txt)" != text
    echo text >text.txt
done
expect 0 'issue --out --force over a file of ours' issue --out t.txt --force --json
ok 'the text is left out of --json then' json '.ticket.jti and (has("text") | not)'
ok 'the file is the new one' test "$(nhictl ticket inspect t.txt --json | jq -r .ticket.jti)" = "$(jq -r .ticket.jti .out)"
umask 022
LIVE=$(nhictl ticket list --json | jq '.tickets | length')
echo kept >target
ln -s target link
refused 3 'not a regular file' 'issue --out onto a symbolic link' issue --out link
ok 'the target is unchanged' test "$(cat target)" = kept
ln -s nowhere dangling
refused 3 'not a regular file' 'issue --out onto a dangling link' issue --out dangling
ok 'nothing is created through it' test ! -e nowhere
# A device of the test's own: replacing the machine's /dev/null would break other programs.
mknod -m 0666 device c 1 3
refused 3 'not a regular file' 'issue --out onto a device' issue --out device
refused 3 'No such file' 'issue --out into no directory' issue --out no/where/t.txt
mkdir small
mount -t tmpfs -o size=4k,mode=0700 tmpfs small
dd if=/dev/zero of=small/filler bs=4096 2>/dev/null
refused 3 'No space' 'issue --out onto a full disk' issue --out small/t.txt
ok 'nothing is left there' test "$(find small -type f | wc -l)" = 1
ok 'no ticket that could not be written is live' test "$(nhictl ticket list --json | jq '.tickets | length')" = "$LIVE"
ok 'and none of it is left here' test -z "$(find . -maxdepth 1 \( -name '.*new' -o -name '.*.part' \) -print)"

# A terminal, as script(1) makes one.
if command -v script >/dev/null; then
    terminal() {
        TERM=xterm script -qec "stty cols ${COLS:-80}; $*" /dev/null </dev/null >.tty 2>/dev/null
    }
    terminal "$BUILD/nhictl" agent list
    ok 'on a terminal there is colour' grep -q $'\033\\[32mactive' .tty
    NO_COLOR=1 terminal "$BUILD/nhictl" agent list
    ok 'with NO_COLOR there is none' test "$(grep -c $'\033' .tty)" = 0
    ok 'the rest is the same' grep -q active .tty
    NO_COLOR=1 terminal "$BUILD/nhictl" ticket list
    ok 'tables fit 80 columns' test "$(tr -d '\r' <.tty | wc -L)" -le 80
    COLS=76 NO_COLOR=1 terminal "$BUILD/nhictl" ticket list
    ok 'tables with times fit less' test "$(tr -d '\r' <.tty | wc -L)" -le 76
    nhictl agent list >plain
    NO_COLOR=1 COLS=200 terminal "$BUILD/nhictl" agent list
    ok 'the format is the same on a terminal and in a file' diff <(tr -d '\r' <.tty) plain
fi
run nhictl agent list
ok 'no colour in a file' test "$(grep -c $'\033' .out)" = 0
nhictl agent add wide-bot --owner "$(printf 'Ä%.0s' {1..60})" --purpose 'p' --review-by 2099-01-01 \
    --no-home >/dev/null
COLUMNS=60 run nhictl agent list
export COLUMNS=60
run nhictl agent list
unset COLUMNS
ok 'COLUMNS cuts free text' test "$(LC_ALL=C.UTF-8 wc -L <.out)" -le 60
ok 'at whole characters' iconv -f UTF-8 -t UTF-8 .out
run nhictl agent list
ok 'without a width nothing is cut' said "$(printf 'Ä%.0s' {1..60})"

# Names in the ledger are clean; typed text is not.
run nhictl agent show $'x\033[2J\nnhictl: all is well\302\233'
ok 'control characters are escaped in errors' test "$(LC_ALL=C grep -cP '[\x00-\x09\x0b-\x1f\x7f\x9b]' .err)" = 0
ok 'and nothing looks like a line of ours' test "$(grep -c '^nhictl: all' .err)" = 0
run nhictl agent show $'x\u202egnihtyna \377'
ok 'so are characters that reverse a line, and invalid UTF-8' complained 'x\u202egnihtyna \xff'
run nhictl agent show $'x\033[2J' --json
ok 'under --json they are JSON escapes' json '.ok == false and (.error | contains("\u001b"))'
run nhictl agent show $'\377\376' --json
ok 'invalid UTF-8 still gets an answer in JSON' json '.ok == false'

# The ticket and the key are only where they belong.
T=$(issue)
SECRET=$(cat /var/lib/nhi/keys/*.secret)
ok 'no ticket text in the state directory' test "$(grep -rlFe "${T:60:60}" /var/lib/nhi | wc -l)" = 0
ok 'no secret key outside of its file' test "$(grep -rlFe "${SECRET:12:40}" /var/lib/nhi | wc -l)" = 1
finish
