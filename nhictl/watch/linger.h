/* SPDX-License-Identifier: ISC */
/*
 * Agents do not linger: systemd would start their units without a ticket, even after a reboot.
 */
#ifndef NHICTL_LINGER_H
#define NHICTL_LINGER_H

/* Ends it for each agent. What runs by it goes on while the agent has a session, and is stopped otherwise. */
void linger_sweep(void);
/* Adds a watch to inotify that tells when somebody begins to. -1: there is no systemd here. */
int linger_watch(int inotify);

#endif
