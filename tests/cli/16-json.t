#!/bin/bash
# SPDX-License-Identifier: ISC
# nhi-json(5) has every member that --json prints, with its type, and no member that no verb prints.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/seed.sh
. "$(dirname "$SCRIPT")/seed.sh"
TREE=$(cd "$(dirname "$SCRIPT")/../.." && pwd)
perl "$TREE/tests/tools/json-page.pl" "$TREE/nhictl/nhi-json.5" >page || exit 1

# has VERB CODE COMMAND…: notes every member of its answer, which the page must have under the verb.
has() {
    local verb=$1 code=$2
    shift 2
    [[ " $* " == *" --json "* ]] || set -- "$@" --json
    expect "$code" "$verb: $*" "$@"
    jq -r 'paths as $p | [($p | map(if type == "number" then "[]" else "." + . end) | join("")),
        (getpath($p) | type)] | join(" ")' .out | sort -u | sed "s/^/$verb\t/" >>seen
}
# unknown: the members in seen that page does not have, or has with another type. A star in the page stands for any name.
# A verb that is not in the page may only have the members that the page lists under a star.
unknown() {
    awk -F '\t' '
        NR == FNR { split($2, a, " "); types[$1, a[1]] = types[$1, a[1]] "|" a[2]; listed[$1]; next }
        {
            split($2, a, " ")
            path = a[1]
            any = path
            sub(/\.[a-z-]+$/, ".*", any)
            verb = $1 in listed ? $1 : "*"
            if (index(types["", path] types[verb, path] types[verb, any] "|", "|" a[2] "|") == 0) print $1 ": " $2
        }' page seen
}

# nouns_of WORD...: the verb of a line.
nouns_of() { if [ "$1" = revoke ]; then echo revoke; else echo "$1 $2"; fi; }

# These verbs print events, the output of another program, or nothing.
NO_OBJECT='watch|run|audit export|audit follow'
has init 0 nhictl init
rm -rf /var/lib/nhi /etc/nhi
setup_host
has 'agent add' 0 nhictl agent add web-bot --owner web@example.org --purpose 'serves' --review-by 2099-06-30 --group builders
has 'agent show' 0 nhictl agent show ci-bot
has 'agent set' 0 nhictl agent set web-bot --daemons
has 'agent suspend' 0 nhictl agent suspend web-bot --reason odd
has 'agent resume' 0 nhictl agent resume web-bot
has 'agent certify' 0 nhictl agent certify web-bot --review-by 2099-12-31 --because needed
has 'agent transfer' 0 nhictl agent transfer web-bot --owner ops@example.org
has 'agent export' 0 nhictl agent export
nhictl agent export --out agents.conf >/dev/null
has 'agent import' 0 nhictl agent import agents.conf
has 'adopt' 0 nhictl adopt deploy
LD_LIBRARY_PATH=$BUILD has setup 0 nhictl setup nss
cat >requests.conf <<'CONF'
tests = ( { agent = "ci-bot"; task = "t"; account = "deploy"; service = "sshd"; expect = "permit"; } );
CONF
has 'policy test' 0 nhictl policy test requests.conf
cat >/etc/nhi/policy.d/more.conf <<'CONF'
rules = ( { name = "wide"; effect = "permit"; agent = "*"; account = "*"; service = "sudo"; } );
CONF
cat >/etc/nhi/agents.d/x.conf <<'CONF' || true
agents = ( { name = "decl-bot"; owner = "ops@example.org"; purpose = "x"; review_by = "2099-06-30"; } );
CONF
echo 'max_lifetime = "8h"; warn = "2m";' >/etc/nhi/nhi.conf
issue --out first >/dev/null
has apply 0 nhictl apply
has 'task open' 0 nhictl task open other --agent web-bot --idle 30m
has 'task list' 0 nhictl task list --all
# The ID of a ticket may begin with a dash, for which the examples are not written.
JTI=-
while [[ $JTI == -* ]]; do
    has issue 0 nhictl issue --agent ci-bot --task build-4711 --account deploy --service sshd,sudo --uses 3
    JTI=$(jq -r .ticket.jti .out)
    jq -r .text .out >ticket.txt
