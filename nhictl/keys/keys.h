/* SPDX-License-Identifier: ISC */
/*
 * What the verbs of key share.
 */
#ifndef NHICTL_KEYS_H
#define NHICTL_KEYS_H

#include "libnhi/ledger/ledger.h"

struct ctl;
struct out;
struct store;

#endif
