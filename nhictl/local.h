/*
 * Accounts of this host, for verbs that ask for the same few again and again.
 */
#ifndef NHICTL_LOCAL_H
#define NHICTL_LOCAL_H

#include "libnhi/privileged.h"

struct ctl;

/* What nhi_local_by_name says, asked once for each name as long as c->now stands still: one answer takes
 * a lookup of every privileged group. Failures are asked again. */
NHI_CHECK enum nhi_err local_by_name(const struct ctl *c, const char *name, struct nhi_local *out);

#endif
