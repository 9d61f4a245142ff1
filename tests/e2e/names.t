#!/bin/bash
# SPDX-License-Identifier: ISC
# Which account a subject is, and which groups it has, when a directory service has accounts, too: one with an agent's
# name, groups with a privileged name, and no answer at all.
# Invariant: 14.
# shellcheck source=tests/e2e/lib.sh disable=SC2034 # for lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
chmod 1777 "$W"
install -m 644 "$BUILD/tests/libnss_pace.so.2" "$(dirname "$(gcc -print-file-name=libnss_files.so.2)")/"
mkdir /etc/pace
printf '%s\n' 'ops:*:20003:20000::/home/ops:/bin/bash' 'plain:*:20004:20000::/home/plain:/bin/bash' >/etc/pace/passwd
printf '%s\n' 'staffers:x:20000:' 'sudo:x:20010:ops,deploy' 'team:x:20011:plain,batch' >/etc/pace/group
mkdir -p /home/ops /home/plain
sources() { printf 'passwd: %s\ngroup: %s\nshadow: files\nhosts: files\n' "$1" "$1" >/etc/nsswitch.conf; }
sources 'files nhi'
POLICY='rules = ( { name = "p"; effect = "permit"; agent = [ "ci-bot", "other-bot" ];
  account = [ "ci-bot", "other-bot", "deploy", "batch", "ops", "plain" ]; service = [ "sshd", "sudo", "su" ]; } );'
nhi_up
open_task n-1
UID_OF=$(id -u ci-bot)
issue "$W/own" n-1 --service sshd,sudo --ttl 1h
issue "$W/deploy" n-1 --service sshd,sudo --account deploy --ttl 1h
issue "$W/batch" n-1 --service sshd,sudo --account batch --ttl 1h

enter() { # enter ACCOUNT FILE WANTED NAME: what id -u prints there, or the reason for the denial.
    local got
    mark_log
    ssh_as "$1" reply "$2" id -u
    got=$OUT
    [ "$RC" = 0 ] || got=$(since_mark | grep -oE 'pam_nhi.*reason=[a-z-]+' | sed 's/.*reason=//' | head -n 1)
    settle_log
    [ -n "$got" ] || got=$(since_mark | grep -oE 'pam_nhi.*reason=[a-z-]+' | sed 's/.*reason=//' | head -n 1)
    is "$got" "$3" "$4"
}

# ---- another account with an agent's name ----

enter ci-bot "$W/own" "$UID_OF" 'an agent logs in with its ticket'
echo 'ci-bot:x:1010:1010::/home/ci-bot:/bin/bash' >>/etc/passwd
enter ci-bot "$W/own" subject "a local line with its name and another uid: its ticket opens nothing there"
capture nhictl explain --account ci-bot --service sshd "$W/own"
like "$OUT$ERR" 'does not resolve' 'explain shows the same'
capture nhictl status --json
like "$(jq -r '.attention[]' <<<"$OUT")" "the name ci-bot resolves to uid 1010, not to the agent's $UID_OF" 'status names the account with the name'
capture nhictl apply
like "$ERR" "the name ci-bot resolves to uid 1010, not to the agent's $UID_OF" 'so does apply'
sed -i '/^ci-bot:x:1010/d' /etc/passwd
echo 'ci-bot:x:20055:20000::/home/ci-bot:/bin/bash' >>/etc/pace/passwd
sources 'files nhi pace'
enter ci-bot "$W/own" "$UID_OF" 'a directory after nhi that has the name, too'
capture nhictl status --json
unlike "$(jq -r '.attention[]' <<<"$OUT")" 'leads to' 'status does not report that'
sources 'files pace nhi'
enter ci-bot "$W/own" subject 'before nhi: its ticket opens nothing there'
capture nhictl run --agent ci-bot --job named -- id -u
like "$RC:$OUT$ERR" '^125:.*resolves to uid 20055' 'run does not become another account with the name'
# A local line with the name of another agent does not keep doctor from reporting this one.
echo 'other-bot:x:1011:1011::/home/other-bot:/bin/bash' >>/etc/passwd
for verb in status doctor; do
    capture nhictl "$verb"
    like "$OUT$ERR" 'the name ci-bot resolves to uid 20055' "$verb names the account of the directory"
done
sed -i '/^other-bot:x:1011/d' /etc/passwd
sed -i '/^ci-bot/d' /etc/pace/passwd
sources 'files nhi'

