#!/bin/bash
# SPDX-License-Identifier: ISC
# The secret half of an issuer's key: under a passphrase, as a systemd credential, in an ssh-agent.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317,SC2016
TREE=$(dirname "$(readlink -f "$0")")/../..
. "$(dirname "$0")/lib.sh"
PTY=$BUILD/tests/tools/pty
unset SSH_AUTH_SOCK CREDENTIALS_DIRECTORY
umask 077
setup_host

kid() { nhictl key list --json | jq -r '.keys[] | select(.state == "active" and .own).kid'; }
secret_is() { [ "$(nhictl key list --json | jq -r --arg k "$KID" '.keys[] | select(.kid == $k).secret')" = "$1" ]; }
tickets() { nhictl ticket list --all --json | jq '.tickets | length'; }
# Where nobody could be asked.
alone() { setsid -w "$BUILD/nhictl" "$@" </dev/null; }
sign() { nhictl issue --agent ci-bot --task build-4711 --account deploy --service sshd "$@"; }
sign_alone() { setsid -w "$BUILD/nhictl" issue --agent ci-bot --task build-4711 --account deploy --service sshd "$@" </dev/null; }
verifies() { nhictl ticket inspect --json "$1" | jq -e '.signature == "good" or .ok'; }
KID=$(kid)
SECRET=/var/lib/nhi/keys/$KID.secret
ok 'at first it is a file' secret_is file
echo 'correct horse' >right
echo 'wrong horse' >wrong
echo 'short' >short
PLAIN=$(cat "$SECRET")

# ---- a passphrase ----
run "$PTY" 'New passphrase' short -- "$BUILD/nhictl" key protect "$KID"
ok 'a passphrase that is too short' test "$CODE" = 1
run "$PTY" 'New passphrase' right 'Repeat the passphrase' wrong -- "$BUILD/nhictl" key protect "$KID"
ok 'two different ones' test "$CODE" = 1
ok 'nothing was changed' test "$(cat "$SECRET")" = "$PLAIN"
refused 1 'no passphrase was given' 'nobody at a terminal' alone key protect "$KID"
run "$PTY" 'New passphrase' right 'Repeat the passphrase' right -- "$BUILD/nhictl" key protect "$KID"
ok 'key protect' test "$CODE" = 0
ok 'what was typed is not shown' test "$(grep -c horse .out)" = 0
ok 'the file holds no plain key' grep -q '^k4\.secret-pw\.' "$SECRET"
ok 'its mode is 0600' test "$(stat -c %a "$SECRET")" = 600
ok 'no plain key is anywhere' test "$(grep -rlFe "${PLAIN:12:40}" /var/lib/nhi | wc -l)" = 0
ok 'key list shows it' secret_is passphrase
refused 1 'already' 'not twice' alone key protect "$KID"
refused 1 'none was given' 'issue without an answer' sign_alone --out t0
ok 'no ticket was recorded' test "$(tickets)" = 0
run "$PTY" 'Passphrase of key' right -- "$BUILD/nhictl" issue --agent ci-bot --task build-4711 --account deploy --service sshd --out t1
ok 'issue asks for it' test "$CODE" = 0
ok 'and signs' verifies t1
run "$PTY" 'Passphrase of key' wrong 'Passphrase of key' right -- "$BUILD/nhictl" issue --agent ci-bot --task build-4711 --account deploy --service sudo --out t2
ok 'after a mistake, one can try again' test "$CODE" = 0
run "$PTY" 'Passphrase of key' wrong 'Passphrase of key' wrong 'Passphrase of key' wrong -- "$BUILD/nhictl" renew "$(nhictl ticket inspect --json t1 | jq -r .ticket.jti)" --ttl 30m
ok 'but not for ever' test "$CODE" = 1
run "$PTY" 'Passphrase of key' right -- "$BUILD/nhictl" renew "$(nhictl ticket inspect --json t1 | jq -r .ticket.jti)" --ttl 30m --out t3
ok 'renew asks, too' test "$CODE" = 0
ok 'and signs' verifies t3

