/* SPDX-License-Identifier: ISC */
/*
 * Accounts for tests and benchmarks of the snapshot: any number of them, all different, each determined by its number.
 */
#ifndef TESTS_ACCOUNTS_H
#define TESTS_ACCOUNTS_H

#include "libnhi/snapshot/snapshot.h"

#define ACCOUNTS_UID_MIN 65536u
#define ACCOUNTS_UID_MAX 999999u

/* Account number i: agent-00000 with the first uid, and so on. Its groups (i % 4 of them, from 5000
 * on) and the lengths of its texts depend on i. */
struct nhi_account accounts_nth(uint32_t i);
bool accounts_same(const struct nhi_account *a, const struct nhi_account *b);

/* Writes a snapshot of the first count accounts to path. NULL: publishes it. */
NHI_CHECK enum nhi_err accounts_publish(const char *path, uint32_t count);
/* The same, with another last uid of the range. */
NHI_CHECK enum nhi_err accounts_publish_range(const char *path, uint32_t count, uint32_t uid_max);

#endif
