/* SPDX-License-Identifier: ISC */
/*
 * Which machine this is, so that a copy of its ledger on another one is noticed.
 *
 * /etc/machine-id identifies it. A host without that file (many containers), or where it is empty or has
 * "uninitialized" in it, has no identity of its own: a ledger that was made there fits every other host without an
 * identity.
 */
#ifndef NHI_MACHINE_H
#define NHI_MACHINE_H

#include <stdint.h>

#include "libnhi/base/err.h"
#include "libnhi/base/hash.h"

#define NHI_MACHINE_FILE "/etc/machine-id"

/* A hash of the file's content, which must not be shown as it is; empty: no identity. NHI_ERR_UNSAFE: users other than
 * root can write the file. NHI_ERR_FORMAT: it has other content. */
NHI_CHECK enum nhi_err nhi_machine_id(const char *file, char id[NHI_DIGEST_LEN + 1]);

/* When this boot began, by the clock that shows now: seconds since the epoch. */
NHI_CHECK enum nhi_err nhi_boot_time(int64_t now, int64_t *at);

#endif
