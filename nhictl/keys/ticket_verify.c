/* SPDX-License-Identifier: ISC */
#include "nhictl/keys/ticket_verify.h"

#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ticket/ticket.h"
#include "nhictl/say/fail.h"

int ticket_verify(struct ctl *c, struct store *s, const char *text, size_t len, struct nhi_ticket *out)
{
    char kid[NHI_KID_MAX + 1];
    struct nhi_issuer issuer;
    enum nhi_err err;

    err = nhi_ticket_kid(text, len, kid);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_REFUSED, NULL, "this is not a ticket: %s", nhi_strerror(err));
    err = nhi_issuer_get(s->l, kid, &issuer);
    if (err == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_REFUSED, "nhictl key add KID k4.public...., after its owner has confirmed the key",
                        "signed by %s, which is not an issuer that this host knows", kid);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the issuer");
    err = nhi_ticket_verify(text, len, issuer.pk, out);
    if (err == NHI_ERR_SIGNATURE)
        return ctl_fail(c, CTL_REFUSED, NULL, "not genuine: the signature of %s does not match", kid);
    if (err == NHI_ERR_NOMEM || err == NHI_ERR_SYS)
        return store_fail(c, s, err, "verify the ticket");
    if (err != NHI_OK)
        return ctl_fail(c, CTL_REFUSED, NULL, "signed by %s, but not a ticket: %s", kid, nhi_strerror(err));
    return CTL_DONE;
}
