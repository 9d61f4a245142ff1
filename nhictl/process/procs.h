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
    uint32_t audit;  /* its audit session; UINT32_MAX: none */
    uint32_t uid[3]; /* real, effective, saved */
};

/* All that run now, but for this process. Ended ones that nobody has taken in yet are left out. */
struct procs {
    struct procs_one *all; /* by pid */
    size_t count, room;
    bool full; /* no memory for more */
};

/* Some of them; kept from one look to the next, since an orphan does not say whose it was. */
struct members {
    struct nhi_proc *all;
    size_t count, room;
};

/* What a look is for. */
enum members_of {
    MEMBERS_OF_AUDIT, /* an audit session: id */
    MEMBERS_OF_TREE,  /* a process, root, and what descends from it, or from a member of before */
};

/* Real, effective, saved. false: gone. */
bool procs_uids(pid_t pid, uint32_t uid[3]);
NHI_CHECK enum nhi_err procs_scan(struct procs *p);
void procs_free(struct procs *p);

/* Brings m up to date. */
NHI_CHECK enum nhi_err members_find(struct members *m, const struct procs *p, enum members_of of, uint32_t id,
                                    const struct nhi_proc *root);
/* Adds one that is not in m. */
NHI_CHECK enum nhi_err members_put(struct members *m, const struct nhi_proc *q);
/* Adds one; who has come since the look is found by the next. */
NHI_CHECK enum nhi_err members_add(struct members *m, const struct procs *p, pid_t pid);
/* Adds what is in the cgroup of that session: orphans that descent does not find. */
NHI_CHECK enum nhi_err members_add_cgroup(struct members *m, const struct procs *p, const char *handle);
bool members_has(const struct members *m, pid_t pid);
void members_free(struct members *m);
/* A descriptor of that process, and of no other that has its pid by now; -1: it is gone, or there is no descriptor. */
int procs_open(const struct nhi_proc *p);
/* By a descriptor of each process, so that no other is ever meant. */
void members_signal(const struct members *m, int sig);
/* Kills whatever is said to be prey, as it comes upon it, until it comes upon no more: a list of what forks as fast as
 * it can is of the past before it is whole. What has ended is no prey. */
void procs_hunt(bool (*is_prey)(pid_t, void *), void *ctx);
/* Writes a line to each terminal that one of them has, without waiting. false: none took it. */
bool members_notify(const struct members *m, const struct procs *p, const char *line);

#endif
