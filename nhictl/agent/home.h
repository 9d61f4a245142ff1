/* SPDX-License-Identifier: ISC */
/*
 * The home directory of a new agent.
 */
#ifndef NHICTL_HOME_H
#define NHICTL_HOME_H

#include <stdbool.h>

#include "libnhi/snapshot/snapshot.h"

struct ctl;

/* Absolute, and without . or .. */
bool home_path_ok(const char *path);
/* Whether it can be made: its parent is root's alone, and has no other account's directory with that name. */
int home_check(struct ctl *c, const struct nhi_account *a);
/* Makes it: mode 0700, the agent's. A directory that is already the agent's is not changed. */
int home_make(struct ctl *c, const struct nhi_account *a);
/* What to type if it could not be made. */
#define HOME_HINT_MAX (NHI_PATH_MAX + 96)
void home_hint(const struct nhi_account *a, char hint[HOME_HINT_MAX]);
/* Whether nothing with its name exists, as when agent add was killed before it made it. */
bool home_is_missing(const struct nhi_account *a);

#endif
