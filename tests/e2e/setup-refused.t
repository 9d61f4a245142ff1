#!/bin/bash
# SPDX-License-Identifier: ISC
# nhictl setup on hosts that differ from Debian's defaults: what it refuses, what it adds in other places, and what it
# leaves alone.
# Invariant: 18.
# shellcheck source=tests/e2e/lib.sh disable=SC2016,SC2317
. "$(dirname "$0")/lib.sh"

BACKUPS=/var/backups/nhi
DROPIN=/etc/ssh/sshd_config.d/00-nhi.conf

host_up
MODULE=$(echo /usr/lib/*/security/pam_nhi.so)
start_sshd
disown -a

etc() {
    find /etc ! -type d -printf '%p %y %m %u %g %s %T@ %l\n' | sort
    find /etc -type f -exec sha256sum {} + | sort
}
setup() { capture nhictl setup "$@"; }
# refuses WORDS NAME [ARGUMENT...]: by default for all services.
refuses() {
    local words=$1 name=$2
    shift 2
    [ "$#" -gt 0 ] || set -- nss sshd sudo su cron
    etc >"$W/etc"
    setup "$@"
    [[ $RC == 1 && -z $OUT && $ERR == *"$words"* ]] && etc | cmp -s - "$W/etc" && [ ! -e "$BACKUPS" ]
    ok $? "$name"
}
# there_and_back NAME PROGRAM...: while the files differ. between checks the state after setup.
there_and_back() {
    local name=$1
    shift
    etc >"$W/etc"
    setup "$@"
    is "$RC$ERR" 0 "$name"
    between
    setup --undo
    etc >"$W/undone"
    diff "$W/etc" "$W/undone" >"$W/diff" && [ ! -e "$BACKUPS" ]
    ok $? "$name: and back" || sed 's/^/# /' "$W/diff"
}
# with FILE COMMAND: the rest of the line runs while FILE is as COMMAND leaves it.
with() {
    local file=$1 change=$2
    shift 2
    [ ! -e "$file" ] || cp -a "$file" "$W/with"
    eval "$change"
    "$@"
    rm -f "$file"
    [ ! -e "$W/with" ] || mv "$W/with" "$file"
}

with_2() {
    cp -a "$1" "$W/with-2"
    eval "$2"
    "${@:3}"
    mv "$W/with-2" "$1"
}

# ---- what would lock people out ----

with "$MODULE" "rm $MODULE" refuses 'does not let root through' 'the module is missing'
with "$MODULE" "cp ${MODULE/_nhi/_deny} $MODULE" \
    refuses 'does not let root through: auth' 'a module that denies everybody'
LIBRARY=$(echo /usr/lib/*/libnss_nhi.so.2)
with "$LIBRARY" "rm $LIBRARY" refuses 'libnss_nhi.so.2' 'the NSS library is missing' nss
like "$ERR" 'make install' 'and the command to type'
TRIAL=/usr/libexec/nhi-pam-trial
with $TRIAL "rm $TRIAL" refuses 'nhi-pam-trial' 'the program that plays the stacks is missing'
# ---- another program knows people's keys ----

groupadd -g 4020 nhi-only && usermod -aG nhi-only batch
KEYS=/etc/ssh/sshd_config.d/01-keys.conf
printf 'AuthorizedKeysCommand /usr/bin/cat /etc/keys\nAuthorizedKeysCommandUser nobody\n' >"$W/keys.conf"
keys_of() { sshd -T -C "user=$1,host=localhost,addr=127.0.0.1" | awk '$1 == "authorizedkeyscommand" { print $2 }'; }
# It stays in use for people, and ours is asked for accounts that have tickets only.
both_ask() {
    etc >"$W/etc"
    setup sshd
    like "$RC$ERR" '^0.*keeps asking another program.*.AuthorizedKeysCommand /usr/bin/cat' "$1: setup reports it"
    is "$(keys_of alice) $(keys_of batch)" '/usr/bin/cat /usr/libexec/nhi-authorized-keys' "$1: people's, and agents'"
    setup --undo
    is "$RC$ERR" 0 "$1: and back"
    etc | cmp -s - "$W/etc"
    ok $? "$1: nothing is left"
}
with $KEYS "cp $W/keys.conf $KEYS" both_ask 'in a drop-in'
with $KEYS "ln -s $W/keys.conf $KEYS" both_ask 'in one that is a link to another place'
with $KEYS "cp $W/keys.conf $KEYS && chmod g+w $KEYS" both_ask 'in one that a group can write'
LONG=/etc/ssh/sshd_config.d/$(printf '0%.0s' {1..200}).conf
with "$LONG" "cp $W/keys.conf $LONG" both_ask 'in one with a long name'
groupdel nhi-only

# ---- uids and lines that are in the way ----

