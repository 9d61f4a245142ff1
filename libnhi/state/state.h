/* SPDX-License-Identifier: ISC */
/*
 * Reading the state that nhictl has published in this boot. It contains all that a decision asks of the ledger.
 *
 * MUST: take no lock, and wait for nobody. MUST: an answer that is not known is an error, never NHI_ERR_NOT_FOUND.
 */
#ifndef NHI_STATE_H
#define NHI_STATE_H

#include <stdbool.h>

#include "libnhi/state/source.h"

struct nhi_state;

/* Opens the state as it is now; what is published later is not seen. run_dir, dir: NHI_RUN_DIR and NHI_STATE_DIR; paths
 * that stay valid. Keep it open no longer than a decision takes: a base that was replaced needs its memory until then.
 * NHI_ERR_NOT_FOUND: nothing was published. NHI_ERR_STATE: it is of another boot. NHI_ERR_UNSAFE, NHI_ERR_CORRUPT,
 * NHI_ERR_SYS, NHI_ERR_NOMEM. */
NHI_CHECK enum nhi_err nhi_state_open(const char *run_dir, const char *dir, struct nhi_state **out);
void nhi_state_close(struct nhi_state *s);
/* Whether that error of nhi_state_open comes from what is there, so that every reader gets it and denies. Any other one
 * may be the caller's alone. */
bool nhi_state_is_denied(enum nhi_err err);

/* Whether it was published on this machine. */
bool nhi_state_is_here(const struct nhi_state *s);

/* Valid as long as the state. */
struct nhi_fact_source nhi_state_source(struct nhi_state *s);

/* The generation of the ledger that is completely here, -1 if a writer has not finished; and the latest time at which
 * anything was added. */
int64_t nhi_state_generation(const struct nhi_state *s);
int64_t nhi_state_latest(const struct nhi_state *s);

/* What tells one content of the state from every other: which base it has, and how much was added since. What was added
 * is never changed or taken back. */
struct nhi_state_mark {
    uint64_t base, seed, base_size;
    int64_t made_from, generation;
    uint64_t used;
};
/* false: a writer is at work or has not finished. */
bool nhi_state_mark(const struct nhi_state *s, struct nhi_state_mark *out);
bool nhi_state_is_unchanged(const struct nhi_state_mark *then, const struct nhi_state_mark *now);

/* For its writer: the bytes of the tail that have records, and the head, as in state_format.h. */
struct state_head;
size_t nhi_state_used(const struct nhi_state *s);
const struct state_head *nhi_state_head(const struct nhi_state *s);

/* The place in the tail after everything up to that generation; false: not known. */
bool nhi_state_since(const struct nhi_state *s, int64_t generation, size_t *at);
/* The record at *at, which is moved past it. NHI_ERR_NOT_FOUND: the tail ends there. */
struct state_at;
NHI_CHECK enum nhi_err nhi_state_next(const struct nhi_state *s, size_t *at, struct state_at *out);

/* Everything that the base has, whatever the tail says of it, until fn returns something other than NHI_OK, which is
 * returned. */
NHI_CHECK enum nhi_err nhi_state_each_in_base(struct nhi_state *s, nhi_fact_fn fn, void *ctx);

/* For the next writer after one that was killed: every revocation that it had added without finishing, or all of
 * them, by its kind and ID, until fn returns something other than NHI_OK, which is returned. */
NHI_CHECK enum nhi_err nhi_state_each_revoked(struct nhi_state *s, bool all,
                                              enum nhi_err (*fn)(unsigned kind, const char *id, void *ctx), void *ctx);

#endif
