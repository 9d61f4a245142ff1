/* SPDX-License-Identifier: ISC */
/*
 * The head of the trail, signed with a key of its own, so that a copy kept elsewhere proves what was there.
 */
#ifndef NHICTL_SIGNED_HEAD_H
#define NHICTL_SIGNED_HEAD_H

#include "libnhi/ledger/chain.h"
#include "nhictl/store/store.h"

#define HEAD_KEY "_audit" /* of keyfile.h; no issuer's key is called so */
#define HEAD_FILE "head"  /* in NHI_STATE_DIR: the supervisor's last one */

/* The public half; the key is made where there is none. */
NHI_CHECK enum nhi_err head_key(uint8_t pk[NHI_PK_LEN]);
/* The newest event of the open ledger, signed. An empty trail has none: NHI_ERR_NOT_FOUND. token: to be freed with
 * nhi_text_free. */
NHI_CHECK enum nhi_err head_make(struct store *s, int64_t now, struct nhi_signed_head *h, char **token);
/* The same into HEAD_FILE, in the place of the last one. token may be NULL. */
NHI_CHECK enum nhi_err head_publish(int64_t now, char **token);

#endif
