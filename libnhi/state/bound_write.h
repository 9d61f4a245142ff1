/* SPDX-License-Identifier: ISC */
/*
 * Adding to the file of bound keys: by the writer whose turn it is.
 */
#ifndef NHI_BOUND_WRITE_H
#define NHI_BOUND_WRITE_H

#include "libnhi/state/bound.h"

/* Adds these facts, each of kind NHI_FACT_BOUND or NHI_FACT_NAMED, which the file need not have yet. It is made if it
 * does not exist. On the disk when it returns NHI_OK. dir: the state directory. */
NHI_CHECK enum nhi_err nhi_bound_add(const char *dir, const struct nhi_fact_key *keys, size_t count);
/* The same for those that the file lacks. Sorts keys. */
NHI_CHECK enum nhi_err nhi_bound_complete(const char *dir, struct nhi_fact_key *keys, size_t count);

#endif