MANY='for n in {100..130}; do echo "p$n:x:3$n:100::/:/bin/sh"; done >>/etc/passwd'
with /etc/passwd "$MANY; echo 'eve:x:70000:100::/:/bin/sh' >>/etc/passwd" \
    refuses 'account eve has uid 70000' 'an account with the uid of an agent, after many others' sshd
with /etc/nsswitch.conf 'sed -i /^group/d /etc/nsswitch.conf' refuses 'no line for group' 'no line to add to' nss

NO_PAM='sed -i "1i UsePAM no" /etc/ssh/sshd_config'
with /etc/pam.d/sshd 'echo "account required pam_deny.so" >>/etc/pam.d/sshd' with_2 /etc/ssh/sshd_config "$NO_PAM" \
    refuses 'root would no longer get through sshd' 'sshd that does not ask PAM, which would deny' sshd

# ---- what could not work ----

with /etc/ssh/sshd_config 'echo Nonsense >>/etc/ssh/sshd_config' refuses 'Nonsense' 'sshd refuses its present configuration' sshd
with /etc/sudoers.d/zz 'echo "alice nonsense" >/etc/sudoers.d/zz' \
    refuses 'visudo -c' 'visudo refuses the present files' sudo
HARD=/etc/ssh/sshd_config.d/00-hard.conf
with $HARD "echo 'KbdInteractiveAuthentication no' >$HARD" \
    refuses "KbdInteractiveAuthentication is set before $DROPIN" 'another file comes first' sshd
with /etc/pam.d/sshd 'mv /etc/pam.d/sshd /etc/pam.d/x && ln -s x /etc/pam.d/sshd' \
    refuses 'symbolic link' 'a link, whose target somebody else maintains' sshd
rm /etc/pam.d/x
# without DIRECTORY COMMAND: the rest of the line runs while it does not exist.
without() {
    mv "$1" "$W/without"
    "${@:2}"
    mv "$W/without" "$1"
}
without /etc/ssh/sshd_config.d refuses 'no directory /etc/ssh/sshd_config.d' 'no place for a file of sshd' sshd --dry-run
like "$ERR" 'mkdir -m 755 /etc/ssh/sshd_config.d' 'and the command to type'
without /etc/sudoers.d refuses 'no directory /etc/sudoers.d' 'no place for a file of sudo' sudo --dry-run
with /etc/pam.d/cron 'sed -i "/session/d" /etc/pam.d/cron' refuses 'no session lines' 'no line of that type' cron
with /etc/pam.d/su 'chown alice /etc/pam.d/su' refuses '/etc/pam.d/su' 'a file that is not root'"'"'s' su
with /etc/pam.d/su 'echo "# nhi: begin" >>/etc/pam.d/su' refuses 'has no' 'half a mark' su
with /etc/pam.d/cron 'rm /etc/pam.d/cron' refuses 'apt-get install cron' 'a program that is not installed' cron
# Only visudo itself checks that, and only for the real file.
chmod 644 /etc/sudoers
refuses 'all changes were undone' 'what only shows once it is in force is undone' sudo
with /etc/sudoers.d/zz 'echo "User_Alias UNUSED = alice" >/etc/sudoers.d/zz' \
    refuses '/etc/sudoers: bad permissions' 'with its reason, and no warning before it' sudo
chmod 440 /etc/sudoers
mkdir -p /run/nhi-setup/of-another
capture flock /run/nhi-setup nhictl setup nss
like "$RC$ERR" '^1.*another nhictl setup' 'one at a time'
test -d /run/nhi-setup/of-another
ok $? 'and neither touches what the other has made'
as alice nhictl setup nss >"$W/out" 2>"$W/err" </dev/null
is $? 1 'only root'

# ---- where the files differ ----

between() { is "$(head -n 2 /etc/ssh/sshd_config | tail -n 1)" "Include $DROPIN" 'it is read first of all'; }
with /etc/ssh/sshd_config 'sed -i /^Include/d /etc/ssh/sshd_config' there_and_back 'sshd without drop-ins' sshd
between() { visudo -c >"$W/out" && grep -q "$W\|sudoers.d/nhi" "$W/out" && ok 0 'it is read'; }
with /etc/sudoers 'sed -i /includedir/d /etc/sudoers' there_and_back 'sudo without drop-ins' sudo
between() { like "$(visudo -c)" '/etc/sudoers.d/nhi: parsed' 'the file is read'; }
with /etc/sudoers 'sed -i "s|^@includedir .*|@includedir /etc/sudoers.d-other|" /etc/sudoers' \
    there_and_back 'sudo with drop-ins in a directory whose name begins in the same way' sudo
# A file that sudo reads already is not included again.
between() { is "$(grep -c nhi /etc/sudoers)" 0 'sudoers stays as it is'; }
with /etc/sudoers 'sed -i "s|^@includedir .*|@includedir \\\\\n\"sudoers.d\"|" /etc/sudoers' \
    there_and_back 'drop-ins of sudo by a relative path, on a continued line' sudo
