/* SPDX-License-Identifier: ISC */
/*
 * Arrays that grow, in one place.
 *
 * An array is a pointer, the number of elements in use, and the number that there is room for; NULL and 0 at first, and
 * free() at the end:
 *
 *     more = nhi_grow(l->all, &l->room, l->count + 1, sizeof(*more));
 *     if (more == NULL)
 *         return NHI_ERR_NOMEM;
 *     l->all = more;
 *     l->all[l->count++] = one;
 */
#ifndef NHI_GROW_H
#define NHI_GROW_H

#include <stddef.h>

#include "libnhi/base/err.h"

/* Returns all if *room is enough for need elements of this size; else a larger array that replaces it and begins with
 * its content, with *room set to match. need and size are not 0. NULL: out of memory, or too large for any memory; then
 * all and *room are unchanged. */
NHI_CHECK void *nhi_grow(void *all, size_t *room, size_t need, size_t size);

#endif
