/* SPDX-License-Identifier: ISC */
/*
 * The head of the trail, signed with a separate key, so that a copy kept elsewhere proves which events existed.
 */
#ifndef NHICTL_SIGNED_HEAD_H
#define NHICTL_SIGNED_HEAD_H

#include "libnhi/ledger/chain.h"
#include "nhictl/store/store.h"

#define HEAD_KEY "_audit" /* for keyfile.h; no issuer's key can have this name */
#define HEAD_FILE "head"  /* in NHI_STATE_DIR: the last head of the supervisor */

/* The public half; a missing key is made. */
NHI_CHECK enum nhi_err head_key(uint8_t pk[NHI_PK_LEN]);
/* The newest event of the open ledger, signed. An empty trail has none: NHI_ERR_NOT_FOUND. token: free it with
 * nhi_text_free. */
NHI_CHECK enum nhi_err head_make(struct store *s, int64_t now, struct nhi_signed_head *h, char **token);
/* The same, written to HEAD_FILE in place of the last one. token may be NULL. */
NHI_CHECK enum nhi_err head_publish(int64_t now, char **token);

#endif
