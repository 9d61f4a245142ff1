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

/* Sends what was not sent yet. Waits for no log for longer than a second; what it does not take now stays for the
 * next time. */
void trail_send(struct nhi_ledger *l);
/* The number of the last event that the logs have; INT64_MAX where there is no log. */
int64_t trail_sent(void);
/* One line that is no event. */
void trail_say(const char *text);
/* An event as such a line: new, the caller's to free. NULL: out of memory. */
char *trail_line(const struct nhi_event *e);

#endif
