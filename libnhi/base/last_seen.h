/* SPDX-License-Identifier: ISC */
/*
 * The newest state of the ledger that this host has seen, in a file beside it and in one that a boot clears. A ledger
 * that is behind it is an old copy, or its disk was rolled back.
 *
 * Nothing waits for these files to be on disk: one that is behind, or was lost in a power failure, does no harm.
 */
#ifndef NHI_LAST_SEEN_H
#define NHI_LAST_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/base/err.h"
#include "libnhi/base/hash.h"

#define NHI_LAST_SEEN_FILE "mark" /* 0600, in NHI_STATE_DIR and NHI_RUN_DIR */

struct nhi_last_seen {
    int64_t epoch, event;          /* number of the newest event */
    char hash[NHI_DIGEST_LEN + 1]; /* of that event: with the same number, another ledger has another hash */
    int64_t latest;                /* the latest time seen */
    uint32_t next_uid;
};

/* Reads both files and returns the state that is further ahead. NHI_ERR_NOT_FOUND: none exists yet. */
NHI_CHECK enum nhi_err nhi_last_seen_load(const char *dir, const char *run_dir, struct nhi_last_seen *out);
/* The result of nhi_last_seen_load. Take it before you read the ledger, which another process may write between the
 * two. */
struct nhi_last_seen_answer {
    enum nhi_err err;
    struct nhi_last_seen last;
};
void nhi_last_seen_ask(const char *dir, const char *run_dir, struct nhi_last_seen_answer *out);
/* Writes both files. run_dir need not exist. */
NHI_CHECK enum nhi_err nhi_last_seen_store(const char *dir, const char *run_dir, const struct nhi_last_seen *m);
/* Whether a ledger that has reached this epoch and event is behind m. */
bool nhi_last_seen_is_ahead(const struct nhi_last_seen *m, int64_t epoch, int64_t event);

#endif
