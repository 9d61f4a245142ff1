/* SPDX-License-Identifier: ISC */
/*
 * Record files: written complete and unnamed, then linked. Inside libnhi only.
 */
#ifndef NHI_RECORD_H
#define NHI_RECORD_H

#include "libnhi/base/proc.h"
#include "libnhi/grant/grant.h"

#define NHI_HOUR 3600 /* seconds: for reports that are made once an hour */

/* Makes an unnamed file in dirfd with the record, 0600. */
NHI_CHECK enum nhi_err nhi_record_make(int dirfd, const struct nhi_grant *g, bool sync, int *fd);
/* The commit. NHI_ERR_EXISTS: that name is taken. */
NHI_CHECK enum nhi_err nhi_record_link(int fd, int dirfd, const char *name);
/* Whether the ledger has a record that stays, and which need not be read before a moment in the future. Its name is on
 * the disk then, too. */
bool nhi_record_rests(int dirfd, const char *name, int64_t now);
/* Until when; 0: it does not. */
int64_t nhi_record_rests_until(int dirfd, const char *name, int64_t now);
/* Reads the rest of an open file as a record, without allocating. NHI_ERR_SYS: errno says why. */
NHI_CHECK enum nhi_err nhi_record_take(int fd, struct nhi_grant *out);
/* Reads the record with that name. */
NHI_CHECK enum nhi_err nhi_record_read(int dirfd, const char *name, struct nhi_grant *out);

#endif
