/* SPDX-License-Identifier: ISC */
/*
 * The public keys that sshd names as proven on this connection, as text, and whether one of them was ever an agent's.
 */
#ifndef PAM_NHI_PROVEN_H
#define PAM_NHI_PROVEN_H

#include "pam_nhi/caller.h"

/* Whether this service verifies keys, and reports which. */
bool pnhi_proof_is_possible(const struct pnhi_caller *c);

struct pnhi_proven {
    const char *rest;   /* what follows; NULL: nothing */
    const char *base64; /* of an Ed25519 key or certificate, not NUL-terminated; NULL: of another type */
    size_t len;
    bool certificate;
};
/* Before the first one. */
struct pnhi_proven pnhi_proven_begin(pam_handle_t *pamh, const struct pnhi_caller *c);
/* The next public key of any type; other methods have lines too. */
bool pnhi_proven_next(struct pnhi_proven *p);

/* Whether some ticket was ever bound to one of them, or came with it: then a login to an account that agents share is
 * not a person's. */
enum nhi_presence pnhi_proven_is_agents(pam_handle_t *pamh, const struct pnhi_caller *c);

#endif
