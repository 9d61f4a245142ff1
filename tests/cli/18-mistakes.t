#!/bin/bash
# SPDX-License-Identifier: ISC
# What is proposed after a mistake: the right command, and never one that ends, removes or locks anything.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

LIST=$(dirname "$SCRIPT")/mistakes
setup_host
for agent in other-bot backup-bot; do
    nhictl agent add "$agent" --owner ops@example.org --purpose 'backs up' --review-by 2099-06-30 >/dev/null
done
for task in build-4712 build-4600 nightly; do
    nhictl task open "$task" --agent ci-bot --until 2h --concurrent >/dev/null
done
nhictl task close build-4600 --reason 'is over' >/dev/null
nhictl agent suspend backup-bot --reason 'is tried' >/dev/null
nhictl key add ci-issuer k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI --agents ci-bot --accounts deploy \
    --services sshd --max-ttl 1h >/dev/null
issue --ttl 1h >ticket.txt
JTI=$(nhictl ticket inspect ticket.txt --json | jq -r .ticket.jti)
mkdir policy.d
echo 'rules = ( { effect = "permit"; agent = "a"; account = "b"; service = "c"; } );' >policy.d/a.conf
echo 'tests = ( { agent = "a"; task = "t"; account = "b"; service = "c"; expect = "permit"; } );' >requests.conf

# What is alive: none of it may end by a mistake.
alive() {
    sqlite3 -readonly "$LEDGER" "SELECT name, state FROM agent; SELECT id, state FROM task; SELECT jti FROM ticket;
        SELECT kid, state FROM issuer; SELECT kind, id FROM revocation;"
    nhictl lockdown status --json | jq .lockdown
}
ENDS='^nhictl (revoke|lockdown on|task close|agent (retire|suspend)|owner offboard|key (retire|revoke|rotate)|session (kill|end)|restore|audit archive|scan)( |$)'
BEFORE=$(alive)
MISTAKES=0 RIGHT=0
while IFS=$'\t' read -r typed right; do
    [[ -n $typed && $typed != '#'* ]] || continue
    MISTAKES=$((MISTAKES + 1))
    # shellcheck disable=SC2086 # words
    run nhictl $typed </dev/null
    first=$(sed -n 's/^try: //p' .err | head -n 1)
    ok "nhictl $typed: is refused" test "$CODE" != 0
    ok "nhictl $typed: '$first' ends nothing" grep -qvE "$ENDS" <<<"$first"
    if [[ $first =~ $right ]]; then RIGHT=$((RIGHT + 1)); else printf '# %s: %s, not %s\n' "$typed" "$first" "$right"; fi
done <"$LIST"
echo "# $RIGHT of $MISTAKES right"
ok 'a hundred mistakes' test "$MISTAKES" -ge 100
ok 'all first proposals are right' test "$RIGHT" = "$MISTAKES"
ok 'nothing has ended' test "$(alive)" = "$BEFORE"
finish
