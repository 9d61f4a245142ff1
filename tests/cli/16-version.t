#!/bin/bash
# SPDX-License-Identifier: ISC
# The version: libnhi/base/version.h has it, and everything that shows a version shows the same.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
TREE=$(dirname "$(readlink -f "$0")")/../..
. "$(dirname "$0")/lib.sh"
VERSION=$(sed -n 's/^#define NHI_VERSION "\([0-9.]*\)"$/\1/p' "$TREE/libnhi/base/version.h")

ok 'the version exists' test -n "$VERSION"
expect 0 '--version needs no ledger' nhictl --version
ok 'it is one line' test "$OUT" = "nhi $VERSION"
expect 0 '--version --json' nhictl --version --json
ok 'shows it as well' json ".ok and .version == \"$VERSION\""
expect 0 '--help' nhictl --help
ok 'names --version' said 'nhictl --version'
expect 0 'completion' nhictl complete -- --v
ok 'knows --version' said --version

setup_host
kill "$WATCH"
while kill -0 "$WATCH" 2>/dev/null; do sleep 0.02; done
expect 0 'status' nhictl status --json
ok 'shows it' json ".version == \"$VERSION\""
# This machine is not wired.
expect 1 'doctor' nhictl doctor --json
ok 'shows it, for a bug report' json ".version == \"$VERSION\""

rm -f /dev/log
perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un("/dev/log")) or die;
    open(my $up, ">", "up"); recv($s, my $first, 4096, 0); print $first' >first &
RECEIVER=$!
until [ -e up ]; do sleep 0.02; done
rm -f /run/nhi/watch
start_watch
wait "$RECEIVER"
ok 'the first line that the supervisor logs shows it' grep -q "watch: nhi $VERSION " first

other=
while read -r page; do
    [ "$(grep '^\.Os' "$page")" = ".Os nhi $VERSION" ] || other+=" ${page##*/}"
done < <(find "$TREE"/*nhi* -name '*.[578]' -o -name '*.[578].in')
ok "each page of the manual has it$other" test -z "$other"
ok "the change log has it" grep -q "^## \\[$VERSION\\] " "$TREE/CHANGELOG.md"
finish
