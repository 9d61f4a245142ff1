/* SPDX-License-Identifier: ISC */
/*
 * The ledger as the verbs use it: one transaction around everything that a verb reads and writes.
 */
#ifndef NHICTL_STORE_H
#define NHICTL_STORE_H

#include <stdbool.h>

#include "libnhi/base/last_seen.h"
#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/hold.h"

/* For another process that is writing the ledger. */
enum store_wait {
    STORE_WAITS, /* ten seconds */
    STORE_SOON,  /* a tenth of a second: what ends access has another place to go */
    STORE_NOW,   /* not at all */
};

struct store {
    struct nhi_ledger *l;
    struct nhi_settings set;
    struct nhi_last_seen_answer seen; /* as it was before the ledger was read */
    int64_t now;
    bool writing;         /* a write transaction is open */
    bool committed;       /* a transaction was committed */
    enum store_wait wait; /* set by the caller */
    struct hold held;
};

/* These return CTL_DONE, or another exit code after reporting what was wrong. store_close takes a store in any state,
 * also one that was only zeroed. */
int store_read(struct ctl *c, struct store *s);
/* Root only. Moves the reserve into the ledger, then begins the transaction. Signals that would end the program are
 * held back until store_close, so that after Ctrl-C everything is done or nothing. */
int store_write(struct ctl *c, struct store *s);
int store_commit(struct ctl *c, struct store *s);
/* Writes both copies of the account snapshot from the present ledger, whatever they have. Call it outside a
 * transaction. */
int store_publish(struct ctl *c, struct store *s);
/* The same result with less work: only accounts that were changed since they were published are written, if what was
 * published is known to be that of this ledger. Damage stays. */
int store_publish_changes(struct ctl *c, struct store *s);
/* As store_publish does, for a ledger that was not changed: reports nothing. */
NHI_CHECK enum nhi_err store_publish_as_is(struct store *s, int64_t now);
/* For the start of a host: publishes if there is no copy of the accounts on the tmpfs. false: another process is
 * writing the ledger, so try again later. */
bool store_publish_missing(int64_t now);
/* Empties the ledger's log, if it has one and nobody is in the way: for the supervisor, when it rests. Until then each
 * command that opens the ledger reads the log again. */
void store_empty_log(void);
/* The account as the snapshot has it: the account of every agent resolves, and has no shell while the agent may not log
 * in, for programs that do not ask PAM. locked: the host is in lockdown. */
void store_published(const struct nhi_agent *a, bool locked, struct nhi_account *out);
void store_close(struct store *s);
/* What every command does besides its own work: takes records into the ledger, and ends the tickets and tasks of killed
 * runs. look: for sessions without processes, too, which the supervisor does otherwise. next: when the first
 * open task is due, as tasks_next returns it, written only if that is known; may be NULL. false: another process is
 * writing. */
bool store_keep_house(int64_t now, enum store_wait wait, bool look, int64_t *next);

/* The steps of store_write, for revoke, which has another way if the ledger fails. */
int store_need_root(struct ctl *c);
NHI_CHECK enum nhi_err store_open(struct store *s, int64_t now);
/* The two steps of store_open: the ledger, then the reserve and the transaction. */
NHI_CHECK enum nhi_err store_connect(struct store *s, int64_t now);
NHI_CHECK enum nhi_err store_begin(struct store *s);
/* Whether it has an agent, retired ones included: a ledger without one is new. */
NHI_CHECK enum nhi_err store_any_agent(struct nhi_ledger *l, bool *any);
/* Reports why the ledger could not be opened. */
int store_open_failed(struct ctl *c, const struct store *s, enum nhi_err err);

/* Reports that a step on the ledger failed: "could not do WHAT: …". NHI_OK is no failure. */
int store_fail(struct ctl *c, const struct store *s, enum nhi_err err, const char *what);
/* The error, with SQLite's message if there is one. Returns buf. */
const char *store_error(const struct store *s, enum nhi_err err, char *buf, size_t len);

/* Whether this host's clock is behind the latest time in the ledger by more than the skew. */
bool store_clock_behind(const struct ctl *c, const struct store *s);
/* For verbs that begin something new: refuses unless the ledger belongs to this host and its clock is right. */
int store_need_sound(struct ctl *c, const struct store *s);
/* Records the present ledger as the one last seen, whatever that was, since it was made, restored or taken over. */
void store_last_seen_anew(const struct store *s);

/* Prints the answer: CTL_DONE, or CTL_SYSTEM after reporting that it could not be written. */
int ctl_answer(struct ctl *c);

#endif
