/* SPDX-License-Identifier: ISC */
/*
 * MUST: count no use, since sshd asks twice for each login, and for keys that are never proven. MUST: limit for each
 * hour what an unknown key can make it record, and record only what concerns a known key or an agent's account.
 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "libnhi/base/paths.h"
#include "libnhi/check/check.h"
#include "libnhi/check/refusal.h"
#include "libnhi/grant/denials.h"
#include "libnhi/grant/refused.h"
#include "libnhi/key/sshkey.h"
#include "libnhi/policy/reason.h"
#include "libnhi/ticket/sshcert.h"
#include "libnhi/ticket/sshopt.h"
#include "sshd_nhi/asked_key.h"

#define SERVICE "sshd"
#define EXPORT __attribute__((visibility("default")))

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
    r.known = known;
    snprintf(r.service, sizeof(r.service), "%s", SERVICE);
    snprintf(r.account, sizeof(r.account), "%s", asked->subject);
    if (asked->from != NULL && strlen(asked->from) < sizeof(r.from))
        memcpy(r.from, asked->from, strlen(asked->from) + 1);
    nhi_refusal_name(&r, v);
    nhi_sshkey_encode(asked->key, base64);
    (void)!nhi_sshkey_print(base64, strlen(base64), r.key);
    if (known || what->text != NULL)
        nhi_denials_add(NHI_RUN_DIR, r.reason, r.service, r.account, r.from[0] != '\0' ? r.from : "?", r.at);
    /* What cannot be counted is logged each time: only root can cause that. */
    if (nhi_refused_note(NHI_RUN_DIR, &r) <= 1)
        say(&r);
}

static int answer(const struct keys_asked *k)
{
    struct nhi_shown what = { .asked = { .source = NHI_FROM_KEY,
                                         .service = SERVICE,
                                         .subject = k->account,
                                         .subject_uid = k->uid,
                                         .subject_in_range = k->in_range,
                                         .from = k->from,
                                         .from_unknown = k->from == NULL } };
    struct answer a = { .base64 = k->base64 };
    char signer[NHI_SSHKEY_LEN + 1];
    uint8_t key[NHI_PK_LEN];
    struct nhi_sshcert cert;
    struct nhi_verdict v;

    if (strcmp(k->type, NHI_SSHKEY_TYPE) == 0) {
        if (nhi_sshkey_decode(k->base64, strlen(k->base64), key) != NHI_OK)
            return 0;
        what.asked.key = key;
    } else {
        if (strcmp(k->type, NHI_SSHCERT_TYPE) != 0 || nhi_sshcert_decode(k->base64, strlen(k->base64), &cert) != NHI_OK)
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

extern const struct keys_decider nhi_keys_decider;
EXPORT const struct keys_decider nhi_keys_decider = { .object = { NHI_OBJECT_VERSION }, .answer = answer };
