/* SPDX-License-Identifier: ISC */
/*
 * MUST: read one name of the PAM environment only, which sshd sets before the session modules run. Our session line
 * comes before every module that lets users write that environment.
 */
#include "pam_nhi/proof.h"

#include <string.h>

#include "libnhi/check/check.h"
#include "libnhi/key/sshkey.h"
#include "libnhi/ticket/sshcert.h"

#define VARIABLE "SSH_AUTH_INFO_0"
#define METHOD "publickey"
#define SERVICE "sshd" /* other services let users write a variable that looks like it */

/* text after the word type, if it begins with that word; else NULL. */
static const char *after(const char *text, const char *type)
{
    size_t len = strlen(type);

    return strncmp(text, type, len) == 0 && text[len] == ' ' ? text + len + 1 : NULL;
}

static void take_certificate(const char *base64, size_t len, struct pnhi_proof *out)
{
    struct nhi_sshcert c;

    if (nhi_sshcert_decode(base64, len, &c) == NHI_OK) {
        memcpy(out->key[out->count++], c.pk, NHI_PK_LEN);
        memcpy(out->ticket, c.ticket, sizeof(out->ticket));
    } else if (nhi_sshcert_key(base64, len, out->key[out->count]) == NHI_OK) {
        /* A certificate without a ticket is from another authority, but its key counts. */
        out->count++;
    } else {
        out->unreadable = true;
    }
}

/* One line of "publickey TYPE BASE64"; other methods have lines too. */
static void take_line(const char *line, size_t len, struct pnhi_proof *out)
{
    const char *key = after(line, METHOD), *base64;

    if (key == NULL)
        return;
    out->lines++;
    if (out->count == PNHI_KEYS_MAX)
        return;
    if ((base64 = after(key, NHI_SSHKEY_TYPE)) != NULL) {
        if (nhi_sshkey_decode(base64, len - (size_t)(base64 - line), out->key[out->count]) == NHI_OK)
            out->count++;
    } else if ((base64 = after(key, NHI_SSHCERT_TYPE)) != NULL) {
        take_certificate(base64, len - (size_t)(base64 - line), out);
    }
}

bool pnhi_proof_is_possible(const struct pnhi_caller *c)
{
    return c->program == PNHI_LOGIN && strcmp(c->service, SERVICE) == 0;
}

void pnhi_proof_find(pam_handle_t *pamh, const struct pnhi_caller *c, struct pnhi_proof *out)
{
    const char *at;
    size_t len;

    memset(out, 0, sizeof(*out));
    if (!pnhi_proof_is_possible(c))
        return;
    at = pam_getenv(pamh, VARIABLE);
    while (at != NULL && *at != '\0') {
        len = strcspn(at, "\n");
        take_line(at, len, out);
        at += len + (at[len] == '\n');
    }
}

const uint8_t *pnhi_proof_key(const struct pnhi_proof *p)
{
    return p->lines == 1 && p->count == 1 ? p->key[0] : NULL;
}

const char *pnhi_proof_ticket(const struct pnhi_proof *p)
{
    return pnhi_proof_key(p) != NULL && p->ticket[0] != '\0' ? p->ticket : NULL;
}

enum nhi_presence pnhi_proof_is_agents(const struct pnhi_proof *p, const char *account)
{
    enum nhi_presence presence = NHI_ABSENT;

    if (p->ticket[0] != '\0' || p->unreadable)
        return NHI_PRESENT;
    for (unsigned i = 0; i < p->count; i++) {
        enum nhi_err err = nhi_key_was_bound(p->key[i], account);

        if (err == NHI_OK)
            return NHI_PRESENT;
        if (err != NHI_ERR_NOT_FOUND)
            presence = nhi_presence_of(err, 0);
    }
    return presence;
}
