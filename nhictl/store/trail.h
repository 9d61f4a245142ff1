/*
 * The trail on its way out: each event as one line to the system log and to the systemd journal.
 *
 * A line is sent after its event is on disk. The number of the last one that was sent stands in a file, so that
 * nothing is lost when whoever was to send it is cut off: the next command, or the supervisor, sends it. What was
 * cut off between the two is sent twice, under the same number.
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
