#include "libnhi/session/sight.h"

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

enum nhi_sight nhi_sight_of(enum nhi_err err, int cause)
{
    if (err == NHI_OK)
        return NHI_SEEN;
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_SEEN_NOT;
    /* Too long: deeper in the tree of processes, or of cgroups, than anybody is by accident. */
    if (err == NHI_ERR_NOMEM || err == NHI_ERR_TOO_LONG)
        return NHI_BLIND_LIMIT;
    return err == NHI_ERR_SYS && is_limit(cause) ? NHI_BLIND_LIMIT : NHI_BLIND_STATE;
}
