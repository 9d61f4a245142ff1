/* SPDX-License-Identifier: ISC */
/*
 * The verbs that end, remove or lock something.
 */
#ifndef NHICTL_ENDING_H
#define NHICTL_ENDING_H

#include <stdbool.h>

#include "nhictl/say/ctl.h"

/* Such a verb is never proposed as a line to type: only its help is. */
bool verb_ends(const struct verb *v);

#endif
