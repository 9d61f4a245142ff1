/* SPDX-License-Identifier: ISC */
/*
 * A private state directory, on a small private file system: what the ledger, the reserve, grants and sessions accept
 * as root's alone. Nothing of it is left afterwards.
 */
#ifndef TESTS_STATE_H
#define TESTS_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libnhi/base/paths.h"
#include "libnhi/grant/grant.h"
#include "libnhi/ledger/ledger.h"

#define STATE_NOW INT64_C(1800000000)
#define STATE_HOST "host.example.org"
#define STATE_HASH "00112233445566778899aabbccddeeff" /* of a policy */
#define STATE_UID_MIN 65536u
#define STATE_UID_MAX 99999u
#define STATE_LEDGER NHI_STATE_DIR "/" NHI_LEDGER_FILE
#define STATE_GRANTS NHI_STATE_DIR "/" NHI_GRANTS_DIR
#define STATE_RESERVE NHI_STATE_DIR "/" NHI_RESERVE_FILE

/* Once in a process. false: not possible on this machine (printed to stdout as a TAP skip). */
bool state_enter(void);
/* An empty NHI_STATE_DIR with a grants directory, and an empty NHI_RUN_DIR. size: of the file system, as mount takes
 * it. */
void state_reset(const char *size);
/* As cmocka setup: state_reset with enough space; the second makes the ledger as well. */
int state_empty(void **state);
int state_ready(void **state);

/* A ledger with issuer k1, agents ci-bot and other-bot, task build-1 of ci-bot, and a permit rule. */
void state_ledger(void);
void state_issuer(struct nhi_ledger *l, const char *kid);
void state_agent(struct nhi_ledger *l, const char *name, uint32_t uid);
struct nhi_ledger *state_open(enum nhi_ledger_mode mode);
struct nhi_ledger *state_begin(void); /* for writing, in a transaction; finish with state_end */
void state_end(struct nhi_ledger *l);

/* Removes what was published, and the writers' lock. */
void state_unpublish(void);

/* Ticket number n of ci-bot for build-1, valid for an hour from STATE_NOW; jti: 23 bytes. */
void state_jti(unsigned n, char *jti);
struct nhi_ticket state_ticket(unsigned n);
/* A permit of ticket n by this process, with a record ID of its own made from id. */
struct nhi_grant state_grant(unsigned n, unsigned id);

/* Runs fn(0), fn(1), ... in processes of their own at once. Returns how many did not return 0. */
int state_parallel(int n, int (*fn)(int));
/* Fills the file system of the state directory, and frees it. */
void state_disk_fill(void);
void state_disk_free(void);

/* Counts names in the directory that begin with this; NULL: all. */
int state_count(const char *dir, const char *prefix);
/* Reads the whole file, at most max bytes. Returns its length. */
size_t state_slurp(const char *path, void *buf, size_t max);
void state_spill(const char *path, const void *buf, size_t len);

/* Repeatable numbers. */
uint32_t state_random(void);

#endif
