/* SPDX-License-Identifier: ISC */
/*
 * An ssh-agent that keeps a key for us, and signs with it.
 */
#ifndef NHICTL_SSHAGENT_H
#define NHICTL_SSHAGENT_H

#include <stdbool.h>

#include "libnhi/key/paseto.h"

/* The ssh-agent at $SSH_AUTH_SOCK, which has five seconds to list its keys, and a minute to sign: a person may have to
 * confirm. */
bool sshagent_has(const uint8_t pk[NHI_PK_LEN]);
/* false: it refused, or does not answer. The signature is not verified here. */
bool sshagent_sign(const uint8_t pk[NHI_PK_LEN], const uint8_t *bytes, size_t len, uint8_t signature[NHI_SIG_LEN]);

#endif
