/* SPDX-License-Identifier: ISC */
/*
 * Whether this transaction may have a grant: kept with the PAM handle, or made by the child in which sshd had us
 * authenticate, which left its ID in the PAM environment.
 */
#ifndef PAM_NHI_BROUGHT_H
#define PAM_NHI_BROUGHT_H

#include "pam_nhi/caller.h"

#define PNHI_DATA_GRANT "pam_nhi:grant"
#define PNHI_GRANT_VARIABLE \
    "NHI_GRANT" /* in the PAM environment, which sshd takes over from its child: the grant's ID */

/* What the variable says, or NULL: there is none, or users may have written it. */
const char *pnhi_brought(pam_handle_t *pamh);
/* Removes it. */
void pnhi_brought_clear(pam_handle_t *pamh);
/* The session begins: removes the variable before anybody sees it, and believes no other from now on. */
void pnhi_brought_end(pam_handle_t *pamh);

/* Whether the handle keeps a grant. */
bool pnhi_brought_kept(pam_handle_t *pamh);
/* false: this transaction has no grant. true: it may have one, and the decider finds it. */
bool pnhi_brought_any(pam_handle_t *pamh, const struct pnhi_caller *c);

#endif
