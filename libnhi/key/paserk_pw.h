/* SPDX-License-Identifier: ISC */
/*
 * Secret keys under a passphrase: k4.secret-pw of PASERK.
 */
#ifndef NHI_PASERK_PW_H
#define NHI_PASERK_PW_H

#include "libnhi/key/paserk.h"

/* k4.secret-pw: the secret key under a password (Argon2id, XChaCha20, BLAKE2b). memlimit in bytes,
 * opslimit in passes: more than 1 GiB or 16 passes is NHI_ERR_ARG from encode and NHI_ERR_FORMAT
 * from decode. A wrong password is NHI_ERR_SIGNATURE. */
NHI_CHECK enum nhi_err nhi_paserk_secret_pw_encode(const uint8_t sk[NHI_SK_LEN], struct nhi_piece password,
                                                   uint64_t memlimit, uint32_t opslimit, char *text);
NHI_CHECK enum nhi_err nhi_paserk_secret_pw_decode(const char *text, struct nhi_piece password, uint8_t sk[NHI_SK_LEN]);

#endif
