/* SPDX-License-Identifier: ISC */
/*
 * Keys of OpenSSH, in the files that hold their public part.
 */
#ifndef NHICTL_KEY_PUBLIC_H
#define NHICTL_KEY_PUBLIC_H

#include "libnhi/key/paseto.h"

struct ctl;

/* The Ed25519 key in a .pub file that an option names. Returns CTL_DONE, or another exit code after reporting what is
 * wrong. */
int key_read_public(struct ctl *c, const char *option, const char *file, uint8_t pk[NHI_PK_LEN]);

#endif
