/* SPDX-License-Identifier: ISC */
/*
 * Reading an SSH public key without a library of cryptography, for those who only have to recognize it.
 */
#ifndef NHI_SSHKEY_READ_H
#define NHI_SSHKEY_READ_H

#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"
#include "libnhi/key/paseto.h"

#define NHI_SSHKEY_TYPE "ssh-ed25519"
#define NHI_SSHCERT_TYPE "ssh-ed25519-cert-v01@openssh.com"
#define NHI_SSHKEY_LEN 68 /* of its base64, which needs no padding */

#define NHI_SSHKEY_PREFIX_LEN 19
extern const uint8_t nhi_sshkey_prefix[NHI_SSHKEY_PREFIX_LEN]; /* the bytes before the key in every blob */

/* The bytes of the key in that base64 text, whether it is a key with which anything can be proven or not.
 * NHI_ERR_FORMAT. */
NHI_CHECK enum nhi_err nhi_sshkey_read(const char *base64, size_t len, uint8_t pk[NHI_PK_LEN]);
/* The certified key of any certificate of an Ed25519 key, in the base64 text of that. Nothing behind the key is looked
 * at. NHI_ERR_FORMAT. */
NHI_CHECK enum nhi_err nhi_sshcert_read_key(const char *base64, size_t len, uint8_t pk[NHI_PK_LEN]);

#endif
