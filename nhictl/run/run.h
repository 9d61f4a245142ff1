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
    RUN_NO_EXEC = 126,   /* the command exists, and cannot be executed */
    RUN_NOT_FOUND = 127, /* it does not exist */
};

struct run_flow {
    char buf[4096];
    size_t from, to; /* bytes that are not written yet */
};

struct run_terminal {
    int master, slave; /* the command's terminal; -1: none */
    int in, out;       /* the caller's; -1: nothing is read or written */
    int null;          /* the command's standard input in place of the caller's terminal; -1: not needed */
    bool is[3];        /* which of the standard descriptors is a terminal */
    bool no_more_in, no_more_out;
    struct termios before;
    struct run_flow typed, said;
};
#define RUN_TERMINAL_FDS 3

struct run {
    char agent[NHI_AGENT_MAX + 1], task[NHI_TASK_MAX + 1], jti[NHI_JTI_LEN + 1];
    char tree[NHI_TREE_MAX + 1];
    char job[NHI_TASK_MAX + 1];    /* name of the job; that of its task if it has none */
    struct nhi_grant session;      /* as it was registered */
    uint32_t uid;                  /* of the account that runs the command */
    int64_t ttl, deadline;         /* seconds, moment */
    int64_t exp;                   /* end of the last ticket */
    char keyring[NHI_JTI_LEN + 1]; /* the ticket in the session keyring; empty: none */
    struct signer signer;          /* for that */
    pid_t child;                   /* the command */
    int signals;                   /* reports its end, and signals to this process */
};

#define RUN_ENDED "the command ended with status %d" /* it ended by itself: the text in the record of its end */

struct run_args {
    const char *agent, *job, *task;
    char services[NHI_LIST_MAX + 1];
    int64_t ttl, until;
    const char *host, *account; /* for the ticket in the keyring; NULL: this host, the agent's own account */
    bool concurrent, keyring;
};

#endif
