/* SPDX-License-Identifier: ISC */
/*
 * The ticket in the session keyring: a key of type user, nhi:ticket. See keyrings(7).
 */
#ifndef NHI_KEYRING_H
#define NHI_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include "libnhi/ticket/ticket.h"

/* The text of the key in the session keyring that this process was started in, at most size bytes; returns how many, 0:
 * none. Only a session keyring of its own counts, not the one that the kernel shares among all processes of a uid, and
 * only the keyring itself, not what is linked into it. No key is ever requested. Note that the kernel gives a process
 * without a session keyring that of its uid when it asks, for good. A longer text is cut. */
size_t nhi_keyring_read(char *text, size_t size);

/* A new session keyring for this process and everything that it starts later. */
NHI_CHECK enum nhi_err nhi_keyring_join(void);
/* Puts the ticket there, in place of an earlier one, for this many seconds. */
NHI_CHECK enum nhi_err nhi_keyring_put(const char *text, int64_t seconds);

#endif
