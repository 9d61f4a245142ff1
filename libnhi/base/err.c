/* SPDX-License-Identifier: ISC */
#include "libnhi/base/err.h"

const char *nhi_strerror(enum nhi_err err)
{
    switch (err) {
    case NHI_OK:
        return "done";
    case NHI_ERR_ARG:
        return "invalid argument";
    case NHI_ERR_NOMEM:
        return "out of memory";
    case NHI_ERR_SYS:
        return "system call failed";
    case NHI_ERR_FORMAT:
        return "malformed";
    case NHI_ERR_TOO_LONG:
        return "too long";
    case NHI_ERR_SIGNATURE:
        return "signature does not match";
    case NHI_ERR_NOT_FOUND:
        return "not found";
    case NHI_ERR_EXISTS:
        return "already exists";
    case NHI_ERR_STATE:
        return "not possible in its current state";
    case NHI_ERR_UNSAFE:
        return "users other than root can write it";
    case NHI_ERR_CORRUPT:
        return "damaged";
    case NHI_ERR_VERSION:
        return "made by a newer release";
    case NHI_ERR_BUSY:
        return "busy";
    case NHI_ERR_FULL:
        return "no space left";
    }
    return "unknown error";
}
