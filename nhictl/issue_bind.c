/*
 * issue --bind-key: a ticket that opens nothing without a key.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/sshcert.h"
#include "libnhi/sshkey.h"
#include "nhictl/ctl.h"
#include "nhictl/issue.h"
#include "nhictl/store.h"
#include "nhictl/text.h"

#define LINE_MAX_LEN 16384 /* sshd's own limit for a key and its comment is below */

static int not_a_key(struct ctl *c, const char *file, const char *line, enum nhi_err err)
{
    char hint[300];

    snprintf(hint, sizeof(hint), "--bind-key %s.pub", file);
    if (strncmp(line, "-----BEGIN ", 11) == 0)
        return ctl_fail(c, CTL_REFUSED, hint, "%s is a private key: give the public one", file);
    if (err == NHI_ERR_STATE)
        return ctl_fail(c, CTL_REFUSED, "ssh-keygen -t ed25519",
                        "%s is not an Ed25519 key: no other type can be bound", file);
    return ctl_fail(c, CTL_REFUSED, "ssh-keygen -t ed25519",
                    "%s does not start with an OpenSSH public key", file);
}

int bind_read(struct ctl *c, const char *file, uint8_t pk[NHI_PK_LEN])
{
    char line[LINE_MAX_LEN] = "";
    enum nhi_err err;
    FILE *f;

    f = fopen(file, "re");
    if (f == NULL || (fgets(line, sizeof(line), f) == NULL && ferror(f))) {
        int saved = errno;

        if (f != NULL)
            fclose(f);
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not read %s: %s", file, strerror(saved));
    }
    fclose(f);
    err = nhi_sshkey_parse(line, pk);
    return err == NHI_OK ? CTL_DONE : not_a_key(c, file, line, err);
}

/* sshd says which key it was, and no more: one key must mean one ticket, wherever it knocks. */
static int check_free(struct ctl *c, struct store *s, const struct nhi_ticket *t,
                      const char *account, const char *service)
{
    struct nhi_ticket_row row;
    struct nhi_ticket other;
    enum nhi_err err = nhi_ticket_for_key(s->l, t->cnf, account, service, c->now, &other);
    char hint[100];

    if (err == NHI_ERR_EXISTS)
        return ctl_fail(c, CTL_REFUSED, "nhictl ticket list",
                        "this key is bound to several live tickets for account %s already",
                        account);
    if (err == NHI_OK)
        err = nhi_ticket_get(s->l, other.jti, &row);
    if (err == NHI_ERR_NOT_FOUND)
        return CTL_DONE;
    if (err == NHI_OK && row.revoked)
        return CTL_DONE;
    if (err != NHI_OK)
        return store_fail(c, s, err, "look for other tickets of this key");
    snprintf(hint, sizeof(hint), "nhictl revoke --ticket %s", other.jti);
    return ctl_fail(c, CTL_REFUSED, hint,
                    "this key is bound to the live ticket %s for account %s and service %s already",
                    other.jti, account, service);
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

int issue_bind(struct ctl *c, struct store *s, struct nhi_ticket *t)
{
    const struct issue_args *args = c->args;
    int code;

    if (args->bind_key == NULL && args->cert)
        return ctl_fail(c, CTL_USAGE, "--bind-key FILE.pub --cert",
                        "--cert needs the key that it certifies");
    if (args->bind_key == NULL)
        return CTL_DONE;
    code = bind_read(c, args->bind_key, t->cnf);
    t->has_cnf = code == CTL_DONE;
    /* Another host has a ledger of its own. */
    return code == CTL_DONE && strcmp(t->host, s->set.host) == 0 ? bind_check(c, s, t) : code;
}

/* The name by which ssh finds it without being told: FILE-cert.pub beside FILE.pub. */
static int cert_name(struct ctl *c, const char *pub, char name[PATH_MAX])
{
    size_t len = strlen(pub);

    if (len > 4 && strcmp(pub + len - 4, ".pub") == 0)
        len -= 4;
    if (len + sizeof("-cert.pub") > PATH_MAX)
        return ctl_fail(c, CTL_USAGE, NULL, "%s is too long a name", pub);
    memcpy(name, pub, len);
    memcpy(name + len, "-cert.pub", sizeof("-cert.pub"));
    return CTL_DONE;
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
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not make the certificate: %s",
                        nhi_strerror(err));
    snprintf(line, sizeof(line), "%s %s %s", NHI_SSHCERT_TYPE, base64, t->jti);
    /* Nobody can use it without the key: it may be as readable as the key's public half. */
    return text_write(c, name, line, 0644);
}
