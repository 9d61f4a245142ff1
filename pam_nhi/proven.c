/* SPDX-License-Identifier: ISC */
/*
 * MUST: read one name of the PAM environment only, which sshd sets before the session modules run. Our session line
 * comes before every module that lets users write that environment.
 */
#include "pam_nhi/proven.h"

#include <string.h>

#include "libnhi/check/key_bound.h"
#include "libnhi/key/sshkey_read.h"
#include "pam_nhi/decider.h"

#define VARIABLE "SSH_AUTH_INFO_0"
#define METHOD "publickey"
#define SERVICE "sshd" /* other services let users write a variable that looks like it */

bool pnhi_proof_is_possible(const struct pnhi_caller *c)
{
    return c->program == PNHI_LOGIN && strcmp(c->service, SERVICE) == 0;
}

struct pnhi_proven pnhi_proven_begin(pam_handle_t *pamh, const struct pnhi_caller *c)
{
    return (struct pnhi_proven){ .rest = pnhi_proof_is_possible(c) ? pam_getenv(pamh, VARIABLE) : NULL };
}

/* text after the word type, if it begins with that word; else NULL. */
static const char *after(const char *text, const char *type)
{
    size_t len = strlen(type);

    return strncmp(text, type, len) == 0 && text[len] == ' ' ? text + len + 1 : NULL;
}

/* One line of "publickey TYPE BASE64". */
bool pnhi_proven_next(struct pnhi_proven *p)
{
    const char *line, *key = NULL;
    size_t len = 0;

    while (key == NULL && p->rest != NULL && *p->rest != '\0') {
        line = p->rest;
        len = strcspn(line, "\n");
        p->rest = line + len + (line[len] == '\n');
        key = after(line, METHOD);
        if (key != NULL)
            len -= (size_t)(key - line);
    }
    if (key == NULL)
        return false;
    p->base64 = after(key, NHI_SSHKEY_TYPE);
    p->certificate = p->base64 == NULL;
    if (p->certificate)
        p->base64 = after(key, NHI_SSHCERT_TYPE);
    p->len = p->base64 != NULL ? len - (size_t)(p->base64 - key) : 0;
    return true;
}

/* A certificate is for the decider. Where that is missing, a person with one is still a person, but for a key that is
 * known as an agent's. */
static enum nhi_presence is_certificate_agents(pam_handle_t *pamh, const struct pnhi_proven *p,
                                               const struct pnhi_caller *c)
{
    uint8_t key[NHI_PK_LEN];
    char why[PNHI_WHY_MAX];
    const struct pnhi_decider *d = pnhi_decider_load(why);

    if (d != NULL)
        return d->certificate(pamh, c);
    if (nhi_sshcert_read_key(p->base64, p->len, key) == NHI_OK && nhi_key_was_bound(key, c->subject) == NHI_OK)
        return NHI_PRESENT;
    return NHI_UNREADABLE;
}

static enum nhi_presence is_key_agents(const struct pnhi_proven *p, const struct pnhi_caller *c)
{
    uint8_t key[NHI_PK_LEN];

    /* sshd would not have verified a signature by one that is none. */
    if (nhi_sshkey_read(p->base64, p->len, key) != NHI_OK)
        return NHI_ABSENT;
    return nhi_presence_of(nhi_key_was_bound(key, c->subject), 0);
}

enum nhi_presence pnhi_proven_is_agents(pam_handle_t *pamh, const struct pnhi_caller *c)
{
    struct pnhi_proven p = pnhi_proven_begin(pamh, c);
    enum nhi_presence presence = NHI_ABSENT, one;

    while (presence != NHI_PRESENT && pnhi_proven_next(&p)) {
        if (p.base64 == NULL)
            continue;
        one = p.certificate ? is_certificate_agents(pamh, &p, c) : is_key_agents(&p, c);
        if (one != NHI_ABSENT)
            presence = one == NHI_PRESENT || presence == NHI_ABSENT ? one : presence;
    }
    return presence;
}
