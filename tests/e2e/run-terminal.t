#!/bin/bash
# SPDX-License-Identifier: ISC
# nhictl run at a terminal: the agent cannot read what root types elsewhere, and a program that needs a terminal has
# one.
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # for the shell of the agent
. "$(dirname "$0")/lib.sh"

lab_up
nhi_up
chmod 1777 "$W"
line() { printf '%s\n' "$2" >"$W/$1"; }

# ---- in the background, from root's shell ----

cat >"$W/listen" <<S
#!/bin/bash
for fd in 0 1 2; do readlink /proc/self/fd/\$fd; done >$W/fds
stty -echo <&1
cat >>$W/stolen
cat <&1 >>$W/stolen &
cat <&2 >>$W/stolen &
cat </dev/tty >>$W/stolen &
echo said-in-the-background
: >$W/up
exec sleep 1000
S
chmod 755 "$W/listen"
line begin "tty >$W/tty; nhictl run --agent ci-bot --job bg -- $W/listen &"
line wait "until [ -e $W/up ]; do sleep 0.05; done; echo it-is-\"up\""
line secret-1 secret-1
line secret-2 secret-2
line end "stty -a >$W/modes; kill %1; wait; exit"
capture env PS1='ROOT# ' timeout 60 "$PTY" 'ROOT# ' "$W/begin" 'ROOT# ' "$W/wait" it-is-up "$W/secret-1" 'secret-1: command' "$W/secret-2" \
    'secret-2: command' "$W/end" -- bash --norc -i
like "$OUT" 'secret-1: command not found.*secret-2: command not found' "root's shell reads what root types"
is "$(cat "$W/stolen")" '' 'a command in the background reads none of it'
is "$(head -n 1 "$W/fds")" /dev/null 'its standard input is empty'
! grep -qxF "$(cat "$W/tty")" "$W/fds"
ok $? 'and it has no descriptor of that terminal' || note "$(cat "$W/tty" "$W/fds")"
like "$OUT" 'said-in-the-background' 'its output appears there'
like "$(cat "$W/modes")" '[^-]echo ' "root's terminal works as before, whatever the command does to its own"

# ---- in the foreground ----

# at_terminal [PROMPT FILE]... -- ARG...: nhictl run for ci-bot on a terminal of 33 lines.
at_terminal() {
    local typed=()
    while [ "$1" != -- ]; do
        typed+=("$1")
        shift
    done
    shift
    capture timeout 60 "$PTY" "${typed[@]}" -- sh -c 'stty rows 33 cols 101; tty >'"$W"'/tty; exec nhictl run --agent ci-bot --job fg "$@"' run "$@"
    OUT=$(tr -d '\r' <<<"$OUT")
}
at_terminal -- -- sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all; echo controlling >/dev/tty; stty size; tty; stat -Lc %U /dev/stdin; sudo -n id -u'
is "$RC:$OUT" "0:all
controlling
33 101
$(sed -n 4p <<<"$OUT")
ci-bot
0" 'a terminal of its own: the three descriptors, controlling, as large, its to use; and sudo'
unlike "$(sed -n 4p <<<"$OUT")" "^$(cat "$W/tty")\$" 'a different one from that of the caller'
line hello hello
at_terminal 'who? ' "$W/hello" -- -- sh -c 'printf "who? "; read x; echo "[$x]"'
like "$RC:$OUT" '^0:.*\[hello\]' 'it reads what is typed'
line ctrl-c $'\003'
at_terminal ready "$W/ctrl-c" -- -- bash -c 'trap "echo interrupted; exit 5" INT; echo ready; while :; do sleep 0.05; done'
like "$RC:$OUT" '^5:.*interrupted' 'Ctrl-C goes to the command'
at_terminal ready "$W/ctrl-c" -- -- sh -c 'echo ready; exec sleep 1000'
is "$RC" 130 'and ends a program that does not handle it'
at_terminal -- -- seq 20000
is "$RC:$(md5sum <<<"$OUT")" "0:$(seq 20000 | md5sum)" 'all its output appears'
capture "$PTY" -- sh -c "stty -a >$W/before; nhictl run --agent ci-bot --job fg -- sh -c 'stty raw -echo; kill -9 \$\$'; stty -a >$W/after"
is "$(cat "$W/after")" "$(cat "$W/before")" 'the terminal is as it was, whatever the command did to its own'
rm -f "$W/up"
"$PTY" -- sh -c "tty >$W/tty; exec nhictl run --agent ci-bot --job size -- bash -c 'trap \"stty size >$W/size; grep -q 44.111 $W/size && exit\" WINCH; : >$W/up; while :; do sleep 0.05; done'" \
    >/dev/null 2>&1 &
RUN=$!
eventually test -e "$W/up"
stty -F "$(cat "$W/tty")" rows 44 cols 111
wait $RUN
is "$(cat "$W/size")" '44 111' 'it is told of a change of size'

# ---- partly redirected ----

capture "$PTY" -- sh -c "nhictl run --agent ci-bot --job pipe -- sh -c 'readlink /proc/self/fd/0; seq 3; test -t 2 && echo said >&2' | cat"
is "$RC:$(sort <<<"$OUT")" $'0:/dev/null\r\n1\r\n2\r\n3\r\nsaid\r' 'in a pipe: nothing is typed to it, and no line ends twice'
capture "$PTY" -- sh -c "echo given | nhictl run --agent ci-bot --job pipe -- sh -c 'cat; test -t 1 && echo terminal'"
is "$RC:$OUT" $'0:given\r\nterminal\r' 'from a pipe: it reads that'
nhictl run --agent ci-bot --job none -- sh -c 'tty; : </dev/tty' </dev/null >"$W/out" 2>&1
like "$(cat "$W/out")" 'not a tty' 'without a terminal, none is made'

# A terminal that accepts nothing holds up nothing.
rm -f "$W/up"
"$PTY" -- nhictl run --agent ci-bot --job held -- sh -c ": >$W/up; exec yes" 2>/dev/null | { until [ -e "$W/gone" ]; do sleep 0.05; done; cat >/dev/null; } &
eventually test -e "$W/up"
# Until all of them are full.
full() { [ "$(ps -o wchan= -C yes)" = "$was" ] || ! was=$(ps -o wchan= -C yes); }
was=none
eventually full
must nhictl revoke --agent ci-bot
eventually sh -c '! pgrep -u ci-bot . >/dev/null'
ok $? 'a terminal that accepts nothing: the run is ended all the same'
: >"$W/gone"
wait

finish
