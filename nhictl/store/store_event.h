/* SPDX-License-Identifier: ISC */
/*
 * Events: what was done, and by whom as far as this host can tell.
 */
#ifndef NHICTL_STORE_EVENT_H
#define NHICTL_STORE_EVENT_H

#include "nhictl/store/store.h"

/* What a verb did, with the members of struct nhi_event that it knows. Each but kind may be NULL or empty: what the
 * ledger knows of a ticket or a task need not be given. */
struct store_event {
    const char *kind, *agent, *owner, *task, *jti, *account, *within, *session;
    const char *cause; /* why, in the words of the caller */
};
/* One event in the open transaction. detail: a row with the rest, which this takes, or NULL; who acted is added to
 * it. */
NHI_CHECK enum nhi_err store_event(struct ctl *c, struct store *s, struct store_event done, struct out_row *detail);
/* The same for an event that comes from somewhere else. */
NHI_CHECK enum nhi_err store_add_event(struct ctl *c, struct store *s, struct nhi_event *e, struct out_row *detail);
/* Where the ledger cannot be written: who did what is in force without it and why, for whoever can write it next. kind,
 * id: as in reserve_notes.h. */
NHI_CHECK enum nhi_err store_note_later(const struct ctl *c, unsigned kind, const char *id, const char *reason);
/* store_event in a transaction of its own, for what is done already and did not wait for the ledger: where that cannot
 * be written, a warning says so. */
void store_note(struct ctl *c, struct store_event done, struct out_row *detail);
/* Who is at work, as far as this host can tell: a login name, or "uid 1000". */
void store_actor(const struct ctl *c, char out[NHI_OWNER_MAX + 1]);

#endif
