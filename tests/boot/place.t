#!/bin/bash
# SPDX-License-Identifier: ISC
# packaging/boot.sh itself, with a tree in places over which a booted system mounts something: /tmp, as Debian 13
# does, and /run, where it refuses.
set -u
cd "$(dirname "$0")/../.." || exit 1

n=0
is() { # is GOT WANTED NAME
    n=$((n + 1))
    if [ "$1" = "$2" ]; then
        echo "ok $n - $3"
    else
        printf 'not ok %d - %s\n# got:    %s\n# wanted: %s\n' "$n" "$3" "$1" "$2"
    fi
}

places=()
trap 'rm -rf "${places[@]}"' EXIT
# boot_at PARENT RELEASE COMMAND...: in a tree there; sets TREE, RC and its output SAYS.
boot_at() {
    TREE=$(mktemp -d "$1/nhi-place.XXXXXX") RC=0
    places+=("$TREE")
    cp -a packaging "$TREE"
    mkdir "$TREE/build"
    SAYS=$("$TREE/packaging/boot.sh" run "$2" "$TREE/build" "${@:3}" 2>&1) || RC=$?
}

for release in ${NHI_BOOT_RELEASES:-bookworm trixie}; do
    if ! why=$(packaging/boot.sh root "$release" 2>&1); then
        n=$((n + 1))
        echo "ok $n # SKIP $release: $(tail -n 1 <<<"$why")"
        continue
    fi
    boot_at /tmp "$release" sh -c 'packaging/deps.sh list boot && : >/tmp/of-the-test && stat -c %a /tmp'
    is "$RC:$SAYS" $'0:mmdebstrap\n1777' "$release: a tree below /tmp is there, and /tmp is for everybody"
    boot_at /run "$release" true
    is "$RC:$(grep -c "^boot: $TREE/.* is not to be seen in there" <<<"$SAYS")" 125:1 "$release: a tree below /run is refused"
done
echo "1..$n"
