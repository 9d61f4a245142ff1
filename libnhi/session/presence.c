/* SPDX-License-Identifier: ISC */
#include "libnhi/session/presence.h"

#include <errno.h>
#include <stdbool.h>

static bool is_limit(int cause)
{
    switch (cause) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case EFBIG:
        return true;
    default:
        return false;
    }
}

enum nhi_presence nhi_presence_of(enum nhi_err err, int cause)
{
    if (err == NHI_OK)
        return NHI_PRESENT;
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_ABSENT;
    /* Too long: deeper in the tree of processes, or of cgroups, than happens by accident. */
    if (err == NHI_ERR_NOMEM || err == NHI_ERR_TOO_LONG)
        return NHI_UNREADABLE_LIMIT;
    return err == NHI_ERR_SYS && is_limit(cause) ? NHI_UNREADABLE_LIMIT : NHI_UNREADABLE;
}
