#!/bin/bash
# SPDX-License-Identifier: ISC
# What is refused, with a reason, and without any change.
# Invariant: 16.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

add() {
    nhictl agent add "$@" --no-home
}
FULL=(--owner ops --purpose builds --review-by 2099-06-30)

run nhictl status
ok 'without a ledger, status prints the command to type' was_refused 3 'there is no ledger'
ok 'which is init' complained 'try: nhictl init'
run nhictl agent list --json
ok 'errors under --json are an object' json '.ok == false and (.error | test("no ledger"))
    and .hint == "nhictl init"'
refused 3 'no ledger' 'revoke without a ledger and a reserve' nhictl revoke --task x

refused 2 'not a well-formed' 'init with a malformed host name' nhictl init --host 'a_b'
refused 2 'agent range' 'init with a range below 1000' nhictl init --uid-min 500 --uid-max 900
refused 2 'agent range' 'init with a range past 2^31' nhictl init --uid-min 65536 --uid-max 3000000000
refused 1 'deploy' 'init with a range that includes an account' nhictl init --uid-min 4000 --uid-max 5000
echo 'nhi-agents:x:4500:' >>/etc/group
refused 1 'nhi-agents' 'init where a group nhi-agents exists' nhictl init
sed -i '/^nhi-agents:/d' /etc/group
run unshare --user --map-root-user "$BUILD/nhictl" init
if unshare --user true 2>/dev/null; then
    ok 'init where the range is not mapped' was_refused 1 'not mapped'
else
    skip 'init where the range is not mapped' 'the kernel gives no user namespace in a chroot'
fi
ok 'a refused init made nothing' test ! -e /var/lib/nhi
mkdir -m 755 /var/lib/nhi
[ -d /run/nhi ] || mkdir -m 700 /run/nhi
# As if another init held the file that no other user can open.
refused 1 'another nhictl init' 'init beside another one' flock /run/nhi "$BUILD/nhictl" init
rm -rf /var/lib/nhi
setup_host
refused 1 'already initialised' 'init twice' nhictl init

for name in .. . a/b 'a:b' $'a\nb' A -- 0bot '' "$(printf 'a%.0s' {1..33})" $'a\033[31m' root/ nhi-agents nhi-only nhi-observe; do
    run add "${FULL[@]}" -- "$name"
    ok "agent add refuses the name $(printf %q "$name")" test "$CODE" -ge 1 -a "$CODE" -le 2
    ok 'with a message on one line, and a hint at most' test "$(wc -l <.err)" -le 2
    ok 'and no control character in it' grep -qvP '[\x00-\x08\x0b-\x1f\x7f]' .err
