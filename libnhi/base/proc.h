/* SPDX-License-Identifier: ISC */
/*
 * Processes of this host, as /proc shows them, and its clocks.
 */
#ifndef NHI_PROC_H
#define NHI_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libnhi/base/err.h"

/* A process that pid reuse cannot confuse. */
struct nhi_proc {
    pid_t pid;
    uint64_t start; /* clock ticks since boot, /proc/PID/stat field 22 */
};

struct nhi_proc_stat {
    struct nhi_proc self;
    pid_t parent;
    pid_t session; /* as of setsid(2): the pid of its leader */
    bool ended;    /* it is a zombie; not if only its first thread has ended */
    unsigned tty;  /* device number of the controlling terminal; 0: none */
};
/* Calls fn with each process, by pid, until it returns other than 0. Each process is looked up only when its turn
 * comes, so that one that keeps forking and ending in order to be missed is found in the end. */
NHI_CHECK enum nhi_err nhi_proc_each(int (*fn)(pid_t, void *), void *ctx);
/* NHI_ERR_NOT_FOUND: gone. */
NHI_CHECK enum nhi_err nhi_proc_stat(pid_t pid, struct nhi_proc_stat *out);
/* Reads a file of /proc with one read: whole if it is smaller than size, with a NUL after it. Nothing is allocated.
 * errno has the details of an error; NHI_ERR_NOT_FOUND: the process has ended. */
NHI_CHECK enum nhi_err nhi_proc_file(const char *path, char *buf, size_t size);
/* Start time of a process, and its parent. NHI_ERR_NOT_FOUND: it has ended. */
NHI_CHECK enum nhi_err nhi_proc_read(pid_t pid, struct nhi_proc *self, pid_t *parent);
/* Whether it runs. A zombie counts as dead, however long its parent leaves it; a process that cannot be looked at
 * counts as alive. */
bool nhi_proc_is_alive(const struct nhi_proc *p);
/* The kernel's audit session of a process. NHI_ERR_NOT_FOUND: it has none, or has ended. */
NHI_CHECK enum nhi_err nhi_proc_audit(pid_t pid, uint32_t *session);
/* Puts this process, and so everything that it starts later, into a new audit session, for its login uid, or for uid if
 * it has none. NHI_ERR_STATE: the kernel does not do that here. */
NHI_CHECK enum nhi_err nhi_proc_new_audit(uint32_t uid);
/* The uid of the login that a process descends from. NHI_ERR_NOT_FOUND: not set, or the process has ended. */
NHI_CHECK enum nhi_err nhi_proc_loginuid(pid_t pid, uint32_t *uid);
/* The inode of the PID namespace that this process is in. 0: it is not known. */
uint64_t nhi_proc_namespace(void);
/* Seconds since the epoch. Use nothing else: time(2) lags behind the exact clock by up to a tick, so a program that
 * uses both would record later events with an earlier second. */
int64_t nhi_now(void);
/* Seconds since boot, sleep included, by a clock that cannot be set. 0: it is not known. */
int64_t nhi_uptime(void);
/* Milliseconds of CLOCK_MONOTONIC, or of CLOCK_BOOTTIME where sleep counts: these clocks cannot be set. */
int64_t nhi_clock_ms(clockid_t clock);
/* This boot's ID, 36 characters. */
NHI_CHECK enum nhi_err nhi_boot_id(char out[37]);
/* The start time of process 1, in clock ticks since boot. */
NHI_CHECK enum nhi_err nhi_proc_init_start(uint64_t *start);

#endif
