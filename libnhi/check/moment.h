/* SPDX-License-Identifier: ISC */
/*
 * What this host knows at one moment: the reserve and the ledger as they are now, and the clock. Decisions over the
 * same moment agree with each other.
 */
#ifndef NHI_MOMENT_H
#define NHI_MOMENT_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/policy/decide.h"
#include "libnhi/reserve/reserve.h"

#define NHI_MESSAGE_MAX 200 /* bytes of the description of a failure, with the NUL */

/* To be read only. */
struct nhi_moment {
    struct nhi_ledger *ledger;
    struct nhi_reserve *reserve;
    int64_t now;            /* seconds since the epoch */
    enum nhi_fit fit;       /* how the ledger fits this host */
    enum nhi_reason reason; /* NHI_PERMIT: all of these could be read; else why everything is denied */
    bool readable;          /* the ledger could be read, whatever the state of the reserve */
    bool borrowed;          /* another part of the program closes the ledger */
    char message[NHI_MESSAGE_MAX];
};

/* Opens what a decision is based on; m->reason is the result. NULL: out of memory. */
struct nhi_moment *nhi_moment_begin(void);
/* The same over a ledger that is open, and that stays open and in a transaction as long as the moment is used. */
struct nhi_moment *nhi_moment_over(struct nhi_ledger *l, const struct nhi_settings *settings,
                                   const struct nhi_last_seen_answer *seen, int64_t now);
void nhi_moment_end(struct nhi_moment *m);

/* The same without an allocation, into a zeroed m. Release with nhi_moment_close, whatever the result. */
void nhi_moment_open(struct nhi_moment *m);
void nhi_moment_close(struct nhi_moment *m);

/* For a revocation that could not be written anywhere: in this moment it counts as if it were in the reserve.
 * NHI_ERR_FULL: as for the reserve. */
NHI_CHECK enum nhi_err nhi_moment_revoke(struct nhi_moment *m, enum nhi_revoke_kind kind, const char *id);

/* Describes how the ledger failed. */
void nhi_moment_say(const struct nhi_moment *m, enum nhi_err err, char out[NHI_MESSAGE_MAX]);

#endif
