/* SPDX-License-Identifier: ISC */
/*
 * Writing the snapshot.
 */
#ifndef NHI_SNAPSHOT_WRITE_H
#define NHI_SNAPSHOT_WRITE_H

#include "libnhi/snapshot/snapshot.h"

NHI_CHECK enum nhi_err nhi_snapshot_begin(const char *path, uint32_t uid_min, uint32_t uid_max,
                                          struct nhi_snapshot_writer **out);
NHI_CHECK enum nhi_err nhi_snapshot_add(struct nhi_snapshot_writer *w, const struct nhi_account *a);
NHI_CHECK enum nhi_err nhi_snapshot_commit(struct nhi_snapshot_writer *w);
void nhi_snapshot_abort(struct nhi_snapshot_writer *w);

#endif
