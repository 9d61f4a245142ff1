/* SPDX-License-Identifier: ISC */
/*
 * OpenSSH's text for an Ed25519 public key.
 *
 * Source: RFC 8709, 4 (the blob: two strings of RFC 4251, 5, "ssh-ed25519" and 32 bytes); sshd(8),
 * AUTHORIZED_KEYS FILE FORMAT (type, base64, comment).
 */
#ifndef NHI_SSHKEY_H
#define NHI_SSHKEY_H

#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"
#include "libnhi/key/sshkey_read.h"

/* base64: the second word of a line. NHI_ERR_FORMAT: not the one canonical text of a usable Ed25519 key. */
NHI_CHECK enum nhi_err nhi_sshkey_decode(const char *base64, size_t len, uint8_t pk[NHI_PK_LEN]);
void nhi_sshkey_encode(const uint8_t pk[NHI_PK_LEN], char base64[NHI_SSHKEY_LEN + 1]);

/* A line of a .pub file: type, base64, and optional text after a blank. NHI_ERR_STATE: a key of another type. */
NHI_CHECK enum nhi_err nhi_sshkey_parse(const char *line, uint8_t pk[NHI_PK_LEN]);

/* The name that ssh and its logs give to a key of any type: "SHA256:" and 43 characters. base64: the second word of its
 * line. NHI_ERR_FORMAT: not a key. Source: RFC 4648, 4, of the SHA-256 of the blob. */
#define NHI_SSHKEY_PRINT_LEN 50
NHI_CHECK enum nhi_err nhi_sshkey_print(const char *base64, size_t len, char print[NHI_SSHKEY_PRINT_LEN + 1]);

/* The public half of an OpenSSH private key, encrypted or not: base64 is the text between its first and last line,
 * without line breaks; the first 400 characters are enough. NHI_ERR_FORMAT: not an Ed25519 key. Source: OpenSSH's
 * PROTOCOL.key. */
NHI_CHECK enum nhi_err nhi_sshkey_of_private(const char *base64, size_t len, uint8_t pk[NHI_PK_LEN]);

#endif
