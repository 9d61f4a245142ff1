/* SPDX-License-Identifier: ISC */
/*
 * Accounts by whose uid something runs, and no session of which is live.
 */
#ifndef NHICTL_LEFTOVER_IDLE_H
#define NHICTL_LEFTOVER_IDLE_H

#include <stdbool.h>
#include <stdint.h>

/* Which leftovers are looked for. Zeroed: those that are to end, of every account. */
struct leftover_wish {
    const char *account; /* of this one alone; NULL: all */
    bool lockdown;       /* where the ledger cannot be read, too */
    bool named;          /* also those of unknown origin, since a person has decided on them */
    /* Whether that session, which has ended, is being ended at this moment; NULL: none is. */
    bool (*ends)(const char *handle, const void *ctx);
    const void *ctx;
};

bool leftover_runs_anything(uint32_t uid);
/* chosen: a flag for each of leftover_accounts(). Sets those that the wish names, by whose uid something runs, and no
 * session of which is live. Returns whether any is set. */
bool leftover_choose_idle(const struct leftover_wish *wish, bool *chosen);
/* Clears the flag of each account with a live session, and all when sessions cannot be read. Returns whether any is
 * still set. */
bool leftover_drop_live(const struct leftover_wish *wish, bool *chosen);
/* Whether a session of that account is live; true where that cannot be found out. */
bool leftover_is_live(const struct leftover_wish *wish, uint32_t uid);

#endif
