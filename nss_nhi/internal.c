/* SPDX-License-Identifier: ISC */
#include "nss_nhi/internal.h"

#include <stdalign.h>

bool nss_buf_text(struct nss_buf *b, const char *s, char **out)
{
    size_t len = strlen(s) + 1;

    if (len > b->left)
        return false;
    memcpy(b->at, s, len);
    *out = b->at;
    b->at += len;
    b->left -= len;
    return true;
}

char **nss_buf_pointers(struct nss_buf *b, size_t n)
{
    size_t skip = -(uintptr_t)b->at & (alignof(char *) - 1);
    void *at;

    if (skip > b->left || n > (b->left - skip) / sizeof(char *))
        return NULL;
    at = b->at + skip;
    b->at += skip + n * sizeof(char *);
    b->left -= skip + n * sizeof(char *);
    return at;
}

enum nss_status nss_too_small(int *why)
{
    *why = ERANGE;
    return NSS_STATUS_TRYAGAIN;
}

enum nss_status nss_status_of(enum nhi_err err, int *why)
{
    switch (err) {
    case NHI_OK:
        return NSS_STATUS_SUCCESS;
    case NHI_ERR_NOT_FOUND:
        *why = ENOENT;
        return NSS_STATUS_NOTFOUND;
    case NHI_ERR_SYS:
        /* ERANGE would make the caller try again with larger buffers for ever. */
        *why = errno == 0 || errno == ERANGE ? EIO : errno;
        return NSS_STATUS_UNAVAIL;
    case NHI_ERR_UNSAFE:
        *why = EACCES;
        return NSS_STATUS_UNAVAIL;
    case NHI_ERR_NOMEM:
        *why = ENOMEM;
        return NSS_STATUS_UNAVAIL;
    case NHI_ERR_ARG:
    case NHI_ERR_FORMAT:
    case NHI_ERR_TOO_LONG:
    case NHI_ERR_SIGNATURE:
    case NHI_ERR_EXISTS:
    case NHI_ERR_STATE:
    case NHI_ERR_CORRUPT:
    case NHI_ERR_VERSION:
    case NHI_ERR_BUSY:
    case NHI_ERR_FULL:
        break;
    }
    *why = EIO;
    return NSS_STATUS_UNAVAIL;
}
