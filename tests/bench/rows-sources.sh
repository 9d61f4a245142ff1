# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# For orientation: a look-up by name in other sources of accounts that the distribution has, 10,000 accounts in each.
# shellcheck source=tests/bench/lib.sh

SOURCE_SIZE=10000

rows_sources() {
    local name
    progress "other sources of accounts"
    seq 0 "$((SOURCE_SIZE - 1))" | awk '{
        printf "agent-%07d:*:%d:%d:builds and deploys:/home/agent-%07d:/bin/sh\n", $1, 100000 + $1, 100000 + $1, $1
    }' >"$W/passwd.many"
    look source.bare bare name "$SOURCE_SIZE" 5000
    for name in files extrausers db cache systemd; do
        if ! has_source $name; then
            hint "accounts in $name: no such module on this machine"
            continue
        fi
        "make_$name"
        look "source.$name" $name name "$SOURCE_SIZE" 20
        "remove_$name"
    done
}
has_source() { ldconfig -p | grep -q "libnss_$1\.so\.2" || [ -e "$(echo /lib/*/libnss_"$1".so.2)" ]; }

make_files() {
    cp -p /etc/passwd "$W/passwd"
    cat "$W/passwd.many" >>/etc/passwd
}
remove_files() { cat "$W/passwd" >/etc/passwd; }

make_extrausers() { mkdir -p /var/lib/extrausers && cp "$W/passwd.many" /var/lib/extrausers/passwd; }
remove_extrausers() { rm -f /var/lib/extrausers/passwd; }

make_db() {
    awk -F: '{ print "." $1 "\t" $0; print "=" $3 "\t" $0; print "0" NR - 1 "\t" $0 }' "$W/passwd.many" |
        makedb -o /var/lib/misc/passwd.db - >/dev/null 2>&1
}
remove_db() { rm -f /var/lib/misc/passwd.db; }

# With an index of names: lines of one length, each a key and where its line begins.
make_cache() {
    sort -t: -k1,1 "$W/passwd.many" >/etc/passwd.cache
    perl -ne '
        my ($key) = /^([^:]*)/;
        printf "%s\0%08d\n", $key, $at;
        $at += length' /etc/passwd.cache >/etc/passwd.cache.ixname
}
remove_cache() { rm -f /etc/passwd.cache*; }

make_systemd() {
    mkdir -p /run/userdb
    awk -F: '{
        file = "/run/userdb/" $1 ".user"
        printf "{\"userName\":\"%s\",\"uid\":%s,\"gid\":%s,\"realName\":\"%s\",\"homeDirectory\":\"%s\",\"shell\":\"%s\"}\n",
            $1, $3, $4, $5, $6, $7 >file
        close(file)
    }' "$W/passwd.many"
}
remove_systemd() { rm -rf /run/userdb; }
