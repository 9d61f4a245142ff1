/* SPDX-License-Identifier: ISC */
#include "pam_decide/proof.h"

#include <string.h>

#include "libnhi/check/key_bound.h"
#include "libnhi/key/sshkey.h"
#include "libnhi/ticket/sshcert.h"
#include "pam_nhi/proven.h"

static void take_certificate(const char *base64, size_t len, struct pnhi_proof *out)
{
    struct nhi_sshcert c;

    if (nhi_sshcert_decode(base64, len, &c) == NHI_OK) {
        memcpy(out->key[out->count++], c.pk, NHI_PK_LEN);
        memcpy(out->ticket, c.ticket, sizeof(out->ticket));
    } else if (nhi_sshcert_read_key(base64, len, out->key[out->count]) == NHI_OK) {
        /* A certificate without a ticket is from another authority, but its key counts. */
        out->count++;
    } else {
        out->unreadable = true;
    }
}

void pnhi_proof_find(pam_handle_t *pamh, const struct pnhi_caller *c, struct pnhi_proof *out)
{
    struct pnhi_proven p = pnhi_proven_begin(pamh, c);

    memset(out, 0, sizeof(*out));
    while (pnhi_proven_next(&p)) {
        out->lines++;
        if (p.base64 == NULL || out->count == PNHI_KEYS_MAX)
            continue;
        if (p.certificate)
            take_certificate(p.base64, p.len, out);
        else if (nhi_sshkey_decode(p.base64, p.len, out->key[out->count]) == NHI_OK)
            out->count++;
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
