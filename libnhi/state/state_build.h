/* SPDX-License-Identifier: ISC */
/*
 * Making a base: collects all facts, then writes them as one table that never changes.
 */
#ifndef NHI_STATE_BUILD_H
#define NHI_STATE_BUILD_H

#include "libnhi/base/paths.h"
#include "libnhi/state/state_format.h"

struct nhi_state_build;

/* The caller frees it with nhi_state_build_free. */
NHI_CHECK enum nhi_err nhi_state_build_new(struct nhi_state_build **out);
/* It is made of an older base: the size of the last one that was made from the ledger. */
void nhi_state_build_is_merged(struct nhi_state_build *b, uint64_t whole_size);
/* Adds a fact, or an entry of a list. NHI_ERR_TOO_LONG: the value did not fit when it was put together. */
NHI_CHECK enum nhi_err nhi_state_build_add(struct nhi_state_build *b, const struct nhi_fact_key *key,
                                           const struct nhi_value *v);
/* How many bytes the base will need. */
uint64_t nhi_state_build_size(const struct nhi_state_build *b);
/* Writes it to fd, and sets seed, base, base_size, whole_size and pages of h. */
NHI_CHECK enum nhi_err nhi_state_build_write(struct nhi_state_build *b, int fd, struct state_head *h);
void nhi_state_build_free(struct nhi_state_build *b);

#endif
