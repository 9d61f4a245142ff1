#!/bin/bash
# SPDX-License-Identifier: ISC
# The messages about a broken file of rules, agents, settings or test cases, word for word: the line, what is wrong
# there, and what was expected.
#
# nhi checks comments, strings and brackets itself, in addition to libconfig. libconfig reads an unterminated comment or
# string as the end of the file, so that a rule after it would be left out silently; and for an unclosed bracket it only
# reports the end of the file.
# Invariant: 9.
# shellcheck disable=SC2119
# shellcheck source=tests/cli/lib.sh
MANUALS=$(dirname "$(readlink -f "$0")")/../../nhictl
. "$(dirname "$0")/lib.sh"
setup_host

# says TEXT MESSAGE: a file of this KIND with that text is refused with that message.
says() {
    local path verb=(apply) end='; nothing was changed'
    case $KIND in
    policy) path=/etc/nhi/policy.d/x.conf ;;
    agents) path=/etc/nhi/agents.d/x.conf ;;
    settings) path=/etc/nhi/nhi.conf ;;
    cases) path=x.conf verb=(policy test x.conf) end= ;;
    esac
    printf %s "$1" >"$path"
    run nhictl "${verb[@]}"
    ok "$KIND: ${1//$'\n'/ }" test "$CODE ${ERR%$'\n'try: man 8 nhictl}" = "1 nhictl: $path:$2$end"
    rm "$path"
}

# keys_of PAGE: the keys that it lists, in its order: "a, b or c".
keys_of() {
    sed -n 's/^\.It Li //p' "$MANUALS/$1" | sed 's/ , /\n/g' | paste -sd , | sed 's/,/, /g; s/, \([^,]*\)$/ or \1/'
}
KIND=policy
says $'\nrules = ; (' \
    "2: syntax error: expected ')' to close the bracket on this line"
says 'rules ( );' \
    '1: syntax error: expected KEY = VALUE; here or just before'
says 'rules = ( { effect "permit"; } );' \
    '1: syntax error: expected KEY = VALUE; here or just before'
says $'rules = (\n{ effect = permit; }\n);' \
    '2: syntax error: expected KEY = VALUE; here or just before'
says $'rules = (\n{ effect = "permit"; agent = "a" "b" account = "c"; }\n);' \
    '2: service is missing: every rule names account and service'
says $'rules = (\n{ effect = "permit";\n' \
    "2: syntax error: expected '}' to close the bracket on this line"
says $'rules = (\n{ agent = [ "a"\n) };' \
    "3: syntax error: expected ']' to match the bracket on line 2, found ')'"
says $'rules = ( );\n};' \
    "2: syntax error: nothing is open that '}' could close"
says $'rules = (\n  { effect = "permit"; agent = "a"; account = "b"; service = "cron"; },\n  { effect = "permit"; agent = "a"; account = "b"; service = "cron"; }\n' \
    "1: syntax error: expected ')' to close the bracket on this line"
says 'rules = ( [ ) ];' \
    "1: syntax error: expected ']' to match the bracket on line 1, found ')'"
says ')' \
    "1: syntax error: nothing is open that ')' could close"
says $'\nrules = ( { name = "x; } );\n' \
    '2: syntax error: expected a quotation mark to end the text that begins here'
says $'rules = ( { effect = "permit"; agent = "a"; account = "b"; service = "cron"; } );\n" more' \
    '2: syntax error: expected a quotation mark to end the text that begins here'
says $'\n/* rules = ( );\n' \
    '2: syntax error: expected */ to end the comment that begins here'
says $'rules = ( { effect = "permit"; agent = "a"; account = "b"; service = "cron"; } );\n\n/* rules = (\n { } );\n' \
    '3: syntax error: expected */ to end the comment that begins here'
says $'rules = ( { name = "a\\' \
    '1: syntax error: expected a quotation mark to end the text that begins here'
says $'rules = ();\n/*' \
    '2: syntax error: expected */ to end the comment that begins here'
says $'\n@include "other.conf"\n' \
    '2: @include is not supported: put every file into this directory'
says $'# @include "other.conf"\n' \
    '1: @include is not supported: put every file into this directory'
says 'rules = ((((((((((((((((()))))))))))))))));' \
    '1: nested more than 16 levels deep'
