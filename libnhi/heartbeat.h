/*
 * Whether the supervisor lives: NHI_RUN_DIR/watch holds when it last said so, on a clock that nobody
 * sets.
 */
#ifndef NHI_HEARTBEAT_H
#define NHI_HEARTBEAT_H

#include <stdbool.h>

#include "libnhi/err.h"

#define NHI_HEARTBEAT_FILE "watch"
#define NHI_HEARTBEAT_EVERY 10 /* seconds */
#define NHI_HEARTBEAT_DEAD 30  /* seconds without one */

/* run_dir is made when it is missing, root 0700. */
NHI_CHECK enum nhi_err nhi_heartbeat_beat(const char *run_dir);
/* The supervisor went on its own: nobody need wait to see that. */
void nhi_heartbeat_end(const char *run_dir);
/* Whatever cannot be read is no heartbeat. */
bool nhi_heartbeat_is_live(const char *run_dir);

#endif
