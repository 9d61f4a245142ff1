/* SPDX-License-Identifier: ISC */
/*
 * Reading the snapshot.
 */
#ifndef NHI_SNAPSHOT_READ_H
#define NHI_SNAPSHOT_READ_H

#include "libnhi/snapshot/snapshot.h"

NHI_CHECK enum nhi_err nhi_snapshot_open(const char *path, struct nhi_snapshot *out);
void nhi_snapshot_close(struct nhi_snapshot *s);
/* Whether uid is an agent's by the range in the snapshot at path. An unreadable snapshot has no range. */
bool nhi_snapshot_range_has(const char *path, uint32_t uid);
NHI_CHECK enum nhi_err nhi_snapshot_by_name(const struct nhi_snapshot *s, const char *name, struct nhi_account *out);
NHI_CHECK enum nhi_err nhi_snapshot_by_uid(const struct nhi_snapshot *s, uint32_t uid, struct nhi_account *out);
/* index: 0 to count - 1, in ascending order of uid. */
NHI_CHECK enum nhi_err nhi_snapshot_by_index(const struct nhi_snapshot *s, uint32_t index, struct nhi_account *out);
/* The uid of the agent's own account by the snapshot at path, whatever other account has that name on this host. Fails
 * like opening it, or with NHI_ERR_NOT_FOUND. */
NHI_CHECK enum nhi_err nhi_snapshot_uid_of(const char *path, const char *name, uint32_t *uid);
/* The names of all accounts in ascending order of uid, each followed by its NUL. names: at least s->members_len bytes,
 * which are undefined after a failure. */
NHI_CHECK enum nhi_err nhi_snapshot_members(const struct nhi_snapshot *s, char *names);

#endif
