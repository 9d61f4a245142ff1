/*
 * Events: what was done, and by whom as far as this host can tell.
 */
#ifndef NHICTL_STORE_EVENT_H
#define NHICTL_STORE_EVENT_H

#include "nhictl/store/store.h"

/* One event in the open transaction. agent, task, jti: NULL or empty for none; what the ledger knows of the ticket
 * or the task need not be said. cause: why, in the words of whoever did it, or NULL. detail: a row with the rest,
 * which this takes, or NULL; who acted is added to it. */
NHI_CHECK enum nhi_err store_event(struct ctl *c, struct store *s, const char *kind, const char *agent,
                                   const char *task, const char *jti, const char *cause, struct out_row *detail);
/* The same for an event that has more to it: begun with the former, and then filled in. */
void store_event_of(struct nhi_event *e, const char *kind, const char *agent, const char *task, const char *jti,
                    const char *cause);
NHI_CHECK enum nhi_err store_add_event(struct ctl *c, struct store *s, struct nhi_event *e, struct out_row *detail);
/* Where the ledger cannot be written: who did what is in force without it and why, for whoever can write it next. kind,
 * id: as in reserve_notes.h. */
NHI_CHECK enum nhi_err store_note_later(const struct ctl *c, unsigned kind, const char *id, const char *reason);
/* The same in a transaction of its own, for what is done already and did not wait for the ledger: where that cannot
 * be written, a warning says so. */
void store_note(struct ctl *c, struct nhi_event *e, struct out_row *detail);
/* Who is at work, as far as this host can tell: a login name, or "uid 1000". */
void store_actor(const struct ctl *c, char out[NHI_OWNER_MAX + 1]);

#endif
