#!/bin/bash
# SPDX-License-Identifier: ISC
# One verb for each line of a file: each line has its own answer, refusals change nothing, and what was cut off goes on.
# Invariants: 4, 6, 12, 15.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317,SC2016
. "$(dirname "$0")/lib.sh"

sql() { sqlite3 "$LEDGER" "$1"; }
events() { sql "SELECT count(*), count(DISTINCT $2) FROM event WHERE kind = '$1'"; }
each() { jq -es "$1" .out; }
eventually() {
    for ((try = 0; try < 3000; try++)); do
        "$@" && return
        sleep 0.01
    done
    return 1
}

nhictl init >/dev/null
mkdir -p /etc/nhi/policy.d
echo 'rules = ( { effect = "permit"; agent = "ci-bot"; account = ["ci-bot", "deploy"]; service = ["sshd", "sudo"]; } );' \
    >/etc/nhi/policy.d/a.conf
nhictl apply >/dev/null
for agent in ci-bot other-bot third-bot; do
    nhictl agent add $agent --owner ops --purpose x --review-by 2099-06-30 --no-home >/dev/null
done

# --- task open
cat >lines <<'END'
# builds
a-1 --agent ci-bot --until 2h

  a-2 --agent ci-bot --concurrent
a-3 --agent nobody
a-1 --agent ci-bot --concurrent
a-4 --agent ci-bot --until
'a b' --agent ci-bot
a-5 --agent "other-bot" --idle 30m
a-6 --agent ci-bot
a-7 --agent ci-bot --from x
a-8 --agent 'ci-bot
END
expect 1 'task open --from' nhictl task open --from lines
ok 'each task that was opened is printed' test "$OUT" = $'a-1\na-2\na-5'
for line in "5: there is no agent 'nobody'" '6: task ID a-1 was used before' '7: --until needs a value' \
    "8: 'a b' is not a task ID" '10: agent ci-bot already has an open task: a-2' '11: --from cannot be in a line' \
    '12: a quote is not closed'; do
    ok "line $line" complained "lines:$line"
done
ok 'and how many were refused' complained '7 of 10 lines were refused'
ok 'they are open, and no others' test "$(sql 'SELECT group_concat(id) FROM (SELECT id FROM task WHERE state = 1 ORDER BY id)')" = a-1,a-2,a-5
ok 'each has one event' test "$(events task-open task)" = '3|3'
ok 'options are those of the line' test "$(sql "SELECT idle FROM task WHERE id = 'a-5'")" = 1800
expect 0 'options beside --from' nhictl task open --agent ci-bot --concurrent --until 3h --from - --json \
    <<<$'b-1\nb-2 --agent other-bot\nb-3 --until 1h'
ok 'hold for each line that does not give them' each '[.[] | .task.agent // empty] == ["ci-bot", "other-bot", "ci-bot"]'
ok 'an object for each line, and one for all' each 'length == 4 and [.[].line] == [1, 2, 3, null]
    and .[3] == {ok: true, lines: 3, done: 3, refused: 0}'
expect 1 'a refused line in JSON' nhictl task open --agent ci-bot --concurrent --from - --json <<<$'b-1\nb-4'
ok 'has the reason, and the other its task' each '.[0].ok == false and .[0].line == 1 and (.[0].error | test("used before"))
    and (.[0].hint | test("task show")) and .[1].ok and .[1].task.id == "b-4" and .[2].ok == false and .[2].done == 1'
expect 0 'no line' nhictl task open --from /dev/null
refused 2 'the file has it' 'an ID beside --from' nhictl task open x --from lines
refused 3 'cannot read' 'a file that does not exist' nhictl task open --from none
printf 'c-1\0 --agent ci-bot\n' >nul
refused 1 'is not text' 'a file with a NUL' nhictl task open --from nul

: >big
truncate -s 300M big
refused 1 'more than 256 MiB' 'a file that is too large' nhictl task open --from big
yes '# nothing' | head -c 100M >big
(
    ulimit -v 100000
    refused 3 'Cannot allocate memory' 'a file that there is no memory for is not an empty one' nhictl task open --from big
    exit "$FAILED"
)
FAILED=$((FAILED + $?)) TESTS=$((TESTS + 1))
rm big