# ---- another account gets its name while its session is live ----

sessions() { nhictl session list --json | jq '.sessions | length'; }
none_is_live() { [ "$(sessions)" = 0 ]; }
# live FILE [COMMAND]: a session of ci-bot, which runs the command.
live() {
    rm -f "$W/up"
    ssh_bg ci-bot reply "$1" ": >$W/up; ${2:-:}; sleep 1000"
    eventually test -e "$W/up" || bail 'no session'
}
lingers() { [ -e /var/lib/systemd/linger/ci-bot ] && echo yes || echo no; }
echo 'ci-bot ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/names
live "$W/own" "sudo -n sh -c ': >$W/root; until [ -e $W/go ]; do sleep 0.1; done; su deploy -c \"id -un\" >$W/said 2>&1; : >$W/done'"
eventually test -e "$W/root"
echo 'ci-bot:x:1010:1010::/home/ci-bot:/bin/bash' >>/etc/passwd
: >"$W/go"
eventually test -e "$W/done"
is "$(cat "$W/said")" deploy 'a process that sudo made root in its session continues'
had=$POLICY
POLICY=${POLICY/'agent = [ "ci-bot", "other-bot" ]'/'agent = "other-bot"'}
set_policy
eventually none_is_live
ok $? 'the session ends with the rule that permitted it'
POLICY=$had
sed -i '/^ci-bot:x:1010/d' /etc/passwd
set_policy

mkdir -p /var/lib/systemd/linger /run/systemd/users
issue "$W/own-2" n-1 --service sshd,sudo --ttl 1h
live "$W/own"
echo 'ci-bot:x:1010:1010::/home/ci-bot:/bin/bash' >>/etc/passwd
: >/var/lib/systemd/linger/ci-bot
kill "$WATCH"
start_watch
eventually beats
must nhictl revoke --ticket "$(jti_of "$W/own")" --reason test
is "$(sessions):$(lingers)" 0:yes 'a person with its name still lingers, by the local file'
sed -i '/^ci-bot:x:1010/d' /etc/passwd
live "$W/own-2"
printf 'NAME=ci-bot\nSTATE=lingering\n' >/run/systemd/users/20055
issue "$W/own" n-1 --service sshd,sudo --ttl 1h
must nhictl revoke --ticket "$(jti_of "$W/own-2")" --reason test
is "$(sessions):$(lingers)" 0:yes 'or by what logind knows'
rm /run/systemd/users/20055
printf 'NAME=ci-bot\n' >"/run/systemd/users/$UID_OF"
live "$W/own"
must nhictl revoke --ticket "$(jti_of "$W/own")" --reason test
is "$(sessions):$(lingers)" 0:no 'without such a person it is the agent, which does not linger'
issue "$W/own" n-1 --service sshd,sudo --ttl 1h

# ---- groups ----

sources 'files nhi pace'
enter deploy "$W/deploy" privileged 'a member of a directory group named sudo, with any gid, is privileged'
enter batch "$W/batch" "$(id -u batch)" 'a member of another group of it is not'
capture nhictl issue --agent ci-bot --task n-1 --account ops --service sshd --ttl 15m --out "$W/ops"
like "$RC:$ERR" 'privileged \(sudo\)' 'no ticket is issued for one either'
issue "$W/plain" n-1 --account plain --service sshd
enter plain "$W/plain" 20004 'an account of the directory itself'
sed -i 's/^team:x:20011/team:x:27/' /etc/pace/group
enter batch "$W/batch" privileged 'a member by the gid of the local group sudo'
sed -i 's/^team:x:27/team:x:20011/' /etc/pace/group
cp /etc/group "$W/group"
echo 'friends:x:20010:' >>/etc/group
enter deploy "$W/deploy" privileged 'the gid has another name in the local file: by its name in the directory it is privileged'
cp "$W/group" /etc/group
sed -i 's/^sudo:x:20010:ops,deploy/sudo:x:20010:ops,ci-bot/' /etc/pace/group
enter ci-bot "$W/own" privileged "the same for an agent's own account"
sed -i 's/^sudo:x:20010:ops,ci-bot/sudo:x:20010:ops/' /etc/pace/group

# ---- no answer ----

