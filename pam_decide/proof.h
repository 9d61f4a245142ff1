/* SPDX-License-Identifier: ISC */
/*
 * The public keys whose possession sshd has verified on this connection.
 */
#ifndef PAM_DECIDE_PROOF_H
#define PAM_DECIDE_PROOF_H

#include "libnhi/ticket/ticket.h"
#include "pam_nhi/caller.h"

#define PNHI_KEYS_MAX 4

struct pnhi_proof {
    unsigned lines; /* public keys of any type; sshd reports none of them before open_session, unless
                       AuthenticationMethods demands more than the key */
    unsigned count; /* those that are Ed25519 keys, in key */
    uint8_t key[PNHI_KEYS_MAX][NHI_PK_LEN];
    bool unreadable;                      /* an Ed25519 key that cannot be compared */
    char ticket[NHI_TICKET_TEXT_MAX + 1]; /* a ticket in a certificate among them; empty: none */
};

void pnhi_proof_find(pam_handle_t *pamh, const struct pnhi_caller *c, struct pnhi_proof *out);

/* The one key, or NULL: none, or several, of which it is not known whose they are. */
const uint8_t *pnhi_proof_key(const struct pnhi_proof *p);
/* The ticket that came with that key, not verified; NULL: none, and the ledger is asked. */
const char *pnhi_proof_ticket(const struct pnhi_proof *p);

/* Whether some ticket was ever bound to one of them, or came with it: then a login to an account that agents share is
 * not a person's. */
enum nhi_presence pnhi_proof_is_agents(const struct pnhi_proof *p, const char *account);

#endif
