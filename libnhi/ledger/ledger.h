/* SPDX-License-Identifier: ISC */
/*
 * The ledger, which only nhictl writes and reads: a login reads what was published from it (publish.h).
 *
 * SQLite in WAL mode, owned by root, 0600, in a directory that was checked. Writers take one immediate transaction with
 * synchronous=FULL. Readers never take a lock that anybody waits for, so that nhictl waits for no reader (it
 * checkpoints only when that needs no waiting): they open with mode=ro and readonly_shm, or are writers that have
 * written.
 *
 * A handle belongs to the process that opened it: close it before fork, never use it after.
 */
#ifndef NHI_LEDGER_H
#define NHI_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/base/hash.h"
#include "libnhi/ledger/event.h"
#include "libnhi/ledger/setting_list.h"
#include "libnhi/policy/decide.h"
#include "libnhi/snapshot/snapshot.h"

struct nhi_ledger;
struct nhi_settings;
enum nhi_ledger_mode {
    NHI_LEDGER_READ,
    NHI_LEDGER_WRITE,
    NHI_LEDGER_WRITE_SOON, /* waits a tenth of a second for another writer, then NHI_ERR_BUSY */
    NHI_LEDGER_WRITE_NOW,  /* does not wait for another writer: NHI_ERR_BUSY */
};

/* Creates the ledger in an existing, checked directory. NHI_ERR_EXISTS: it exists already. */
NHI_CHECK enum nhi_err nhi_ledger_create(const char *dir, const char *host, uint32_t uid_min, uint32_t uid_max,
                                         int64_t now);

/* NHI_ERR_NOT_FOUND, NHI_ERR_UNSAFE, NHI_ERR_CORRUPT, NHI_ERR_VERSION, NHI_ERR_SYS, NHI_ERR_BUSY. NHI_ERR_STATE: a
 * reader found a ledger of an older release, which the next writer upgrades in one step. */
NHI_CHECK enum nhi_err nhi_ledger_open(const char *dir, enum nhi_ledger_mode mode, struct nhi_ledger **out);
/* Also empties the log if it is long and nobody is in the way. */
void nhi_ledger_close(struct nhi_ledger *l);
/* From here on a writer outside of a transaction is a reader, and publishes nothing. */
NHI_CHECK enum nhi_err nhi_ledger_only_reads(struct nhi_ledger *l);
/* Takes the log into the database and empties it, outside of a transaction of a writer, which waits for nobody from
 * then on. Without effect if somebody is in the way. */
void nhi_ledger_empty_log(struct nhi_ledger *l);
/* Whether the log has something. */
bool nhi_ledger_has_log(const char *dir);
/* How long one in that mode waits for others, in milliseconds. */
int nhi_ledger_patience(enum nhi_ledger_mode mode);

/* A transaction for changes that belong together. A writer's begin also moves the latest time to now. commit returns
 * NHI_OK only when the change is on disk. rollback works in any state. */
NHI_CHECK enum nhi_err nhi_ledger_begin(struct nhi_ledger *l, int64_t now);
NHI_CHECK enum nhi_err nhi_ledger_commit(struct nhi_ledger *l);
void nhi_ledger_rollback(struct nhi_ledger *l);

/* SQLite's last error message, for operators; valid until the next call. */
const char *nhi_ledger_message(const struct nhi_ledger *l);

/* Which machine and boot the ledger belongs to. */
struct nhi_tie {
    char machine[NHI_DIGEST_LEN + 1]; /* as in machine.h; empty: made where machines have no identity */
    char boot[37];                    /* the boot in which it was last written; empty: unknown */
    bool strange;                     /* it was written on another machine than its own */
};
/* What the ledger knows about its host. */
struct nhi_settings {
    char host[NHI_HOST_MAX + 1];
    uint32_t uid_min, uid_max; /* agent range; uid_min is the gid of nhi-agents */
    uint32_t next_uid;
    int64_t latest;
    int64_t created;
    int64_t policy;                         /* version in force; 0: none yet */
    int64_t archived;                       /* number of the last event that is in an archive; 0: no archive yet */
    int64_t archived_before;                /* the moment before which events were archived last */
    char archived_hash[NHI_DIGEST_LEN + 1]; /* hash of that event; without one, NHI_NO_EVENT */
    int64_t event;                          /* the newest event number that was assigned */
    int64_t epoch;                          /* number of restores and of moves to another machine */
    int64_t epoch_at;                       /* the last restore or move; 0: never */
    struct nhi_tie tie;
/* The settings of nhi.conf(5). */
#define NHI_SETTING_SPAN_TYPE int64_t
#define NHI_SETTING_NUMBER_TYPE int64_t
#define NHI_SETTING_FLAG_TYPE bool
#define NHI_SETTING_MEMBER(kind, member, ...) NHI_SETTING_##kind##_TYPE member;
    NHI_SETTINGS(NHI_SETTING_MEMBER)
#undef NHI_SETTING_MEMBER
};
NHI_CHECK enum nhi_err nhi_ledger_settings(struct nhi_ledger *l, struct nhi_settings *out);
/* Stores only the settings of nhi.conf. */
NHI_CHECK enum nhi_err nhi_ledger_set(struct nhi_ledger *l, const struct nhi_settings *set);

#endif
