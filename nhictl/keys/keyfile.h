/* SPDX-License-Identifier: ISC */
/*
 * Secret keys of this host: one file each under the keys directory, root's, 0600, as PASERK text.
 */
#ifndef NHICTL_KEYFILE_H
#define NHICTL_KEYFILE_H

#include "libnhi/base/names.h"
#include "libnhi/key/paserk.h"

/* A random name, such as k7f3q2ma. kid: NHI_KID_MAX + 1 bytes. */
NHI_CHECK enum nhi_err keyfile_random_kid(char *kid);

/* Makes a key pair and keeps the secret half. statefd: the state directory. */
NHI_CHECK enum nhi_err keyfile_create(int statefd, const char *kid, uint8_t pk[NHI_PK_LEN]);
/* The caller wipes sk. */
NHI_CHECK enum nhi_err keyfile_read(const char *kid, uint8_t sk[NHI_SK_LEN]);
/* The text of the file, perhaps under a passphrase. text: allocated, freed by nhi_text_free; NULL unless NHI_OK. */
NHI_CHECK enum nhi_err keyfile_text(const char *kid, char **text);
/* Replaces it, whole or not at all. */
NHI_CHECK enum nhi_err keyfile_replace(const char *kid, const char *text);
/* A missing file is no error. */
NHI_CHECK enum nhi_err keyfile_remove(const char *kid);

#endif
