/* SPDX-License-Identifier: ISC */
/*
 * The bytes of a record file, as in PROTOCOL: read and written without a parser and without memory of its own, since
 * pam_nhi does this in programs whose limits their caller chooses.
 */
#ifndef NHI_RECORD_BYTES_H
#define NHI_RECORD_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "libnhi/grant/grant.h"

#define NHI_RECORD_MAX 4096 /* bytes; no record is longer */

/* bytes: NHI_RECORD_MAX; len: how many were written. NHI_ERR_FORMAT: a member breaks its grammar, so that no reader
 * would accept the record. */
NHI_CHECK enum nhi_err nhi_record_encode(const struct nhi_grant *g, uint8_t *bytes, size_t *len);
/* Accepts only what nhi_record_encode writes, byte for byte. NHI_ERR_CORRUPT; NHI_ERR_VERSION: of another release. */
NHI_CHECK enum nhi_err nhi_record_decode(const void *bytes, size_t len, struct nhi_grant *out);

/* The length of the whole record, as its first bytes say; 0: they do not. */
size_t nhi_record_length(const uint8_t *bytes, size_t len);

/* FNV-1a of 64 bits. It finds damage, not forgery: only root writes records. */
uint64_t nhi_record_sum(const void *bytes, size_t len);

#endif
