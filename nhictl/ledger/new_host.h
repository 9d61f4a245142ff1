/* SPDX-License-Identifier: ISC */
/*
 * init --new-host: a machine that was copied with its ledger becomes one of its own.
 */
#ifndef NHICTL_NEW_HOST_H
#define NHICTL_NEW_HOST_H

#include "nhictl/ledger/init.h"

/* init --new-host. */
int new_host(struct ctl *c, const char *host);

#endif
