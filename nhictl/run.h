/*
 * nhictl run: the command, and the ticket that lives as long.
 */
#ifndef NHICTL_RUN_H
#define NHICTL_RUN_H

#include <poll.h>
#include <pwd.h>
#include <sys/types.h>
#include <termios.h>

#include "libnhi/session.h"
#include "libnhi/ticket.h"
#include "nhictl/signer.h"

struct ctl;

enum run_exit {
    RUN_NO_EXEC = 126,   /* there is such a command, and it cannot be executed */
    RUN_NOT_FOUND = 127, /* there is none */
};

/* ---- its terminal (run_terminal.c) ---- */

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

/* Where one of the standard descriptors is a terminal, makes one for the command, of that account. The caller's is
 * read only where it is standard input and output and this process is in its foreground. false: errno says why. What
 * there is then, run_terminal_close closes, in any case. */
bool run_terminal_open(struct run_terminal *t, uid_t uid);
/* In the child, which leads a session: its standard descriptors. */
bool run_terminal_become(const struct run_terminal *t);
/* From here on what is typed goes to the command as it is, Ctrl-C too. */
void run_terminal_take(const struct run_terminal *t);
void run_terminal_resize(const struct run_terminal *t);
/* What to wait for, and how many that are. */
size_t run_terminal_poll(const struct run_terminal *t, struct pollfd fds[RUN_TERMINAL_FDS]);
/* Carries what there is, without waiting. */
void run_terminal_carry(struct run_terminal *t);
/* Whether it would read, once it is in the foreground again, of which nothing tells. */
bool run_terminal_is_held(const struct run_terminal *t);
/* Carries the rest, and gives the terminal back as it was. */
void run_terminal_close(struct run_terminal *t);

/* ---- what it does not get from the caller (run_clean.c) ---- */

/* Still as root. Like these two, false: errno says why, and the command must not begin. */
bool run_clean_start(void);
/* As the account. */
bool run_drop_capabilities(void);

/* ---- the command (run_command.c) ---- */

/* Becomes the account, in a session and process group of its own, and executes the command. askpass: ssh in it asks the
 * session keyring. Returns 0 and its pid, or an exit code after saying what is wrong. */
int run_start(struct ctl *c, const struct passwd *pw, const struct run_terminal *t, bool askpass, pid_t *child);
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
