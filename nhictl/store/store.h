/* SPDX-License-Identifier: ISC */
/*
 * The ledger as the verbs use it: one transaction around what a verb reads and writes.
 */
#ifndef NHICTL_STORE_H
#define NHICTL_STORE_H

#include <stdbool.h>

#include "libnhi/base/last_seen.h"
#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/hold.h"

struct store {
    struct nhi_ledger *l;
    struct nhi_settings set;
    struct nhi_last_seen_answer seen; /* before the ledger was read */
    int64_t now;
    enum nhi_err reserve; /* what became of moving the reserve into the ledger */
    bool writing;         /* a write transaction is open */
    bool committed;       /* something was */
    bool hurry;           /* set before: another writer is not waited for */
    struct hold held;
};

/* All of these return CTL_DONE, or another exit code after saying what was wrong. store_close takes
 * a store in any state, also one that was only zeroed. */
int store_read(struct ctl *c, struct store *s);
/* Root only. Moves the reserve into the ledger, then begins the transaction. Signals that would end
 * the program wait until store_close, so that Ctrl-C finds everything done or nothing. */
int store_write(struct ctl *c, struct store *s);
int store_commit(struct ctl *c, struct store *s);
/* Writes the account snapshot from what the ledger holds now. Outside a transaction. */
int store_publish(struct ctl *c, struct store *s);
/* The same where the ledger was not changed: says nothing. */
NHI_CHECK enum nhi_err store_publish_as_is(struct store *s, int64_t now);
/* The account as the snapshot has it: every agent's resolves, and has no shell while the agent may not get in, for
 * those programs that ask no PAM. locked: the host is in lockdown. */
void store_published(const struct nhi_agent *a, bool locked, struct nhi_account *out);
void store_close(struct store *s);
/* What every command does beside its own work: records go into the ledger, what killed runs left behind ends. false:
 * another is writing, who was not waited for in a hurry. */
bool store_keep_house(int64_t now, bool hurry);

/* store_write in steps, for revoke, which has another way when the ledger fails. */
int store_need_root(struct ctl *c);
NHI_CHECK enum nhi_err store_open(struct store *s, int64_t now);
/* store_open in two: the ledger, then what is in the reserve and the transaction. */
NHI_CHECK enum nhi_err store_connect(struct store *s, int64_t now);
NHI_CHECK enum nhi_err store_begin(struct store *s);
/* Whether it has an agent, retired ones included: one that has none was only just made. */
NHI_CHECK enum nhi_err store_any_agent(struct nhi_ledger *l, bool *any);
/* Says why the ledger could not be opened. */
int store_open_failed(struct ctl *c, const struct store *s, enum nhi_err err);

/* Says that a step on the ledger failed: "could not do WHAT: …". NHI_OK is none. */
int store_fail(struct ctl *c, const struct store *s, enum nhi_err err, const char *what);
/* The error, with what SQLite said where it said something. buf is returned. */
const char *store_error(const struct store *s, enum nhi_err err, char *buf, size_t len);

/* This host's clock is behind the latest time that the ledger has seen, by more than the skew. */
bool store_clock_behind(const struct ctl *c, const struct store *s);
/* For what begins something new: the ledger belongs to this host, and its clock is right. */
int store_need_sound(struct ctl *c, const struct store *s);
/* What was last seen becomes what the ledger is now, whatever it was: it was made, restored or taken over. */
void store_last_seen_anew(const struct store *s);

/* Prints the answer: CTL_DONE, or CTL_SYSTEM after saying that it could not be written. */
int ctl_answer(struct ctl *c);

#endif
