/* SPDX-License-Identifier: ISC */
/*
 * What this host knows at one moment: the reserve and the recorded facts as they are now, and the clock. Decisions over
 * the same moment agree with each other.
 */
#ifndef NHI_MOMENT_H
#define NHI_MOMENT_H

#include "libnhi/policy/decide.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/state/fit.h"
#include "libnhi/state/source.h"
#include "libnhi/state/state.h"

#define NHI_MESSAGE_MAX 200 /* bytes of the description of a failure, with the NUL */

/* To be read only. */
struct nhi_moment {
    struct nhi_fact_source from;
    struct nhi_state *state; /* that it reads; NULL: from is the ledger */
    struct nhi_reserve *reserve;
    int64_t now;                /* seconds since the epoch */
    int64_t latest;             /* the latest time that this host has seen, beside that of from; 0: none */
    enum nhi_fit fit;           /* how the ledger fits this host */
    enum nhi_reason reason;     /* NHI_PERMIT: all of these could be read; else why everything is denied */
    enum nhi_reason unreadable; /* the reason if from cannot be read */
    bool readable;              /* from could be opened, whatever the state of the reserve */
    char message[NHI_MESSAGE_MAX];
};

/* Opens the published state; m->reason is the result. NULL: out of memory. */
struct nhi_moment *nhi_moment_begin(void);
/* The same over the ledger, which stays open and in a transaction as long as the moment is used. */
struct nhi_moment *nhi_moment_over(struct nhi_fact_source ledger, enum nhi_fit fit, int64_t now);
void nhi_moment_end(struct nhi_moment *m);

/* The same as begin without an allocation of its own, into a zeroed m. Release with nhi_moment_close, whatever the
 * result. */
void nhi_moment_open(struct nhi_moment *m);
void nhi_moment_close(struct nhi_moment *m);

/* For a revocation that could not be written anywhere: in this moment it counts as if it were in the reserve.
 * NHI_ERR_FULL: as for the reserve. */
NHI_CHECK enum nhi_err nhi_moment_revoke(struct nhi_moment *m, enum nhi_revoke_kind kind, const char *id);

/* Describes why a fact could not be read. */
void nhi_moment_say(const struct nhi_moment *m, enum nhi_err err, char out[NHI_MESSAGE_MAX]);

#endif
