/* SPDX-License-Identifier: ISC */
/*
 * The time since which an account accepts tickets only, by the clock of the boot.
 */
#ifndef NHI_LEDGER_WATCHED_H
#define NHI_LEDGER_WATCHED_H

#include "libnhi/ledger/ledger.h"

/* An agent's own account, or one that is in nhi-only: processes with its uid from an earlier time may be anybody's. */
struct nhi_watched {
    char account[NHI_ACCOUNT_MAX + 1];
    uint32_t uid;
    char machine[NHI_DIGEST_LEN + 1]; /* as of nhi_machine_id */
    char boot[37];
    uint64_t start; /* in that boot, in the unit of a process's start in struct nhi_proc */
    int64_t at;     /* the same moment by the clock of file times, in nanoseconds */
};

/* Fills in this moment on this host. */
NHI_CHECK enum nhi_err nhi_watched_now(struct nhi_watched *w);
/* A later moment, in one that was filled in by this process. */
NHI_CHECK enum nhi_err nhi_watched_later(struct nhi_watched *w);
/* Whether a process of this boot with this start began earlier. here: as nhi_watched_now fills it in. */
bool nhi_watched_is_before(const struct nhi_watched *w, const struct nhi_watched *here, uint64_t start);
/* Replaces the entry of the same account. */
NHI_CHECK enum nhi_err nhi_watched_put(struct nhi_ledger *l, const struct nhi_watched *w);
NHI_CHECK enum nhi_err nhi_watched_drop(struct nhi_ledger *l, const char *account);
NHI_CHECK enum nhi_err nhi_watched_each(struct nhi_ledger *l, int (*fn)(const struct nhi_watched *, void *), void *ctx);

#endif
