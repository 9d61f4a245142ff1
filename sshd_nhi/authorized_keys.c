/*
 * sshd's AuthorizedKeysCommand: whether a key opens an account by a ticket.
 *
 *   nhi-authorized-keys USER TYPE BASE64        (%u %t %k)
 *
 * MUST: write nothing anywhere and count nothing, since sshd asks twice for each login and for keys
 * that are never proven. MUST: end well and say nothing for whatever is not ours, or sshd would not
 * go on to the authorized_keys of people. What is said here only lets sshd ask for the proof:
 * pam_nhi decides again with it, in account and in open_session.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libnhi/check.h"
#include "libnhi/paths.h"
#include "libnhi/snapshot.h"
#include "libnhi/sshkey.h"

#define SERVICE "sshd"

static bool find_account(const char *name, struct nhi_who *who)
{
    const struct passwd *pw = getpwnam(name);

    if (pw == NULL)
        return false;
    *who = (struct nhi_who){ .service = SERVICE,
                             .subject = pw->pw_name,
                             .uid = pw->pw_uid,
                             .in_range = nhi_snapshot_range_has(NHI_SNAPSHOT_PATH, pw->pw_uid) };
    return true;
}

/* sshd compares it with its clock at the moment of the login. */
static int print_line(const struct nhi_ticket *t, const char *base64)
{
    char until[32];
    struct tm tm;
    time_t exp = (time_t)t->exp;

    if (gmtime_r(&exp, &tm) == NULL || strftime(until, sizeof until, "%Y%m%d%H%M%SZ", &tm) == 0)
        return 1;
    printf("expiry-time=\"%s\" %s %s\n", until, NHI_SSHKEY_TYPE, base64);
    return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct nhi_shown what = { .source = NHI_FROM_KEY };
    uint8_t key[NHI_PK_LEN];
    struct nhi_verdict v;
    struct nhi_who who;

    if (argc != 4) {
        fputs("usage: nhi-authorized-keys USER TYPE BASE64\n"
              "For sshd_config: AuthorizedKeysCommand FILE %u %t %k\n",
              stderr);
        return 2;
    }
    if (strcmp(argv[2], NHI_SSHKEY_TYPE) != 0 ||
        nhi_sshkey_decode(argv[3], strlen(argv[3]), key) != NHI_OK || !find_account(argv[1], &who))
        return 0;
    what.key = key;
    nhi_check(&who, &what, &v);
    return v.reason == NHI_PERMIT ? print_line(&v.ticket, argv[3]) : 0;
}
