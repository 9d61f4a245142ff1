/* SPDX-License-Identifier: ISC */
/*
 * Names that the ledger does not have.
 */
#ifndef NHICTL_UNKNOWN_H
#define NHICTL_UNKNOWN_H

#include "nhictl/store/store.h"

/* Report that there is no such agent, task, key or owner, with what to type instead: the same line with the name that
 * is most like it; for a verb that ends something, how to look at that one; the list, where none is. They return
 * CTL_REFUSED. */
int unknown_agent(struct ctl *c, const struct store *s, const char *name);
int unknown_task(struct ctl *c, const struct store *s, const char *id);
int unknown_key(struct ctl *c, const struct store *s, const char *kid);
int unknown_owner(struct ctl *c, const struct store *s, const char *name);

/* Of a task, or of a ticket for it. NHI_ERR_NOT_FOUND: of neither. */
NHI_CHECK enum nhi_err task_is_known(struct nhi_ledger *l, const char *id);

/* For what is looked up by a name: CTL_DONE if the ledger has it, otherwise as above. */
int need_agent(struct ctl *c, const struct store *s, const char *name);
int need_task(struct ctl *c, const struct store *s, const char *id);

#endif
