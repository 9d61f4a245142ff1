/* SPDX-License-Identifier: ISC */
/*
 * The ticket in the session keyring: a key of type user, nhi:ticket. See keyrings(7).
 */
#ifndef NHI_KEYRING_H
#define NHI_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include "libnhi/ticket/ticket.h"

/* The text of the key in the session keyring that this process was started in, at most size bytes; how many, 0:
 * none. Only a session keyring of its own counts, not the one that the kernel shares among all processes of a
 * uid, and only the keyring itself, not what is linked into it. No key is ever requested. A process without a
 * session keyring is given its uid's by the kernel for asking, for good. A longer text is cut. */
size_t nhi_keyring_read(char *text, size_t size);

/* A new session keyring for this process and all that it starts from here on. */
NHI_CHECK enum nhi_err nhi_keyring_join(void);
/* Puts the ticket there, or in place of the one that is there, for so many seconds. */
NHI_CHECK enum nhi_err nhi_keyring_put(const char *text, int64_t seconds);

#endif
