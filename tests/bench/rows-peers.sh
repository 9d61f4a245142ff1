# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# For orientation: what authenticate of other modules of the distribution takes, each in a fresh process.
# shellcheck source=tests/bench/lib.sh

rows_peers() {
    local name
    progress 'other modules of PAM'
    SECURITY=$(echo /usr/lib/*/security)
    for name in unix google_authenticator ssh_agent_auth krb5; do
        if [ ! -e "$SECURITY/pam_$name.so" ]; then
            hint "pam_$name: not on this machine"
            continue
        fi
        "peer_$name" >"$W/peer"
        in_turn 10 <"$W/peer" || hint "pam_$name: failed here"
    done
}

peer_unix() {
    stack unix sshd pam_unix.so
    echo "peer.unix $CYCLE -c $STACKS/unix -f $FROM -p a -r $W/password sshd alice"
}

peer_google_authenticator() {
    stack google sshd "pam_google_authenticator.so secret=$W/google user=root allowed_perm=0600 allow_readonly"
    google_secret
    echo "peer.google $CYCLE -c $STACKS/google -f $FROM -p a -r $W/code sshd alice"
}

# A secret, and the code that it gives now.
google_secret() {
    printf '%s\n" TOTP_AUTH\n' JBSWY3DPEHPK3PXP >"$W/google"
    chmod 600 "$W/google"
    perl -MDigest::SHA=hmac_sha1 -e '
        my $mac = hmac_sha1(pack("Q>", int(time / 30)), "Hello!\xde\xad\xbe\xef");
        my $at = ord(substr($mac, -1)) & 15;
        printf "%06d\n", (unpack("N", substr($mac, $at, 4)) & 0x7fffffff) % 1000000' >"$W/code"
}

peer_ssh_agent_auth() {
    cp "$W/key.pub" "$STACKS/key.pub"
    stack agent sudo "pam_ssh_agent_auth.so file=$STACKS/key.pub"
    eval "$(ssh-agent)" >/dev/null
    ssh-add -q "$W/key"
    echo "peer.agent env SSH_AUTH_SOCK=$SSH_AUTH_SOCK $CYCLE -c $STACKS/agent -p a sudo root"
}

# With a KDC of its own on this machine.
peer_krb5() {
    cat >/etc/krb5.conf <<'CONF'
[libdefaults]
    default_realm = BENCH
    dns_lookup_kdc = false
    dns_lookup_realm = false
[realms]
    BENCH = {
        kdc = 127.0.0.1:8888
    }
CONF
    mkdir -p /etc/krb5kdc /var/lib/krb5kdc
    printf '[kdcdefaults]\n    kdc_listen = 127.0.0.1:8888\n    kdc_tcp_listen = 127.0.0.1:8888\n' >/etc/krb5kdc/kdc.conf
    {
        kdb5_util create -s -P bench
        kadmin.local -q "addprinc -pw \"$PASSWORD\" alice"
        krb5kdc
    } >"$W/kdc.log" 2>&1
    stack krb5 sshd pam_krb5.so
    echo "peer.krb5 $CYCLE -c $STACKS/krb5 -f $FROM -p a -r $W/password sshd alice"
}
