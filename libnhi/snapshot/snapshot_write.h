/* SPDX-License-Identifier: ISC */
/*
 * Writing the snapshot.
 */
#ifndef NHI_SNAPSHOT_WRITE_H
#define NHI_SNAPSHOT_WRITE_H

#include "libnhi/snapshot/snapshot.h"

NHI_CHECK enum nhi_err nhi_snapshot_begin(uint32_t uid_min, uint32_t uid_max, struct nhi_snapshot_writer **out);
NHI_CHECK enum nhi_err nhi_snapshot_add(struct nhi_snapshot_writer *w, const struct nhi_account *a);
/* What the accounts were taken from, as snapshot_change.h needs it. Without it no change can be added. */
void nhi_snapshot_set_stamp(struct nhi_snapshot_writer *w, uint64_t stamp);
/* Both copies: the durable one, then the one on the tmpfs, so that the durable one is never older. The second is left
 * out, and an older one removed, where NHI_PUBLIC_DIR is on no tmpfs, or has not enough room for it: readers use the
 * durable one then. A copy that has the same content already stays as it is. */
NHI_CHECK enum nhi_err nhi_snapshot_publish(struct nhi_snapshot_writer *w);
/* One file, durably. */
NHI_CHECK enum nhi_err nhi_snapshot_commit(struct nhi_snapshot_writer *w, const char *path);
void nhi_snapshot_abort(struct nhi_snapshot_writer *w);

#endif
