/* SPDX-License-Identifier: ISC */
/*
 * Loading a shared object of ours: from a file that is root's alone, under a path that is compiled in, and of one build
 * with its caller. It exports a structure that begins with struct nhi_object.
 */
#ifndef NHI_OBJECT_H
#define NHI_OBJECT_H

#include "libnhi/base/version.h"

#define NHI_OBJECT_VERSION NHI_VERSION "/1" /* with a number that changes with what is exported */

struct nhi_object {
    char version[32];
};

/* dlopen's handle, which the caller closes. NULL: why says so, in words for a log. entry: what it exports under that
 * symbol. */
#define NHI_OBJECT_WHY_MAX 160
void *nhi_object_load(const char *dir, const char *name, const char *symbol, const struct nhi_object **entry,
                      char why[NHI_OBJECT_WHY_MAX]);

#endif
