/* SPDX-License-Identifier: ISC */
/*
 * What the helper of sshd passes on to what decides, which it loads for what may be an agent's.
 */
#ifndef SSHD_NHI_ASKED_KEY_H
#define SSHD_NHI_ASKED_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/base/object.h"

#define KEYS_DECIDER_DIR LIBEXECDIR
#define KEYS_DECIDER_NAME "nhi-decide-keys.so"
#define KEYS_DECIDER_SYMBOL "nhi_keys_decider"

struct keys_asked {
    const char *account; /* a name that keeps the grammar */
    uint32_t uid;
    bool in_range;
    const char *type, *base64;
    const char *from; /* the client's address, always numeric; NULL: not known */
};

struct keys_decider {
    struct nhi_object object;
    /* Prints the line for sshd, or nothing. Returns the helper's exit status. */
    int (*answer)(const struct keys_asked *k);
};

#endif
