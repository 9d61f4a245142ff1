/* SPDX-License-Identifier: ISC */
#include "libnhi/base/grow.h"

#include <stdint.h>
#include <stdlib.h>

/* Elements at first: few if they are large, since pam_nhi uses the memory of its host program. */
#define FIRST(size) ((size) > 256 ? (size_t)4 : (size_t)16)

void *nhi_grow(void *all, size_t *room, size_t need, size_t size)
{
    size_t larger = *room * 2 + FIRST(size);
    void *more;

    if (need <= *room)
        return all;
    /* True after an overflow, too: then it is less than *room. */
    if (larger < need)
        larger = need;
    if (larger > SIZE_MAX / size)
        return NULL;
    more = reallocarray(all, larger, size);
    if (more != NULL)
        *room = larger;
    return more;
}
