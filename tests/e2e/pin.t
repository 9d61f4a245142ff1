#!/bin/bash
# SPDX-License-Identifier: ISC
# First use: the text of a bearer ticket works from where it was first used, and a use from another place is a
# hand-off.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
open_task build-1
for n in 2 3; do ip address add "127.0.0.$n/8" dev lo 2>/dev/null; done
# from ADDRESS FILE [COMMAND]
from() {
    sed "s/ -F none / -F none -b $1 /" "$SSH_TOOL" >"$W/ssh-from" && chmod 755 "$W/ssh-from"
    capture timeout 60 "$W/ssh-from" ci-bot reply "$2" "${3:-true}"
}
hand_offs() { nhictl status >/dev/null; sqlite3 -readonly "$STATE/ledger.db" "select count(*) from event where kind = 'hand-off'"; }
# local_use FILE [HOW...]: sudo outside of any session, with the ticket in a session keyring.
local_use() {
    printf '%s' "$(cat "$1")" >"$W/key" && chmod 644 "$W/key"
    capture "${@:2}" setpriv --reuid ci-bot --regid ci-bot --init-groups keyctl session - sh -c \
        'keyctl padd user nhi:ticket @s <"$0" >/dev/null; sudo -n id -u' "$W/key"
}

# new_login COMMAND...: in an audit session of its own, or in a POSIX session if the kernel has none.
new_login() { (
    { echo 4294967295 >/proc/self/loginuid && echo 0 >/proc/self/loginuid; } 2>/dev/null
    exec setsid -w "$@"
); }

# ---- from an address ----

issue "$W/r" build-1
from 127.0.0.2 "$W/r" 'sudo -n id -u'
is "$RC:$OUT" 0:0 'a first use, and sudo in its session'
from 127.0.0.2 "$W/r"
is "$RC" 0 'from the same address again'
mark_log
from 127.0.0.3 "$W/r"
unlike "$RC" '^0$' 'from another address: refused'
has_logged 'pam_nhi\(sshd:auth\): denied: reason=pin .*agent=ci-bot task=build-1' 'with the reason'
is "$(hand_offs)" 1 'and recorded as a hand-off'
from 127.0.0.2 "$W/r"
is "$RC" 0 'where it was first used it still works'
mark_log
local_use "$W/r"
is "$RC" 1 'here, outside of a session of its own: refused'
has_logged 'pam_nhi\(sudo:auth\): denied: reason=pin' 'with the reason'
is "$(hand_offs)" 4 'each of sudo'"'"'s three tries is a hand-off as well'
must nhictl renew "$(jti_of "$W/r")" --ttl 20m --out "$W/r2"
from 127.0.0.3 "$W/r2"
unlike "$RC" '^0$' 'its renewal is pinned as it was'
from 127.0.0.2 "$W/r2"
is "$RC" 0 'to the same place'

# ---- first used here ----

issue "$W/l" build-1
local_use "$W/l"
is "$RC:$OUT" 0:0 'a first use here'
local_use "$W/l"
is "$RC:$OUT" 0:0 'in the same session again'
local_use "$W/l" new_login
is "$RC" 1 'in another session: refused'
from 127.0.0.2 "$W/l"
is "$RC" 0 'one address may follow'
from 127.0.0.3 "$W/l"
unlike "$RC" '^0$' 'and no second one'
local_use "$W/l"
is "$RC:$OUT" 0:0 'here it still works'

# ---- at once ----

# At most one address is permitted, whichever comes first.
issue "$W/many" build-1
for i in {1..12}; do
    sed "s/ -F none / -F none -b 127.0.0.$((2 + i % 2)) /" "$SSH_TOOL" >"$W/ssh-$i" && chmod 755 "$W/ssh-$i"
    (timeout 60 "$W/ssh-$i" ci-bot reply "$W/many" 'echo "${SSH_CLIENT%% *}"' >"$W/out-$i" 2>/dev/null </dev/null) &
done
wait
is "$(cat "$W"/out-* | sort -u | wc -l)" 1 'twelve at once from two addresses: all permitted ones come from one'

# ---- tickets whose place does not matter ----

issue "$W/free" build-1 --no-pin
from 127.0.0.2 "$W/free"
from 127.0.0.3 "$W/free"
is "$RC" 0 'issued with --no-pin: from anywhere'
local_use "$W/free"
is "$RC:$OUT" 0:0 'and here'
must nhictl renew "$(jti_of "$W/free")" --ttl 20m --out "$W/free2"
from 127.0.0.2 "$W/free2"
from 127.0.0.3 "$W/free2"
is "$RC" 0 'and its renewal, too'

# ---- a host that only records ----

echo 'pin = "record";' >/etc/nhi/nhi.conf
capture nhictl apply
like "$OUT" 'recorded, not refused' 'a host that only records'
mark_log
BEFORE=$(hand_offs)
from 127.0.0.3 "$W/r2"
is "$RC" 0 'from another address: permitted'
has_logged 'pam_nhi\(sshd:auth\): permitted: hand-off ' 'and logged'
is "$(hand_offs)" "$((BEFORE + 1))" 'and recorded'
echo 'pin = "perhaps";' >/etc/nhi/nhi.conf
capture nhictl apply
is "$RC" 1 'no other place is known for that'
rm /etc/nhi/nhi.conf
must nhictl apply
from 127.0.0.3 "$W/r2"
unlike "$RC" '^0$' 'refused again'

# ---- when names are looked up ----

echo 'UseDNS yes' >/etc/ssh/sshd_config.d/01-dns.conf
echo '127.0.0.2 somebody.example.org' >>/etc/hosts
restart_sshd
issue "$W/dns" build-1
mark_log
from 127.0.0.2 "$W/dns"
unlike "$RC" '^0$' 'a name is not an address: refused'
has_logged 'reason=pin' 'with the reason'

finish