# The visudo of sudo-rs names only the first file.
with /usr/sbin/visudo 'rm /usr/sbin/visudo; cp "$W/with" /usr/sbin/visudo-real
    printf "#!/bin/sh\nexec /usr/sbin/visudo-real -q \"\$@\"\n" >/usr/sbin/visudo; chmod 755 /usr/sbin/visudo' \
    there_and_back 'a visudo that does not name the files that it reads' sudo
rm -f /usr/sbin/visudo-real
between() {
    is "$(sshd -T -C user=alice,host=h,addr=192.0.2.7 | grep ^kbdinteractive)" 'kbdinteractiveauthentication no' \
        'where no passwords are accepted, nobody else is asked'
    like "$(cat "$DROPIN")" 'Match Group.*KbdInteractiveAuthentication yes' 'but agents are'
}
HARD=/etc/ssh/sshd_config.d/01-hard.conf
with $HARD "printf 'PasswordAuthentication no\nKbdInteractiveAuthentication no\n' >$HARD" \
    there_and_back 'a host that accepts only keys' sshd
between() { is "$(sshd -T | grep ^kbdinteractive)" 'kbdinteractiveauthentication no' 'there is no other prompt'; }
with $HARD "printf 'Match Address 192.0.2.0/24\nPasswordAuthentication no\n' >$HARD" \
    there_and_back 'passwords are refused from some places' sshd
printf 'PasswordAuthentication no\n' >"$W/hard.conf"
with $HARD "ln -s $W/hard.conf $HARD" there_and_back 'passwords are refused in a drop-in that is a link' sshd
printf 'Match Address 192.0.2.0/24\nPasswordAuthentication no\n' >"$W/more.conf"
with /etc/ssh/sshd_config "echo Include $W/more.conf >>/etc/ssh/sshd_config" \
    there_and_back 'or in a file elsewhere, from some places' sshd
between() { is "$(sshd -T | grep ^authorizedkeyscommanduser)" 'authorizedkeyscommanduser root' 'it is read'; }
with /etc/ssh/sshd_config 'sed -i "s|^Include .*|Include \"sshd_config.d/*.conf\"|" /etc/ssh/sshd_config' \
    there_and_back 'drop-ins by a relative path, in quotes' sshd
between() { is "$(grep ^initgroups /etc/nsswitch.conf)" 'initgroups: files nhi' 'which finds the groups'; }
with /etc/nsswitch.conf 'echo "initgroups: files" >>/etc/nsswitch.conf' there_and_back 'nsswitch with initgroups' nss
between() { :; }
with /etc/passwd 'echo "lone:x:3100:3100::/:/bin/sh" >>/etc/passwd' there_and_back 'an account whose group does not exist' nss
between() {
    is "$(grep -E '^(passwd|group)' /etc/nsswitch.conf | paste -sd' ')" \
        'passwd:	files [success=return] ldap nhi # ours group: compat nhi ldap' 'each in its place'
}
with /etc/nsswitch.conf 'printf "passwd:\tfiles [success=return] ldap # ours\ngroup: compat ldap" >/etc/nsswitch.conf' \
    there_and_back 'nsswitch with actions and comments' nss
between() {
    is "$(grep -n 'pam_nhi\|jump' /etc/pam.d/sshd | grep auth | cut -d: -f2 | paste -sd'|')" \
        "auth [success=done user_unknown=ignore default=die] pam_nhi.so|$JUMP" \
        'before a line that jumps, which skips the same lines as before'
}
JUMP='auth [success=1 default=ignore] pam_succeed_if.so quiet user = jump'
with /etc/pam.d/sshd 'sed -i "s/^@include common-auth/$JUMP\n&/" /etc/pam.d/sshd' \
    there_and_back 'a stack with jumps' sshd
JUMP='auth [success = 1 default = ignore] pam_succeed_if.so quiet user = jump'
with /etc/pam.d/sshd 'sed -i "s/^@include common-auth/$JUMP\n&/" /etc/pam.d/sshd' \
    there_and_back 'a stack with jumps, and blanks in them' sshd
between() { like "$(grep -m 1 '^auth.*\(nhi\|wheel\)' /etc/pam.d/su)" 'pam_nhi.so$' 'before the existing line'; }
with /etc/pam.d/su 'sed -i "1i # a comment ends with its line \\\\\nauth sufficient pam_wheel.so trust" /etc/pam.d/su' \
    there_and_back 'a stack with a backslash after a comment' su
