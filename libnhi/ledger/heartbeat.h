/* SPDX-License-Identifier: ISC */
/*
 * Whether the supervisor lives and can read the ledger. NHI_RUN_DIR/watch is one line, "UPTIME SCHEMA ERROR": when the
 * supervisor last looked, by nhi_uptime(), since a host that slept was not watched meanwhile; the schema of the ledger
 * that it can read; and the error that kept it from reading, an enum nhi_err as a number (0: none).
 */
#ifndef NHI_HEARTBEAT_H
#define NHI_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/base/err.h"

#define NHI_HEARTBEAT_FILE "watch"
#define NHI_HEARTBEAT_EVERY 10 /* seconds */
#define NHI_HEARTBEAT_DEAD 30  /* seconds without a heartbeat */

/* run_dir is created if it is missing (root, 0700). seen: the result of the last look at the ledger. */
NHI_CHECK enum nhi_err nhi_heartbeat_beat(const char *run_dir, enum nhi_err seen);
/* The supervisor ended by itself: nobody needs to wait in order to see that. */
void nhi_heartbeat_end(const char *run_dir);
enum nhi_supervisor {
    NHI_SUPERVISOR_LIVE,
    NHI_SUPERVISOR_NONE,  /* no heartbeat, or none that can be read */
    NHI_SUPERVISOR_STALE, /* it ran earlier, and has not looked for NHI_HEARTBEAT_DEAD seconds */
    NHI_SUPERVISOR_OTHER, /* it is of another release, older or newer, and cannot read our ledger */
    NHI_SUPERVISOR_BLIND, /* it runs, and cannot read the ledger */
};
/* why: the error of NHI_SUPERVISOR_BLIND. age: seconds since the last heartbeat; -1: none. Either may be NULL. */
enum nhi_supervisor nhi_heartbeat_see(const char *run_dir, enum nhi_err *why, int64_t *age);
/* Anything other than NHI_SUPERVISOR_LIVE counts as no supervisor. */
bool nhi_heartbeat_is_live(const char *run_dir);

#define NHI_LOOKED_FILE "looked" /* in NHI_RUN_DIR: what the supervisor has seen, as two numbers */
/* The supervisor has judged all sessions by this generation of the published state, -1: by none; the first of them may
 * have to end at until, in seconds since the epoch. */
void nhi_heartbeat_looked(const char *run_dir, int64_t generation, int64_t until);
/* Whether it has judged all sessions by this generation, and none is due since. */
bool nhi_heartbeat_has_looked(const char *run_dir, int64_t generation, int64_t now);

#endif
