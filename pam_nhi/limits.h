/* SPDX-License-Identifier: ISC */
/*
 * Resource limits that the caller of su or sudo chose, and under which the module could neither check nor record.
 */
#ifndef PAM_NHI_LIMITS_H
#define PAM_NHI_LIMITS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>

#define PNHI_LIMITS 5

struct pnhi_limits {
    struct rlimit had[PNHI_LIMITS];
    bool changed[PNHI_LIMITS];
    sigset_t mask;
    bool masked, waited; /* waited: the signal was pending earlier */
    bool raised;
};

/* Raises them as far as this process may, unless they are high enough. A file that may not grow then causes an ordinary
 * error instead of a signal that ends the process. */
void pnhi_limits_raise(struct pnhi_limits *l);
/* The same for a daemon that root has started: only those under which a record could not be written. */
void pnhi_limits_raise_files(struct pnhi_limits *l);
/* Restores all of them. Does nothing if they were never raised. */
void pnhi_limits_put_back(struct pnhi_limits *l);

#endif