# During the prompt, the ledger is not locked.
mkfifo later
"$PTY" 'Passphrase of key' later -- "$BUILD/nhictl" issue --agent ci-bot --task build-4711 --account deploy --service sshd --out t4 >asked 2>&1 &
ASKING=$!
until grep -qs Passphrase asked; do sleep 0.02; done
expect 0 'meanwhile a ticket is revoked' timeout 5 "$BUILD/nhictl" revoke --ticket "$(nhictl ticket inspect --json t2 | jq -r .ticket.jti)"
cat right >later
wait "$ASKING"
ok 'and then the other one is issued' verifies t4

mkdir -m 0700 creds
cp right creds/nhi.passphrase
export CREDENTIALS_DIRECTORY=/run/t/creds
expect 0 'the passphrase as a credential' sign_alone --out t5
ok 'signs' verifies t5
chmod 644 creds/nhi.passphrase
refused 1 'none was given' 'a credential that everybody can read is not used' sign_alone
chmod 600 creds/nhi.passphrase
cp wrong creds/nhi.passphrase
refused 1 'wrong passphrase' 'a wrong passphrase' sign_alone
cp right creds/nhi.passphrase
expect 0 'key unprotect' alone key unprotect "$KID" --json
ok 'removes the passphrase' json '.key.secret == "file"'
ok 'the key is the same' test "$(cat "$SECRET")" = "$PLAIN"
refused 1 'has no passphrase' 'not twice' alone key unprotect "$KID"
expect 0 'key protect by a credential' alone key protect "$KID"
expect 0 'and back' alone key unprotect "$KID"

# ---- at every moment in exactly one place ----
key_at_home() { [ "$(cat "$SECRET")" = "$PLAIN" ]; }
ln -s /var/lib/nhi/keys via
for to in "$SECRET" via/other.secret "/var/lib/../lib/nhi/keys/$KID.secret"; do
    refused 1 'the key is already in' "key move to $to" nhictl key move "$KID" --to "$to"
    ok 'the key still exists' key_at_home
done
alone key protect "$KID" >/dev/null
strace -f -qq -o /dev/null -e trace=fsync -e inject=fsync:signal=INT:when=1 setsid -w "$BUILD/nhictl" key unprotect "$KID" </dev/null >/dev/null 2>&1
ok 'Ctrl-C in key unprotect leaves the key in one form' test "$(cat /var/lib/nhi/keys/*"$KID"* /var/lib/nhi/keys/.*"$KID"* 2>/dev/null | grep -c k4)" = 1
[ "$(grep -c '^k4\.secret-pw' "$SECRET")" = 1 ] || alone key protect "$KID" >/dev/null
kill_unprotect() { { strace -qq -o /dev/null "${@:2}" -e trace="$1" -e inject="$1:signal=KILL:when=1" "$BUILD/nhictl" key unprotect "$KID" </dev/null >/dev/null 2>&1; } 2>/dev/null; }
kill_unprotect fsync
ok 'killed while it wrote, it leaves nothing' test "$(find /var/lib/nhi/keys -name ".*$KID*" -o -name "$KID*" | wc -l)" = 1
kill_unprotect renameat -P /var/lib/nhi/keys
ok 'killed at the last moment, it leaves a file' eval 'grep -q "^k4\.secret-pw" "$SECRET" && grep -q "^k4\.secret\." "/var/lib/nhi/keys/.$KID.secret.nhi-new"'
expect 0 'the next command' nhictl status
ok 'leaves it for a minute, since another may still write' test -e "/var/lib/nhi/keys/.$KID.secret.nhi-new"
expect 0 'but it stays no longer than the key itself' nhictl key move "$KID" --to moved
ok 'nothing of it is left' test -z "$(find /var/lib/nhi/keys -name "*$KID*")"
cp moved "$SECRET" && alone key unprotect "$KID" >/dev/null
ok 'and the key is the same' key_at_home

# What was typed at the prompt, and the key, are in the memory of a program that Ctrl-\ ends.
printf 'correct horse\034\n' >quit
# shellcheck disable=SC2016 # perl's
DUMPS='system { $ARGV[0] } @ARGV; print $? & 128 ? "dumped" : "not", " ", $? & 127, "\n"'
unset CREDENTIALS_DIRECTORY
ulimit -c unlimited
if [ "$(perl -e "$DUMPS" sh -c 'kill -QUIT $$')" = 'dumped 3' ]; then
    run "$PTY" 'New passphrase' quit -- perl -e "$DUMPS" "$BUILD/nhictl" key protect "$KID"
    ok 'Ctrl-\ at the prompt leaves no image of it' said 'not 3'
