/*
 * MUST: read one name of the PAM environment only, which sshd sets before the session modules run.
 * Our session line stands before every module that lets users write that environment.
 */
#include "pam_nhi/proof.h"

#include <string.h>

#include "libnhi/check.h"
#include "libnhi/sshkey.h"

#define VARIABLE "SSH_AUTH_INFO_0"
#define METHOD "publickey "

/* One line of "publickey TYPE BASE64"; other methods have lines too. */
static void take_line(const char *line, size_t len, struct pnhi_proof *out)
{
    const char *type = METHOD NHI_SSHKEY_TYPE " ";

    if (len < strlen(METHOD) || memcmp(line, METHOD, strlen(METHOD)) != 0)
        return;
    out->lines++;
    if (len < strlen(type) || memcmp(line, type, strlen(type)) != 0 || out->count == PNHI_KEYS_MAX)
        return;
    if (nhi_sshkey_decode(line + strlen(type), len - strlen(type), out->key[out->count]) == NHI_OK)
        out->count++;
}

void pnhi_proof_find(pam_handle_t *pamh, const struct pnhi_caller *c, struct pnhi_proof *out)
{
    const char *at;
    size_t len;

    memset(out, 0, sizeof *out);
    if (c->program != PNHI_LOGIN)
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

bool pnhi_proof_is_agents(const struct pnhi_proof *p)
{
    unsigned i;

    for (i = 0; i < p->count; i++)
        if (nhi_key_was_bound(p->key[i]))
            return true;
    return false;
}