touch /etc/pace/gone
enter batch "$W/batch" groups 'the directory is not available: whether an ordinary account is privileged is not known'
since_mark | grep -q 'groups of batch: pace is not available'
ok $? 'the log names the source that gave no answer'
capture nhictl explain --account batch --service sshd "$W/batch"
like "$OUT$ERR" 'pace is not available' 'so does explain'
enter ci-bot "$W/own" "$UID_OF" "an agent's own account is permitted"
has_logged 'permitted.*groups of ci-bot: pace is not available' 'and the log names the source'
ssh_as ci-bot reply "$W/own" 'sudo -n true && echo yes'
is "$OUT" yes 'its sudo, too'
settle_log
unlike "$(since_mark)" 'denied:' 'in each phase of it'
capture nhictl issue --agent ci-bot --task n-1 --account batch --service sshd --ttl 15m --out "$W/no"
like "$RC:$ERR" '^[1-9].*pace is not available' 'issue reports why not'
capture nhictl apply
is "$RC" 0 'apply waits for no directory' || note "$ERR"
rm /etc/pace/gone
people_work 'beside a directory'

# Frozen: sshd itself would wait for it, so the module is asked alone.
touch /etc/pace/frozen
t0=$(date +%s%N)
capture nhictl explain --account batch --service sshd "$W/batch"
like "$OUT$ERR" 'pace did not answer in time' 'a frozen directory: explain names it'
capture nhictl explain --account ci-bot --service sshd "$W/own"
like "$OUT" 'permit' "an agent's own account is not held up by it"
note "two answers from a frozen directory: $((($(date +%s%N) - t0) / 1000000)) ms"
is "$(pgrep -c nhi-nss-ask)" 0 'no process is left behind'
rm /etc/pace/frozen

# ---- what ends waits for no directory, even where programs ask it before nhi ----

sources 'files pace nhi'
open_task o-1 other-bot
issue "$W/other" o-1 --agent other-bot --account other-bot --service sshd
rm -f "$W/up"
ssh_bg other-bot reply "$W/other" ": >$W/up; sleep 1000"
eventually test -e "$W/up" || bail 'no session'
live "$W/own"
is "$(sessions)" 2 'two sessions'
touch /etc/pace/frozen
capture timeout 60 nhictl revoke --ticket "$(jti_of "$W/own")" --reason test
is "$RC" 0 'a frozen directory: revoke ends what must end'
is "$(sessions)" 1 'and nothing else'
mark_log
kill "$WATCH"
start_watch
eventually beats
ok $? 'the supervisor judges what is left'
behind_its_back "INSERT INTO revocation VALUES (2, 'o-1', $NOW_SQL, 'cancelled')"
let_go
eventually none_is_live
ok $? 'and ends what must end'
rm /etc/pace/frozen
sources 'files nhi'
# ---- what doctor reports about such a source ----

rm -f /etc/pace/frozen /etc/pace/gone

doctor() { nhictl doctor --json | jq -r '.findings[] | select(.finding == "'"$1"'") | .why'; }
printf 'passwd: files nhi pace\ngroup: files nhi pace\nshadow: files\nhosts: files\n' >/etc/nsswitch.conf
cp /etc/pace/group "$W/group" && cp /etc/pace/passwd "$W/passwd"
is "$(doctor only-elsewhere)" '' 'if no source has a group nhi-only, doctor does not mention it'
echo 'nhi-only:x:20020:ops,plain' >>/etc/pace/group
like "$(doctor only-elsewhere)" 'pace .*: ops plain;' 'a member of nhi-only in a directory alone is named'
cp /etc/group "$W/etc-group"
sed -i 's/^\(nhi-only:.*\)/\1,ops/; s/:,ops/:ops/' /etc/group
grep -q '^nhi-only:' /etc/group || echo 'nhi-only:x:4999:ops' >>/etc/group
like "$(doctor only-elsewhere)" 'pace .*: plain;' 'but not a member of the local group, too'
cp "$W/etc-group" /etc/group
cp "$W/group" /etc/pace/group
is "$(doctor uid-taken)" '' 'no account is in the range of agents'
echo "late:*:$((UID_OF + 500)):20000::/home/late:/bin/bash" >>/etc/pace/passwd
like "$(doctor uid-taken)" "pace has 1 account in the agents' range, the first is late with uid $((UID_OF + 500))" \
    'an account of a directory in the range of agents is named'
cp "$W/passwd" /etc/pace/passwd
finish
