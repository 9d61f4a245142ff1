/*
 * nhictl run: the command, and the ticket that lives as long.
 */
#ifndef NHICTL_RUN_H
#define NHICTL_RUN_H

#include <pwd.h>
#include <signal.h>
#include <sys/types.h>

#include "libnhi/session.h"
#include "libnhi/ticket.h"
#include "nhictl/signer.h"

struct ctl;

enum run_exit {
    RUN_NO_EXEC = 126,   /* there is such a command, and it cannot be executed */
    RUN_NOT_FOUND = 127, /* there is none */
};

/* ---- the command (run_command.c) ---- */

/* Becomes the account, in a session and process group of its own, and executes the command with the
 * signals in mask. askpass: ssh in it asks the session keyring. Returns 0 and its pid, or an exit
 * code after saying what is wrong. */
int run_start(struct ctl *c, const struct passwd *pw, const sigset_t *mask, bool askpass,
              pid_t *child);
/* Takes in every process that has ended, this one's and those left to it. true: the command is
 * among them, and *code is its exit status, 128 + N when it was ended by signal N. */
bool run_reap(pid_t child, int *code);
/* Ends what the command has left running: SIGTERM, then SIGKILL. false: something would not go. */
bool run_end_rest(void);

/* ---- the ticket (run_ticket.c) ---- */

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
};

#define RUN_ENDED "the command ended with status %d" /* by itself: what its end is recorded with */

struct run_args {
    const char *agent, *job, *task;
    char services[NHI_LIST_MAX + 1];
    int64_t ttl, until;
    const char *host, *account; /* of the ticket in the keyring; NULL: this one, the agent's own */
    bool concurrent, keyring;
};

/* Opens the task, records the ticket, registers this process as a session. An exit code of nhictl.
 */
int run_open(struct ctl *c, const struct run_args *args, struct run *r);
int run_renew(struct ctl *c, struct run *r);
/* ---- the end of it (run_end.c) ---- */

/* Ends ticket and task. why: for the trail. */
void run_close(struct ctl *c, const struct run *r, const char *why);
/* What did not even begin, and why: for status, and for the trail. */
void run_refused(struct ctl *c, const struct run_args *args);
/* Forgets the session: nobody is inside any more. */
void run_leave(const struct run *r);

#endif
