/* SPDX-License-Identifier: ISC */
/*
 * What this host offers for identifying the processes of a session, and so for ending them.
 */
#ifndef NHICTL_PLATFORM_H
#define NHICTL_PLATFORM_H

#include <stdbool.h>

struct ctl;
struct out_row;

/* Whether the kernel gives a login an audit session of its own. */
bool platform_has_audit(void);

void platform_show(struct out_row *r);
/* Adds what this host does not permit to the list of what needs attention. */
void platform_attention(struct ctl *c);

#endif
