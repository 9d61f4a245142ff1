/*
 * The home directory of a new agent.
 */
#ifndef NHICTL_HOME_H
#define NHICTL_HOME_H

#include <stdbool.h>

#include "libnhi/snapshot.h"

struct ctl;

/* Absolute, and no way out of it by . or .. */
bool home_path_ok(const char *path);
/* Whether it can be made: the place is root's alone, and nobody else's directory is in it. */
int home_check(struct ctl *c, const struct nhi_account *a);
/* Makes it: mode 0700, the agent's. One that is the agent's already stays as it is. */
int home_make(struct ctl *c, const struct nhi_account *a);

#endif
