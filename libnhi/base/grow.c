/* SPDX-License-Identifier: ISC */
#include "libnhi/base/grow.h"

#include <stdint.h>
#include <stdlib.h>

/* Elements at first: of large ones a few, since what pam_nhi holds is its host program's memory. */
#define FIRST(size) ((size) > 256 ? (size_t)4 : (size_t)16)

void *nhi_grow(void *all, size_t *room, size_t need, size_t size)
{
    size_t larger = *room * 2 + FIRST(size);
    void *more;

    if (need <= *room)
        return all;
    /* Also where it overflowed: then it is less than *room. */
    if (larger < need)
        larger = need;
    if (larger > SIZE_MAX / size)
        return NULL;
    more = reallocarray(all, larger, size);
    if (more != NULL)
        *room = larger;
    return more;
}
