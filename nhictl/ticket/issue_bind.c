/* SPDX-License-Identifier: ISC */
/*
 * issue --bind-key: a ticket that opens nothing without a key.
 */
#include "nhictl/ticket/issue_bind.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ticket/sshcert.h"
#include "nhictl/keys/key_public.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"

#define LINE_MAX_LEN 16384 /* the beginning is enough */

/* sshd reports which key it was, and no more: one key must mean one ticket, in every service. */
static int check_free(struct ctl *c, struct store *s, const struct nhi_ticket *t, const char *account,
                      const char *service)
{
    char hint[100], jti[NHI_JTI_LEN + 1];
    enum nhi_err err = nhi_ticket_holding_key(s->l, t, account, service, c->now, jti);

    if (err == NHI_ERR_NOT_FOUND)
        return CTL_DONE;
    if (err != NHI_OK)
        return store_fail(c, s, err, "look for other tickets of this key");
    snprintf(hint, sizeof(hint), "nhictl renew %s, if it is for the same task; or bind another key", jti);
    return ctl_fail(c, CTL_REFUSED, hint,
                    "this key is already bound to the live ticket %s for account %s and service %s", jti, account,
                    service);
}

int bind_check(struct ctl *c, struct store *s, const struct nhi_ticket *t)
{
    char account[NHI_LIST_MAX + 1], service[NHI_LIST_MAX + 1];
    const char *a = t->accounts, *v;
    int code = CTL_DONE;

    while (code == CTL_DONE && (a = nhi_list_next(a, account)) != NULL)
        for (v = t->services; code == CTL_DONE && (v = nhi_list_next(v, service)) != NULL;)
            code = check_free(c, s, t, account, service);
    return code;
}

/* The name under which ssh finds it by itself: FILE-cert.pub beside FILE.pub. */
static int cert_name(struct ctl *c, const char *pub, char name[PATH_MAX])
{
    size_t len = strlen(pub);

    if (len > 4 && strcmp(pub + len - 4, ".pub") == 0)
        len -= 4;
    if (len + sizeof("-cert.pub") > PATH_MAX)
        return ctl_fail(c, CTL_USAGE, NULL, "the name %s is too long", pub);
    memcpy(name, pub, len);
    memcpy(name + len, "-cert.pub", sizeof("-cert.pub"));
    return CTL_DONE;
}

/* A certificate that somebody else made must not be replaced. */
static int check_cert(struct ctl *c, const char *name)
{
    const size_t type = sizeof(NHI_SSHCERT_TYPE " ") - 1;
    char line[LINE_MAX_LEN] = "", hint[100];
    struct nhi_sshcert cert;
    FILE *f = fopen(name, "re");

    if (f == NULL)
        return CTL_DONE; /* text_write finds out why */
    if (fgets(line, sizeof(line), f) == NULL)
        line[0] = '\0';
    fclose(f);
    if (line[0] == '\0' || (strncmp(line, NHI_SSHCERT_TYPE " ", type) == 0 &&
                            nhi_sshcert_decode(line + type, strcspn(line + type, " \n"), &cert) == NHI_OK))
        return CTL_DONE;
    snprintf(hint, sizeof(hint), "mv %.60s aside", name);
    return ctl_fail(c, CTL_REFUSED, hint, "%s already exists and contains no ticket: it is not replaced", name);
}

int issue_bind(struct ctl *c, const char *file, bool cert, struct nhi_ticket *t)
{
    char name[PATH_MAX];
    int code;

    if (file == NULL && cert)
        return ctl_fail(c, CTL_USAGE, "--bind-key FILE.pub --cert", "--cert needs the key to certify");
    if (file == NULL)
        return CTL_DONE;
    code = key_read_public(c, "--bind-key", file, t->cnf);
    t->has_cnf = code == CTL_DONE;
    if (code == CTL_DONE && cert)
        code = cert_name(c, file, name);
    return code == CTL_DONE && cert ? check_cert(c, name) : code;
}

void issue_cert_remove(struct ctl *c, const char *pub)
{
    char name[PATH_MAX];

    if (cert_name(c, pub, name) == CTL_DONE)
        text_remove(name);
}

int issue_cert(struct ctl *c, const struct nhi_ticket *t, const char *text, const char *pub)
{
    char name[PATH_MAX], base64[NHI_SSHCERT_MAX + 1], line[sizeof(base64) + 128];
    enum nhi_err err;
    int code = cert_name(c, pub, name);

    if (code != CTL_DONE)
        return code;
    err = nhi_sshcert_make(t, text, base64);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not make the certificate: %s", nhi_strerror(err));
    snprintf(line, sizeof(line), "%s %s %s", NHI_SSHCERT_TYPE, base64, t->jti);
    /* Nobody can use it without the key: it may be as readable as the key's public half. */
    return text_write(c, name, line, 0644);
}
