/* SPDX-License-Identifier: ISC */
/*
 * The snapshot as the entry points use it: a mapping that is kept between calls, where the published copy can be
 * mapped; else a file that is open for one call.
 */
#ifndef NSS_NHI_KEPT_H
#define NSS_NHI_KEPT_H

#include "libnhi/snapshot/snapshot.h"

struct nss_snapshot {
    const struct nhi_snapshot *s; /* as long as this call has it */
    int slot;                     /* -1: own, of this call alone */
    struct nhi_snapshot own;
};

/* Fails like nhi_snapshot_open_published. After NHI_OK, kept_give returns it. */
NHI_CHECK enum nhi_err kept_take(struct nss_snapshot *out);
void kept_give(struct nss_snapshot *s);

#endif