# --- issue
seq -f 'many-%g' 200 >tasks
expect 0 'tasks' nhictl task open --agent ci-bot --concurrent --from tasks
sed 's/^/--task /' tasks >issues
expect 0 'issue --from' nhictl issue --agent ci-bot --account ci-bot --service sshd --from issues --json
ok 'a ticket for each line' each '[.[] | select(.ticket)] | length == 200 and ([.[].ticket.jti] | unique | length == 200)
    and all(.[]; .text | startswith("v4.public."))'
ok 'for the task of that line' each '[.[] | select(.ticket)] | all(.[]; .ticket.task == "many-\(.line)")'
jq -r 'select(.ticket) | "--ticket " + .ticket.jti' .out >revs
jq -r 'select(.line == 200) | .text' .out >last
jq -r 'select(.line == 1) | .text' .out >first
ok 'each is recorded, with one event' test "$(sql 'SELECT count(*) FROM ticket'),$(events issue jti)" = '200,200|200'
expect 0 'the last one' nhictl ticket inspect last
cat >mixed <<'END'
--task many-1 --account deploy
--task none --account deploy
--task many-2 --account boss
--task many-3 --account person
--task many-4 --service cron
--task many-5 --key k1
--task many-6 --bind-key x.pub
--task many-7
END
expect 1 'lines that are refused' nhictl issue --agent ci-bot --account ci-bot --service sshd --from mixed
ok 'one ticket for each that was not' test "$(grep -c '^v4.public' .out),$(wc -l <.out)" = 2,2
for line in "2: there is no task 'none'" '3: account boss is privileged' '4: no rule could permit account person' \
    '5: no rule could permit account ci-bot through cron' '6: --key cannot be in a line' '7: --bind-key, --cert and --out'; do
    ok "line $line" complained "mixed:$line"
done
ok 'and no other is recorded' test "$(sql 'SELECT count(*) FROM ticket')" = 202
refused 2 'cannot be used with --from' '--out beside --from' nhictl issue --agent ci-bot --account ci-bot --out x --from issues
echo 'rules = ( { effect = "permit"; agent = "ci-bot"; account = "ci-bot"; service = "sshd"; task = "many-1*"; } );' \
    >/etc/nhi/policy.d/a.conf
nhictl apply >/dev/null
expect 1 'a rule that looks at tasks' nhictl issue --agent ci-bot --account ci-bot --service sshd --from - --json \
    <<<$'--task many-1\n--task many-2\n--task many-12'
ok 'is asked for each' each '[.[].ok] == [true, false, true, false]'
run nhictl issue --agent ci-bot --account ci-bot --service sshd --from - <<<$'--task many-1\n--task many-11'
before=$(sql 'SELECT count(*) FROM ticket')
nhictl issue --agent ci-bot --account ci-bot --service sshd --from - <<<$'--task many-1\n--task many-11' >/dev/full 2>.err
ok 'tickets that cannot be written out' test $? = 3
ok 'are revoked' test "$(sql "SELECT count(*) FROM ticket t JOIN revocation r ON r.kind = 1 AND r.id = t.jti WHERE t.n > $before")" = 2
ok 'and are not counted as done' grep -q 'No space left on device; 0 of 2 lines are done, 0 were refused' .err
ok 'with what to type' grep -q '^try: the same with the lines from number 1 on' .err

# --- revoke
{
    head -n 3 revs
    sed -n '4s/$/ --reason "its own"/p' revs
    echo '--ticket AAAAAAAAAAAAAAAAAAAAAQ'
    echo '--task many-9'
    echo '--agent nobody'
    echo '--ticket AAAAAAAAAAAAAAAAAAAAAQ --task x'
    echo '--agent other-bot'
} >ends
expect 1 'revoke --from' nhictl revoke --reason leaked --from ends --json
ok 'each ends what it names' each '[.[] | .revoked.live_tickets // empty] == [1, 1, 1, 1, 0, 1, 0]'
ok 'the others are refused' each '[.[] | select(.ok | not) | .line] == [7, 8, null]'
ok 'a ticket that is not known is not seen' each '.[4].revoked.seen == false and .[3].revoked.seen'
ok 'sessions and other hosts are in the last' each '.[-1].sessions == {"ended": 0, "left": 0, "left_sessions": []}
    and .[-1].other_hosts == [] and .[-1].done == 7'
