/* SPDX-License-Identifier: ISC */
/*
 * Running programs of the host: how they end, and what they print.
 */
#ifndef HOSTCFG_PROGRAM_H
#define HOSTCFG_PROGRAM_H

#include <stdbool.h>

/* file_run, for who does not care where a program writes what. said: its errors, and then the rest; the caller's to
 * free. Returns its exit status, 127 when a signal ended it, and -1 when it could not be run. */
int program_run(const char *const argv[], char **said);

/* The line of what a program says that tells why it refuses its files, and how long that is: visudo warns of names that
 * nobody uses before it. */
const char *program_refusal(const char *said, int *len);

/* Whether the sshd of this host is of that release or a later one: 904 is 9.4. */
bool program_sshd_is(unsigned release);

/* Whether that sudo is sudo-rs of before 0.2.9, which prints three lines at each use for a setting that it does not
 * know (noninteractive_auth), and asks PAM under -n without it. */
bool program_is_old_sudo_rs(const char *path);

#endif
