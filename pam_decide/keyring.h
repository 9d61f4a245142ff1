/* SPDX-License-Identifier: ISC */
#ifndef PAM_DECIDE_KEYRING_H
#define PAM_DECIDE_KEYRING_H

#include <stddef.h>

/* The text of the key nhi:ticket in the session keyring that this process was started in. Only a session
 * keyring of its own counts, not the one that the kernel shares among all processes of a uid, and only
 * the keyring itself, not what is linked into it. No key is ever requested. NULL: none. The caller wipes
 * and frees it with nhi_text_free. */
char *pnhi_keyring_ticket(void);

#endif
