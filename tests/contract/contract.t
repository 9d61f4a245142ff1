#!/bin/bash
# SPDX-License-Identifier: ISC
# What each host program obeys: for every phase and PAM code, whether the session or the command ran all the same. The
# results are in tests/contract/table; a program that behaves differently fails, and so does a denial of ours after which
# a program continues, unless a later gate stops it.
#
#   contract.t [all] [PROGRAM...]
#
# all: every code, else those that we return. Comments that begin with "table:" are the results in the form of the table.
#
# Invariants: 17.
# shellcheck source=tests/boot/lib.sh
export NHI_BOOT_ALSO=contract
. "$(dirname "$0")/../boot/lib.sh"

lab_up
# shellcheck source=tests/contract/lib.sh
. tests/contract/lib.sh
wire_all
stacks "s,pam_nhi\.so,$BUILD/tests/contract/pam_answer.so $D before 0,"

CODES=(success open_err symbol_err service_err system_err buf_err perm_denied auth_err cred_insufficient
    authinfo_unavail user_unknown maxtries new_authtok_reqd acct_expired session_err cred_unavail cred_expired
    cred_err no_module_data conv_err authtok_err authtok_recovery_err authtok_lock_busy authtok_disable_aging
    try_again ignore abort authtok_expired module_unknown bad_item conv_again incomplete)
PHASES=(auth account setcred open_session)
RELEASE=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
TABLE=tests/contract/table

# ---- what we return, from pam_nhi/report.c ----

# of_phase PNHI_NAME: the code with which it denies, in the words above.
of_phase() { sed -n "s/^ *\[PNHI_$1\] = { PAM_\([A-Z_]*\),.*/\1/p" pam_nhi/report.c | tr '[:upper:]' '[:lower:]'; }
declare -A REFUSED NUMBER
i=0
for code in "${CODES[@]}"; do NUMBER[$code]=$((i++)); done
for pair in auth:AUTH account:ACCOUNT setcred:CRED open_session:SESSION; do
    REFUSED[${pair%:*}]=$(of_phase "${pair#*:}")
    [ -n "${NUMBER[${REFUSED[${pair%:*}]}]:-}" ] || bail "no code of ${pair#*:}"
done

# ---- trying ----

TARGET=alice REPLY_KEY=$W/key REPLY=$W/password AS=(setpriv --reuid deploy --regid deploy --init-groups)
printf '#!/bin/sh\necho >%s/ran\n' "$D" >"$BEGUN.new"
chmod 755 "$BEGUN.new" && mv "$BEGUN.new" "$BEGUN"
echo 'deploy ALL=(root) ALL' >/etc/sudoers.d/contract
chmod 440 /etc/sudoers.d/contract
echo 'permit nopass deploy as alice' >/etc/doas.conf
chmod 400 /etc/doas.conf

# try_it PROGRAM [PHASE CODE]...: whether it ran.
try_it() {
    local program=$1 lines=()
    shift
    while [ "$#" -gt 0 ]; do lines+=("$1 ${NUMBER[$2]}") && shift 2; done
    answer before "${lines[@]}"
    rm -f "$D/ran"
    "run_$program"
    [ -e "$D/ran" ]
}

# goes_on PROGRAM PHASE CODE: as in the table.
goes_on() { grep -qE "^$RELEASE +$1 +$2 (.* )?$3( |\$)" "$TABLE"; }
table_asks() { grep -qE "^$RELEASE +$1 +$2 +[^- ]" "$TABLE"; }

sweep() { # sweep PROGRAM PHASE CODE...: LINE, and what differs from the table: OTHER.
    local program=$1 phase=$2 code
    LINE=''
    for code in "${@:3}"; do
        if try_it "$program" "$phase" "$code"; then
            LINE+=" $code"
            goes_on "$program" "$phase" "$code" || OTHER+=" $phase:$code goes on"
        else
            ! goes_on "$program" "$phase" "$code" || OTHER+=" $phase:$code stops"
        fi
    done
}

found() { [ -z "$ALL" ] || note "table: $RELEASE $1 $2$3"; }

# contract PROGRAM: as in the table, and every denial is obeyed.
contract() {
    local program=$1 phase asked='' codes from rest denials
    OTHER=''
    try_it "$program"
    ok $? "$program: it runs when all modules agree" || return
    cp "$D/before.called" "$W/asked"
    for phase in "${PHASES[@]}"; do
        if ! grep -q "^$phase " "$W/asked"; then
            found "$program" "$phase" ' -'
            ! table_asks "$program" "$phase" || OTHER+=" $phase is not asked"
            continue
        fi
        asked+=" $phase"
        table_asks "$program" "$phase" || OTHER+=" $phase is asked"
        codes=("${REFUSED[$phase]}")
        [ -z "$ALL" ] || codes=("${CODES[@]}")
        sweep "$program" "$phase" "${codes[@]}"
        found "$program" "$phase" "$LINE"
    done
    is "$OTHER" '' "$program: as in $TABLE"
    # From whichever phase on we deny.
    OTHER=''
    for from in $asked; do
        denials=() rest=''
        for phase in $asked; do
            [ "$phase" != "$from" ] || rest=1
            [ -z "$rest" ] || denials+=("$phase" "${REFUSED[$phase]}")
        done
        ! try_it "$program" "${denials[@]}" || OTHER+=" $from"
    done
    is "$OTHER" '' "$program: denied from any phase on (${asked# }), it does not run"
}

ALL=''
[ "${1:-}" != all ] || { ALL=1 && shift; }
# shellcheck disable=SC2046 # words
[ "$#" -gt 0 ] || set -- $(programs)
for program; do contract "$program"; done
finish
