/* SPDX-License-Identifier: ISC */
/*
 * The supervisor's archives: events that are older than keep_days of nhi.conf(5) go into files.
 */
#ifndef NHICTL_RETENTION_H
#define NHICTL_RETENTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ctl;
struct nhi_settings;

#define RETENTION_DIR "archive" /* in NHI_STATE_DIR, root 0700 */

/* Zeroed at first: then it looks at once. */
struct retention {
    int64_t keep; /* days, from the host's settings; 0: for ever */
    int64_t at;   /* of the last look: milliseconds since boot, sleep included */
    pid_t child;  /* which archives; 0: none */
};

void retention_set(struct retention *r, const struct nhi_settings *set);
/* Once a day, archives what is old, in a process of its own: nothing that the supervisor does waits for the disk or for
 * another writer. now: milliseconds since boot, sleep included. */
void retention_step(struct ctl *c, struct retention *r, int64_t now);
/* Ends that process, which loses nothing. */
void retention_end(struct retention *r);

#endif
