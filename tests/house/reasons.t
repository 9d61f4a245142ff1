#!/bin/bash
# SPDX-License-Identifier: ISC
# Every reason for a denial is explained: in nhi-reasons(7), and with commands that exist.
# shellcheck source=tests/house/lib.sh
. "$(dirname "$0")/lib.sh"
NHICTL=${BUILD:-build}/nhictl
PAGE=${BUILD:-build}/nhi-reasons.7

# An entry of the page as one line of plain text.
entry() { # entry NAME
    sed -n "/^\.It Cm $1\$/,/^\.\(It\|El\)/p" "$PAGE" | sed '1d; $d; s/^\.Ql //; s/^\.Xr \([^ ]*\) \([0-9]\)/\1(\2)/; s/\\-/-/g' |
        paste -sd ' ' | sed 's/ \([.,;:]\)/\1/g'
}
# The same text from the program.
explained() { # explained NAME
    "$NHICTL" explain "$1" --json |
        jq -r '.reason | "\(.text[:1] | ascii_upcase)\(.text[1:]). \(.cause) \(.remedy)"' | tr -d '`'
}

names=$(grep -o 'X([A-Z_]*, "[a-z-]*"' libnhi/policy/reason_list.h | cut -d '"' -f 2)
is "$(sed -n 's/^\.It Cm //p' "$PAGE")" "$names" 'nhi-reasons(7) has every reason'
is "$(for name in $names; do entry "$name"; done)" "$(for name in $names; do explained "$name"; done)" \
    'with the meaning, the cause and the remedy that nhictl explain prints'

# shellcheck disable=SC2016
commands=$(grep -o '`nhictl [^`]*`' libnhi/policy/reason_list.h | tr -d '`' | sed 's/^nhictl //')
unknown=
while read -r first second _; do
    case $second in -* | [A-Z]* | '') second=$first ;; *) second="$first $second" ;; esac
    # shellcheck disable=SC2086
    [[ $("$NHICTL" $second --help 2>/dev/null) == "usage: nhictl $second"* ]] || unknown="$unknown $second;"
done <<<"$commands"
is "$unknown" '' 'each command in the explanations exists'

wrong=
for name in $names; do
    "$NHICTL" explain "$name" --json | jq -e --arg name "$name" \
        '.reason | .name == $name and (.text, .cause, .remedy | length > 0)' >/dev/null || wrong="$wrong $name"
done
is "$wrong" '' 'nhictl explain explains each reason to anybody'
echo "1..$n"
