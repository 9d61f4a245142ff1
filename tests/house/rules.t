#!/bin/bash
# SPDX-License-Identifier: ISC
# The rules of the tree: which folder may include which, which symbols are exported, which libraries are linked.
# Invariant: 9.
set -u
cd "$(dirname "$0")/../.." || exit 99
build=${BUILD:-build}
n=0

# A missing file would pass every test that it must not contain something.
for f in pam_nhi.so nhi-decide.so nhi-decide-keys.so libnss_nhi.so.2 nhi-authorized-keys nhi-nss-ask nhictl; do
    if [ ! -f "$build/$f" ]; then
        echo "not ok 1 - cannot go on: no $build/$f: run make first"
        exit 1
    fi
done

# none TEXT FOUND: passes if FOUND is empty.
none()
{
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        printf '%s\n' "$2" | sed 's/^/#   /'
    fi
}

# includes HEADER DIRECTORY...: the files in these directories that include HEADER
includes()
{
    local header=$1
    shift
    grep -rlE "#include [<\"]$header" "$@" --include='*.[ch]' 2>/dev/null
}

ALL=(libnhi conf hostcfg nhictl pam_nhi pam_decide nss_nhi sshd_nhi keys_decide nss_ask pam_trial)
# only_in TEXT HEADER WHERE...: no file outside of these folders and files includes HEADER.
only_in()
{
    local text=$1 header=$2
    shift 2
    none "$text" "$(includes "$header" "${ALL[@]}" | grep -vE "^($(IFS='|'; echo "$*"))")"
}
# may_include DIRECTORY ROOMS: of our headers, it includes only those of its own folder and of these rooms.
may_include()
{
    none "$1 includes only its own headers${2:+ and those of $2}" \
        "$(grep -rnE '#include "' "$1" --include='*.[ch]' | grep -vE "#include \"($1${2:+|${2// /|}})/")"
}

may_include libnhi
may_include conf libnhi
may_include hostcfg 'libnhi nhictl/say'
may_include nhictl 'libnhi conf hostcfg'
may_include pam_nhi libnhi
may_include pam_decide 'libnhi pam_nhi'
may_include nss_nhi libnhi
may_include sshd_nhi libnhi
may_include keys_decide 'libnhi sshd_nhi'
may_include nss_ask libnhi
may_include pam_trial
only_in 'libconfig only where configuration is read' 'libconfig.h' conf/
only_in 'sqlite only in the ledger' 'sqlite3.h' libnhi/ledger/sql.h
only_in 'the inner header of the ledger is included only there' 'libnhi/ledger/sql.h' libnhi/ledger/
none 'the tables and steps of the ledger are text, without macros that may change' \
    "$(grep -nE '^ *# *[a-z]' libnhi/ledger/schema_{tables,steps}.[ch] |
        grep -vE '#include ("libnhi/ledger/schema_(tables|steps)[.]h"|<stddef.h>)|NHI_SCHEMA_(TABLES|STEPS)_H|#endif')"
only_in 'sodium only in keys, tickets and hashes' 'sodium.h' libnhi/key/ libnhi/ticket/ libnhi/base/hash.c
only_in 'jansson only in the text of grants and output' 'jansson.h' libnhi/grant/grant_record.c hostcfg/ nhictl/
only_in 'PAM only in pam_nhi, its decider and the trial of stacks' 'security/pam' pam_nhi/ pam_decide/ pam_trial/
none 'no printing, exiting or environment in the library and the modules' \
    "$(grep -nE '\b(getenv|secure_getenv|setlocale|printf|fprintf|perror|exit|abort|system|popen|umask|chdir|signal|sleep|kill)\(' \
        libnhi/*/*.c pam_nhi/*.c pam_decide/*.c nss_nhi/*.c | grep -vE 'snprintf|^[^:]*:[0-9]*: *(/?\*|//)')"

exported()
{
    nm -D --defined-only "$1" | awk '{print $3}' | sed 's/@.*//' | grep -vE "$2"
}
needed()
{
    readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE "$2"
}

