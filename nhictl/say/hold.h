/* SPDX-License-Identifier: ISC */
/*
 * Holding back signals that end or stop a program while something must be done as a whole: Ctrl-C finds all of it done,
 * or nothing.
 */
#ifndef NHICTL_HOLD_H
#define NHICTL_HOLD_H

#include <signal.h>
#include <stdbool.h>

struct hold {
    sigset_t mask; /* the mask before */
    bool on;
};

void hold_begin(struct hold *h);
/* Signals that came meanwhile take effect now. Does nothing if hold_begin failed, or if this was called already. */
void hold_end(struct hold *h);

#endif