else
    skip 'Ctrl-\ at the prompt' 'no program leaves an image here'
fi
ulimit -c 0
rm -f core*
export CREDENTIALS_DIRECTORY=/run/t/creds

# ---- a credential ----
run strace -qq -o calls -e trace=linkat,fsync,unlinkat "$BUILD/nhictl" key move "$KID" --to away --json
ok 'key move' test "$CODE" = 0
ok 'its new name is on the disk before the old one is removed' awk '/linkat.*"away"/ { named = 1 } named && /fsync/ { kept = 1 } /unlinkat.*[a-z0-9]\.secret"/ { good = kept } END { exit !good }' calls
ok 'reports the new place' json '.key.secret == "absent"'
ok 'outside of the disk of this host' test ! -e "$SECRET"
ok 'the file is private' test "$(stat -c %a away)" = 600
refused 3 'was not found' 'without it nothing is signed' sign_alone
refused 1 'not in' 'and nothing was moved' nhictl key move "$KID" --to away2
before=$(tickets)
mv away "creds/nhi.$KID.secret"
expect 0 'as a credential' sign_alone --out t6
ok 'it signs' verifies t6
ok 'key list shows it' secret_is credential
echo "k4.secret.$(head -c 86 /dev/zero | tr '\0' A)" >"creds/nhi.$KID.secret"
refused 3 'cannot be used' 'a damaged credential does not' sign_alone
unset CREDENTIALS_DIRECTORY
ok 'nothing was recorded except what was signed' test "$(tickets)" = $((before + 1))

# ---- an ssh-agent ----
SSH_AUTH_SOCK=/run/t/agent
export SSH_AUTH_SOCK
ssh-agent -D -a "$SSH_AUTH_SOCK" >/dev/null 2>&1 &
AGENT=$!
trap 'kill $WATCH $AGENT' EXIT
until [ -S "$SSH_AUTH_SOCK" ]; do sleep 0.02; done
ssh-keygen -q -t ed25519 -N '' -f issuer
ssh-keygen -q -t ed25519 -N '' -f other
ssh-keygen -q -t rsa -b 2048 -N '' -f rsa
refused 1 'no ssh-agent signs with the key' 'a key that the agent does not have' nhictl key rotate --agent-key issuer.pub
ssh-add -q other rsa issuer
refused 1 'not an Ed25519 key' 'a key of another type' nhictl key rotate --agent-key rsa.pub
refused 1 'private key' 'the private half' nhictl key rotate --agent-key issuer
ok 'nothing was rotated' test "$(kid)" = "$KID"
ssh-add -q -d issuer && mv issuer elsewhere
refused 1 'no ssh-agent signs with the key' 'nor one that it lost' nhictl key rotate --agent-key issuer.pub
ssh-add -q elsewhere
expect 0 'key rotate --agent-key' nhictl key rotate --agent-key issuer.pub
KID=$(kid)
ok 'no secret is on the disk' test ! -e "/var/lib/nhi/keys/$KID.secret"
ok 'key list shows it' secret_is agent
expect 0 'issue' sign_alone --out t7
ok 'signs with the agent' verifies t7
ok 'and that key' test "$(nhictl ticket inspect --json t7 | jq -r .ticket.kid)" = "$KID"
JTI=$(nhictl ticket inspect --json t7 | jq -r .ticket.jti)
expect 0 'renew' alone renew "$JTI" --ttl 30m --out t8
ok 'too' verifies t8
before=$(tickets)
ssh-add -q -D 2>/dev/null
refused 3 'was not found' 'an agent that no longer has it' sign_alone
ok 'no ticket was recorded' test "$(tickets)" = "$before"

