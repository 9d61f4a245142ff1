/* SPDX-License-Identifier: ISC */
/*
 * Running programs of the host: how they end, and what they print.
 */
#ifndef HOSTCFG_PROGRAM_H
#define HOSTCFG_PROGRAM_H

#include <stdbool.h>

/* file_run, for callers that need no separation of output and errors. said: its errors, then its output; the caller
 * frees it. Returns its exit status, 127 if a signal ended it, and -1 if it could not be run. */
int program_run(const char *const argv[], char **said);

/* The line of a program's output that explains why it refuses its files, and its length: visudo first warns of unused
 * names. */
const char *program_refusal(const char *said, int *len);

/* Whether the sshd of this host is that release or a later one: 904 is 9.4. */
bool program_sshd_is(unsigned release);

/* Whether that sudo is sudo-rs before 0.2.9, which prints three lines at each use for a setting that it does not know
 * (noninteractive_auth), and asks PAM under -n without it. */
bool program_is_old_sudo_rs(const char *path);

#endif
