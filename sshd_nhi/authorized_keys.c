/* SPDX-License-Identifier: ISC */
/*
 * sshd's AuthorizedKeysCommand: whether a key opens an account by a ticket.
 *
 *   nhi-authorized-keys USER TYPE BASE64 [CONNECTION]        (%u %t %k %C)
 *
 * MUST: count no use, since sshd asks twice for each login, and for keys that are never proven. MUST: limit for each
 * hour what an unknown key can make it record, and record only what concerns a known key or an agent's account. MUST:
 * succeed without output for any key that is not ours, or sshd would not continue with the authorized_keys of people.
 * Its output only lets sshd ask for the proof: pam_nhi decides again with it, in account and in open_session.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "libnhi/base/paths.h"
#include "libnhi/check/check.h"
#include "libnhi/grant/denials.h"
#include "libnhi/grant/refused.h"
#include "libnhi/key/sshkey.h"
#include "libnhi/policy/reason.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "libnhi/ticket/sshcert.h"
#include "libnhi/ticket/sshopt.h"

#define SERVICE "sshd"

static bool find_account(const char *name, struct nhi_request *r)
{
    static char subject[NHI_ACCOUNT_MAX + 1];
    const struct passwd *pw = getpwnam(name);

    /* The name becomes part of a list of principals, where a comma would split it. */
    if (pw == NULL || !nhi_name_is_account(pw->pw_name))
        return false;
    /* The result of getpwnam is valid until the next look-up. */
    memcpy(subject, pw->pw_name, strlen(pw->pw_name) + 1);
    r->service = SERVICE;
    r->subject = subject;
    r->subject_uid = pw->pw_uid;
    r->subject_in_range = nhi_snapshot_range_has(pw->pw_uid);
    return true;
}

/* What the line has to express about the key: a certificate's signer is trusted for this certificate and this account
 * alone. */
struct answer {
    const char *account;
    const char *base64; /* the key, or the certificate's signer */
    bool certificate;
    int64_t until;
    uint32_t ssh; /* what ticket and policy take away from the session */
};

/* sshd compares the time with its own clock at the login. */
static int print_line(const struct answer *a)
{
    char until[32], options[NHI_SSHOPT_TEXT_MAX + 1];
    struct tm tm;
    time_t exp = (time_t)a->until;

    if (gmtime_r(&exp, &tm) == NULL || strftime(until, sizeof(until), "%Y%m%d%H%M%SZ", &tm) == 0)
        return 1;
    nhi_sshopt_format(a->ssh, ',', options);
    if (a->certificate)
        printf("cert-authority,principals=\"%s\",", a->account);
    printf("%s%s", options, options[0] != '\0' ? "," : "");
    printf("expiry-time=\"%s\" %s %s\n", until, NHI_SSHKEY_TYPE, a->base64);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- refusals ---- */

static void say(const struct nhi_refusal *r)
{
    openlog("nhi-authorized-keys", LOG_PID, LOG_AUTHPRIV);
    if (r->jti[0] != '\0')
        syslog(LOG_NOTICE,
               "refused: reason=%s account=%s agent=%s task=%s ticket=%s source=key key=%s (%s; possession not proven)",
               nhi_reason_name(r->reason), r->account, r->agent, r->task, r->jti, r->key, nhi_reason_text(r->reason));
    else
        syslog(LOG_NOTICE, "refused: reason=%s account=%s%s%s source=key key=%s (%s; possession not proven)",
               nhi_reason_name(r->reason), r->account, r->kid[0] != '\0' ? " kid=" : "", r->kid, r->key,
               nhi_reason_text(r->reason));
    closelog();
}

/* A key that no ticket here was ever bound to, at a person's account, does not concern us. At an agent's own account it
 * is recorded, but is not yet a denial: clients offer one key after the other. */
static void note(const struct nhi_shown *what, struct nhi_verdict *v)
{
    const struct nhi_request *asked = &what->asked;
    struct nhi_refusal r = { .at = (int64_t)time(NULL) };
    char base64[NHI_SSHKEY_LEN + 1];
    bool known = false;

    nhi_check_refused(what, v, &known);
    if (!known && what->text == NULL && !asked->subject_in_range)
        return;
    r.reason = v->reason;
    r.known = known;
    snprintf(r.service, sizeof(r.service), "%s", SERVICE);
    snprintf(r.account, sizeof(r.account), "%s", asked->subject);
    if (asked->from != NULL && strlen(asked->from) < sizeof(r.from))
        memcpy(r.from, asked->from, strlen(asked->from) + 1);
    if (v->verified) {
        memcpy(r.agent, v->ticket.agent, sizeof(r.agent));
        memcpy(r.task, v->ticket.task, sizeof(r.task));
        memcpy(r.jti, v->ticket.jti, sizeof(r.jti));
        memcpy(r.issuer, v->ticket.kid, sizeof(r.issuer));
    } else {
        memcpy(r.kid, v->kid, sizeof(r.kid));
    }
    nhi_sshkey_encode(asked->key, base64);
    (void)!nhi_sshkey_print(base64, strlen(base64), r.key);
    if (known || what->text != NULL)
        nhi_denials_add(NHI_RUN_DIR, r.reason, r.service, r.account, r.from[0] != '\0' ? r.from : "?", r.at);
    /* What cannot be counted is logged each time: only root can cause that. */
    if (nhi_refused_note(NHI_RUN_DIR, &r) <= 1)
        say(&r);
}

/* The client's address, always numeric, is the first word of CONNECTION, which OpenSSH has from 9.4 on. For earlier
 * releases, every source that could be permitted counts here, and the session phase decides. */
static int answer(const char *account, const char *type, const char *base64, char *connection)
{
    struct nhi_shown what = { .asked = {
                                  .source = NHI_FROM_KEY, .from = connection, .from_unknown = connection == NULL } };
    struct answer a = { .base64 = base64 };
    char signer[NHI_SSHKEY_LEN + 1];
    uint8_t key[NHI_PK_LEN];
    struct nhi_sshcert cert;
    struct nhi_verdict v;

    if (!find_account(account, &what.asked))
        return 0;
    if (strcmp(type, NHI_SSHKEY_TYPE) == 0) {
        if (nhi_sshkey_decode(base64, strlen(base64), key) != NHI_OK)
            return 0;
        what.asked.key = key;
    } else {
        if (strcmp(type, NHI_SSHCERT_TYPE) != 0 || nhi_sshcert_decode(base64, strlen(base64), &cert) != NHI_OK)
            return 0;
        what.asked.key = cert.pk;
        what.text = cert.ticket;
        nhi_sshkey_encode(cert.signer, signer);
        a.certificate = true;
        a.base64 = signer;
    }
    nhi_check(&what, &v);
    if (v.reason != NHI_PERMIT) {
        note(&what, &v);
        return 0;
    }
    a.account = what.asked.subject;
    a.until = v.ticket.exp;
    a.ssh = v.ssh;
    return print_line(&a);
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 5) {
        fputs("usage: nhi-authorized-keys USER TYPE BASE64 [CONNECTION]\n"
              "For sshd_config: AuthorizedKeysCommand FILE %u %t %k\n"
              "From OpenSSH 9.4 on: AuthorizedKeysCommand FILE %u %t %k %C\n",
              stderr);
        return 2;
    }
    if (argc == 5)
        argv[4][strcspn(argv[4], " ")] = '\0';
    return answer(argv[1], argv[2], argv[3], argv[4]);
}
