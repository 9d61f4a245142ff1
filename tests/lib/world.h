/* SPDX-License-Identifier: ISC */
/*
 * A private host for module tests: private mounts over /etc, /run, /dev and /var/lib, a ledger, accounts, a log that
 * can be read, and the real libpam with a configuration directory of the test's.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libnhi/ledger/ledger.h"

#define WORLD_HASH "00112233445566778899aabbccddeeff" /* of a policy */
#define WORLD_HOST "host.example.org"
#define WORLD_AGENT_UID 65537 /* ci-bot */
#define WORLD_OTHER_UID 65538 /* other-bot */
#define WORLD_ALICE_UID 1001  /* a person */
#define WORLD_DEPLOY_UID 1002 /* shared */
#define WORLD_BATCH_UID 1003  /* in nhi-only */
#define WORLD_ADMIN_UID 1004  /* in docker */

/* Once in a process. false: not possible on this machine (printed to stdout as a TAP skip). */
bool world_enter(void);
/* A fresh ledger with issuer k1, agents, task build-1 of ci-bot, and a permit rule; no sessions. */
void world_reset(void);

extern uint8_t world_sk[NHI_SK_LEN]; /* of k1 */

/* ci-bot's ticket for build-1, accounts "ci-bot deploy batch", services "sshd sudo su cron". */
struct nhi_ticket world_ticket(void);
/* Its text; the caller frees it. */
char *world_mint(const struct nhi_ticket *t);
/* One statement on the ledger, for states that no verb makes. */
void world_sql(const char *sql);
#define WORLD_OWN "UPDATE issuer SET own = 1" /* a ticket that is not recorded was not issued here */
struct nhi_ledger *world_ledger(void);        /* for writing, in a transaction; finish with world_commit */
void world_commit(struct nhi_ledger *l);

struct world_call {
    const char *service, *user, *ruser, *rhost, *tty;
    const char *reply; /* NULL: the conversation fails, as under sudo -n */
    const char *asked; /* the answer to the prompt for a name, if user is NULL */
    uid_t ruid;        /* real uid of the host program */
    const char *args;  /* module options, or NULL */
    const char *proof; /* what sshd puts into SSH_AUTH_INFO_0, or NULL. Set when sshd sets it: from open_session on; in
                          all phases with proof_early */
    bool proof_early;
    void (*before)(void); /* runs when everything is set up, before the first phase; or NULL */
    void (*asking)(void); /* runs in the conversation; or NULL */
};

enum {
    WORLD_AUTH = 1,
    WORLD_ACCOUNT = 2,
    WORLD_CRED = 4,
    WORLD_OPEN = 8,
    WORLD_PASSWORD = 16,
    WORLD_AGAIN = 32,
    WORLD_CLOSE = 64,
    WORLD_LET_GO = 128
};

/* Runs these phases in one PAM transaction in a child of its own, in that order, up to the first failure.
 * Returns the last PAM code. */
int world_run(const struct world_call *c, int phases);
/* The same in this process. before_open, if not NULL, runs before the session is opened. */
int world_run_here(const struct world_call *c, int phases, void (*before_open)(void));
/* The first half of world_login: auth and account in a child; the next phases here find what it left in the PAM
 * environment. */
int world_child(const struct world_call *c);
/* As sshd does with keyboard-interactive: auth and account in a child, the rest here, and setcred again in another
 * child. */
int world_login(const struct world_call *c, void (*before_open)(void));

/* In a hook of the phases here: their handle, as the host program and other modules have it. */
pam_handle_t *world_handle(void);

/* The last prompt of the phases here, or "". Static. */
const char *world_prompted(void);
/* Whether our name would have been in the environment of the session that this process opened last. */
bool world_left_variable(void);

/* The reason= of the last log line since the last call, or "". Static. */
const char *world_reason(void);
/* The whole log since the last call of world_reason. */
const char *world_log(void);

/* Records with this first letter in the grants directory, and registered sessions. */
int world_records(char kind);
int world_sessions(void);

void world_write(const char *path, const char *text, mode_t mode);

#endif