says $'rules =\n(((((((((((((((((' \
    '2: nested more than 16 levels deep'
says 'a = {b={b={b={b={b={b={b={b={b={b={b={b={b={b={b={b={b=' \
    '1: nested more than 16 levels deep'
says 'rule = ( { effect = "permit"; agent = "a"; account = "b"; service = "cron"; } );' \
    "1: unknown setting 'rule': expected rules"
says $'\nrules = ();\nrules = ();' \
    '3: duplicate setting name: expected KEY = VALUE; here or just before'
says 'rules = { };' \
    '1: rules: expected a list: ( {…}, {…} )'
says 'rules = ( "permit" );' \
    '1: rules: expected { … } for each rule'
says $'\nrules = (\n{ servce = "sshd"; effect = "permit"; agent = "a"; account = "b"; service = "cron"; } );' \
    "3: unknown key 'servce': expected $(keys_of nhi-policy.5)"
says $'rules = (\n{ task = "a";\ntask = "b"; } );' \
    '3: duplicate setting name: expected KEY = VALUE; here or just before'
says $'rules = (\n{\neffect = "allow"; } );' \
    '3: effect: expected "permit" or "forbid"'
says $'rules = (\n{\neffect = 1; } );' \
    '3: effect: expected "permit" or "forbid"'
says $'rules = (\n{\nname = "a b"; } );' \
    '3: name: expected 1 to 64 printable characters without spaces, in quotes'
says $'rules = (\n{\nsource = "h.example"; } );' \
    $'3: source: invalid value \'h.example\': expected "local", "unix", or a numeric address or network, without bits after its prefix (192.0.2.0/24, 2001:db8::/32)'
says $'rules = (\n{\nsource = []; } );' \
    '3: source: an empty list matches nobody'
says $'rules = (\n{\ndays = "x"; } );' \
    "3: days: invalid value 'x': expected sun, mon, tue, wed, thu, fri, sat, or a range such as mon-fri"
says $'rules = (\n{\nhours = "8-18"; } );' \
    "3: hours: invalid span '8-18': expected for example 08:00-18:00, or 22:00-06:00 across midnight"
says $'rules = (\n{\nzone = "../x"; } );' \
    '3: zone: expected a name from the tz database, such as "Europe/Berlin"'
says $'rules = (\n{\nbound = "hand"; } );' \
    '3: bound: expected "key", "tree", "nothing", or an array of them'
says $'rules = (\n{\nmax_lifetime = 900; } );' \
    '3: max_lifetime: expected a time span in quotes, such as "90s", "15m" or "1h30m"'
says $'rules = (\n{\nmax_uses = 0; } );' \
    '3: max_uses: expected a number from 1 to 1000000'
says $'rules = (\n{\nmax_uses = 0.5; } );' \
    '3: max_uses: expected a number from 1 to 1000000'
says $'rules = (\n{\nmax_sessions = -1; } );' \
    '3: max_sessions: expected a number from 1 to 1000000'
says $'rules = (\n{\nowner = "a\\nb"; } );' \
    '3: owner: expected an owner as nhictl agent list shows it'
says $'rules = (\n{\nssh = "pty"; } );' \
    '3: ssh: expected "restrict", or an array of "no-pty", "no-port-forwarding", "no-agent-forwarding", "no-X11-forwarding"'
says $'rules = (\n{\nagent = "A b"; } );' \
    "3: agent: 'A b' is not a well-formed name"
says $'rules = (\n{\naccount = ["*", "b"]; } );' \
    "3: account: '*' is not a well-formed name"
says $'rules = (\n{\naccount = ("b"); } );' \
    '3: account: expected text in quotes, or an array of such texts'
says $'rules = (\n{\naccount = ["b", "b"]; } );' \
    "3: account: 'b' given twice"
says $'rules = (\n{\naccount = "root"; } );' \
    '2: effect is missing: expected "permit" or "forbid"'
says $'rules = (\n{\ndays = "mon";\n zone = "UTC";\n effect = "forbid";\n max_sessions = 2; } );' \
    '2: agent is missing: every rule names agent or owner'
says $'rules = (\n{ account = "b"; service = "c"; agent = "a"; } );' \
    '2: effect is missing: expected "permit" or "forbid"'
says $'rules = (\n{ effect = "permit"; account = "b"; service = "c"; } );' \
    '2: agent is missing: every rule names agent or owner'
