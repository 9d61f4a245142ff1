#!/bin/bash
# SPDX-License-Identifier: ISC
# scan: tickets and keys of this host where they should not be, and nothing else.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"
PACKAGING=$(dirname "$SCRIPT")/../../packaging
setup_host
KID=$(nhictl key list --json | jq -r '.keys[0].kid')

# A scan that waits for a pipe, or follows a circle, is ended and fails.
nhictl() {
    timeout 20 "$BUILD/nhictl" "$@"
}

# found FILTER: the last --json answer has exactly one find of that state and kind at that place.
found() {
    jq -e "[.found[] | select($1)] | length == 1" <.out
}
silent() {
    ! grep -qE 'v4\.public\.[A-Za-z0-9]|k4\.secret\.[A-Za-z0-9]' .out .err
}

mkdir -p d/sub empty
expect 0 'an empty directory' nhictl scan empty
ok 'it reports that' said 'found 0 of ours, 0 live; read 0 files, 0 bytes'
expect 0 'the same as JSON' nhictl scan empty --json
ok 'which always has the same members' json '.ok and .found == [] and .to_end == [] and (.counts | keys) ==
    ["bytes", "encrypted_keys", "files", "live", "more", "others", "ours", "revoked_now", "skipped", "unreadable"]'

T=$(issue)
JTI=$(nhictl ticket list --json | jq -r '.tickets[0].jti')
printf 'Hello,\n\n  ticket=%s.\n' "$T" >d/sub/notes.txt
expect 1 'a live ticket' nhictl scan d
ok 'it shows where, and the owner' grep -qE '^live +ticket +d/sub/notes.txt:3 +ci-bot +build-4711 +ops@example.org$' .out
ok 'and the command to type' said "nhictl revoke --ticket $JTI --reason leaked"
ok 'never the ticket' silent
expect 1 'as JSON' nhictl scan d --json
ok 'it has all members' json ".ok == false and .error != null and .found == [{state: \"live\", kind: \"ticket\",
    file: \"d/sub/notes.txt\", line: 3, offset: 17, times: 1, agent: \"ci-bot\", task: \"build-4711\",
    owner: \"ops@example.org\", jti: \"$JTI\", host: \"testhost\", exp: .found[0].exp, key_bound: false,
    kid: \"$KID\"}] and .counts.live == 1 and .counts.files == 1"
ok 'never the ticket' silent
expect 1 'piped input' nhictl scan --json <d/sub/notes.txt
ok 'has no file name, and a position' found '.file == null and .line == 3 and .offset == 17'
cp d/sub/notes.txt copy
expect 1 'beside a file' nhictl scan --json - d/sub/notes.txt <copy
ok 'is one find in two places' json '.counts.ours == 1 and ([.found[].times] == [2, 2])'
expect 1 'a named pipe' nhictl scan --json <(sleep 0.1; cat d/sub/notes.txt)
ok 'is read' json '.counts.live == 1'

# As people and programs write it down.
git init -q repo && git -C repo config user.email a@b && git -C repo config user.name a
fold -w 70 <<<"$T" >repo/wrapped
git -C repo add . && git -C repo commit -qm one && git -C repo rm -q wrapped && git -C repo commit -qm two
expect 1 'git log -p' nhictl scan --json <<<"$(git -C repo log -p)"
ok 'the file that was added and removed' json '.found[0].times == 2 and .counts.live == 1'
jq -n --arg t "$(fold -w 60 <<<"$T")" '{messages: [{text: ("> " + ($t | gsub("\n"; "\n> ")))}]}' >export.json
expect 1 'a chat export' nhictl scan --json export.json
ok 'quoted, in JSON' json '.counts.live == 1'
iconv -f UTF-8 -t UTF-16 d/sub/notes.txt >wide.txt
expect 1 'UTF-16' nhictl scan --json wide.txt
ok 'has it, too' json '.counts.live == 1'

# Tokens of others, or broken ones.
{
    echo "${T:0:120}$(tr 'A-Za-z' 'N-ZA-Mn-za-m' <<<"${T:120:20}")${T:140}"
    jq -r '.tickets[0].token' "$(dirname "$SCRIPT")/../vectors/golden.json"
    echo "${T:0:250}"
    echo v4.public.short
} >others
expect 0 'forged, of an unknown issuer, cut off' nhictl scan --json others
ok 'they are counted' json '.ok and .counts.others == 3 and .found == []'

