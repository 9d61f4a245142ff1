/* SPDX-License-Identifier: ISC */
#include "pam_nhi/let_be.h"

int pnhi_let_be(pam_handle_t *pamh, const struct pnhi_caller *c, enum pnhi_phase phase)
{
    if (c->blind != NULL)
        pnhi_log_blind(pamh, c);
    /* An account that does not exist. */
    if (c->missing && !c->marks.root && (phase == PNHI_ACCOUNT || phase == PNHI_SESSION))
        return pnhi_refused(phase);
    return pnhi_not_ours(phase);
}
