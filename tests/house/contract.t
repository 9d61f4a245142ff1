#!/bin/bash
# SPDX-License-Identifier: ISC
# tests/contract/table says which codes each host program obeys: pam_nhi(8) prints it, our codes are chosen from it, and
# the module returns no others.
#
# Invariants: 17.
# shellcheck source=tests/house/lib.sh
. "$(dirname "$0")/lib.sh"
TABLE=tests/contract/table

for release in bookworm trixie; do
    is "$(grep -cE "^$release [a-z-]+ (auth|account|setcred|open_session) " "$TABLE")" \
        "$(($([ "$release" = trixie ] && echo 11 || echo 10) * 4))" "$release: each program, each phase"
done
is "$(sed -n '/^\.\\" tests\/contract\/manual.pl/,/^\.El/p' pam_nhi/pam_nhi.8 | grep '^\.It [^S]')" \
    "$(perl tests/contract/manual.pl "$TABLE")" 'pam_nhi(8) prints the codes that programs do not obey'

# refused PHASE: the code of our refusal, as the table writes it
refused() { sed -n "s/^ *\[PNHI_$1\] = { PAM_\([A-Z_]*\),.*/\1/p" pam_nhi/report.c | tr '[:upper:]' '[:lower:]'; }
bad=$(awk -v codes="auth=$(refused AUTH) account=$(refused ACCOUNT) setcred=$(refused CRED) open_session=$(refused SESSION)" '
    BEGIN { for (i = split(codes, c, " "); i > 0; i--) { split(c[i], one, "="); code[one[1]] = one[2] } }
    /^[a-z]/ {
        if ($4 == "-") next
        stops[$1 " " $2] = 1
        for (i = 4; i <= NF; i++) if ($i == code[$3]) stops[$1 " " $2] = 0
    }
    END { for (p in stops) if (!stops[p]) print p }' "$TABLE")
is "$bad" '' 'each program obeys our refusal in the last phase that it uses'
is "$(grep -nE 'return.*PAM_(AUTH_ERR|PERM_DENIED|CRED_ERR|SESSION_ERR|USER_UNKNOWN|IGNORE|ACCT_EXPIRED)|= PAM_(AUTH_ERR|PERM_DENIED|CRED_ERR|SESSION_ERR)' \
    pam_nhi/*.c | grep -v '^pam_nhi/report.c:')" '' 'only report.c chooses a code'
echo "1..$n"