between() {
    like "$(grep account /etc/pam.d/su | grep -v '^#' | head -n 1)" 'required pam_nhi.so' 'before the line that ends the phase'
    is "$(tail -c 13 /etc/pam.d/su | od -An -c | tr -d ' ')" pam_permit.so 'no line feed is added'
}
END='sed -i "1i account sufficient pam_localuser.so" /etc/pam.d/su'
with /etc/pam.d/su "$END; printf 'session optional pam_permit.so' >>/etc/pam.d/su" \
    there_and_back 'a stack that ends early, and without a line feed' su

# ---- later changes by people ----

must nhictl setup sshd sudo su
sed -i 's/^account required pam_nhi.so$/& debug/' /etc/pam.d/su
setup su
is "$RC$(grep -c 'pam_nhi.so debug' /etc/pam.d/su)" 01 'an option that was added is kept'
echo '# by hand' >>/etc/pam.d/su
echo 'Defaults:alice !lecture' >>/etc/sudoers.d/nhi
setup --undo su sudo --json
is "$(grep -c nhi /etc/pam.d/su)$(tail -n 1 /etc/pam.d/su)" '0# by hand' 'undo leaves edits'
is "$(cat /etc/sudoers.d/nhi)" 'Defaults:alice !lecture' 'also in a file that setup made'
like "$(jq -r '.notes[]' <<<"$OUT")" "/etc/pam.d/su was edited.*$BACKUPS/etc/pam.d/su" 'and reports it'
test -e "$BACKUPS/etc/pam.d/su"
ok $? 'with the earlier content'
rm /etc/sudoers.d/nhi
sed -i '$d' /etc/pam.d/su
must nhictl setup --undo
ok "$(test ! -e "$BACKUPS"; echo $?)" 'until it is there again'
must nhictl setup su
mv "$TRIAL" "$MODULE" "$W"
setup --undo
is "$RC$ERR$(grep -c nhi /etc/pam.d/su)" 00 'undo does not need what it removes, nor the program that plays the stacks'
mv "$W/${TRIAL##*/}" "$TRIAL"
mv "$W/${MODULE##*/}" "$MODULE"
: >"$BACKUPS"
setup su
like "$RC$ERR" "^3.*cannot save /etc/pam.d/su in $BACKUPS" 'nothing is changed that cannot be saved'
rm "$BACKUPS"
mount --bind /etc /etc && mount -o remount,bind,ro /etc
etc >"$W/etc"
setup nss sshd sudo su cron
like "$RC$ERR" '^3.*cannot write /etc/.*: Read-only file system' 'a read-only file system'
etc | cmp -s - "$W/etc"
ok $? 'which stays as it is'
umount /etc
must nhictl setup --undo
# sudo-rs in the place of sudo: a setting that it does not know makes it print three lines at each use.
between() { is "$(grep -c noninteractive_auth /etc/sudoers.d/nhi):$(grep -c '^Defaults:%nhi-agents timestamp_timeout=0$' /etc/sudoers.d/nhi)" "$WANT" "$WHAT"; }
WANT=0:1 WHAT='sudo-rs is not told what it does not know'
with /usr/bin/sudo "rm /usr/bin/sudo; printf '#!/bin/sh\necho sudo-rs 0.2.5\n' >/usr/bin/sudo; chmod 755 /usr/bin/sudo" \
    there_and_back 'sudo-rs is sudo' sudo
WANT=2:0 WHAT='a newer sudo-rs is'
with /usr/bin/sudo "rm /usr/bin/sudo; printf '#!/bin/sh\necho sudo-rs 0.2.9\n' >/usr/bin/sudo; chmod 755 /usr/bin/sudo" \
    there_and_back 'a newer sudo-rs is sudo' sudo
printf 'account required pam_nhi.so\n' >>/etc/pam.d/atd
setup cron
like "$RC$ERR" '^0.*/etc/pam.d/atd: pam_nhi.so is there outside nhi.s marks' 'lines that were added by hand are left alone'
must nhictl setup --undo
is "$(tail -n 1 /etc/pam.d/atd)" 'account required pam_nhi.so' 'by undo, too'
sed -i '$d' /etc/pam.d/atd
must nhictl init --uid-min 70000 --uid-max 70999
setup su
is "$(grep -c 'pam_nhi.so uid_min=70000 uid_max=70999' /etc/pam.d/su)" 3 'another range of uids is in the lines'
must nhictl setup --undo
setup su
is "$(nhictl audit export | jq -r 'select(.kind | startswith("setup")) | "\(.kind) \(.detail.programs)"')" 'setup su
setup-undo su
setup su' 'the trail has each, as soon as there is one'
setup su
setup su --dry-run
is "$(nhictl audit export | jq -r 'select(.kind | startswith("setup")).kind' | wc -l)" 3 'and nothing where nothing was done'
echo garbage >"$STATE/ledger.db"
setup su --undo
like "$RC$ERR$(grep -c nhi /etc/pam.d/su)" '^0.*not recorded in the ledger.*0$' 'undo does not need the ledger'

finish
