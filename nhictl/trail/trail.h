/* SPDX-License-Identifier: ISC */
/*
 * Sending the trail: each event as one line to the system log and to the systemd journal.
 *
 * A line is sent after its event is on disk. The number of the last event that was sent is kept in a file, so that
 * nothing is lost when the sender is killed: the next command, or the supervisor, sends the rest. A line whose sender
 * was killed between the two steps is sent twice, with the same number.
 */
#ifndef NHICTL_TRAIL_H
#define NHICTL_TRAIL_H

#include "libnhi/ledger/ledger.h"

#define TRAIL_SENT_FILE "sent" /* in NHI_STATE_DIR, root 0600 */

/* Sends the events that were not sent yet. Waits at most a second for a log; events that it does not accept now stay
 * for the next time. */
void trail_send(struct nhi_ledger *l);
/* The number of the last event that was sent; INT64_MAX without a log. */
int64_t trail_sent(void);
/* Sends one line that is not an event. */
void trail_say(const char *text);
/* Writes an event as such a line, which is new; the caller frees it. NULL: out of memory. */
char *trail_line(const struct nhi_event *e);

#endif
