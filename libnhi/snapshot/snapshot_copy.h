/* SPDX-License-Identifier: ISC */
/*
 * The two copies of a snapshot as files. image: the whole file, len bytes.
 */
#ifndef NHI_SNAPSHOT_COPY_H
#define NHI_SNAPSHOT_COPY_H

#include <stddef.h>

#include "libnhi/base/err.h"

/* Replaces path; file and name are on the disk then. NHI_ERR_ARG: not the path of a file. */
NHI_CHECK enum nhi_err nhi_snapshot_copy_durable(const char *path, const unsigned char *image, size_t len);
/* Replaces NHI_SNAPSHOT_QUICK, whose directory is made if it does not exist. NHI_OK as well if that file does not exist
 * afterwards. Anything else: an older file may still be there, and readers use it. */
NHI_CHECK enum nhi_err nhi_snapshot_copy_quick(const unsigned char *image, size_t len);
/* Removes NHI_SNAPSHOT_QUICK if there is no durable copy: what it was made from is gone. */
void nhi_snapshot_forget_quick(void);

#endif
