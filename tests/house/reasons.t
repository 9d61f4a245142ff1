#!/bin/bash
# SPDX-License-Identifier: ISC
# Every reason for a denial is explained: in pam_nhi(8), and with commands that exist.
set -u
cd "$(dirname "$0")/../.." || exit 99
NHICTL=${BUILD:-build}/nhictl
n=0
is() { # is GOT WANTED NAME
    n=$((n + 1))
    if [ "$1" = "$2" ]; then
        echo "ok $n - $3"
    else
        echo "not ok $n - $3"
        diff <(echo "$2") <(echo "$1") | sed 's/^/#   /'
    fi
}

is "$(sed -n '/^\.\\" tests\/house\/reasons.pl/,/^\.El/p' pam_nhi/pam_nhi.8 | sed '1,2d;$d')" "$(perl tests/house/reasons.pl)" \
    'pam_nhi(8) has every reason, with its cause and what to do'

# shellcheck disable=SC2016
commands=$(grep -o '`nhictl [^`]*`' libnhi/policy/reason_list.h | tr -d '`' | sed 's/^nhictl //')
unknown=
while read -r first second _; do
    case $second in -* | [A-Z]* | '') second=$first ;; *) second="$first $second" ;; esac
    # shellcheck disable=SC2086
    [[ $("$NHICTL" $second --help 2>/dev/null) == "usage: nhictl $second"* ]] || unknown="$unknown $second;"
done <<<"$commands"
is "$unknown" '' 'each command that they name exists'

wrong=
while read -r name; do
    "$NHICTL" explain "$name" --json | jq -e --arg name "$name" \
        '.reason | .name == $name and (.text, .cause, .remedy | length > 0)' >/dev/null || wrong="$wrong $name"
done < <(perl tests/house/reasons.pl | sed -n 's/^\.It Cm //p')
is "$wrong" '' 'nhictl explain knows each, for anybody'
echo "1..$n"
