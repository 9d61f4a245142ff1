/* SPDX-License-Identifier: ISC */
/*
 * Arrays that grow, in one place.
 *
 * An array is a pointer, how many of its things are in use, and for how many there is room; NULL and 0 to begin with,
 * and free() in the end:
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

/* all, if *room is enough for need things of that size, or a larger array that takes its place and begins with what all
 * has, with *room set to match. need and size are not 0. NULL: out of memory, or more than memory can have; then all
 * and *room are as they were. */
NHI_CHECK void *nhi_grow(void *all, size_t *room, size_t need, size_t size);

#endif