done
ssh-keygen -q -t ed25519 -N '' -f id
nhictl issue --agent ci-bot --task build-4711 --account deploy --bind-key id.pub --out bound >/dev/null
BOUND=$(nhictl ticket list --json | jq -r '.tickets[] | select(.services == ["sshd"]).jti')
has renew 0 nhictl renew --json --ttl 20m -- "$BOUND"
nhictl issue --agent ci-bot --task build-4711 --account deploy --service sshd --host elsewhere --out away >/dev/null
has 'ticket list' 0 nhictl ticket list --all
has 'key list' 0 nhictl key list
KID=$(jq -r '.keys[0].kid' .out)
# Everything exists now, and nothing has ended yet: runs the example of each verb that has no line of its own here.
mapfile -t EXAMPLES < <(verbs | grep -vxE "$NO_OBJECT")
for verb in "${EXAMPLES[@]}"; do
    grep -qE "(^| )has '?$verb'? [0-9]" "$SCRIPT" || has "$verb" 0 eval "$(example_of "$verb" | sed "s/nhictl $verb/& --json/")"
done
# The check reports the rule that permits everything.
has 'policy check' 1 nhictl policy check
# Nobody has logged in, and this shell has no keyring.
has askpass 1 nhictl askpass 'Password: '
has 'session show' 1 nhictl session show a-0f5c21d8-57
has 'session kill' 1 nhictl session kill a-0f5c21d8-57
has explain 0 nhictl explain --account deploy --service sshd ticket.txt
has explain 0 nhictl explain expired
has scan 1 nhictl scan ticket.txt bound
has trace 0 nhictl trace build-4711
has review 0 nhictl review
has status 0 nhictl status
has metrics 0 nhictl metrics
has doctor 1 nhictl doctor
has 'session end' 0 nhictl session end --leftovers ci-bot
has 'lockdown on' 0 nhictl lockdown on
has 'lockdown status' 0 nhictl lockdown status
has 'lockdown off' 0 nhictl lockdown off
has 'key add' 0 nhictl key add other k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI --agents ci-bot --accounts deploy \
    --services sshd --max-ttl 1h
export CREDENTIALS_DIRECTORY=/run/t/creds
install -d -m 700 creds && install -m 600 <(echo 'correct horse') creds/nhi.passphrase
has 'key protect' 0 nhictl key protect "$KID"
has 'key unprotect' 0 nhictl key unprotect "$KID"
unset CREDENTIALS_DIRECTORY
has 'key move' 0 nhictl key move "$KID" --to /run/t/moved
has 'key rotate' 0 nhictl key rotate
has 'audit head' 0 nhictl audit head
has 'audit verify' 0 nhictl audit verify
nhictl backup old.backup >/dev/null
has backup 0 nhictl backup nhi.backup
for line in "revoke --ticket $JTI" 'task close build-4711' 'owner offboard ops@example.org --reason left' 'agent retire web-bot' \
    'agent suspend web-bot' 'lockdown on'; do
    # shellcheck disable=SC2086 # words
    has "$(nouns_of $line)" 0 nhictl $line --dry-run
done
has 'audit archive' 0 nhictl audit archive --before "$(date -u +%FT%TZ)" --out archive --dry-run
has revoke 0 nhictl revoke --json --ticket "$JTI"
has 'task close' 0 nhictl task close build-4711
has 'owner offboard' 0 nhictl owner offboard ops@example.org --reason left
has 'owner return' 0 nhictl owner return ops@example.org --resume
has 'agent retire' 0 nhictl agent retire web-bot
has 'key retire' 0 nhictl key retire "$KID"
has 'key revoke' 0 nhictl key revoke other --reason stolen
has 'audit archive' 0 nhictl audit archive --before "$(date -u +%FT%TZ)" --out archive
# Replaces everything so far with a history.
sql "DELETE FROM issuer WHERE kid <> (SELECT min(kid) FROM issuer)"
seed
has trace 0 nhictl trace build-4711
has review 0 nhictl review --window 2d --unused 1m --sources 1
has status 0 nhictl status
has 'audit verify' 1 nhictl audit verify
has 'agent show' 1 nhictl agent show nobody
has restore 0 nhictl restore old.backup
run unknown
ok 'each member of an answer is in nhi-json(5), with its type' test -z "$OUT"
# Every name in the page is printed by some verb.
grep -v '^\*' page | cut -f 2 | cut -d ' ' -f 1 | grep -o '[a-z_]*$' | sort -u | while read -r name; do
    grep -rqF "\"$name\"" "$TREE/nhictl" "$TREE/libnhi/ledger/setting_list.h" --include='*.[ch]' || echo "$name"
done >never
ok 'each member in nhi-json(5) is printed by some verb' test ! -s never || cat never
verbs | sort >every
run comm -23 <(cut -f 1 page | sort -u | sed '/^$/d; /^\*$/d') every
ok 'each verb in nhi-json(5) exists' test -z "$OUT"
run comm -3 <(sed -n 's/\t\.ok .*//p' seen | sort -u) <(grep -vxE "$NO_OBJECT" every)
ok 'each verb was tried' test -z "$OUT"
finish
