/* SPDX-License-Identifier: ISC */
/*
 * Whether the supervisor lives and sees: NHI_RUN_DIR/watch is one line, "UPTIME SCHEMA ERROR": when it last looked, as
 * nhi_uptime() has it, since a host that slept was not watched meanwhile; the schema of the ledger that it can read;
 * and what kept it from reading that, an enum nhi_err as a number, 0: nothing.
 */
#ifndef NHI_HEARTBEAT_H
#define NHI_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/base/err.h"

#define NHI_HEARTBEAT_FILE "watch"
#define NHI_HEARTBEAT_EVERY 10 /* seconds */
#define NHI_HEARTBEAT_DEAD 30  /* seconds without one */

/* run_dir is made when it is missing, root 0700. seen: how the last look at the ledger went. */
NHI_CHECK enum nhi_err nhi_heartbeat_beat(const char *run_dir, enum nhi_err seen);
/* The supervisor went on its own: nobody need wait to see that. */
void nhi_heartbeat_end(const char *run_dir);
enum nhi_supervisor {
    NHI_SUPERVISOR_LIVE,
    NHI_SUPERVISOR_NONE,  /* none, or no heartbeat that can be read */
    NHI_SUPERVISOR_STALE, /* it was there, and has not looked for NHI_HEARTBEAT_DEAD seconds */
    NHI_SUPERVISOR_OTHER, /* another release's, from before an upgrade or after it, which reads no ledger of ours */
    NHI_SUPERVISOR_BLIND, /* it runs, and cannot read the ledger */
};
/* why: of NHI_SUPERVISOR_BLIND. age: seconds since the last one; -1: none. Either may be NULL. */
enum nhi_supervisor nhi_heartbeat_see(const char *run_dir, enum nhi_err *why, int64_t *age);
/* Whatever is not NHI_SUPERVISOR_LIVE is no supervisor. */
bool nhi_heartbeat_is_live(const char *run_dir);

#endif
