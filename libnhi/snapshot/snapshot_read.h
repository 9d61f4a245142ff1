/* SPDX-License-Identifier: ISC */
/*
 * Reading the snapshot.
 */
#ifndef NHI_SNAPSHOT_READ_H
#define NHI_SNAPSHOT_READ_H

#include "libnhi/snapshot/snapshot.h"

/* One file. */
NHI_CHECK enum nhi_err nhi_snapshot_open(const char *path, struct nhi_snapshot *out);
/* The snapshot that is in force: the copy on the tmpfs, or the durable one where that does not exist. A copy that
 * exists and cannot be used is an error. */
NHI_CHECK enum nhi_err nhi_snapshot_open_published(struct nhi_snapshot *out);
void nhi_snapshot_close(struct nhi_snapshot *s);

/* Maps a snapshot that is open by its descriptor, and closes that. false: it stays open as it was, since it is not on a
 * tmpfs, has been replaced, or cannot be mapped now. */
bool nhi_snapshot_map(struct nhi_snapshot *s);
/* Whether a newer snapshot has been published since this one was mapped, or is about to be. Only for one that is
 * mapped; no system call. */
bool nhi_snapshot_is_replaced(const struct nhi_snapshot *s);

NHI_CHECK enum nhi_err nhi_snapshot_by_name(const struct nhi_snapshot *s, const char *name, struct nhi_account *out);
NHI_CHECK enum nhi_err nhi_snapshot_by_uid(const struct nhi_snapshot *s, uint32_t uid, struct nhi_account *out);
/* index: from 0 on, in ascending order of uid, until NHI_ERR_NOT_FOUND. */
NHI_CHECK enum nhi_err nhi_snapshot_by_index(const struct nhi_snapshot *s, uint32_t index, struct nhi_account *out);

/* The same without a copy: what r points to is valid until the snapshot is closed, or r changes. After a failure, r is
 * undefined. name is not NULL. */
NHI_CHECK enum nhi_err nhi_snapshot_record_by_name(const struct nhi_snapshot *s, const char *name,
                                                   struct nhi_snapshot_record *r);
NHI_CHECK enum nhi_err nhi_snapshot_record_by_uid(const struct nhi_snapshot *s, uint32_t uid,
                                                  struct nhi_snapshot_record *r);
NHI_CHECK enum nhi_err nhi_snapshot_record_by_index(const struct nhi_snapshot *s, uint32_t index,
                                                    struct nhi_snapshot_record *r);

/* Whether uid is an agent's by the range in the published snapshot. An unreadable snapshot has no range. */
bool nhi_snapshot_range_has(uint32_t uid);
/* The uid of the agent's own account by the published snapshot, whatever other account has that name on this host.
 * Fails like opening it, or with NHI_ERR_NOT_FOUND. */
NHI_CHECK enum nhi_err nhi_snapshot_uid_of(const char *name, uint32_t *uid);

#endif
