/* SPDX-License-Identifier: ISC */
/*
 * Marks: the newest state of the ledger that this host has seen, kept beside it and in a place that a boot clears. A
 * ledger that is behind its mark is an old copy, or its disk was rolled back.
 *
 * Nothing waits for a mark to be on disk: a mark that is behind, or was lost in a power failure, does no harm.
 */
#ifndef NHI_CLOCK_MARK_H
#define NHI_CLOCK_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/base/err.h"
#include "libnhi/base/hash.h"

#define NHI_MARK_FILE "mark" /* 0600, in NHI_STATE_DIR and NHI_RUN_DIR */

struct nhi_mark {
    int64_t epoch, event;          /* number of the newest event */
    char hash[NHI_DIGEST_LEN + 1]; /* of that: a ledger that has come as far by another way is not the one */
    int64_t latest;                /* the latest time seen */
    uint32_t next_uid;
};

/* The one of the two directories that is further on. NHI_ERR_NOT_FOUND: there is none yet. */
NHI_CHECK enum nhi_err nhi_mark_load(const char *dir, const char *run_dir, struct nhi_mark *out);
/* What became of that. It has to be asked before the ledger is read, which may go on between the two. */
struct nhi_seen {
    enum nhi_err err;
    struct nhi_mark mark;
};
void nhi_mark_see(const char *dir, const char *run_dir, struct nhi_seen *out);
/* Into both. run_dir need not be there. */
NHI_CHECK enum nhi_err nhi_mark_store(const char *dir, const char *run_dir, const struct nhi_mark *m);
/* Whether a ledger that has come to this is not as far as the mark. */
bool nhi_mark_is_ahead(const struct nhi_mark *m, int64_t epoch, int64_t event);

#endif
