#!/bin/bash
# SPDX-License-Identifier: ISC
# doctor on a booted host: no finding where it is wired well, and its findings about systemd.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
# An account that takes tickets only has no password, on a host that is wired well.
must usermod -p '*' batch
found() { nhictl doctor --json | jq -r '.findings[].finding' | sort -u | tr '\n' ' '; }
is "$(found)" '' 'nothing is found on a booted host that is wired well' || nhictl doctor | sed 's/^/# /'
like "$(nhictl doctor --json)" '"systemd": ?true' 'it reports systemd'
must systemctl disable nhi-watch
is "$(found)" 'watch-not-enabled ' 'a supervisor that does not start with the host'
must systemctl enable nhi-watch
must loginctl enable-linger alice
is "$(found)" '' 'people may linger'
must systemctl stop nhi-watch
mkdir -p /var/lib/systemd/linger && : >/var/lib/systemd/linger/ci-bot
is "$(found)" 'agent-lingers watch-missing ' 'an agent may not, and nothing runs that ends it'
rm /var/lib/systemd/linger/ci-bot
start_watch
is "$(found)" '' 'all of it was restored'
finish
