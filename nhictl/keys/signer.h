/* SPDX-License-Identifier: ISC */
/*
 * The secret half of an issuer's key, wherever it is kept: as a systemd credential, in a file, either of them perhaps
 * under a passphrase, or in an ssh-agent.
 */
#ifndef NHICTL_SIGNER_H
#define NHICTL_SIGNER_H

#include "libnhi/ledger/ledger.h"

struct ctl;

#define SIGNER_CREDENTIAL "nhi.%s.secret" /* its name, with that of the key */

struct signer {
    char kid[NHI_KID_MAX + 1]; /* empty: nothing is open */
    bool in_agent;
    uint8_t sk[NHI_SK_LEN]; /* unless it is */
};

/* Finds the key that is to sign, kid or, with NULL, the one that signs here, and asks for its passphrase where it
 * has one. Call it before the ledger is taken: nobody's revocation waits for somebody at a terminal. Returns
 * CTL_DONE, or another exit code after saying what is wrong. */
int signer_open(struct ctl *c, const char *kid, struct signer *s);
/* Signs a ticket of key, which is opened now if it is another. Call it when the ledger is free: an agent may have
 * to ask somebody. text: new, wiped and freed by nhi_text_free. */
int signer_sign(struct ctl *c, struct signer *s, const struct nhi_ticket *t, const struct nhi_issuer *key, char **text);
/* Wipes it, whatever state it is in. */
void signer_close(struct signer *s);

/* Whether the agent that is asked signs what pk verifies. An exit code. */
int signer_prove_agent(struct ctl *c, const uint8_t pk[NHI_PK_LEN], const char *file);
/* "credential", "file", "passphrase" (a file under one), "agent", "absent". */
const char *signer_where(const struct nhi_issuer *key);

#endif
