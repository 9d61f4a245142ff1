/* SPDX-License-Identifier: ISC */
/*
 * The processes of this host, and which of them belong to a session that is to be ended.
 */
#ifndef NHICTL_PROCS_H
#define NHICTL_PROCS_H

#include <stdbool.h>
#include <stddef.h>

#include "libnhi/base/proc.h"
#include "libnhi/session/session.h"

struct procs_one {
    struct nhi_proc_stat stat;
    uint32_t audit; /* its audit session; UINT32_MAX: none */
};

/* All processes that run now, except this one. Zombies are left out. */
struct procs {
    struct procs_one *all; /* by pid */
    size_t count, room;
    bool full;   /* no memory for more processes */
    bool narrow; /* only those of some audit sessions were looked at */
};

/* Some processes; kept from one look to the next, since an orphan does not show its origin. */
struct members {
    struct nhi_proc *all;
    size_t count, room;
};

/* What a look is for. */
enum members_of {
    MEMBERS_OF_AUDIT, /* an audit session: id */
    MEMBERS_OF_TREE,  /* a process, root, and descendants of it or of earlier members */
};

/* Real, effective, saved. false: it has ended. */
bool procs_uids(pid_t pid, uint32_t uid[3]);
NHI_CHECK enum nhi_err procs_scan(struct procs *p);
/* The same for the processes in these audit sessions, which are sorted: much faster, since little is read of others. */
NHI_CHECK enum nhi_err procs_scan_audits(struct procs *p, const uint32_t *audits, size_t count);
void procs_free(struct procs *p);

/* Brings m up to date. */
NHI_CHECK enum nhi_err members_find(struct members *m, const struct procs *p, enum members_of of, uint32_t id,
                                    const struct nhi_proc *root);
/* Adds one that is not in m. */
NHI_CHECK enum nhi_err members_put(struct members *m, const struct nhi_proc *q);
/* Adds one; processes that began after the look are found by the next, unless it was a narrow one. */
NHI_CHECK enum nhi_err members_add(struct members *m, const struct procs *p, pid_t pid);
/* Adds the processes in the cgroup of that session: orphans that descent does not find. */
NHI_CHECK enum nhi_err members_add_cgroup(struct members *m, const struct procs *p, const char *handle);
bool members_has(const struct members *m, pid_t pid);
void members_free(struct members *m);
/* A descriptor of that process, and of no other with its pid; -1: it has ended, or no descriptor is free. */
int procs_open(const struct nhi_proc *p);
/* Through a descriptor of each process, so that no other one can be hit. */
void members_signal(const struct members *m, int sig);
/* Kills every process for which is_prey returns true as soon as it is found, until none is found: a list of processes
 * that fork as fast as they can is outdated before it is complete. Ended processes are no prey. */
void procs_hunt(bool (*is_prey)(pid_t, void *), void *ctx);
/* Writes a line to the terminal of each of them, without waiting. false: no terminal took it. */
bool members_notify(const struct members *m, const struct procs *p, const char *line);

#endif
