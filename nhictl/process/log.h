/* SPDX-License-Identifier: ISC */
/*
 * The system log.
 */
#ifndef NHICTL_LOG_H
#define NHICTL_LOG_H

/* priority: facility and level, as for syslog(3). A log that does not accept the line at once, or after a short wait
 * now and then, never gets it: nothing waits for a log that nobody reads. */
void log_say(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
