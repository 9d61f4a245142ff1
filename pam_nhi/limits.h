/* SPDX-License-Identifier: ISC */
/*
 * Resource limits that the caller of su or sudo chose: under them the module could neither check nor record.
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
    bool masked, waited; /* waited: the signal was pending before us */
};

/* Raises them as far as this process may, and keeps a file that may not grow from being its death: that is an error
 * like any other then. */
void pnhi_limits_raise(struct pnhi_limits *l);
/* All as it was. Of what was never raised: nothing. */
void pnhi_limits_put_back(struct pnhi_limits *l);

#endif
