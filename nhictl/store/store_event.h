/* SPDX-License-Identifier: ISC */
/*
 * Events: what was done, and by whom as far as this host knows.
 */
#ifndef NHICTL_STORE_EVENT_H
#define NHICTL_STORE_EVENT_H

#include "nhictl/store/store.h"

/* The action of a verb, with the members of struct nhi_event that it knows. All except kind may be NULL or empty: facts
 * that the ledger has about a ticket or task need not be given. */
struct store_event {
    const char *kind, *agent, *owner, *task, *jti, *account, *within, *session;
    const char *cause; /* why, in the words of the caller */
};
/* Adds an event in the open transaction. detail: a row with the rest, which this takes over, or NULL; it adds who
 * acted. */
NHI_CHECK enum nhi_err store_event(struct ctl *c, struct store *s, struct store_event done, struct out_row *detail);
/* The same for an event that is filled in already. */
NHI_CHECK enum nhi_err store_add_event(struct ctl *c, struct store *s, struct nhi_event *e, struct out_row *detail);
/* If the ledger cannot be written: notes who did something that is in force without it, and why, for the next process
 * that can write it. kind, id: as in reserve_notes.h. */
NHI_CHECK enum nhi_err store_note_later(const struct ctl *c, unsigned kind, const char *id, const char *reason);
/* store_event in a transaction of its own, for an action that is done already and did not need the ledger: if that
 * cannot be written, it warns. */
void store_note(struct ctl *c, struct store_event done, struct out_row *detail);
/* Who runs the command, as far as this host knows: a login name, or "uid 1000". */
void store_actor(const struct ctl *c, char out[NHI_OWNER_MAX + 1]);

#endif
