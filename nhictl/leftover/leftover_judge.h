/* SPDX-License-Identifier: ISC */
/*
 * Which processes may keep running under the uid of an agents' account while none of its sessions is live: decided only
 * from facts that others gather.
 */
#ifndef NHICTL_LEFTOVER_JUDGE_H
#define NHICTL_LEFTOVER_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum leftover_verdict {
    LEFTOVER_STAYS, /* belongs to a person, to root or to a session */
    LEFTOVER_NAMED, /* unclear: a person decides */
    LEFTOVER_ENDED,
};

/* To whom its audit session belongs. */
enum leftover_login {
    LOGIN_NONE,    /* unset */
    LOGIN_PERSONS, /* a person's login that the host knows */
    LOGIN_AGENTS,  /* a session of ours that has ended */
    LOGIN_OTHER,   /* set, which proves nothing, since a process may do so once for itself */
};

/* The kind of systemd unit that it is in. */
enum leftover_unit {
    UNIT_OTHER,    /* another unit, a scope, or no systemd */
    UNIT_ROOTS,    /* a unit of root that names this account */
    UNIT_MANAGER,  /* the account's own manager */
    UNIT_KEPT,     /* the manager of an account that lingered before it took tickets only */
    UNIT_CRONTAB,  /* made from the account's own crontab */
    UNIT_DELIVERY, /* cron, at or mail, which run the account's own jobs */
    UNIT_UNKNOWN,  /* systemd did not say */
};

struct leftover_facts {
    bool own; /* an agent's own account; else one that takes tickets only */
    bool systemd;
    bool daemons;   /* root declared that it starts daemons under this account */
    bool before;    /* it ran before the account took tickets only */
    bool inside;    /* in a registered session */
    bool contained; /* in a container that no agent made */
    bool unsure;    /* unknown whether it is in such a container */
    bool terminal;  /* at a terminal of somebody else's login */
    bool person;    /* one of its ancestors is a person's process */
    bool delivered; /* the first parent of another uid is cron, at or a mail server */
    bool cgroup;    /* in the cgroup of a former session */
    enum leftover_login login;
    enum leftover_unit unit;
};

/* why: the reason, in a few words for people. */
enum leftover_verdict leftover_judge(const struct leftover_facts *f, const char **why);

/* The unit that a cgroup is in, for the account with that uid. UNIT_UNKNOWN: ask systemd for the unit in name.
 * leftover_delivers finds UNIT_DELIVERY. */
enum leftover_unit leftover_unit_in(const char *cgroup, uint32_t uid, char *name, size_t size);
/* Whether a unit or program with that name runs what users have prepared: jobs of cron and at, pipes of mail. */
bool leftover_delivers(const char *name);

#endif
