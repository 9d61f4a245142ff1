/*
 * Programs of the host that are asked something: what they say, and how they end.
 */
#ifndef NHICTL_PROGRAM_H
#define NHICTL_PROGRAM_H

/* Runs argv[0], a path, without a terminal or input, with no more of the environment than a PATH, for at most half a
 * minute. said: what it wrote, errors included, up to 64 KiB; the caller's to free. Returns its exit status, 128 and
 * more when a signal ended it, and -1 when it could not be started. */
int program_run(const char *const argv[], char **said);

#endif