# Every state.
issue --ttl 1s >expired.txt
until nhictl ticket inspect expired.txt --json | jq -e '.decisions[0].reason == "expired"' >.x; do sleep 0.1; done
issue >revoked.txt
nhictl revoke --ticket "$(nhictl ticket list --json | jq -r '.tickets[0].jti')" --reason test >.x
issue --host b.example.org >elsewhere.txt
PUB='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPKLDhyvvzNM1sh6r6ciDjtRArQxH9v2fK5ot16w63lB'
echo "$PUB" >key.pub
issue --bind-key key.pub --json >bound.json
nhictl renew "$(jq -r .ticket.jti bound.json)" --ttl 20m >again.txt
jq -r .text bound.json >renewed.txt
issue --host c.example.org --bind-key key.pub --cert >.x
expect 1 'each state' nhictl scan --json expired.txt revoked.txt elsewhere.txt renewed.txt again.txt key-cert.pub
ok 'expired' found '.state == "expired" and .file == "expired.txt"'
ok 'revoked' found '.state == "revoked" and .file == "revoked.txt"'
ok 'for another host' found '.state == "elsewhere" and .file == "elsewhere.txt" and .host == "b.example.org"'
ok 'renewed, and so ended' found '.state == "renewed" and .kind == "bound ticket" and .file == "renewed.txt"'
ok 'the renewal' found '.state == "live" and .kind == "bound ticket" and .file == "again.txt"'
ok 'in a certificate' found '.state == "elsewhere" and .kind == "certificate" and .host == "c.example.org"'
ok 'with the owner' json '.to_end | any(startswith("on b.example.org: nhictl revoke --ticket "))'

# Keys.
cp "/var/lib/nhi/keys/$KID.secret" oops
expect 1 'the secret key of an issuer' nhictl scan --json oops
ok 'is live, and named' found ".state == \"live\" and .kind == \"issuer key\" and .kid == \"$KID\""
ok 'with the command that ends it' json ".to_end == [\"nhictl key revoke $KID --reason leaked    (ends all its tickets)\"]"
ok 'never the key' silent
expect 0 'in its own directory it is no find' nhictl scan /var/lib/nhi
jq -r .secret "$(dirname "$SCRIPT")/../vectors/golden.json" >theirs
expect 0 'a secret key of somebody else' nhictl scan theirs
KEY_AT=$(mktemp -d)
if command -v ssh-keygen >/dev/null; then
    ssh-keygen -q -t ed25519 -N '' -C x -f "$KEY_AT/ours"
    ssh-keygen -q -t ed25519 -N '' -C x -f "$KEY_AT/theirs"
    ssh-keygen -q -t rsa -b 2048 -N '' -C x -f "$KEY_AT/rsa"
    issue --bind-key "$KEY_AT/ours.pub" >.x
    expect 1 'private keys' nhictl scan --json "$KEY_AT"
    ok 'the key that a ticket is bound to' json '.counts.ours == 1 and .found[0].kind == "ssh key"
        and .found[0].state == "live" and .found[0].task == "build-4711" and (.found[0].file | endswith("/ours"))'
    ssh-keygen -q -p -N secret -f "$KEY_AT/ours" >.x
    sed 's/^/    /' "$KEY_AT/ours" >"$KEY_AT/yaml"
    expect 1 'under a password, and indented' nhictl scan --json "$KEY_AT"
    ok 'the same key' json '.counts.ours == 1 and .found[0].times == 2'
    expect 1 'scan --revoke of a key' nhictl scan --json --revoke "$KEY_AT/ours"
    ok 'ends what is bound to it' json '.counts.revoked_now == 1 and .found[0].state == "revoked" and .counts.live == 0'
else
    skip 'private keys' 'no ssh-keygen'
fi

# Files that are not regular.
mkfifo d/fifo
mknod d/zero c 1 5
perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_STREAM, 0); bind($s, sockaddr_un("d/socket")) or die'
ln -s ../elsewhere.txt d/link
ln -s .. d/up
ln -s loop d/loop
head -c 300000 /dev/urandom >d/binary
{ head -c 262100 /dev/zero; cat d/sub/notes.txt; head -c 50000 /dev/zero; } >d/sub/big
expect 1 'a tree with everything in it' nhictl scan --json d
ok 'links are not followed; pipes, devices and sockets are counted' json '.counts.skipped == 3 and .counts.files == 3'
ok 'a binary file is read over every boundary' found '.file == "d/sub/big" and .offset == 262117 and .line == 3'
cp .out first
nhictl scan --json d >second
ok 'in the same order each time' cmp first second
ok 'which is that of the names' json '[.found[].file] == ["d/sub/big", "d/sub/notes.txt"]'
expect 0 'a pipe without a writer' nhictl scan d/fifo
expect 0 'a device' nhictl scan d/zero
ok 'is not read' said 'not read: 0 unreadable, 1 not regular files'
expect 3 'a path that cannot be read' nhictl scan empty /proc/self/mem nowhere --json
ok 'is counted' json '.ok == false and .counts.unreadable == 2'
ok 'and named' complained 'could not read nowhere: No such file or directory'
expect 1 'unless something was found' nhictl scan d nowhere
hostile=$'d/\033[2J\nlive \377'
cp d/sub/notes.txt "$hostile"
expect 1 'a hostile name' nhictl scan d
ok 'is escaped' said 'd/\x1b[2J\x0alive \xff:3'
expect 1 'under --json, too' nhictl scan d --json
ok 'and is still one name' json '[.found[].file] | any(. == "d/\\x1b[2J\\x0alive \\xff")'
deep=deep
mkdir deep
for _ in {1..40}; do deep=$deep/aaaaaaaaaa; done
mkdir -p "$deep" && cp d/sub/notes.txt "$deep"
expect 1 'deep down' nhictl scan deep --json
ok 'it is found' json '.counts.live == 1'

