/*
 * A copy of the ledger, and what becomes of the ledger when one is put back.
 *
 * The copy is one SQLite database without a log beside it. Of keys it has the public halves.
 *
 * Restoring changes the ledger that is there, in one transaction: what the copy has and the ledger has not comes
 * back; what the ledger has and the copy has not stays, and is ended; what either of the two has ended stays so; and
 * every ticket is of an epoch that is over. Where the ledger is lost, or has lost some of its past, nobody knows what
 * was ended since the copy was made: then agents come back suspended, tasks closed, and keys of others retired.
 */
#ifndef NHI_RESTORE_H
#define NHI_RESTORE_H

#include "libnhi/ledger.h"

/* The ledger as it is at this moment, whoever is writing; new, for nhi_ledger_image_free. */
NHI_CHECK enum nhi_err nhi_ledger_image(struct nhi_ledger *l, unsigned char **image, size_t *len);
void nhi_ledger_image_free(unsigned char *image);

/* Looks at all of it. NHI_ERR_CORRUPT: not all of it can be read. */
NHI_CHECK enum nhi_err nhi_ledger_look(struct nhi_ledger *l);

/* Opens a copy in memory, looks at all of it and brings it forward. NHI_ERR_CORRUPT, NHI_ERR_VERSION. */
NHI_CHECK enum nhi_err nhi_copy_open(const unsigned char *image, size_t len, struct nhi_ledger **out);

/* In the copy, an agent that this host cannot take under its name: it has another, which nobody there has, and is retired.
 * Its uid, its tasks and its tickets stay known. NHI_ERR_NOT_FOUND; NHI_ERR_EXISTS: the other name is somebody's. */
NHI_CHECK enum nhi_err nhi_copy_leave_out(struct nhi_ledger *copy, const char *name, const char *as, int64_t now);

/* Puts what the copy holds beside the ledger, for the functions below. Outside of a transaction. */
NHI_CHECK enum nhi_err nhi_restore_attach(struct nhi_ledger *l, struct nhi_ledger *copy);

/* How the trail of the copy and that of the ledger belong together. */
enum nhi_trails {
    NHI_TRAIL_EMPTY,    /* the ledger has none */
    NHI_TRAIL_ON,       /* the ledger's goes on where the copy's ends, or where that was put back before */
    NHI_TRAIL_BEHIND,   /* the copy's goes on where the ledger's ends: the ledger has lost some */
    NHI_TRAIL_DIVERGED, /* there are events in each that the other does not have */
};
NHI_CHECK enum nhi_err nhi_restore_trails(struct nhi_ledger *l, enum nhi_trails *out);

/* NHI_ERR_EXISTS: a name, uid or key is one thing here and another there: it is the copy of another ledger. */
NHI_CHECK enum nhi_err nhi_restore_check(struct nhi_ledger *l);

struct nhi_restore {
    enum nhi_trails trails;
    bool lossy; /* what was ended since the copy is not known */
    bool strange; /* the ledger does not belong to this machine, and will not */
    uint32_t next_uid;     /* no agent gets a lower one; 0: no more is known than the two ledgers say */
    int64_t epoch, latest; /* the same of these */
};
/* In the open transaction. */
NHI_CHECK enum nhi_err nhi_restore_run(struct nhi_ledger *l, const struct nhi_restore *r, int64_t now);

/* In the open transaction: from now on every ticket that there is, and every open task, is over, and the ledger
 * belongs to this machine under that name. */
NHI_CHECK enum nhi_err nhi_ledger_take_over(struct nhi_ledger *l, const char *host, int64_t now);

#endif
