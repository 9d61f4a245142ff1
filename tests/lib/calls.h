/* SPDX-License-Identifier: ISC */
/*
 * The calls of host programs that the module tests share.
 */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include "tests/lib/world.h"

#define ALL (WORLD_AUTH | WORLD_ACCOUNT | WORLD_CRED | WORLD_OPEN)
#define NO_AUTH (WORLD_ACCOUNT | WORLD_CRED | WORLD_OPEN)

/* A setup: a host as it is after world_reset. */
int fresh(void **state);

struct world_call login(const char *user, const char *reply);
struct world_call sudo(const char *user, uid_t uid);

/* In the ledger: build-1 is revoked; t was issued. */
void revoke_task(void);
void record(const struct nhi_ticket *t);

#endif
