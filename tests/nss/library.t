#!/bin/bash
# SPDX-License-Identifier: ISC
# The shared object itself: what it needs, what it exports, how it is hardened.
# Invariant: 10.
set -u

build=${BUILD:?the build directory}
lib=$build/libnss_nhi.so.2

if ! command -v readelf >/dev/null; then
    echo '1..0 # SKIP needs readelf'
    exit 0
fi
if nm -D "$lib" | grep -q __asan_; then
    echo '1..0 # SKIP built with a sanitizer'
    exit 0
fi

n=0
# is NAME WANT GOT
is()
{
    n=$((n + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        printf '# want: %s\n#  got: %s\n' "$2" "$3"
    fi
}

dynamic=$(readelf -dW "$lib")
needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic" | xargs)
is 'needs libc and nothing else' libc.so.6 "$needed"
is 'has its soname' libnss_nhi.so.2 "$(sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p' <<<"$dynamic")"
is 'binds at once' 1 "$(grep -c 'BIND_NOW\|FLAGS_1.*NOW' <<<"$dynamic" | sed 's/^[1-9].*/1/')"
is 'has no text relocations' 0 "$(grep -c TEXTREL <<<"$dynamic")"
want='endgrent endpwent getgrent_r getgrgid_r getgrnam_r getpwent_r getpwnam_r getpwuid_r
initgroups_dyn setgrent setpwent'
is 'exports its entry points and nothing else' "$(xargs <<<"$want")" \
    "$(nm -D --defined-only "$lib" | sed 's/.* //; s/^_nss_nhi_//' | LC_ALL=C sort | xargs)"
# What could block, print, allocate without need, or depend on the host's surroundings.
is 'uses no environment, locale, log, thread, lock or file writing' '' \
    "$(nm -D --undefined-only "$lib" | sed 's/.* //; s/@.*//' |
        grep -xE '.*getenv.*|setlocale|.*syslog.*|pthread_.*|malloc|calloc|write|.*printf.*|fopen.*|socket|connect|dlopen|abort|exit' |
        xargs)"
segments=$(readelf -lW "$lib")
is 'has a stack that cannot be executed' 1 "$(grep -c 'GNU_STACK.* RW ' <<<"$segments")"
is 'is read-only after relocation' 1 "$(grep -c GNU_RELRO <<<"$segments" | sed 's/^[1-9].*/1/')"
echo "1..$n"
