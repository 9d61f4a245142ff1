#!/bin/bash
# doctor says nothing of a host that is wired well, and of each fault that is planted in it, one by one, exactly what
# it is.
# shellcheck source=tests/e2e/lib.sh disable=SC2317
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
D=/etc/pam.d
FAULTS=0

doctor() { nhictl doctor --json >"$W/doctor"; }
found() { jq -r '.findings[].finding' "$W/doctor" | sort -u | tr '\n' ' '; }

# keep FILE…: what a fault changes, with its mode and owner, or that it is not there
keep() {
    rm -rf "$W/kept" && mkdir "$W/kept"
    KEPT=("$@")
    local i
    for i in "${!KEPT[@]}"; do [ ! -e "${KEPT[i]}" ] || cp -a "${KEPT[i]}" "$W/kept/$i"; done
}
restore() {
    local i
    for i in "${!KEPT[@]}"; do
        rm -rf "${KEPT[i]}"
        [ ! -e "$W/kept/$i" ] || cp -a "$W/kept/$i" "${KEPT[i]}"
    done
}

# fault ID 'FILE…' COMMAND: planted by COMMAND, found as ID and nothing else, taken back
fault() {
    local id=$1
    # shellcheck disable=SC2086 # several
    keep $2
    eval "$3" || bail "planting $id: $3"
    doctor
    FAULTS=$((FAULTS + 1))
    is "$(found)" "$id " "$id: $3" || jq -c '.findings[]' "$W/doctor" | sed 's/^/# /'
    restore
}

doctor
is "$? $(found)" '0 ' 'nothing is found on a host that is wired well'
jq -c '.findings[]' "$W/doctor" | sed 's/^/# /'

