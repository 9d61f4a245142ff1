/*
 * Putting the ledger back from a backup, in steps.
 */
#ifndef NHICTL_RESTORE_H
#define NHICTL_RESTORE_H

#include "libnhi/restore.h"
#include "nhictl/store.h"

struct restoring {
    struct nhi_ledger *copy;
    struct nhi_settings copied;
    struct nhi_head head, had; /* of the trails: of the copy, of the ledger before */
    struct nhi_restore how;
    enum nhi_fit fit; /* of the ledger before */
    bool lost; /* there was no ledger that could be used */
    bool none;  /* not even a damaged one, nor one without agents */
    const char *aside; /* how the name begins that what was there has now; NULL: it has its own */
    struct nhi_issuer made;
};

/* These return CTL_DONE, or another exit code after saying what was wrong. The backup that the operand names, into
 * memory. */
int restore_open_copy(struct ctl *c, struct restoring *r);
/* Those of --without are retired in it, each under another name. */
int restore_leave_out(struct ctl *c, struct restoring *r, const char *names);
/* That this host could take what is in it: names, numbers, homes, the trail. Before anything is changed. */
int restore_check_copy(struct ctl *c, const struct restoring *r);
/* Where a new ledger was made and nothing came into it: what was there before is there again. */
void restore_undo(struct store *s, struct restoring *r);
/* Where all came into it: what was there without agents is no more. */
void restore_done(const struct restoring *r);
/* The ledger that is there; a new one where none is, or none that can be used, or none that knows any agent. */
int restore_open_ledger(struct ctl *c, struct store *s, struct restoring *r);
/* Where it is missing. What the lost one held is among what nobody knows any more. */
int restore_make_reserve(struct ctl *c);

#endif
