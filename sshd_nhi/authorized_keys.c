/* SPDX-License-Identifier: ISC */
/*
 * sshd's AuthorizedKeysCommand: whether a key opens an account by a ticket.
 *
 *   nhi-authorized-keys USER TYPE BASE64 [CONNECTION]        (%u %t %k %C)
 *
 * MUST: succeed without output for any key that is not ours, or sshd would not continue with the authorized_keys of
 * people; for these keys, need nothing but libc. Its output only lets sshd ask for the proof: pam_nhi decides again
 * with it, in account and in open_session.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "libnhi/base/names.h"
#include "libnhi/check/key_bound.h"
#include "libnhi/key/sshkey_read.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "sshd_nhi/asked_key.h"

static bool find_account(const char *name, struct keys_asked *k)
{
    static char account[NHI_ACCOUNT_MAX + 1];
    const struct passwd *pw = getpwnam(name);

    /* The name becomes part of a list of principals, where a comma would split it. */
    if (pw == NULL || !nhi_name_is_account(pw->pw_name))
        return false;
    /* The result of getpwnam is valid until the next look-up. */
    memcpy(account, pw->pw_name, strlen(pw->pw_name) + 1);
    k->account = account;
    k->uid = pw->pw_uid;
    k->in_range = nhi_snapshot_range_has(pw->pw_uid);
    return true;
}

/* Whether it can be an agent's: a certificate, a key at an agent's own account, or one that a ticket was ever bound to.
 * A key of which that cannot be read opens nothing. */
static bool may_be_ours(const struct keys_asked *k)
{
    uint8_t key[NHI_PK_LEN];

    if (strcmp(k->type, NHI_SSHCERT_TYPE) == 0)
        return true;
    if (strcmp(k->type, NHI_SSHKEY_TYPE) != 0 || nhi_sshkey_read(k->base64, strlen(k->base64), key) != NHI_OK)
        return false;
    return k->in_range || nhi_key_is_known(key, k->account) == NHI_OK;
}

/* The process ends with the answer: nothing is unloaded. */
static int answer(const struct keys_asked *k)
{
    union {
        const struct nhi_object *object;
        const struct keys_decider *keys;
    } decider = { NULL };
    char why[NHI_OBJECT_WHY_MAX];

    if (nhi_object_load(KEYS_DECIDER_DIR, KEYS_DECIDER_NAME, KEYS_DECIDER_SYMBOL, &decider.object, why) != NULL)
        return decider.keys->answer(k);
    openlog("nhi-authorized-keys", LOG_PID, LOG_AUTHPRIV);
    syslog(LOG_ERR, "no key is offered for %s: %s", k->account, why);
    closelog();
    return 0;
}

int main(int argc, char **argv)
{
    struct keys_asked k = { .from = NULL };

    if (argc != 4 && argc != 5) {
        fputs("usage: nhi-authorized-keys USER TYPE BASE64 [CONNECTION]\n"
              "For sshd_config: AuthorizedKeysCommand FILE %u %t %k\n"
              "From OpenSSH 9.4 on: AuthorizedKeysCommand FILE %u %t %k %C\n",
              stderr);
        return 2;
    }
    k.type = argv[2];
    k.base64 = argv[3];
    /* The client's address is the first word of CONNECTION, which OpenSSH has from 9.4 on. For earlier releases, every
     * source that could be permitted counts here, and the session phase decides. */
    if (argc == 5) {
        argv[4][strcspn(argv[4], " ")] = '\0';
        k.from = argv[4];
    }
    return find_account(argv[1], &k) && may_be_ours(&k) ? answer(&k) : 0;
}