ok 'the reason is that of the line, or of all' test "$(sql "SELECT group_concat(cause, ',') FROM
    (SELECT cause FROM event WHERE kind = 'revoke' AND cause IN ('leaked', 'its own') ORDER BY seq)")" \
    = 'leaked,leaked,leaked,its own,leaked,leaked,leaked'
expect 1 'a ticket of those' nhictl ticket inspect first
ok 'is refused' said revoked
expect 0 'a ticket for another host' nhictl issue --agent ci-bot --task many-1 --account ci-bot --service sshd \
    --host other.example.org --json
expect 0 'is revoked' nhictl revoke --from - <<<"--ticket $(jq -r .ticket.jti .out)"
ok 'and the answer says what to type there' said 'nhictl revoke --ticket'
ok 'and that it was not ended' said 'NOT ended'

expect 0 'two agents, one of them twice' nhictl revoke --json --from - <<<$'--agent other-bot\n--agent third-bot\n--agent other-bot'
ok 'what they left behind is said once' test "$(grep -o '"leftovers"' .out | wc -l)" = 1

# --- nowhere to write
read_only() { mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"; }
nhictl issue --agent ci-bot --account ci-bot --service sshd --task many-1 >leak
read_only /var/lib/nhi
read_only /run/nhi
expect 3 'revoke --from that can be recorded nowhere' nhictl revoke --json --from - <<<$'--task many-20\n--agent other-bot'
ok 'has a last answer all the same' each 'length == 3 and (.[0].ok or .[1].ok or .[2].ok | not) and .[2].lines == 2
    and .[2].refused == 2 and .[2].sessions.left == 0 and .[2].other_hosts == []'
ok 'which names what is not revoked' each '.[2].error | test("^2 NOT revoked.*: task many-20, agent other-bot: neither")'
ok 'and what to type' each '.[2].hint | test("writable.*session kill")'
umount /run/nhi
expect 3 'revoke --from that only the run directory has' nhictl revoke --json --from - <<<$'--task many-20\n--task\n--agent other-bot'
ok 'has one last answer' each 'length == 4 and ([.[] | select(.lines)] | length == 1) and .[3].done == 2 and .[3].refused == 1'
ok 'which says for how long it holds' each '.[3].error | test("holds only until this host is restarted")'
expect 3 'scan --revoke that only the run directory has' nhictl scan --json --revoke leak
ok 'says so, too' json '(.ok | not) and .counts.revoked_now == 1 and (.error | test("only until this host is restarted"))'
umount /var/lib/nhi

# --- a full disk
used=$(df --output=used -k /var/lib | tail -n 1)
mount -o "remount,size=$((used + 4))k" /var/lib
head -c 1M /dev/zero >/var/lib/fill 2>/dev/null
sed -n '11,13p' revs >three
expect 0 'revoke --from on a full disk' nhictl revoke --from three --json
ok 'the reserve keeps each' each '[.[] | .revoked.held_in // empty] == ["reserve", "reserve", "reserve"]'
expect 1 'other lines' nhictl revoke --from - --json <<<$'--ticket AAAAAAAAAAAAAAAAAAAAAg\n--ticket'
ok 'are refused all the same' each '.[0].revoked.held_in == "reserve" and (.[1].ok | not)'
run nhictl task open --agent ci-bot --concurrent --from - <<<'d-1'
ok 'a task cannot be opened' test "$CODE" = 3
ok 'which says how far it came, and how to go on' complained '0 of 1 lines are done'
rm /var/lib/fill
mount -o remount,size=50% /var/lib
expect 0 'later' nhictl task open --agent ci-bot --concurrent --from - <<<d-1
ok 'the ledger has them' test "$(sql "SELECT count(*) FROM revocation WHERE id IN ('$(sed 's/--ticket //' three | paste -sd, | sed "s/,/','/g")')")" = 3

# --- another writer that does not end
mkfifo hold
sqlite3 "$LEDGER" <hold &
holder=$!
exec 8>hold
echo 'BEGIN IMMEDIATE;' >&8
locked() { grep -q "POSIX .* WRITE $holder " /proc/locks; }
eventually locked
seq -f '--ticket B%020.0fA' 1 40 >busy
expect 0 'revoke --from while the ledger is busy' nhictl revoke --from busy --json 8>&-
ok 'the reserve keeps each' each '[.[] | .revoked.held_in // empty] == [range(40) | "reserve"]'
exec 8>&-
wait $holder
expect 0 'later' nhictl task open --agent ci-bot --concurrent --from - <<<g-1
ok 'the ledger has them' test "$(sql "SELECT count(*) FROM revocation WHERE kind = 1 AND id LIKE 'B%A'")" = 40

# --- a signer that fails in the middle of a turn
ssh-agent -D -a /run/t/agent.sock >/dev/null 2>&1 &
agent=$!
export SSH_AUTH_SOCK=/run/t/agent.sock
eventually test -S agent.sock
ssh-keygen -q -t ed25519 -N '' -f issuer
ssh-add -q issuer
expect 0 'a key in an ssh-agent' nhictl key rotate --agent-key issuer.pub
yes -- '--ttl 10m' | head -n 3000 >signs
mkfifo slow
"$BUILD/nhictl" issue --agent ci-bot --task many-1 --account ci-bot --service sshd --json --from signs >slow 2>.err &
pid=$!
exec 7<slow
eventually grep -q pipe_write /proc/$pid/wchan
kill $agent
wait $agent
cat <&7 >.out
wait $pid
CODE=$? ERR=$(<.err)
exec 7<&-
n=$(grep -c '"ok":true' .out)
ok 'tickets that were signed before an ssh-agent went away are given out' test "$n" -gt 0 -a "$n" -lt 3000
ok 'and counted' complained "; $n of 3000 lines are done, 0 were refused"
ok 'with what to type for both' complained "try: ssh-add -l, then: tail -n +$((n + 1)) signs | nhictl issue --from -"

# --- a ledger that is ahead of the clock
sql 'UPDATE setting SET latest = latest + 3600'
expect 1 'a clock that went back' nhictl task open --agent ci-bot --concurrent --from - --json <<<e-1
ok 'is one answer' each 'length == 1 and (.[0].ok | not) and (.[0].error | test("clock went back"))'
sql 'UPDATE setting SET latest = latest - 3600'

# --- a signal
seq 20000 | awk '{ printf "--ticket %021dA\n", $1 }' >long
"$BUILD/nhictl" revoke --from long >cut.out 2>cut.err &
pid=$!
some() { test -s cut.out; }
eventually some
kill -TERM $pid
wait $pid
CODE=$?
ok 'a signal ends it' test "$CODE" = 143
n=$(sed -n 's/.*interrupted; \([0-9]*\) of 20000 lines are done, 0 were refused/\1/p' cut.err)
ok 'between two turns' test "${n:-0}" -gt 0 -a "${n:-0}" -lt 20000
ok 'what was done was answered' test "$(wc -l <cut.out)" = "${n:-0}"
ok 'each by its name' cmp <(sed 's/^revoked ticket \([^:]*\):.*/--ticket \1/' cut.out) <(head -n "${n:-0}" long)
ok 'and is in force' test "$(sql "SELECT count(*) FROM revocation WHERE kind = 1 AND id LIKE '0000%'")" = "${n:-0}"
ok 'it says how to go on' grep -q "try: tail -n +$((${n:-0} + 1)) long | nhictl revoke --from -" cut.err
expect 0 'which works' eval "tail -n +$((${n:-0} + 1)) long | nhictl revoke --from -"
ok 'all are revoked' test "$(sql "SELECT count(*) FROM revocation WHERE kind = 1 AND id LIKE '0000%'")" = 20000
expect 0 'the trail' nhictl audit verify
finish
