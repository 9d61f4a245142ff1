/* SPDX-License-Identifier: ISC */
/*
 * Agents do not linger: systemd would start their units without a ticket, even after a reboot.
 */
#ifndef NHICTL_LINGER_H
#define NHICTL_LINGER_H

/* Ends it for each agent. The user's processes continue while the agent has a session, and are stopped otherwise. */
void linger_sweep(void);
/* Adds a watch to inotify that reports when a user begins to linger. -1: no systemd here. */
int linger_watch(int inotify);

#endif
