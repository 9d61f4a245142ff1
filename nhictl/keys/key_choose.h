/* SPDX-License-Identifier: ISC */
/*
 * Choosing the key that signs.
 */
#ifndef NHICTL_KEY_CHOOSE_H
#define NHICTL_KEY_CHOOSE_H

#include "nhictl/store/store.h"

/* kid NULL: this host's newest active key. Returns CTL_DONE, or another exit code after reporting what is wrong: it is
 * unknown, not this host's own, or not active. */
int key_choose(struct ctl *c, struct store *s, const char *kid, struct nhi_issuer *key);

#endif
