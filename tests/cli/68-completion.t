#!/bin/bash
# SPDX-License-Identifier: ISC
# Completion: the words that nhictl offers, and how a real bash and zsh use them when Tab is pressed.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317,SC2016
TREE=$(dirname "$(readlink -f "$0")")/../..
. "$(dirname "$0")/lib.sh"
# Makes them if this machine does not have them.
for service in sshd sudo cron; do
    [ -e "/etc/pam.d/$service" ] || : >"/etc/pam.d/$service"
done
export HOME=/run/t

# offers WORD… = CANDIDATE…: after these words, exactly these candidates, in any order.
offers() {
    local words=()
    while [ "$1" != = ]; do
        words+=("$1")
        shift
    done
    shift
    nhictl complete --json -- "${words[@]}" >.out 2>.err
    [ "$(jq -r '.words[].word' .out | sort)" = "$(printf '%s\n' "$@" | sort)" ]
}
# verbs_of NOUN: the second words of its verbs.
verbs_of() { verbs | sed -n "s/^$1 //p"; }
among() { nhictl complete --json -- "${@:2}" | jq -e --arg w "$1" 'any(.words[]; .word == $w)' >/dev/null; }
shell_adds() { [ "$(nhictl complete --json -- "${@:2}" | jq -r .shell)" = "$1" ]; }

ok 'without a ledger: no names, and no complaint' offers agent show '' = --json --help
setup_host
nhictl agent add ci-other --owner 'Jane Doe' --purpose "it's odd" --review-by 2099-06-30 >/dev/null
ODD='x$(touch${IFS}/run/t/ran);a*b'
nhictl task open "$ODD" --agent ci-other --until 2h >/dev/null
nhictl task open change:17 --agent ci-other --concurrent >/dev/null
nhictl task open gone-1 --agent ci-other --concurrent >/dev/null
nhictl task close gone-1 >/dev/null
issue >/dev/null
JTI=$(nhictl ticket list --json | jq -r '.tickets[0].jti')
KID=$(nhictl key list --json | jq -r '.keys[0].kid')

mapfile -t WORDS < <(verbs | cut -d ' ' -f 1 | sort -u)
mapfile -t AG < <(printf '%s\n' "${WORDS[@]}" | grep ^ag)
mapfile -t OF_TASK < <(verbs_of task)
ok 'nouns, and verbs that stand alone' offers '' = "${WORDS[@]}" help
ok 'nouns by their beginning' offers ag = "${AG[@]}"
ok 'verbs of a noun' offers task '' = "${OF_TASK[@]}"
ok 'help' offers he = help
ok 'nouns and verbs after help' offers help '' = "${WORDS[@]}"
ok 'verbs of a noun after help' offers help task '' = "${OF_TASK[@]}"
ok 'nothing after a verb that help explains' test "$(nhictl complete --json -- help task show '' | jq '.words | length')" = 0
ok 'agents' offers agent show '' = ci-bot ci-other
ok 'agents by their beginning' offers agent retire ci-o = ci-other
ok 'a new name cannot be guessed' offers agent add x =
ok 'agents of an option' offers issue --agent '' = ci-bot ci-other
ok 'agents of an option after =' offers issue --agent=ci-o = ci-other
run nhictl complete -- issue --agent=ci-o
ok 'in text output, with the option before it' said '--agent=ci-other'
ok 'open tasks' offers task close '' = build-4711 "$ODD" change:17
ok 'tasks for trace, closed ones included' offers trace go = gone-1
ok 'tasks of an option' offers issue --task bu = build-4711
ok 'tickets' offers revoke --ticket '' = "$JTI"
ok 'tickets as operands' offers ticket show '' = "$JTI"
ok 'keys' offers key retire '' = "$KID"
ok 'owners' offers owner offboard J = 'Jane Doe'
ok 'programs that are set up' offers setup s = sshd sudo su
ok 'accounts' among deploy issue --account de
ok 'services' among sudo issue --service su
run nhictl complete -- issue --service sshd,su
ok 'the second of a list' said 'sshd,sudo'
ok 'options' among --bind-key issue --
ok 'options with their explanation' test "$(nhictl complete --json -- issue --tt | jq -r '.words[0].help')" = 'how long it lives (15m)'
ok 'no option twice' eval '! among --ttl issue --ttl 5m --t'
ok 'an option with a list again' among --service issue --service sshd --s
ok 'options where no other word is possible' among --accept-clock status ''
ok 'files' shell_adds files issue --out ''
ok 'files as operands' shell_adds files ticket inspect ''
ok 'files for agent import' shell_adds files agent import ''
ok 'accounts as operands' among deploy adopt de
ok 'directories' shell_adds directories policy test --policy ''
ok 'commands' shell_adds command run --agent ci-bot --job x -- ''
ok 'files as arguments of a command' shell_adds files run --agent ci-bot --job x -- ls ''
ok 'nothing for an unknown verb' offers nonsense x =

