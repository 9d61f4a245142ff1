#!/bin/bash
# SPDX-License-Identifier: ISC
# doctor finds nothing on a host that is wired well, and each fault that is planted in it, one by one, and nothing
# else.
# shellcheck source=tests/e2e/lib.sh disable=SC2317
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
# An account that accepts tickets only has no password, on a host that is wired well.
must usermod -p '*' batch
D=/etc/pam.d
FAULTS=0
# From here on nothing else may change the files: the heartbeat is this test's.
kill "$WATCH"
eventually test ! -e /run/nhi/watch
beat() { beat_at "$(uptime_now)"; }

AS=()
# What this machine lacks is not planted, and found every time.
LACKS='^$'
# FOUND: the IDs of the findings; FIRST: file, line and fix of the first.
doctor() {
    local rc=0 all
    [ -n "${UNWATCHED:-}" ] || beat
    "${AS[@]}" nhictl doctor --json >"$W/doctor" 2>"$W/doctor.err" || rc=$?
    mapfile -t all < <(jq -r --arg lacks "$LACKS" '
        ([.findings[].finding | select(test($lacks) | not)] | unique | join(" ")),
        (.findings[0] | .file, .line, .fix)' "$W/doctor")
    FOUND=${all[0]-no answer} FIRST=("${all[@]:1}")
    return "$rc"
}

# keep FILE…: saves what a fault changes, with its mode and owner, or that it does not exist.
keep() {
    rm -rf "$W/kept" && mkdir "$W/kept"
    KEPT=("$@")
    local i
    # Beside it is what this boot has seen of the ledger, and the other copy of the accounts.
    [[ " $* " != *" $STATE "* ]] || KEPT+=(/run/nhi /run/nhi-public)
    for i in "${!KEPT[@]}"; do [ ! -e "${KEPT[i]}" ] || cp -a "${KEPT[i]}" "$W/kept/$i"; done
}
restore() {
    local i
    for i in "${!KEPT[@]}"; do
        rm -rf "${KEPT[i]}"
        [ ! -e "$W/kept/$i" ] || cp -a "$W/kept/$i" "${KEPT[i]}"
    done
}

# Does what the first finding proposes, if a program can do it: a line to write, or a command without blanks to fill
# in.
AT='before line ([0-9]+) of ([^ ]+) [(].*[)]: (.*)'
repair() {
    local file=${FIRST[0]} line=${FIRST[1]} fix=${FIRST[2]}
    if [[ $fix =~ ^'write instead: '([^…]*)$ && $line -gt 0 ]]; then
        NEW=${BASH_REMATCH[1]} LINE=$line perl -i -pe '$_ = "$ENV{NEW}\n" if $. == $ENV{LINE}' "$file"
    elif [[ $fix =~ ^('add '|'move it ')$AT$ ]]; then
        [ "${BASH_REMATCH[1]}" = 'add ' ] || GONE=$line perl -i -ne 'print unless $. == $ENV{GONE}' "$file"
        # The line before it may have been that line.
        LINE=$((BASH_REMATCH[2] - (line > 0 && line < BASH_REMATCH[2]))) NEW=${BASH_REMATCH[4]} \
            perl -i -pe 'print "$ENV{NEW}\n" if $. == $ENV{LINE}' "${BASH_REMATCH[3]}"
    elif [[ $fix =~ ^'add to '(/[^ ]*|its end|its beginning)': '(.*)$ ]]; then
        [[ ${BASH_REMATCH[1]} != /* ]] || file=${BASH_REMATCH[1]}
        if [ "${BASH_REMATCH[1]}" = 'its beginning' ]; then
            NEW=${BASH_REMATCH[2]} perl -i -pe 'print "$ENV{NEW}\n" if $. == 1' "$file"
        else
            printf '%s\n' "${BASH_REMATCH[2]/; and: /$'\n'}" >>"$file"
        fi
    elif [[ $fix =~ ^'remove '([^ ]*)' from this line'$ && ${BASH_REMATCH[1]} != exempt_group ]]; then
        LINE=$line WORD=${BASH_REMATCH[1]} perl -i -pe '
            if ($. == $ENV{LINE}) { s/\Q$ENV{WORD}\E(=\w+)?,?//; $_ = "" if /^Defaults\S* $/ }' "$file"
    elif [[ $fix == 'remove this line' ]]; then
        GONE=$line perl -i -ne 'print unless $. == $ENV{GONE}' "$file"
    elif [[ $fix =~ ^'run: '([^,;A-Z]*)$ ]]; then
        eval "${BASH_REMATCH[1]% (and *}" >/dev/null 2>&1
    else
        return 1
    fi
}

# fault ID 'FILE…' COMMAND: COMMAND plants it, doctor finds ID and nothing else, what doctor proposes is done, and all
# is restored.
fault() {
    local id=$1 last='' try
    # shellcheck disable=SC2086 # several
    keep $2
    eval "$3" || bail "planting $id: $3"
    doctor
    FAULTS=$((FAULTS + 1))
    is "$FOUND" "$id" "$id: $3" || jq -c '.findings[]' "$W/doctor" | sed 's/^/# /'
    for try in {1..8}; do
        if [ -z "$FOUND" ] || [ -n "${NO_REPAIR:-}" ]; then break; fi
        last=${FIRST[2]}
        repair || break
        doctor
    done
    if [ "$try" -gt 1 ] && [[ ! " $ONLY_LOOKS " == *" $id "* ]]; then
        REPAIRED=$((REPAIRED + 1))
        is "$FOUND" '' "$id, repaired: $last"
    fi
    restore
}
# good 'FILE…' COMMAND: not a fault.
good() {
    # shellcheck disable=SC2086 # several
    keep $1
    eval "$2" || bail "$2"
    doctor
    is "$FOUND" '' "no fault: $2" || jq -c '.findings[]' "$W/doctor" | sed 's/^/# /'
    restore
}
# A command that shows more about it, and corrects nothing.
ONLY_LOOKS='trail-broken ledger-older agent-unresolved policy-broken'
REPAIRED=0

doctor
LACKS="^($(tr ' ' '\n' <<<"$FOUND" | grep -oE 'platform-[a-z-]+' | tr '\n' '|')clock-unsynchronised)$"
note "found, for what this machine lacks: $(jq -r '.findings[].finding' "$W/doctor" | tr '\n' ' ')"
is "$FOUND" '' 'nothing is found on a host that is wired well'
jq -c '.findings[]' "$W/doctor" | sed 's/^/# /'

# --- how it is reported
capture nhictl doctor
[ "$RC" = 0 ] || [ "$LACKS" != '^(clock-unsynchronised)$' ]
ok $? 'then the exit status is 0'
keep $D/sshd
sed -i 's/^account.*pam_nhi.*/account optional pam_nhi.so/' $D/sshd
LINE=$(grep -n '^account optional pam_nhi' $D/sshd | cut -d: -f1)
WANT="error    $D/sshd:$LINE: pam-account-control
         | account optional pam_nhi.so
         with the control optional a denial is dropped
         write instead: account required pam_nhi.so"
capture nhictl doctor
[[ $OUT == *"$WANT"* ]]
ok $? 'the place, the line, why, and what to write instead'
is "$RC" 1 'which is a failure'
doctor
SAID='[.ok, .error, (.findings[] | select(.finding == "pam-account-control") | .level, .line, .text)]'
SAID=$(jq -c "$SAID" "$W/doctor")
is "$SAID" "[false,\"there are findings\",\"error\",$LINE,\"account optional pam_nhi.so\"]" 'the same for programs'
restore
capture as alice nhictl doctor
like "$RC $ERR" '^1 nhictl: only root .*sudo nhictl doctor' 'not for every user'

# --- other ways in
NO_REPAIR=1 # whether such a program stays is the administrator's decision
GENERATORS=/usr/lib/systemd/system-generators
fault cron-without-pam $GENERATORS "install -D /bin/true $GENERATORS/systemd-crontab-generator"
fault ssh-without-pam /usr/sbin/dropbear 'cp /bin/true /usr/sbin/dropbear'
fault ssh-without-pam '/usr/sbin/tinysshd /home/ci-bot' 'cp /bin/true /usr/sbin/tinysshd; mkdir -p /home/ci-bot/.ssh; : >/home/ci-bot/.ssh/authorized_keys'
is "${FIRST[0]}" /home/ci-bot/.ssh/authorized_keys 'the keys that such a server would take come first'
DOAS='/usr/bin/doas /etc/doas.conf /etc/pam.d/doas'
fault doas-unwired "$DOAS" 'cp /bin/true /usr/bin/doas; echo "permit nopass ci-bot as root" >/etc/doas.conf'
good "$DOAS" 'cp /bin/true /usr/bin/doas; echo "permit ci-bot as root" >/etc/doas.conf; grep pam_nhi /etc/pam.d/sudo >/etc/pam.d/doas'
good "$DOAS" 'cp /bin/true /usr/bin/doas; echo "deny ci-bot" >/etc/doas.conf'
for who in alice :wheel 1000 ':27' 'nopass setenv { A=b -C } alice' 'persist :adm as root cmd ls'; do
    good "$DOAS" "cp /bin/true /usr/bin/doas; echo 'permit $who' >/etc/doas.conf"
done
for who in 'persist setenv { A=b -C } ci-bot' :nhi-agents "$(id -u ci-bot)" ":$(id -g ci-bot)" 'keepenv :nhi-only as root' ''; do
    fault doas-unwired "$DOAS" "cp /bin/true /usr/bin/doas; echo 'permit $who' >/etc/doas.conf"
done
RULES=/etc/polkit-1/rules.d
fault polkit-agents $RULES "mkdir -p $RULES; echo 'polkit.addRule(function(a, s) { if (s.user == \"ci-bot\") return polkit.Result.YES; });' >$RULES/10-ci.rules"
good $RULES "mkdir -p $RULES; echo 'polkit.addRule(function(a, s) { if (s.user == \"alice\") return polkit.Result.YES; });' >$RULES/10-ci.rules"
NO_REPAIR=

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
NO_REPAIR=1
fault pam-auth-order $D/su "sed -i '$(ours auth)i # wheel \\\\\nauth sufficient pam_wheel.so trust' $D/su"
NO_REPAIR=
fault pam-account-control $D/sshd "sed -i '$(ours account)s/required/optional/' $D/sshd"
LOOSE='[success=ok perm_denied=ignore default=bad]'
fault pam-account-control $D/cron "sed -i '$(ours account)s/required/$LOOSE/' $D/cron"
fault pam-account-order $D/sudo "sed -i '$(ours account)i account sufficient pam_localuser.so' $D/sudo"
BLOCK='account [success=2 default=ignore] pam_unix.so\naccount required pam_nhi.so\naccount requisite pam_deny.so'
BLOCK+='\naccount required pam_permit.so'
NO_REPAIR=1 # the jumps around it have to be counted again
fault pam-account-order $D/cron "sed -i '$(ours account)d; s/^@include common-account/$BLOCK/' $D/cron"
NO_REPAIR=
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
good /usr/lib/aaa "install -D ${MODULE/_nhi/_unix} /usr/lib/aaa/security/pam_unix.so"
fault pam-module-missing "$MODULE" "rm $MODULE"
fault pam-module-writable "$MODULE" "chmod o+w $MODULE"
DECIDER=/usr/libexec/nhi-decide.so
fault pam-decider-missing "$DECIDER" "rm $DECIDER"
fault pam-decider-writable "$DECIDER" "chmod g+w $DECIDER"

# --- sshd
S=/etc/ssh/sshd_config
C=$(echo /etc/ssh/sshd_config.d/*nhi.conf)
HELPER=/usr/libexec/nhi-authorized-keys
under() { echo "/^Match/a $1"; } # for sed: the first line there
fault sshd-unwired /etc/ssh "rm $C"
fault sshd-not-included /etc/ssh "sed -i '/^Include/d' $S"
fault sshd-config-broken /etc/ssh "echo 'UsePAMM yes' >>$S"
fault sshd-config-writable /etc/ssh "chmod o+w $C"
fault sshd-config-writable /etc/ssh "chown nobody $S"
fault sshd-pam /etc/ssh "sed -i '1i UsePAM no' $S"
fault sshd-prompt /etc/ssh "sed -i '1i KbdInteractiveAuthentication no' $S"
fault sshd-pubkey /etc/ssh "echo 'PubkeyAuthentication no' >>$S"
fault sshd-dns /etc/ssh "echo 'UseDNS yes' >>$S"
fault sshd-match-missing /etc/ssh "sed -i '/^Match/,\$d' $C"
fault sshd-match-only /etc/ssh "sed -i 's/,nhi-only//' $C"
fault sshd-keys-file /etc/ssh "sed -i '/AuthorizedKeysFile/d' $C"
fault sshd-keys-file /etc/ssh "sed -i 's/AuthorizedKeysFile.*/AuthorizedKeysFile .ssh\/keys/' $C"
fault sshd-user-rc /etc/ssh "sed -i '$(under '    PermitUserRC yes')' $C"
fault sshd-hostbased /etc/ssh "sed -i '$(under '    HostbasedAuthentication yes')' $C"
fault sshd-gssapi /etc/ssh "sed -i '$(under '    GSSAPIAuthentication yes')' $C"
fault sshd-user-environment /etc/ssh "echo 'PermitUserEnvironment yes' >>$S"
fault sshd-keys-command /etc/ssh "sed -i '/^AuthorizedKeysCommand/d' $C"
fault sshd-keys-command-arguments /etc/ssh "sed -i '/^AuthorizedKeysCommand /s/%u %t %k/%u %k %t/' $C"
fault sshd-keys-command-user /etc/ssh "sed -i 's/^AuthorizedKeysCommandUser.*/AuthorizedKeysCommandUser nobody/' $C"
fault sshd-helper-missing $HELPER "rm $HELPER"
fault sshd-decider-missing "${HELPER%/*}/nhi-decide-keys.so" "rm ${HELPER%/*}/nhi-decide-keys.so"
fault sshd-decider-writable "${HELPER%/*}/nhi-decide-keys.so" "chmod g+w ${HELPER%/*}/nhi-decide-keys.so"
fault sshd-helper-writable $HELPER "chmod g+w $HELPER"
NO_REPAIR=1 # the purpose of the other command is the administrator's decision
EIC='-o "AuthorizedKeysCommand /usr/share/eic/keys %%u %%f" -o "AuthorizedKeysCommandUser nobody"'
UNIT=/etc/systemd/system/ssh.service.d
fault sshd-command-line $UNIT "mkdir -p $UNIT && printf '[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D $EIC\n' >$UNIT/eic.conf"
fault sshd-command-line /etc/default/ssh "echo 'SSHD_OPTS=\"-oAuthorizedKeysCommand=/usr/share/eic/keys\"' >>/etc/default/ssh"
started_otherwise() {
    /usr/sbin/sshd -D -p 2299 -o 'AuthorizedKeysCommand /usr/share/eic/keys %u %f' -o 'AuthorizedKeysCommandUser nobody' &
    OTHER=$!
    eventually bash -c 'exec 3<>/dev/tcp/127.0.0.1/2299' 2>/dev/null
}
fault sshd-command-line /none started_otherwise
kill "$OTHER" && eventually_gone "$OTHER"
NO_REPAIR=
good $UNIT "mkdir -p $UNIT && printf '[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D -o AuthorizedKeysCommandUser=nobody\n' >$UNIT/x.conf"
fault sshd-methods /etc/ssh "echo 'AuthenticationMethods publickey,publickey' >>$S"
fault sshd-refuses-agents /etc/ssh "echo 'AllowGroups ssh-users' >>$S"
fault sshd-refuses-agents /etc/ssh "echo 'DenyUsers ci-*' >>$S"

GROUP="echo 'builders:x:5000:ci-bot' >>/etc/group"
fault sshd-refuses-agents '/etc/ssh /etc/group' "$GROUP; echo 'DenyGroups builders' >>$S"
good '/etc/ssh /etc/group' "$GROUP; echo 'AllowGroups builders' >>$S"

# doctor does not run what the host is told to run.
run_by_match() {
    printf '#!/bin/sh\n: >%s/ran\n' "$W" >"$W/match" && chmod 777 "$W/match"
    printf 'Match exec %s/match\n    X11Forwarding no\n' "$W" >>$S
}
keep /etc/ssh
run_by_match
doctor
is "$FOUND" '' 'no fault: a Match that runs a program'
[ ! -e "$W/ran" ]
ok $? 'which doctor does not run'
sed -i 's/AuthorizedKeysFile.*/AuthorizedKeysFile .ssh\/keys/' "$C"
doctor
is "$FOUND" sshd-keys-file 'the fault is seen without asking sshd'
restore

# --- sudo
S=/etc/sudoers
C=/etc/sudoers.d/nhi
N=/etc/sudoers.d/zz
sudoers() { echo "echo '$1' >$N && chmod 440 $N"; }
fault sudo-noninteractive $C "rm $C"
NO_REPAIR=1 # which of the two sudoers files a line belongs in is the administrator's decision
rs() { printf '#!/bin/sh\necho sudo-rs %s\n' "$1" >/usr/bin/sudo-rs && chmod 755 /usr/bin/sudo-rs; }
fault sudo-rs-setting /usr/bin/sudo-rs 'rs 0.2.5'
NO_REPAIR=
good /usr/bin/sudo-rs 'rs 0.2.9'
good '/usr/bin/sudo-rs /etc/sudoers-rs' 'rs 0.2.5; : >/etc/sudoers-rs'
fault sudo-noninteractive $N "$(sudoers 'Defaults:ci-bot !noninteractive_auth')"
fault sudo-timestamp $C "sed -i 's/, timestamp_timeout=0//' $C"
fault sudo-timestamp $N "$(sudoers 'Defaults:%nhi-agents timestamp_timeout=5')"
fault sudo-pam-account $N "$(sudoers 'Defaults !pam_acct_mgmt')"
fault sudo-pam-account $N "$(sudoers 'Defaults!/usr/bin/id !pam_acct_mgmt')"
fault sudo-pam-session $N "$(sudoers 'Defaults:%nhi-agents !pam_session')"
fault sudo-pam-session $N "$(sudoers 'Defaults>root !pam_session')"
fault sudo-pam-session $N "$(sudoers 'Defaults:batch !pam_session')"
fault sudo-nopasswd-all $N "$(sudoers '%nhi-only ALL=(ALL) NOPASSWD: ALL')"
fault sudo-pam-ruser $N "$(sudoers 'Defaults !pam_ruser')"
fault sudo-unauthenticated $N "$(sudoers 'Defaults:other-bot !authenticate')"
fault sudo-unauthenticated $N "$(sudoers 'Defaults exempt_group=nhi-agents')"
fault sudo-pam-service $N "$(sudoers 'Defaults pam_service=other')"
fault sudo-nopasswd-inherited $N "$(sudoers 'ALL ALL=(root) NOPASSWD: /usr/bin/id')"
fault sudo-nopasswd-inherited $N "$(sudoers 'User_Alias ANY = ALL, !root
ANY ALL=(root) NOPASSWD: /usr/bin/id')"
fault sudo-nopasswd-all $N "$(sudoers '%nhi-agents ALL=(ALL) NOPASSWD: ALL')"
fault sudo-nopasswd-all $N "$(sudoers '#65537 ALL=(ALL) NOPASSWD: ALL, !/bin/sh')"
fault sudo-pam-session $N "$(sudoers "Defaults@elsewhere,${HOST%%.*} !pam_session")"
fault sudo-nopasswd-inherited $N "$(sudoers 'ALL 10.0.0.0/8, elsewhere=(root) NOPASSWD: /usr/bin/id')"
fault sudo-broken $N "$(sudoers 'ci-bot ALL=(root NOPASSWD')"
fault sudo-broken $N "$(sudoers 'Defaults nosuch')"
is "${FIRST[0]} ${FIRST[1]}" "$N 1" 'a setting that sudo does not know is shown with its place'
fault sudo-broken $N "$(sudoers '@include /etc/missing')"
like "$(jq -r '.findings[0].why' "$W/doctor")" '/etc/missing: No such file' 'a missing file is named'
# In a file that another one includes, by a relative path, on a continued line.
more() { printf '@include \\\n "../sudoers.more"\n' >$N && printf '\n%s\n' "$1" >/etc/sudoers.more && chmod 440 $N /etc/sudoers.more; }
NO_REPAIR=1
fault sudo-pam-session "$N /etc/sudoers.more" 'more "Defaults !pam_session"'
is "${FIRST[0]} ${FIRST[1]}" '/etc/sudoers.d/../sudoers.more 2' 'a line of an included file is shown with its place'
NO_REPAIR=
fault sudo-file-writable $N "$(sudoers '# nothing') && chmod g+w $N"
fault sudo-file-ignored "$C $C.conf" "mv $C $C.conf"
fault sudo-unread /usr/bin/cvtsudoers 'rm /usr/bin/cvtsudoers'
fault sudo-files-unknown /usr/sbin/visudo 'rm /usr/sbin/visudo'
fault sudo-files-unknown /usr/sbin/visudo \
    "printf '#!/bin/sh\necho visudo version 0.2.5\n' >/usr/sbin/visudo"
fault 'sudo-files-unknown sudo-unread' '/usr/bin/cvtsudoers /usr/sbin/visudo' 'rm /usr/bin/cvtsudoers /usr/sbin/visudo'
# When visudo names no files, the usual ones are checked.
NO_REPAIR=1
fault 'sudo-files-unknown sudo-pam-session' "$N /usr/sbin/visudo" "rm /usr/sbin/visudo && $(sudoers 'Defaults>root !pam_session')"
fault 'sudo-broken sudo-pam-session' $N "$(sudoers 'Defaults nosuch
Defaults>root !pam_session')"
NO_REPAIR=
# sudo skips a directory that others can write.
fault sudo-file-writable /etc/sudoers.d 'chmod o+w /etc/sudoers.d'
fault sudo-not-included $S "sed -i '/includedir/d' $S"
for good in 'alice ALL=(ALL) NOPASSWD: ALL' 'ALL, !%nhi-agents ALL=(root) NOPASSWD: /usr/bin/id' \
    'Defaults:alice !pam_session' 'Defaults@elsewhere !pam_session' 'ALL elsewhere=(root) NOPASSWD: /usr/bin/id' \
    'ci-bot ALL=(root) NOPASSWD: /usr/bin/id'; do
    keep $N
    eval "$(sudoers "$good")"
    doctor
    is "$FOUND" '' "no fault: $good"
    restore
done

good $C.bak "cp $C $C.bak"
good $C~ "cp $C $C~"

# --- NSS
S=/etc/nsswitch.conf
good $S "sed -i '/^passwd/s/files/compat/; /^group/s/files/compat/' $S"
fault nss-passwd $S "sed -i '/^passwd/s/ nhi//' $S"
fault nss-group $S "sed -i '/^group/d' $S"
fault nss-unreachable $S "sed -i '/^passwd/s/files nhi/files [NOTFOUND=return] nhi/' $S"
fault nss-order $S "sed -i '/^group/s/files nhi/nhi files/' $S"
fault nss-initgroups $S "echo 'initgroups: files' >>$S"
fault nss-writable $S "chmod o+w $S"
MODULE=$(echo /usr/lib/*/libnss_nhi.so.2)
fault nss-module-missing "$MODULE" "rm $MODULE"
fault nss-module-writable "$MODULE" "chmod g+w $MODULE"
fault agent-unresolved "$MODULE" ": >$MODULE"
nscd() {
    mkdir /run/nscd
    perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new(Local => "/run/nscd/socket", Listen => 5) or die; while ($s->accept) {}' &
    NSCD=$!
    disown "$NSCD"
    eventually test -S /run/nscd/socket
}
fault nscd-keeps /run/nscd nscd
kill "$NSCD"

# --- the kernel and the machine
without_audit() { bash -c 'echo 0 >/proc/self/loginuid; exec setpriv --bounding-set -audit_control "$@"' - "$@"; }
HAD=$LACKS
LACKS='^clock-unsynchronised$'
AS=(without_audit)
fault platform-descent /none 'mount -t tmpfs tmpfs /sys/fs/cgroup'
umount /sys/fs/cgroup
WANTS=/etc/systemd/system/multi-user.target.wants
fault platform-audit "/run/systemd $WANTS" "mkdir -p /run/systemd/system $WANTS && : >$WANTS/nhi-watch.service"
# Without a system call, as in a container with a filter: its number on x86-64, with prctl(PR_SET_SECCOMP) and
# instructions that end in EPERM for it.
without_call() {
    perl -e 'my $f = pack("SCCL" x 4, 0x20, 0, 0, 0, 0x15, 0, 1, shift, 6, 0, 0, 0x50001, 6, 0, 0, 0x7fff0000);
        my $p = pack("S x![J] P", 4, $f); syscall(157, 22, 2, $p, 0, 0) == 0 or die "seccomp: $!"; exec @ARGV' "$@"
}
if [ "$(uname -m)" = x86_64 ]; then
    LACKS=$HAD
    AS=(without_call 250)
    fault platform-keyring /none true
    AS=(without_call 434)
    fault platform-pidfd /none true
fi
AS=()
LACKS=$HAD
fault watch-not-enabled '/run/systemd' 'mkdir -p /run/systemd/system'

# --- files
fault perm-state $STATE "chmod o+w $STATE"
fault perm-ledger $STATE/ledger.db "chmod 644 $STATE/ledger.db"
fault perm-reserve $STATE/reserve "chmod 640 $STATE/reserve"
fault perm-grants $STATE/grants "chmod 755 $STATE/grants"
fault perm-keys $STATE/keys "chmod 755 $STATE/keys"
fault perm-secret $STATE/keys "chmod 640 $STATE/keys/k*.secret"
fault perm-secret $STATE/keys "chown nobody $STATE/keys/k*.secret"
fault perm-snapshot $STATE/accounts "chmod 600 $STATE/accounts"
fault perm-snapshot /run/nhi-public 'chmod 600 /run/nhi-public/accounts'
fault perm-conf /etc/nhi "chmod o+w /etc/nhi/policy.d/e2e.conf"
fault perm-conf /etc/nhi "chown nobody /etc/nhi/policy.d"
fault perm-run /run/nhi 'chmod 755 /run/nhi'
fault perm-run /run/nhi-public 'chmod 777 /run/nhi-public'
good "$STATE /srv/nhi" "mv $STATE /srv/nhi && ln -s /srv/nhi $STATE"
fault perm-program /usr/sbin/nhictl 'chmod o+w /usr/sbin/nhictl'
fault store-read-only /none "mount --bind $STATE/grants $STATE/grants && mount -o remount,bind,ro $STATE/grants"
umount $STATE/grants
fault store-full /none "mount -t tmpfs -o size=1m,mode=700 tmpfs $STATE/grants"
umount $STATE/grants
fault platform-tmpfile /none "mount -t mqueue mqueue $STATE/grants && chmod 700 $STATE/grants"
umount $STATE/grants

# --- what they hold
# sqlite3 takes the files of the WAL away.
sql() { sqlite3 $STATE/ledger.db "$1" && nhictl status >/dev/null; }
fault ledger-missing $STATE "rm $STATE/ledger.db*"
fault ledger-damaged $STATE "head -c 65536 /dev/urandom >$STATE/ledger.db"
KEEP_WAL="sqlite3 -cmd '.filectrl persist_wal 1' $STATE/ledger.db"
fault ledger-newer $STATE "$KEEP_WAL 'PRAGMA user_version = 99' >/dev/null"
# A later release is installed, which has not written yet.
SCHEMA=$((SCHEMA + 2))
fault ledger-older "$STATE /usr/sbin/nhictl" "cp '$BUILD/tests/next/nhictl' /usr/sbin/nhictl"
SCHEMA=$((SCHEMA - 2))
fault ledger-unreadable $STATE "sqlite3 $STATE/ledger.db 'CREATE TABLE x (y); DROP TABLE x'"
fault ledger-elsewhere "/etc/machine-id $STATE" "echo 0123456789abcdef0123456789abcdef >/etc/machine-id"
rolled_back() {
    cp -a $STATE "$W/old" && nhictl lockdown on --reason test >/dev/null && nhictl lockdown off >/dev/null &&
        rm -rf $STATE && mv "$W/old" $STATE
}
fault ledger-rolled-back $STATE rolled_back
fault trail-broken $STATE "sql 'DELETE FROM event WHERE seq = 2'"
fault trail-broken $STATE "sql \"UPDATE event SET agent = 'other-bot' WHERE seq = 2\""
fault policy-empty "$STATE /etc/nhi" 'rm /etc/nhi/policy.d/*; nhictl apply --force >/dev/null'
fault policy-not-applied /etc/nhi "sed -i 's/, \"cron\"//' /etc/nhi/policy.d/e2e.conf"
fault policy-broken /etc/nhi "echo 'rules = (' >/etc/nhi/policy.d/e2e.conf"
fault reserve-missing $STATE/reserve "rm $STATE/reserve"
fault reserve-damaged $STATE/reserve "truncate -s 100 $STATE/reserve"
# As on a full disk.
unwritable() {
    mount --bind $STATE/ledger.db $STATE/ledger.db && mount -o remount,bind,ro $STATE/ledger.db
    nhictl revoke --ticket AAAAAAAAAAAAAAAAAAAAAA --reason test >/dev/null 2>&1
    umount $STATE/ledger.db
}
fault reserve-pending $STATE/reserve unwritable
fault lockdown $STATE 'nhictl lockdown on --reason test >/dev/null'
fault snapshot-missing $STATE/accounts "rm $STATE/accounts"
fault snapshot-missing $STATE/accounts "truncate -s 100 $STATE/accounts"
fault snapshot-missing /run/nhi-public 'rm /run/nhi-public/accounts && head -c 100 /dev/zero >/run/nhi-public/accounts'
good /run/nhi-public 'rm /run/nhi-public/accounts'
fault snapshot-behind $STATE "sql \"UPDATE agent SET home = '/elsewhere' WHERE name = 'ci-bot'\""
UNWATCHED=1
fault watch-missing /run/nhi/watch 'rm /run/nhi/watch'
UNWATCHED=
fault watch-optional "$STATE /etc/nhi" 'echo "supervisor = \"optional\";" >/etc/nhi/nhi.conf && nhictl apply >/dev/null'
fault clock-behind $STATE "sql 'UPDATE setting SET latest = latest + 3600'"
fault key-none $STATE "sql 'UPDATE issuer SET state = 2'"
fault key-old $STATE "sql 'UPDATE issuer SET added = added - 400 * 86400'"
fault key-secret-missing $STATE "rm $STATE/keys/k*.secret"
retired_and_kept() {
    local kid
    kid=$(nhictl key list --json | jq -r '.keys[0].kid')
    cp -a "$STATE/keys/$kid.secret" "$W/secret"
    nhictl key rotate >/dev/null && nhictl key retire "$kid" >/dev/null && cp -a "$W/secret" "$STATE/keys/$kid.secret"
}
fault key-leftover $STATE retired_and_kept
fault key-rotated $STATE "nhictl key rotate >/dev/null && sql 'UPDATE issuer SET added = added - 3 * 86400'"
PUBLIC=k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI
foreign() { nhictl key add ext $PUBLIC --agents "$1" --accounts "$2" --services "$2" --max-ttl 1h >/dev/null; }
fault key-unbounded $STATE "foreign '*' '*'"
AGED="UPDATE issuer SET added = added - 400 * 86400 WHERE kid = 'ext'"
fault key-foreign-old $STATE "foreign ci-bot sshd && sql \"$AGED\""

# --- accounts
fault uid-taken /etc/passwd "echo 'eve:x:70000:100::/:/bin/sh' >>/etc/passwd"
fault gid-taken /etc/group "echo 'eve:x:70000:' >>/etc/group"
fault name-taken /etc/passwd "echo 'ci-bot:x:5000:100::/:/bin/sh' >>/etc/passwd"
fault group-taken /etc/group "echo 'ci-bot:x:5000:' >>/etc/group"
fault group-taken /etc/group "echo 'nhi-agents:x:5000:' >>/etc/group"
fault subid-overlaps /etc/subuid "echo 'alice:50000:20000' >>/etc/subuid"
fault subid-overlaps /etc/subgid "echo 'alice:65536:65536' >>/etc/subgid"
fault login-defs-overlaps /etc/login.defs "echo 'UID_MAX 70000' >>/etc/login.defs"
fault agent-home /home/ci-bot 'chown nobody /home/ci-bot'
fault agent-home /home/ci-bot 'chmod 777 /home/ci-bot'
without_shell() {
    cp /bin/sh /usr/local/bin/shell &&
        nhictl agent add x-bot --owner o --purpose p --review-by 2099-01-01 --shell /usr/local/bin/shell >/dev/null &&
        rm /usr/local/bin/shell
}
fault agent-shell "$STATE /home/x-bot" without_shell
member() { echo "sed -i 's/^$1:.*/&,$2/; s/:,/:/' /etc/group"; }
fault agent-privileged /etc/group "$(member sudo ci-bot)"
fault only-privileged /etc/group "$(member adm batch)"
fault only-password /etc/shadow "usermod -p '' batch"
fault only-password /etc/shadow "usermod -p x batch"
fault agent-lingers /var/lib/systemd/linger 'mkdir -p /var/lib/systemd/linger && : >/var/lib/systemd/linger/ci-bot'
fault cron-user-unknown /etc/cron.d/new "echo '17 * * * * gone-bot true' >/etc/cron.d/new"
good '/etc/cron.d/new~' "echo '17 * * * * gone-bot true' >/etc/cron.d/new~"
fault cron-user-unknown /etc/crontab "echo '@daily gone-bot true' >>/etc/crontab"

# --- files that were cut off, or are something else altogether
# tear SEED FILE: one of these things happens to it
tear() {
    perl -e '
        my ($seed, $file) = @ARGV; srand($seed); local $/;
        open(my $f, "<", $file) or die; my $t = <$f>; close $f; my $n = length($t) || 1; my $at = int(rand($n));
        my @how = (
            sub { substr($t, $at) = "" },
            sub { substr($t, int(rand($n)), 1) = chr(int(rand(256))) for 1 .. 20 },
            sub { substr($t, $at, 0) = "\0" x 3 },
            sub { substr($t, $at, int(rand(200))) = "" },
            sub { $t =~ s/\n/\\\n/g },
            sub { substr($t, $at, 0) = "[" x 70000 },
            sub { $t =~ s/\s+/ /g },
            sub { $t = $t x 40 },
            sub { $t = join("", map { chr(int(rand(256))) } 1 .. 4000) },
            sub { $t =~ s/\n/\n@/g; $t .= "\n\@include $file\nInclude $file\nsession substack $file" },
            sub { $t = "x" x 1100000 });
        $how[$seed % @how]->(); open($f, ">", $file) or die; print $f $t;' "$@"
}
TORN=("$D/sshd" "$D/common-auth" "$D/cron" /etc/ssh/sshd_config "$(echo /etc/ssh/sshd_config.d/*nhi.conf)" /etc/sudoers
    /etc/sudoers.d/e2e /etc/nsswitch.conf /etc/subuid /etc/login.defs /etc/crontab /etc/passwd /etc/group
    /etc/nhi/policy.d/e2e.conf)
printf '17 * * * * root true\n' >>/etc/crontab
SURVIVED=0
for i in {1..77}; do
    keep "${TORN[i % ${#TORN[@]}]}"
    tear "$i" "${KEPT[0]}"
    doctor
    RC=$?
    if [ "$RC" -le 1 ] && jq -e '.findings | all(.why != "" and .fix != "")' "$W/doctor" >/dev/null; then
        SURVIVED=$((SURVIVED + 1))
    else
        note "doctor ended with $RC after tearing ${KEPT[0]} ($i)"
    fi
    restore
done
is "$SURVIVED" 77 'doctor reports what it finds, whatever a file has in it'

doctor
is "$FOUND" '' 'all of it was restored'
[ "$FAULTS" -ge 40 ]
ok $? "$FAULTS faults were planted"
[ "$REPAIRED" -ge 40 ]
ok $? "$REPAIRED were repaired as doctor proposed"
finish