# --- PAM
AUTH='auth [success=done user_unknown=ignore default=die] pam_nhi.so'
ours() { echo "/^$1.*pam_nhi/"; } # the line, for sed
fault pam-unwired $D/sshd "sed -i '/pam_nhi/d' $D/sshd"
fault pam-auth-missing $D/sudo "sed -i '$(ours auth)d' $D/sudo"
fault pam-account-missing $D/sshd "sed -i '$(ours account)d' $D/sshd"
fault pam-account-missing $D/cron "sed -i '$(ours account)d' $D/cron"
fault pam-session-missing $D/su "sed -i '$(ours session)d' $D/su"
fault pam-auth-order $D/sshd "sed -i '$(ours auth)d; /^@include common-auth/a $AUTH' $D/sshd"
fault pam-auth-order $D/su "sed -i '$(ours auth)i auth sufficient pam_wheel.so trust' $D/su"
fault pam-auth-control $D/sudo "sed -i '$(ours auth)s/.*/auth sufficient pam_nhi.so/' $D/sudo"
fault pam-auth-control $D/sshd "sed -i '$(ours auth)s/.*/auth required pam_nhi.so/' $D/sshd"
fault pam-account-control $D/sshd "sed -i '$(ours account)s/required/optional/' $D/sshd"
LOOSE='[success=ok perm_denied=ignore default=bad]'
fault pam-account-control $D/cron "sed -i '$(ours account)s/required/$LOOSE/' $D/cron"
fault pam-account-order $D/sudo "sed -i '$(ours account)i account sufficient pam_localuser.so' $D/sudo"
BLOCK='account [success=2 default=ignore] pam_unix.so\naccount required pam_nhi.so\naccount requisite pam_deny.so'
BLOCK+='\naccount required pam_permit.so'
fault pam-account-order $D/cron "sed -i '$(ours account)d; s/^@include common-account/$BLOCK/' $D/cron"
fault pam-session-control $D/cron "sed -i '$(ours session)s/required/optional/' $D/cron"
JUMP='session [success=1 default=ignore] pam_succeed_if.so uid >= 1000'
fault pam-session-order $D/sudo "sed -i '$(ours session)i $JUMP' $D/sudo"
fault pam-session-environment $D/sshd "sed -i '$(ours session)i session required pam_env.so user_readenv=1' $D/sshd"
fault pam-session-loginuid $D/cron "sed -i '$(ours session)d; /pam_loginuid/i session required pam_nhi.so' $D/cron"
fault pam-include-missing $D/sudo "echo '@include common-nothing' >>$D/sudo"
fault pam-include-loop "$D/su $D/loop" "echo '@include loop' | tee $D/loop >>$D/su"
fault pam-line-broken $D/cron "echo 'sesion required pam_limits.so' >>$D/cron"
fault pam-file-missing $D/cron "rm $D/cron"
fault pam-file-broken $D/sudo "rm $D/sudo; mkfifo $D/sudo"
fault pam-file-writable $D/common-auth "chmod g+w $D/common-auth"
fault pam-option $D/sshd "sed -i '$(ours auth)s/$/ use_firstpass/' $D/sshd"
fault pam-option $D/su "sed -i '$(ours account)s/$/ uid_min=1/' $D/su"
fault pam-range $D/sudo "sed -i '$(ours account)s/$/ uid_min=70000 uid_max=80000/' $D/sudo"
fault pam-twice $D/sudo "sed -i '$(ours auth)p' $D/sudo"
MODULE=$(echo /usr/lib/*/security/pam_nhi.so)
fault pam-module-missing "$MODULE" "rm $MODULE"
fault pam-module-writable "$MODULE" "chmod o+w $MODULE"

# --- sshd
S=/etc/ssh/sshd_config
C=$(echo /etc/ssh/sshd_config.d/*nhi.conf)
HELPER=/usr/libexec/nhi-authorized-keys
under() { echo "/^Match/a $1"; } # for sed: the first line there
fault sshd-unwired "$C" "rm $C"
fault sshd-not-included $S "sed -i '/^Include/d' $S"
fault sshd-config-broken $S "echo 'UsePAMM yes' >>$S"
fault sshd-config-writable "$C" "chmod o+w $C"
fault sshd-config-writable $S "chown nobody $S"
fault sshd-pam $S "sed -i '1i UsePAM no' $S"
fault sshd-prompt $S "sed -i '1i KbdInteractiveAuthentication no' $S"
fault sshd-pubkey $S "echo 'PubkeyAuthentication no' >>$S"
fault sshd-dns $S "echo 'UseDNS yes' >>$S"
fault sshd-match-missing "$C" "sed -i '/^Match/,\$d' $C"
fault sshd-match-only "$C" "sed -i 's/,nhi-only//' $C"
fault sshd-keys-file "$C" "sed -i '/AuthorizedKeysFile/d' $C"
fault sshd-keys-file "$C" "sed -i 's/AuthorizedKeysFile.*/AuthorizedKeysFile .ssh\/keys/' $C"
fault sshd-user-rc "$C" "sed -i '$(under '    PermitUserRC yes')' $C"
fault sshd-hostbased "$C" "sed -i '$(under '    HostbasedAuthentication yes')' $C"
fault sshd-gssapi "$C" "sed -i '$(under '    GSSAPIAuthentication yes')' $C"
fault sshd-user-environment $S "echo 'PermitUserEnvironment yes' >>$S"
fault sshd-keys-command "$C" "sed -i '/^AuthorizedKeysCommand/d' $C"
fault sshd-keys-command-arguments "$C" "sed -i '/^AuthorizedKeysCommand /s/%u %t %k/%u %k %t/' $C"
fault sshd-keys-command-user "$C" "sed -i 's/^AuthorizedKeysCommandUser.*/AuthorizedKeysCommandUser nobody/' $C"
fault sshd-helper-missing $HELPER "rm $HELPER"
fault sshd-helper-writable $HELPER "chmod g+w $HELPER"
fault sshd-methods $S "echo 'AuthenticationMethods publickey,publickey' >>$S"
fault sshd-refuses-agents $S "echo 'AllowGroups ssh-users' >>$S"
fault sshd-refuses-agents $S "echo 'DenyUsers ci-*' >>$S"

# --- sudo
S=/etc/sudoers
C=/etc/sudoers.d/nhi
N=/etc/sudoers.d/zz
sudoers() { echo "echo '$1' >$N && chmod 440 $N"; }
fault sudo-noninteractive $C "rm $C"
fault sudo-noninteractive $N "$(sudoers 'Defaults:ci-bot !noninteractive_auth')"
fault sudo-timestamp $C "sed -i 's/, timestamp_timeout=0//' $C"
fault sudo-timestamp $N "$(sudoers 'Defaults:%nhi-agents timestamp_timeout=5')"
fault sudo-pam-account $N "$(sudoers 'Defaults !pam_acct_mgmt')"
fault sudo-pam-account $N "$(sudoers 'Defaults!/usr/bin/id !pam_acct_mgmt')"
fault sudo-pam-session $N "$(sudoers 'Defaults:%nhi-agents !pam_session')"
fault sudo-pam-session $N "$(sudoers 'Defaults>root !pam_session')"
fault sudo-pam-ruser $N "$(sudoers 'Defaults !pam_ruser')"
fault sudo-unauthenticated $N "$(sudoers 'Defaults:other-bot !authenticate')"
fault sudo-unauthenticated $N "$(sudoers 'Defaults exempt_group=nhi-agents')"
fault sudo-pam-service $N "$(sudoers 'Defaults pam_service=other')"
fault sudo-nopasswd-inherited $N "$(sudoers 'ALL ALL=(root) NOPASSWD: /usr/bin/id')"
fault sudo-nopasswd-inherited $N "$(sudoers 'User_Alias ANY = ALL, !root
ANY ALL=(root) NOPASSWD: /usr/bin/id')"
fault sudo-nopasswd-all $N "$(sudoers '%nhi-agents ALL=(ALL) NOPASSWD: ALL')"
fault sudo-nopasswd-all $N "$(sudoers '#65537 ALL=(ALL) NOPASSWD: ALL, !/bin/sh')"
fault sudo-broken $N "$(sudoers 'ci-bot ALL=(root NOPASSWD')"
fault sudo-file-writable $N "$(sudoers '# nothing') && chmod g+w $N"
fault sudo-file-ignored "$C $C.conf" "mv $C $C.conf"
fault sudo-not-included $S "sed -i '/includedir/d' $S"
for good in 'alice ALL=(ALL) NOPASSWD: ALL' 'ALL, !%nhi-agents ALL=(root) NOPASSWD: /usr/bin/id' \
    'Defaults:alice !pam_session' 'ci-bot ALL=(root) NOPASSWD: /usr/bin/id'; do
    keep $N
    eval "$(sudoers "$good")"
    doctor
    is "$(found)" '' "no fault: $good"
    restore
done

finish
