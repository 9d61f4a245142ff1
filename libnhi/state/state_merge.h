/* SPDX-License-Identifier: ISC */
/*
 * What a new file has, taken from the present one: the base, the tail over it, and changes over both. It needs no
 * ledger, and a fraction of the time that reading one takes.
 */
#ifndef NHI_STATE_MERGE_H
#define NHI_STATE_MERGE_H

#include "libnhi/state/state.h"

struct nhi_state_merge;

/* Whether the present base has little more in it than one that is made from the ledger: what no longer counts is left
 * out only then. */
bool nhi_state_may_merge(const struct nhi_state *s);
/* s: as long as the merge, which the caller frees with nhi_state_merge_free. more: how often nhi_state_merge_put will
 * be called, at most. NHI_ERR_STATE: a writer has not finished. */
NHI_CHECK enum nhi_err nhi_state_merge_new(struct nhi_state *s, size_t more, struct nhi_state_merge **out);
/* In the place of what s has for that key; one more entry, if it is a list. The value stays the caller's until
 * nhi_state_merge_free. */
void nhi_state_merge_put(struct nhi_state_merge *m, const struct nhi_fact_key *key, const uint8_t *value, size_t len);
/* Calls fn with everything, until it returns something other than NHI_OK, which is returned. */
NHI_CHECK enum nhi_err nhi_state_merge_each(const struct nhi_state_merge *m, nhi_fact_fn fn, void *ctx);
void nhi_state_merge_free(struct nhi_state_merge *m);

#endif