says $'rules = (\n{ effect = "permit"; agent = "b"; account = "c"; } );' \
    '2: service is missing: every rule names account and service'
KIND=agents
says $'\nagents = ; (' \
    "2: syntax error: expected ')' to close the bracket on this line"
says $'agents = (\n{ name = "a"; owner = "o"; } );' \
    '2: purpose is missing: every agent has name, owner, purpose and review_by'
says 'agents = ( { name = "a"; owner = "o"; purpose = "p"; review_by = "2099-01-01"; }' \
    "1: syntax error: expected ')' to close the bracket on this line"
says $'agents = (\n{ name = "a"; owner = "o"; purpose = "p"; review_by = "2099-01-01";\nonwer = "x"; } );' \
    "3: unknown key 'onwer': expected name, owner, purpose, review_by, uid, group, home, make_home, shell or state"
says 'agents = { };' \
    '1: agents: expected a list: ( {…}, {…} )'
says 'agents = ( "a" );' \
    '1: agents: expected { … } for each agent'
says $'agents = (\n{ name = "A b"; } );' \
    "2: name: expected an agent's name: a lower-case letter, then lower-case letters, digits, _ and -, in quotes"
says $'agents = (\n{ owner = ""; } );' \
    '2: owner: expected an owner without leading or trailing blanks or invisible characters, in quotes'
says $'agents = (\n{ review_by = "soon"; } );' \
    '2: review_by: expected a date in quotes, such as "2027-06-30"'
says $'agents = (\n{ uid = 0; } );' \
    '2: uid: expected a number from 1 to 2147483647'
says $'agents = (\n{ group = "A B"; } );' \
    "2: group: 'A B' is not a well-formed name"
says $'agents = (\n{ home = "x"; } );' \
    '2: home: expected an absolute path, in quotes'
says $'agents = (\n{ make_home = 1; } );' \
    '2: make_home: expected true or false'
says $'agents = (\n{ state = "on"; } );' \
    '2: state: expected "active", "suspended" or "retired"'
says $'agents = (\n{ group = []; } );' \
    '2: group: an empty list matches nobody'
says $'agents = (\n{ purpose = "a\\nb"; } );' \
    '2: purpose: expected what it is for, in quotes'
KIND=settings
says $'\npine = "refuse";' \
    "2: unknown setting 'pine': expected $(keys_of nhi.conf.5)"
says 'pin = "no";' \
    '1: pin: expected "refuse" or "record"'
says $'pin = "refuse";\npin = "record";' \
    '2: duplicate setting name: expected KEY = VALUE; here or just before'
says 'max_lifetime = "0s";' \
    '1: max_lifetime: expected a time span in quotes, such as "90s", "15m" or "1h30m"'
says 'head_every = "8d";' \
    '1: head_every: at most "7d"'
says 'pin = ( { }' \
    "1: syntax error: expected ')' to close the bracket on this line"
says $'\n\nuid_min = "x";' \
    '3: uid_min: expected a number from 1 to 2147483647'
says '/* pin = "record";' \
    '1: syntax error: expected */ to end the comment that begins here'
KIND=cases
says $'tests = (\n{ agent = "a"; task = "t"; account = "b"; service = "cron"; } );' \
    '2: every test names agent, task, account, service and expect'
says 'tests = ( { agent = "a"; task = "t"; account = "b"; service = "cron"; expect = "permit"; ' \
    "1: syntax error: expected '}' to close the bracket on this line"
says 'tests = ();' \
    ' expected tests = ( {…}, {…} ); and nothing else'
says $'tests = (\n{ expct = "permit"; } );' \
    "2: unknown key 'expct': expected agent, owner, task, account, service, from, at, lifetime, age, uses, bound, expect or rule"
says $'tests = (\n{ at = "noon"; } );' \
    '2: at: expected a time such as "2027-06-30T12:00:00Z"'
says $'tests = (\n{ expect = "yes"; } );' \
    '2: expect: expected "permit" or "deny"'
says $'tests = (\n{ from = "host"; } );' \
    '2: from: expected one name in quotes'
printf 'rules = ();\0\n' >/etc/nhi/policy.d/x.conf
refused 1 'x.conf:1: zero byte in the file: expected text' 'a zero byte' nhictl apply
finish
