/* SPDX-License-Identifier: ISC */
/*
 * The command line as it was typed, corrected: what to type instead.
 */
#ifndef NHICTL_TYPED_H
#define NHICTL_TYPED_H

#include "nhictl/say/ctl.h"

#define TYPED_MAX 512

/* Words of what was typed, and what takes their place. */
struct typed_change {
    char *const *from; /* the first of them, an element of ctl.typed */
    int count;
    const char *to; /* one word or several, quoted for a shell; empty: they are left out */
};

/* The same line with that change; for a verb that ends something only how to read about it. v: the verb that the line
 * will run. What is too long, or is about words of a file, gets that verb's help, too. */
void typed_instead(const struct ctl *c, const struct verb *v, const struct typed_change *change, char line[TYPED_MAX]);

/* The same for a value that was typed as a word, or after the = of an option: false where it is in neither, since it
 * came from a file. */
bool typed_value_instead(const struct ctl *c, const char *wrong, const char *right, char line[TYPED_MAX]);

/* A line that works, or the help of a verb that ends something. */
void typed_example(const struct verb *v, char line[TYPED_MAX]);
void typed_help(const struct verb *v, char line[TYPED_MAX]);

#endif
