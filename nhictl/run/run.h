/* SPDX-License-Identifier: ISC */
/*
 * nhictl run: the command, and a ticket that lives as long as the command.
 */
#ifndef NHICTL_RUN_H
#define NHICTL_RUN_H

#include <poll.h>
#include <pwd.h>
#include <sys/types.h>
#include <termios.h>

#include "libnhi/session/session.h"
#include "libnhi/ticket/ticket.h"
#include "nhictl/keys/signer.h"

struct ctl;

enum run_exit {
    RUN_NO_EXEC = 126,   /* there is such a command, and it cannot be executed */
    RUN_NOT_FOUND = 127, /* there is none */
};

struct run_flow {
    char buf[4096];
    size_t from, to; /* what is on its way */
};

struct run_terminal {
    int master, slave; /* the command's terminal; -1: it has none */
    int in, out;       /* the caller's; -1: nothing is read from there, nothing goes there */
    int null;          /* the command's standard input where it would have been the caller's terminal; -1: it is not */
    bool is[3];        /* which of the standard descriptors is a terminal */
    bool no_more_in, no_more_out;
    struct termios before;
    struct run_flow typed, said;
};
#define RUN_TERMINAL_FDS 3

struct run {
    char agent[NHI_AGENT_MAX + 1], task[NHI_TASK_MAX + 1], jti[NHI_JTI_LEN + 1];
    char tree[NHI_TREE_MAX + 1];
    char job[NHI_TASK_MAX + 1];    /* what it is called; its task where it has no such name */
    struct nhi_grant session;      /* as it was registered */
    uint32_t uid;                  /* of the account that the command becomes */
    int64_t ttl, deadline;         /* seconds, moment */
    int64_t exp;                   /* of the last ticket */
    char keyring[NHI_JTI_LEN + 1]; /* the ticket in the session keyring; empty: none */
    struct signer signer;          /* for that */
    pid_t child;                   /* the command */
    int signals;                   /* what tells of its end, and of what this process is sent */
};

#define RUN_ENDED "the command ended with status %d" /* by itself: what its end is recorded with */

struct run_args {
    const char *agent, *job, *task;
    char services[NHI_LIST_MAX + 1];
    int64_t ttl, until;
    const char *host, *account; /* of the ticket in the keyring; NULL: this one, the agent's own */
    bool concurrent, keyring;
};

#endif
