#!/bin/bash
# SPDX-License-Identifier: ISC
# The output of getent and id through glibc, in a private mount namespace with a snapshot of its own.
# Invariant: 10.
set -u

build=${BUILD:?the build directory}
publisher=$build/tests/unit/test_snapshot
file=/var/lib/nhi/accounts quick=/run/nhi-public/accounts

if [ "${1-}" != inside ]; then
    if [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null; then
        echo '1..0 # SKIP needs root and a mount namespace of its own'
        exit 0
    fi
    if nm -D "$build/libnss_nhi.so.2" | grep -q __asan_; then
        echo '1..0 # SKIP getent does not carry the sanitizer that this module needs'
        exit 0
    fi
    exec unshare --mount --propagation private "$BASH" "$0" inside
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

nhi()
{
    LD_LIBRARY_PATH=$build getent -s nhi "$@"
}

if ! mount -t tmpfs -o mode=0755 tmpfs /var/lib || ! mount -t tmpfs -o mode=0755 tmpfs /run ||
    ! mkdir -m 0755 /var/lib/nhi || ! "$publisher" publish 300 1; then
    echo 'not ok 1 - cannot go on: cannot make a snapshot'
    exit 1
fi

is 'passwd by name' 'agent-00004:*:65541:65541:Agent 4,owner:/var/lib/agents/4:/usr/sbin/nologin' \
    "$(nhi passwd agent-00004)"
is 'passwd by uid' 'agent-00007:*:65544:65544:Agent 7,owner:/var/lib/agents/7:/bin/bash' \
    "$(nhi passwd 65544)"
is 'an empty gecos field' 'agent-00003:*:65540:65540::/var/lib/agents/3:/bin/bash' \
    "$(nhi passwd agent-00003)"
is 'its own group by name' 'agent-00007:*:65544:' "$(nhi group agent-00007)"
is 'its own group by gid' 'agent-00007:*:65544:' "$(nhi group 65544)"
is 'the group of all agents by name, without a list' 'nhi-agents:*:65536:' "$(nhi group nhi-agents)"
is 'the group of all agents by gid' 'nhi-agents:*:65536:' "$(nhi group 65536)"
is 'the passwd enumeration is complete and in order' "$(seq 65537 65836)" \
    "$(nhi passwd | cut -d: -f3)"
is 'the group enumeration is complete and in order' "$(seq 65536 65836)" \
    "$(nhi group | cut -d: -f3)"
is 'memberships' 'agent-00003 65536 5000 5001 5002' "$(nhi initgroups agent-00003 | xargs)"
is 'no memberships for others' 'root' "$(nhi initgroups root | xargs)"

for miss in 'passwd root' 'passwd 0' 'passwd 65534' 'passwd 65536' 'passwd 65837' \
    'passwd agent-00300' 'passwd nhi-agents' 'group 0' 'group sudo' 'group 65837'; do
    # shellcheck disable=SC2086
    nhi $miss >/dev/null
    is "a miss: $miss" 2 $?
done

"$publisher" publish 0 1
is 'no agents: the group of all agents is empty' 'nhi-agents:*:65536:' "$(nhi group nhi-agents)"
is 'no agents: the enumeration is empty' '' "$(nhi passwd)"
"$publisher" publish 300 1

# As on a host: files first, and the system's users resolve whatever happens to the snapshot.
printf 'passwd: files nhi\ngroup: files nhi\n' >/var/lib/nsswitch.conf
mount --bind /var/lib/nsswitch.conf /etc/nsswitch.conf
# Where other users can read it, wherever the tree is.
install -D -m 755 -t /var/lib/nss "$build/libnss_nhi.so.2"
export LD_LIBRARY_PATH=/var/lib/nss
is 'id, files before nhi' \
    'uid=65540(agent-00003) gid=65540(agent-00003) groups=65540(agent-00003),65536(nhi-agents),5000,5001,5002' \
    "$(id agent-00003)"
is 'id as another user' 'agent-00003' "$(setpriv --reuid 1234 --clear-groups id -un 65540)"
rm "$quick"
is 'without the copy on the tmpfs, the durable one answers' 65540 "$(id -u agent-00003)"
for copy in "$file" "$quick"; do
    for damage in missing empty torn writable symlink fifo; do
        "$publisher" publish 300 1
        [ "$copy" = "$quick" ] || rm "$quick"
        case $damage in
        missing) rm -f "$file" "$quick" ;;
        empty) : >"$copy" ;;
        torn) truncate -s -1 "$copy" ;;
        writable) chmod 0666 "$copy" ;;
        symlink) mv "$copy" "$copy.real" && ln -s "$copy.real" "$copy" ;;
        fifo) rm "$copy" && mkfifo "$copy" ;;
        esac
        is "$copy $damage: no agent resolves" '' "$(getent passwd agent-00003 65540)"
        is "$copy $damage: root does" 'uid=0(root) gid=0(root) groups=0(root)' "$(id root)"
        rm -f "$file" "$quick" "$copy.real"
    done
done
echo "1..$n"
