/* SPDX-License-Identifier: ISC */
/*
 * The secret half of an issuer's key, wherever it is kept: as a systemd credential or in a file, either of them perhaps
 * under a passphrase, or in an ssh-agent.
 */
#ifndef NHICTL_SIGNER_H
#define NHICTL_SIGNER_H

#include "libnhi/ledger/ledger.h"

struct ctl;
struct store;

#define SIGNER_CREDENTIAL "nhi.%s.secret" /* name of the credential, with the key's name in it */

struct signer {
    char kid[NHI_KID_MAX + 1]; /* empty: nothing is open */
    bool in_agent;
    bool asked;             /* for its passphrase, for which somebody may have taken their time */
    bool proven;            /* a signature by sk was verified */
    uint8_t sk[NHI_SK_LEN]; /* only if it is open and not in an ssh-agent */
};

/* Finds the key to sign with, kid or, with NULL, the one that signs here, and asks for its passphrase if it has one.
 * Call it before the ledger is locked: no revocation may wait for somebody who types. Returns CTL_DONE, or another exit
 * code after reporting what is wrong. */
int signer_open(struct ctl *c, const char *kid, struct signer *s);
/* The same by a ledger that is open, and not locked. */
int signer_open_in(struct ctl *c, struct store *store, const char *kid, struct signer *s);
/* Signs a ticket of key, which is opened now if it is another one. Call it when the ledger is not locked: an agent may
 * have to ask a person. text: allocated, wiped and freed by nhi_text_free. */
int signer_sign(struct ctl *c, struct signer *s, const struct nhi_ticket *t, const struct nhi_issuer *key, char **text);
/* Wipes it, in any state. */
void signer_close(struct signer *s);

/* Whether the ssh-agent makes a signature that pk verifies. An exit code. */
int signer_prove_agent(struct ctl *c, const uint8_t pk[NHI_PK_LEN], const char *file);
/* "credential", "file", "passphrase" (a file under a passphrase), "agent", "absent". */
const char *signer_where(const struct nhi_issuer *key);

#endif