# Every verb and option that --help shows is offered.
missing=
while read -r name; do
    # shellcheck disable=SC2086 # noun and verb are two words
    set -- $name
    among "${!#}" "${@:1:$#-1}" "${!#}" || missing+=" $name"
    missing+=$(comm -23 <(nhictl "$@" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | sort) <(nhictl complete -- "$@" -- | sort))
done < <(verbs)
ok "every verb and option is offered$missing" test -z "$missing"
before=$(sha256sum "$LEDGER"*)
nhictl complete -- agent show '' >/dev/null
ok 'nothing is written' test "$before" = "$(sha256sum "$LEDGER"*)"

# ---- a shell on a terminal ----
# The command say replaces nhictl, and records its arguments.
mkdir bin && ln -s "$BUILD/nhictl" bin/nhictl
cat >say.sh <<'SH'
PATH=/run/t/bin:$PATH
say() { if [ "$1" = complete ]; then nhictl "$@"; else printf '<%s>' "$@" >>said; echo >>said; fi; }
SH
cat say.sh - >rc.bash <<SH
bind 'set enable-bracketed-paste off'; bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0'
bind 'set page-completions off'
. $TREE/packaging/completion/nhictl; complete -F _nhictl say
SH
cat say.sh - >rc.zsh <<SH
fpath=($TREE/packaging/completion \$fpath); autoload -U compinit; compinit -u -D; compdef _nhictl say
LISTMAX=500
SH
# typed SHELL LINE: the arguments of the command after these keys. TERM has no colours and no special features.
typed() {
    local shell=$1
    rm -f said
    printf '%s\n' "$2" >keys
    printf '. ./rc.%s\n' "$shell" >source
    echo exit >end
    case $shell in bash) set -- bash --norc --noprofile -i ;; zsh) set -- zsh -f -i ;; esac
    TERM=dumb PS1='ready> ' timeout 20 "$BUILD/tests/tools/pty" 'ready> ' source 'ready> ' keys 'ready> ' end -- "$@" >.out 2>.err
    cat said 2>/dev/null
}
tab=$'\t'
# completes SHELL LINE CALL
completes() {
    CALL=$(typed "$1" "$2")
    TESTS=$((TESTS + 1))
    if [ "$CALL" = "$3" ]; then
        echo "ok $TESTS - $1: ${2//$tab/<Tab>}"
    else
        echo "not ok $TESTS - $1: ${2//$tab/<Tab>} is $CALL, not $3"
        FAILED=$((FAILED + 1))
    fi
}
in_shell() {
    completes "$1" "say ag${tab}sh${tab}ci-b$tab" '<agent><show><ci-bot>'
    completes "$1" "say issue --age${tab}ci-o${tab}--tas${tab}bui$tab" '<issue><--agent><ci-other><--task><build-4711>'
    completes "$1" "say issue --agent=ci-o$tab" '<issue><--agent=ci-other>'
    completes "$1" "say revoke --tick${tab}${JTI:0:6}$tab" "<revoke><--ticket><$JTI>"
    completes "$1" "say task close chan$tab" '<task><close><change:17>'
    completes "$1" "say task close change:1$tab" '<task><close><change:17>'
    completes "$1" "say owner offboard J$tab" '<owner><offboard><Jane Doe>'
    completes "$1" "say issue --service sshd,sud$tab" '<issue><--service><sshd,sudo>'
    completes "$1" "say ticket inspect rc.b$tab" '<ticket><inspect><rc.bash>'
    completes "$1" "say run --agent ci-b${tab}-- nhict$tab" '<run><--agent><ci-bot><--><nhictl>'
    # A task may have almost any name: a shell must not run it.
    completes "$1" "say task close x$tab" "<task><close><$ODD>"
    ok "$1: a name is not run" test ! -e /run/t/ran
    typed "$1" "say agent $tab" >/dev/null
    ok "$1: Tab lists the candidates" grep -q certify .out
}
in_shell bash
if command -v zsh >/dev/null; then
    in_shell zsh
else
    skip 'zsh' 'it is not installed'
fi
# The locations where shells look for it.
expect 0 'make install' make -s -C "$TREE" -o all BUILD="$BUILD" DESTDIR=/run/t/root install
ok 'bash finds it' cmp root/usr/share/bash-completion/completions/nhictl "$TREE/packaging/completion/nhictl"
ok 'zsh finds it' cmp root/usr/share/zsh/vendor-completions/_nhictl "$TREE/packaging/completion/_nhictl"
finish