done
for option in owner purpose review-by; do
    args=()
    for ((i = 0; i < ${#FULL[@]}; i += 2)); do
        [ "${FULL[i]}" = "--$option" ] || args+=("${FULL[i]}" "${FULL[i + 1]}")
    done
    refused 2 "--$option" "agent add without --$option" add x-bot "${args[@]}"
    ok 'the hint is a whole command' complained 'try: nhictl agent add ci-bot --owner'
done
refused 2 'control characters' 'an empty owner' add x-bot --owner '' --purpose p --review-by 2099-01-01
refused 2 'control characters' 'an owner of two lines' add x-bot --owner $'a\nb' --purpose p \
    --review-by 2099-01-01
refused 2 'not in the future' 'a review date in the past' add x-bot --owner o --purpose p \
    --review-by 2020-01-01
refused 2 'a date such as' 'a review date that does not exist' add x-bot --owner o --purpose p \
    --review-by 2099-02-30
refused 1 'exists' 'the name of an agent' add ci-bot "${FULL[@]}"
refused 1 'already has an account deploy' 'the name of an account' add deploy "${FULL[@]}"
refused 1 'already has a group builders' 'the name of a group' add builders "${FULL[@]}"
refused 1 'leads to root' 'a privileged group' add x-bot "${FULL[@]}" --group sudo
refused 1 'no group' 'a group that does not exist' add x-bot "${FULL[@]}" --group nobody-has-this
refused 1 'start at gid 1000' 'a system group' add x-bot "${FULL[@]}" --group games
refused 1 'outside' 'a uid outside of the range' add x-bot "${FULL[@]}" --uid 4001
refused 1 'outside' 'the gid of nhi-agents as uid' add x-bot "${FULL[@]}" --uid 65536
refused 1 'never used again' 'a uid that was used' add x-bot "${FULL[@]}" --uid 65537
refused 1 'not an executable' 'a shell that does not exist' add x-bot "${FULL[@]}" --shell /bin/nope
refused 2 'absolute path' 'a home with ..' add x-bot "${FULL[@]}" --home /home/../etc
refused 2 'absolute path' 'a relative home' add x-bot "${FULL[@]}" --home home
ln -s /etc /home/link
mkdir /home/taken
for name in docker wheel lxd sudo incus-admin; do
    refused 1 'leads to root' "an agent with the name of a group that leads to root: $name" nhictl agent add $name "${FULL[@]}"
done
refused 1 'already exists and does not belong to the agent' 'a home that is a link' nhictl agent add x-bot "${FULL[@]}" --home /home/link
refused 1 'already exists and does not belong to the agent' 'a home that is somebody else'"'"'s' nhictl agent add x-bot "${FULL[@]}" \
    --home /home/taken
mkdir -m 1777 /home/open
refused 1 'users other than root can write' 'a home in a directory that everybody can write' nhictl agent add x-bot \
    "${FULL[@]}" --home /home/open/x

refused 1 'no agent' 'agent show of an unknown agent' nhictl agent show nobody
refused 1 'no agent' 'agent suspend of an unknown agent' nhictl agent suspend ..
refused 1 'no agent' 'a task for an unknown agent' nhictl task open t1 --agent nobody
refused 1 'already has an open task: build-4711' 'a second open task' nhictl task open t1 --agent ci-bot
refused 1 'used before' 'a task ID again' nhictl task open build-4711 --agent ci-bot --concurrent
refused 2 'not a task ID' 'a task ID with a space' nhictl task open 'a b' --agent ci-bot
refused 2 'not a task ID' 'a task ID of 65 characters' nhictl task open "$(printf 'a%.0s' {1..65})" \
    --agent ci-bot
refused 1 '30 days' 'a task that is too long' nhictl task open t1 --agent ci-bot --until 31d --concurrent
refused 2 'past' 'a deadline in the past' nhictl task open t1 --agent ci-bot --until 2020-01-01T00:00:00Z
for span in 15 0s 1x -5m 1.5h 99999999999d ''; do
    refused 2 'time span' "the span '$span'" issue --ttl "$span"
done

try_issue() {
    nhictl issue --service sshd "$@"
}
BOT=(--agent ci-bot --task build-4711)
bind() { try_issue "${BOT[@]}" --account deploy --bind-key "$1"; }
echo 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB x' >rsa.pub
echo '-----BEGIN OPENSSH PRIVATE KEY-----' >private
head -c 70000 /dev/zero >zeros
: >empty
refused 3 'No such file' 'a key that does not exist' bind nowhere.pub
refused 1 'not an Ed25519 key' 'a key of another type' bind rsa.pub
refused 1 'is a private key' 'a private key' bind private
ok 'the hint names the public key' complained '--bind-key private.pub'
refused 1 'does not start with an OpenSSH public key' 'a file without a key' bind zeros
refused 1 'does not start with an OpenSSH public key' 'an empty file' bind empty
refused 3 'Is a directory' 'a directory' bind .
refused 1 'no agent' 'issue for an unknown agent' try_issue --agent nobody --task build-4711 --account deploy
refused 1 'no task' 'issue for an unknown task' try_issue --agent ci-bot --task nope --account deploy
ok 'the hint opens a task' complained 'try: nhictl task open nope --agent ci-bot'
refused 1 'left, less than the lifetime of the ticket' 'issue past the deadline' issue --ttl 3h
ok 'the hint has a lifetime that works' complained 'try: --ttl '
nhictl task open long --agent ci-bot --concurrent --until 20d >/dev/null
refused 1 'for 1d at most' 'issue for longer than the key permits' try_issue --agent ci-bot --task long --account deploy \
    --ttl 2d
refused 1 'no account' 'issue for an account that does not exist' try_issue "${BOT[@]}" --account ghost
refused 1 'privileged (uid 0)' 'issue for root' try_issue "${BOT[@]}" --account root
refused 1 'privileged (sudo)' 'issue for a member of sudo' try_issue "${BOT[@]}" --account boss
refused 1 'privileged' 'issue for root on another host' try_issue "${BOT[@]}" --account root --host b
add other-bot "${FULL[@]}" >/dev/null
refused 1 "another agent's" 'issue for another agent'"'"'s account' try_issue "${BOT[@]}" --account other-bot
refused 1 "is ci-bot's" 'issue for another agent'"'"'s task' try_issue --agent other-bot --task build-4711 \
    --account deploy
refused 2 'at least one' 'an empty list' try_issue "${BOT[@]}" --account ''
refused 2 'malformed' 'a list with an empty word' try_issue "${BOT[@]}" --account deploy,,person
refused 2 'malformed' 'a name twice' try_issue "${BOT[@]}" --account deploy,deploy
refused 2 'commas' 'a list with spaces' try_issue "${BOT[@]}" --account 'deploy person'
long=$(printf 'service-number-%02d,' {1..14})
refused 1 '--service is the longest part' 'a ticket that would be too long' nhictl issue "${BOT[@]}" \
    --account deploy --service "${long%,}" --host elsewhere
refused 1 'no rule could permit account deploy through cron; rule deploy comes closest, but its service does not match' \
    'what no rule permits' try_issue "${BOT[@]}" --account deploy,ci-bot --service cron
refused 1 'no rule could permit account person through sshd; rule deploy comes closest, but its account does not' \
    'an account that no rule permits' try_issue "${BOT[@]}" --account person
RULE='agent = "ci-bot"; account = "deploy"; service = "cron";'
echo "rules = ( { name = \"short\"; effect = \"permit\"; $RULE max_lifetime = \"14m\"; } );" >/etc/nhi/policy.d/y.conf
nhictl apply >/dev/null
refused 1 'short comes closest, but its max_lifetime does not' 'a lifetime that no rule permits' \
    try_issue "${BOT[@]}" --account deploy --service cron
echo "rules = ( { name = \"night\"; effect = \"permit\"; $RULE hours = \"03:00-03:01\"; source = \"192.0.2.1\"; } );" \
    >/etc/nhi/policy.d/y.conf
nhictl apply >/dev/null
expect 0 'what a rule permits from some place at some time' nhictl issue "${BOT[@]}" --account deploy --service cron --out kept
nhictl revoke --ticket "$(nhictl ticket list --json | jq -r '.tickets[0].jti')" >/dev/null
echo "rules = ( { name = \"never\"; effect = \"forbid\"; ${RULE/cron/sshd} } );" >/etc/nhi/policy.d/y.conf
nhictl apply >/dev/null
refused 1 'rule never forbids account deploy through sshd' 'what a rule forbids' \
    try_issue "${BOT[@]}" --account deploy
rm /etc/nhi/policy.d/y.conf
nhictl apply >/dev/null
refused 1 'no key' 'an unknown key' issue --key nope
refused 1 'no ticket' 'an unknown parent' issue --parent AAAAAAAAAAAAAAAAAAAAAA
ok 'no ticket was recorded' test "$(nhictl ticket list --all --json | jq '.tickets | length')" = 1

PARENT=$(issue --json | jq -r .ticket.jti)
nhictl revoke --ticket "$PARENT" >/dev/null
refused 1 'is revoked' 'a revoked parent' issue --parent "$PARENT"
SECRET=$(echo /var/lib/nhi/keys/k*.secret)
cp -p "$SECRET" good.secret
chmod 0640 "$SECRET"
refused 3 'cannot be used' 'a secret key that a group can read' issue
rm "$SECRET"
refused 3 'was not found' 'a secret key that is missing' issue
# The secret of the PASETO test vectors: whole, and not this issuer's.
echo k4.secret.tMv7Q99M4hByfZU-SnEzB_oZu32fhQQUONnhG5QqN3Qeudu7vAR8A_1wYE4AcfCYfhayi3VyJcEfAEFdDiCxog >"$SECRET"
chmod 0600 "$SECRET"
refused 3 'damaged' "the secret key of another issuer" issue
cp -p good.secret "$SECRET"

T=$(issue)
refused 2 'every user of this host can read a ticket' 'a ticket on the command line' nhictl ticket inspect "$T"
refused 2 'every user of this host can read a ticket' 'a ticket as a value' nhictl revoke --ticket="$T"
refused 2 'from a file' 'half of a ticket on the command line' nhictl import "v4.x"
refused 2 'secret key' 'a secret key on the command line' nhictl key add x "$(cat /var/lib/nhi/keys/*)"
ok 'no error shows the ticket' test "$(grep -c "${T:0:40}" .err)" = 0

for i in 1 20 60 120 200 250 300 "$((${#T} - 2))"; do
    c=${T:i:1}
    [ "$c" = A ] && d=B || d=A
    printf '%s%s%s\n' "${T:0:i}" "$d" "${T:i+1}" >bad.txt
    run nhictl ticket inspect bad.txt
    ok "a ticket with character $i changed" test "$CODE" = 1
    printf '%s\n' "${T:0:i}" >bad.txt
    run nhictl ticket inspect bad.txt
    ok "a ticket cut off after $i characters" test "$CODE" = 1
done
refused 1 'too long' '64 KiB without a ticket' nhictl ticket inspect - < <(head -c 65536 /dev/urandom)
refused 1 'not a ticket' 'an empty file' nhictl ticket inspect /dev/null
refused 3 'cannot read' 'a file that does not exist' nhictl ticket inspect nope.txt
refused 1 'no ticket' 'ticket show of an unknown ticket' nhictl ticket show AAAAAAAAAAAAAAAAAAAAAA
refused 1 'no ticket' 'ticket show of a malformed ID' nhictl ticket show xyz

refused 2 'exactly one' 'revoke without a target' nhictl revoke --reason x
refused 2 'exactly one' 'revoke with two targets' nhictl revoke --task a --agent ci-bot
refused 2 'not a well-formed' 'revoke of a malformed ticket ID' nhictl revoke --ticket xyz
refused 1 'no agent' 'revoke of an unknown agent' nhictl revoke --agent nobody
refused 1 'no key' 'revoke of an unknown key' nhictl revoke --issuer nope

KID=$(nhictl key list --json | jq -r '.keys[0].kid')
PUBLIC=$(nhictl key export "$KID")
BOUNDS=(--agents '*' --accounts deploy --services sshd --max-ttl 1h)
refused 1 'used before' 'a key that is known here already' nhictl key add other "$PUBLIC" "${BOUNDS[@]}"
refused 2 'not a public key' 'a malformed key' nhictl key add other k4.public.AAAA "${BOUNDS[@]}"
refused 2 'not a public key' 'a key of small order' nhictl key add other \
    k4.public.AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA "${BOUNDS[@]}"
GOOD=k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI
refused 1 'used before' 'a key name that was used' nhictl key add "$KID" $GOOD "${BOUNDS[@]}"
for bound in agents accounts services max-ttl; do
    args=()
    for ((i = 0; i < ${#BOUNDS[@]}; i += 2)); do
        [ "${BOUNDS[i]}" = "--$bound" ] || args+=("${BOUNDS[i]}" "${BOUNDS[i + 1]}")
    done
    refused 2 "--$bound" "key add without --$bound" nhictl key add other $GOOD "${args[@]}"
done
refused 2 'malformed' 'a bound of * and more' nhictl key add other $GOOD --agents '*,ci-bot' --accounts a \
    --services b --max-ttl 1h
refused 1 "is this host's signing key" 'key retire of the key that signs' nhictl key retire "$KID"

nhictl task close build-4711 >/dev/null
refused 1 'is closed' 'issue for a closed task' issue
refused 1 'already closed' 'task close twice' nhictl task close build-4711
refused 1 'used before' 'a closed ID again' nhictl task open build-4711 --agent ci-bot --concurrent
nhictl agent suspend ci-bot >/dev/null
refused 1 'is suspended' 'a task for a suspended agent' nhictl task open t9 --agent ci-bot
refused 1 'is suspended' 'issue for a suspended agent' try_issue --agent ci-bot --task long --account deploy
nhictl agent retire ci-bot >/dev/null
refused 1 'is retired' 'issue for a retired agent' try_issue --agent ci-bot --task long --account deploy
refused 1 'is retired, which cannot be undone' 'agent resume of a retired agent' nhictl agent resume ci-bot
refused 1 'exists (retired)' 'the name of a retired agent again' add ci-bot "${FULL[@]}"

# Every verb that writes, run by another user than root.
cp "$BUILD/nhictl" /run/t/nhictl
chmod 0755 /run/t/nhictl
nobody() {
    setpriv --reuid=4002 --regid=4002 --clear-groups /run/t/nhictl "$@"
}
# The supervisor may empty the ledger's log into it at any time.
kill -STOP "$WATCH"
nhictl status >/dev/null
BEFORE=$(sha256sum <"$LEDGER")
echo x >ticket.txt
for line in 'init' 'agent add y-bot --owner o --purpose p --review-by 2099-01-01' 'agent suspend other-bot' \
    'agent resume other-bot' 'agent retire other-bot' 'task open y --agent other-bot' 'task close long' \
    'issue --agent other-bot --task long --account deploy --service sshd' 'import ticket.txt' \
    'revoke --task long' 'key rotate' "key retire $KID" "key revoke $KID --reason x" \
    "key add other $GOOD --agents a --accounts b --services c --max-ttl 1h" 'apply' 'status --accept-clock'; do
    # shellcheck disable=SC2086 # a command line
    refused 1 'only root' "as a user: $line" nobody $line
done
refused 1 'only root can read' 'as a user: agent list' nobody agent list
ok 'nothing was changed' test "$(sha256sum <"$LEDGER")" = "$BEFORE"
kill -CONT "$WATCH"
finish
