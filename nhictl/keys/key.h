/* SPDX-License-Identifier: ISC */
/*
 * What the verbs of key share.
 */
#ifndef NHICTL_KEY_H
#define NHICTL_KEY_H

#include "nhictl/keys/keys.h"

struct out_row *key_row(const struct out *o, const struct nhi_issuer *i, bool full);
int key_get(struct ctl *c, struct store *s, const char *kid, struct nhi_issuer *i);
/* Adds the key and its event in the open transaction. */
int key_record(struct ctl *c, struct store *s, const char *kind, const struct nhi_issuer *i);

#endif
