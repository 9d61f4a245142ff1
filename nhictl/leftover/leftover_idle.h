/* SPDX-License-Identifier: ISC */
/*
 * Accounts under whose uid something runs while none of their sessions is live.
 */
#ifndef NHICTL_LEFTOVER_IDLE_H
#define NHICTL_LEFTOVER_IDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which leftovers are looked for. Zeroed: all that are to end, of every account. */
struct leftover_wish {
    const char *account; /* only of this account; NULL: of all */
    /* Only of these, which are sorted by strcmp; NULL: of all. */
    char *const *accounts;
    size_t account_count;
    bool lockdown; /* also if the ledger cannot be read */
    bool named;    /* also those of unknown origin, because a person decided so */
    /* Whether the processes of that session, which has ended, are being ended now; NULL: no session's are. */
    bool (*ends)(const char *handle, const void *ctx);
    const void *ctx;
};

bool leftover_runs_anything(uint32_t uid);
/* Sets in chosen, which has a flag for each of leftover_accounts(), the accounts of the wish under whose uid something
 * runs while none of their sessions is live. Returns whether any is set. */
bool leftover_choose_idle(const struct leftover_wish *wish, bool *chosen);
/* Clears the flag of each account with a live session, and all when sessions cannot be read. Returns whether any is
 * still set. */
bool leftover_drop_live(const struct leftover_wish *wish, bool *chosen);
/* Whether a session of that account is live; true if that cannot be found out. */
bool leftover_is_live(const struct leftover_wish *wish, uint32_t uid);

#endif
