/* SPDX-License-Identifier: ISC */
/*
 * Whether a key was ever an agent's. Asked about people, too, so this needs no library of cryptography.
 */
#ifndef NHI_KEY_BOUND_H
#define NHI_KEY_BOUND_H

#include "libnhi/key/paseto.h"
#include "libnhi/state/source.h"

/* Whether any ticket, in any state, was ever bound to that key, and some ticket ever named that account here. */
NHI_CHECK enum nhi_err nhi_find_any_of_key(const struct nhi_fact_source *from, const uint8_t key[NHI_PK_LEN],
                                           const char *account, bool *any);

/* Whether any ticket of this ledger, in any state, was ever bound to key: then it is not a person's key at an account
 * that agents share. A key that no ticket ever named is a person's own: having a person's public key bound must not
 * lock that person out. NHI_ERR_NOT_FOUND: none was. Any other error: that could not be read. A host without a ledger
 * never bound one. */
NHI_CHECK enum nhi_err nhi_key_was_bound(const uint8_t key[NHI_PK_LEN], const char *account);
/* The same for a ticket that was bound to key, whatever accounts it named. */
NHI_CHECK enum nhi_err nhi_key_is_known(const uint8_t key[NHI_PK_LEN], const char *account);

#endif
