/* SPDX-License-Identifier: ISC */
/*
 * The keys with which this host signs tickets.
 */
#ifndef NHICTL_OWN_KEYS_H
#define NHICTL_OWN_KEYS_H

#include "libnhi/ledger/ledger.h"

struct ctl;
struct store;

/* A new key pair under a new name, into key->kid and key->pk; the secret half is on disk. */
int own_key_make(struct ctl *c, struct nhi_issuer *key);

/* In the open transaction: retires each own key whose secret half is missing here, or with all every own key, and makes
 * a new one if none is left that signs. made: the new key, for keyfile_remove if the transaction fails; an empty kid:
 * none was needed. */
int own_keys_settle(struct ctl *c, struct store *s, bool all, struct nhi_issuer *made);

/* Removes the secret halves of retired keys. */
void own_keys_forget(struct store *s);

#endif