if nm -D "$build/pam_nhi.so" | grep -q '__asan_\|__ubsan_'; then
    skip=' # SKIP a sanitizer build links and exports more'
    for what in 'exports of pam_nhi' 'exports of nss_nhi' 'libraries of pam_nhi' \
        'exports of what decides' 'libraries of the decider' 'libraries of the other' 'where they have them from' \
        'libraries of nss_nhi' 'libraries of nhictl' 'libraries of the helper' \
        'libraries of the program that asks' 'hardening'; do
        n=$((n + 1))
        echo "ok $n - $what$skip"
    done
else
    none 'pam_nhi exports the six PAM entry points only' \
        "$(exported "$build/pam_nhi.so" '^pam_sm_(authenticate|setcred|acct_mgmt|open_session|close_session|chauthtok)$')"
    none 'nss_nhi exports _nss_nhi_* only' "$(exported "$build/libnss_nhi.so.2" '^_nss_nhi_')"
    none 'pam_nhi needs libpam and libc only' "$(needed "$build/pam_nhi.so" '^lib(pam|c)\.so')"
    none 'what decides exports its entry only' "$(exported "$build/nhi-decide.so" '^pnhi_decider$')$(
        exported "$build/nhi-decide-keys.so" '^nhi_keys_decider$')"
    none 'the decider needs libpam, libc and sodium only' \
        "$(needed "$build/nhi-decide.so" '^lib(pam|c|sodium)\.so')"
    none 'that of the helper needs libc and sodium only' \
        "$(needed "$build/nhi-decide-keys.so" '^lib(c|sodium)\.so')"
    none 'both have their libraries from the directory of the system, whatever LD_LIBRARY_PATH says' \
        "$(for f in "$build/nhi-decide.so" "$build/nhi-decide-keys.so"; do
            readelf -d "$f" | grep RUNPATH
            readelf -d "$f" | grep -qE '\(RPATH\).*\[/usr/lib[^:]*\]' || echo "$f: no RPATH"
        done)"
    none 'nss_nhi needs libc only' "$(needed "$build/libnss_nhi.so.2" '^libc\.so')"
    none 'nhictl needs libc, sodium, sqlite, jansson and libconfig only' \
        "$(needed "$build/nhictl" '^lib(c|m|sodium|sqlite3|jansson|config)\.so')"
    none 'the helper of sshd needs libc only' "$(needed "$build/nhi-authorized-keys" '^libc\.so')"
    none 'the program that asks other sources needs libc only' \
        "$(needed "$build/nhi-nss-ask" '^libc\.so')"
    bad=
    for f in "$build/pam_nhi.so" "$build/nhi-decide.so" "$build/nhi-decide-keys.so" "$build/libnss_nhi.so.2" "$build/nhi-authorized-keys" \
        "$build/nhi-nss-ask" "$build/nhictl"; do
        readelf -dW "$f" | grep -q 'BIND_NOW\|FLAGS.*NOW' || bad="$bad $f: lazy binding;"
        readelf -lW "$f" | grep -q 'GNU_RELRO' || bad="$bad $f: no RELRO;"
        readelf -lW "$f" | grep 'GNU_STACK' | grep -q 'RWE' && bad="$bad $f: executable stack;"
        readelf -sW "$f" | grep -q '__stack_chk_fail' || bad="$bad $f: no stack protector;"
    done
    none 'RELRO, immediate binding, no executable stack, stack protector' "$bad"
fi

bad=
kinds=$(grep -rhoE 'FINDING_[A-Z]+, "[a-z]+' nhictl hostcfg | sed 's/.*"//' | sort -u)
for kind in $kinds; do
    sed -n '/^The names of findings begin/,/^\.El/p' nhictl/doctor/nhictl-doctor.8 | grep -qE "^\.It.* $kind(-|\$| )" || bad="$bad $kind"
done
none 'the manual has every kind of finding' "$bad"

none 'no path of a build machine, no registry host' \
    "$(grep -rnIE '/work/(main|shared|\.library)|registry\.npmjs|deb\.debian\.org' \
        Makefile README.md DESIGN.md "${ALL[@]}" packaging tests --exclude=rules.t)"
echo "1..$n"