# An agent that asks a person for each signature.
printf '#!/bin/sh\necho "$*" >>/run/t/asked-for\n[ -e /run/t/yes ]\n' >confirm
chmod 755 confirm
SSH_AUTH_SOCK=/run/t/careful
SSH_ASKPASS=/run/t/confirm SSH_ASKPASS_REQUIRE=force DISPLAY=none ssh-agent -D -a "$SSH_AUTH_SOCK" >/dev/null 2>&1 &
CAREFUL=$!
trap 'kill $WATCH $AGENT $CAREFUL' EXIT
until [ -S "$SSH_AUTH_SOCK" ]; do sleep 0.02; done
ssh-add -q -c elsewhere
live=$(nhictl ticket list --json | jq '.tickets | length')
refused 1 'refused to sign' 'the person refuses' sign_alone --out t10
ok 'the person was asked' grep -qi 'allow use of key' asked-for
ok 'no ticket is live' test "$(nhictl ticket list --json | jq '.tickets | length')" = "$live"
touch yes
expect 0 'the person confirms' sign_alone --out t10
ok 'a good ticket' verifies t10

# An agent that has the key, and does not sign: what was recorded for that is revoked.
cat >agent.pl <<'PERL'
use IO::Socket::UNIX;
$SIG{PIPE} = 'IGNORE';
my ($path, $blob, $mode) = @ARGV;
my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $path, Listen => 8) or die;
while (my $c = $s->accept) {
    read($c, my $head, 4) == 4 or next;
    read($c, my $m, unpack('N', $head));
    my $key = pack('H*', $blob);
    my $a = ord($m) == 11 && $mode ne 'drip' ? pack('CNN/a*N/a*', 12, 1, $key, '')
          : $mode eq 'refuse' ? pack('C', 5)
          : $mode eq 'lie' ? pack('CN/a*', 14, pack('N/a*N/a*', 'ssh-ed25519', "\1" x 64))
          : $mode eq 'drip' ? ''
          : $mode eq 'long' ? pack('CN/a*', 14, pack('N/a*N', 'ssh-ed25519', 4294967295))
          : '';
    print $c pack('N', $mode eq 'huge' ? 4294967295 : $mode eq 'drip' ? 200000 : length $a), $a;
    $c->flush;
    while ($mode eq 'drip' && syswrite($c, "\0") == 1) { sleep 1 }
    close $c;
}
PERL
blob=$(cut -d' ' -f2 issuer.pub | base64 -d | od -An -tx1 | tr -d ' \n')
live=$(nhictl ticket list --json | jq '.tickets | length')
for mode in refuse lie long huge drip; do
    perl agent.pl /run/t/agent.$mode "$blob" $mode &
    FALSE=$!
    until [ -S /run/t/agent.$mode ]; do sleep 0.02; done
    export SSH_AUTH_SOCK=/run/t/agent.$mode
    # The limit is what the longest answer would take at one byte a second.
    run timeout 100 setsid -w "$BUILD/nhictl" issue --agent ci-bot --task build-4711 --account deploy --service sshd --out t9 </dev/null
    ok "an agent that does $mode: refused" test "$CODE" != 0 -a "$CODE" != 124
    ok "$mode: no ticket is live" test "$(nhictl ticket list --json | jq '.tickets | length')" = "$live"
    ok "$mode: no ticket is given out" test ! -e t9
    kill $FALSE
done
# The commands in the manual for moving the first key of a host off its disk.
SSH_AUTH_SOCK=/run/t/agent
mkdir manual && cd manual || exit 1
KID=$(kid)
sed -n '/^ssh-keygen -t ed25519 -f issuer/,/^\.Ed/{/^\.Ed/d;p}' "$TREE/nhictl/keys/nhictl-key.8" | sed "s/k7f3q2ma/$KID/" >script
ok 'the manual has three commands for that' test "$(wc -l <script)" = 3
echo >none
echo y >yes
run "$PTY" 'Enter passphrase' none 'Enter same passphrase' none 'Go on?' yes -- env PATH="$BUILD:$PATH" bash -e script
ok 'they do what the manual describes' test "$CODE" = 0
ok 'the old key is retired' test "$(nhictl key list --json | jq -r --arg k "$KID" '.keys[] | select(.kid == $k).state')" = retired
KID=$(kid)
ok 'the new key is in the agent' secret_is agent
expect 0 'and signs' sign_alone --out t
finish
