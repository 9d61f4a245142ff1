/* SPDX-License-Identifier: ISC */
/*
 * Which processes may keep running under the uid of an agents' account while none of its sessions is live: decided only
 * over facts that others gather.
 */
#ifndef NHICTL_LEFTOVER_JUDGE_H
#define NHICTL_LEFTOVER_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum leftover_verdict {
    LEFTOVER_STAYS, /* a person's, root's or a session's */
    LEFTOVER_NAMED, /* nobody can tell: a person decides */
    LEFTOVER_ENDED,
};

/* Whose audit session it is in. */
enum leftover_login {
    LOGIN_NONE,    /* unset */
    LOGIN_PERSONS, /* a login of a person's, of which the host knows */
    LOGIN_AGENTS,  /* of a session of ours that is over */
    LOGIN_OTHER,   /* set, which a process may do once for itself, and proves nothing */
};

/* What systemd has it in. */
enum leftover_unit {
    UNIT_OTHER,    /* another unit, a scope, or there is no systemd */
    UNIT_ROOTS,    /* a unit of root's that names this account */
    UNIT_MANAGER,  /* the account's own manager */
    UNIT_KEPT,     /* the same, of an account that lingered before it took tickets only */
    UNIT_CRONTAB,  /* made from the account's own crontab */
    UNIT_DELIVERY, /* cron, at or mail: what runs the account's own jobs */
    UNIT_UNKNOWN,  /* systemd did not say */
};

struct leftover_facts {
    bool own; /* an agent's own account; else one that takes tickets only */
    bool systemd;
    bool daemons;   /* root says that it starts daemons by this account */
    bool before;    /* it ran before the account took tickets only */
    bool inside;    /* a registered session */
    bool contained; /* a container's, which no agent made */
    bool unsure;    /* whether it is a container's cannot be told */
    bool terminal;  /* at a terminal that somebody else's login leads */
    bool person;    /* an unbroken line of parents leads to a person's process */
    bool delivered; /* the first parent of another uid is cron, at or a mail server */
    bool cgroup;    /* in a cgroup that was a session's */
    enum leftover_login login;
    enum leftover_unit unit;
};

/* why: a few words for people. */
enum leftover_verdict leftover_judge(const struct leftover_facts *f, const char **why);

/* The unit of that account's uid that a cgroup is in. UNIT_UNKNOWN: name says which, and it is to be asked for.
 * UNIT_DELIVERY is found by leftover_delivers. */
enum leftover_unit leftover_unit_in(const char *cgroup, uint32_t uid, char *name, size_t size);
/* Whether that is a unit, or a program, that runs what users left to be run: jobs of cron and at, pipes of mail. */
bool leftover_delivers(const char *name);

#endif