# Much.
perl -e 'my $t = shift; substr($t, 60, 1) = substr($t, 60, 1) eq "A" ? "B" : "A"; print "$t\n" x 5000' "$T" >many
expect 0 'five thousand forged tickets' nhictl scan --json many
ok 'are counted' json '.counts.others == 5000'
yes "$T" | head -n 5000 >often
expect 1 'a ticket five thousand times' nhictl scan --json often
ok 'is one find, with its first places' json '.counts.ours == 1 and (.found | length == 20) and .found[0].times == 5000'
expect 1 'more finds than wanted' nhictl scan --limit 2 --json expired.txt revoked.txt elsewhere.txt d
ok 'are reported as more' json '.counts.ours == 2 and .counts.more'
stream() { (ulimit -v 100000 && head -c 600000000 /dev/zero | "$BUILD/nhictl" scan --json); }
expect 0 'a stream that is larger than the memory' stream
ok 'is read to its end' json '.counts.bytes == 600000000'

# Ending.
expect 1 'scan --revoke' nhictl scan --revoke d --json
ok 'the live one is revoked' json '.counts.revoked_now == 1 and .counts.live == 0 and all(.found[]; .state == "revoked")'
ok 'with the cause' test "$(nhictl ticket show --json -- "$JTI" | jq -r .ticket.reason)" = leaked
expect 1 'once more' nhictl scan --revoke d
ok 'there is nothing to end' said 'found 1 of ours, 0 live'
issue >"another one.txt"
expect 1 'with the place as the cause' nhictl scan --revoke 'another one.txt'
JTI=$(nhictl ticket list --all --json | jq -r '.tickets[0].jti')
ok 'which the ledger has' test "$(nhictl ticket show --json -- "$JTI" | jq -r .ticket.reason)" = 'leaked: found in another one.txt, line 1'
expect 1 'with a reason' nhictl scan --revoke --reason 'on a wiki' elsewhere.txt
ok 'for another host, it names the command for that host' said 'on b.example.org: nhictl revoke'
refused 2 'needs --revoke' 'a reason without --revoke' nhictl scan --reason x d
expect 1 'a key' nhictl scan --revoke oops
ok 'an encrypted key is left to a person' said "nhictl key revoke $KID --reason leaked"
ok 'and stays live' test "$(nhictl key list --json | jq -r '.keys[0].state')" = active

# Rules of other scanners.
issue >fresh.txt
patterns() { # FORMAT: the expressions of that format in the file
    case $1 in
    gitleaks) perl -ne "print \"\$1\n\" if /^regex = '''(.*)'''\$/" "$PACKAGING/scanners/gitleaks.toml" ;;
    trufflehog) perl -ne "print \"\$1\n\" if /^      \w+: '(.*)'\$/" "$PACKAGING/scanners/trufflehog.yaml" ;;
    esac
}
matches() { # FILE FORMAT: how many of the expressions match something in it, each as a whole
    local file=$1 re n=0
    while IFS= read -r re; do
        perl -0777 -e 'my ($re, $f) = @ARGV; open(my $h, "<", $f) or die; exit(<$h> =~ /(?<![A-Za-z0-9_-])$re(?![A-Za-z0-9_-])/ ? 0 : 1)' \
            "$re" "$file" && n=$((n + 1))
    done < <(patterns "$2")
    echo "$n"
}
for format in gitleaks trufflehog; do
    ok "$format has three patterns" test "$(patterns $format | wc -l)" = 3
    ok "in $format, one is for tickets" test "$(matches fresh.txt $format)" = 1
    ok "one is for keys" test "$(matches oops $format)" = 1
    ok "none matches a public key" test "$(nhictl key export "$KID" >pub.txt; matches pub.txt $format)" = 0
    ok "none matches every PASETO token" test "$(echo "${T%.*}" >plain.txt; matches plain.txt $format)" = 0
done
ok 'both have the same' diff <(patterns gitleaks) <(patterns trufflehog)
finish
