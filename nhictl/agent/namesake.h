/* SPDX-License-Identifier: ISC */
/*
 * Agents whose name leads programs to another account: a local line, or a directory that nsswitch.conf names before
 * nhi. Tickets of such an agent are refused at that account.
 */
#ifndef NHICTL_NAMESAKE_H
#define NHICTL_NAMESAKE_H

#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_agent.h"

/* Calls fn for each such agent, with the uid of the other account; stops when fn returns other than 0. Asks getent(1)
 * for all names at once, for five seconds at most: what a directory does not answer by then is not found. */
void namesakes_each(struct nhi_ledger *l, int (*fn)(const struct nhi_agent *a, uint32_t uid, void *ctx), void *ctx);
/* One sentence for people, allocated: which account it is, and what to type. */
char *namesake_text(const struct nhi_agent *a, uint32_t uid);
/* Prints a note about each. */
void namesakes_note(struct nhi_ledger *l);

#endif
