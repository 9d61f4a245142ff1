/*
 * The ledger: what nhictl writes and everyone privileged reads.
 *
 * SQLite in WAL mode, root's, 0600, its directory checked. Writers take one immediate transaction with
 * synchronous=FULL. Readers (pam_nhi) never take a lock that anybody waits for: they open with
 * mode=ro and readonly_shm, so that a su stopped by its caller holds a shared lock at most, and nhictl
 * waits for no reader (it checkpoints only when that needs no waiting).
 *
 * A handle belongs to the process that opened it: close it before fork, never use it after.
 */
#ifndef NHI_LEDGER_H
#define NHI_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/decide.h"
#include "libnhi/event.h"
#include "libnhi/snapshot.h"

#define NHI_SCHEMA_VERSION 4

struct nhi_ledger;
struct nhi_settings;
enum nhi_ledger_mode {
    NHI_LEDGER_READ,
    NHI_LEDGER_WRITE,
    NHI_LEDGER_WRITE_NOW, /* without waiting for another writer: NHI_ERR_BUSY */
};

/* Makes the ledger in an existing, checked directory. NHI_ERR_EXISTS when there is one. */
NHI_CHECK enum nhi_err nhi_ledger_create(const char *dir, const char *host, uint32_t uid_min,
                                         uint32_t uid_max, int64_t now);

/* NHI_ERR_NOT_FOUND, NHI_ERR_UNSAFE, NHI_ERR_CORRUPT, NHI_ERR_VERSION, NHI_ERR_SYS, NHI_ERR_BUSY. NHI_ERR_STATE: a
 * reader found one of an older release, which the next writer brings forward, in one step. */
NHI_CHECK enum nhi_err nhi_ledger_open(const char *dir, enum nhi_ledger_mode mode,
                                       struct nhi_ledger **out);
void nhi_ledger_close(struct nhi_ledger *l);

/* One transaction around what belongs together. A writer's begin also brings the latest-time mark up to
 * now. commit returns NHI_OK only when the change is on disk. rollback takes any state. */
NHI_CHECK enum nhi_err nhi_ledger_begin(struct nhi_ledger *l, int64_t now);
NHI_CHECK enum nhi_err nhi_ledger_commit(struct nhi_ledger *l);
void nhi_ledger_rollback(struct nhi_ledger *l);

/* What SQLite said last, for an operator's eyes; valid until the next call. */
const char *nhi_ledger_message(const struct nhi_ledger *l);

/* Where the ledger belongs. */
struct nhi_tie {
    char machine[NHI_DIGEST_LEN + 1]; /* as in machine.h; empty: where no machine has an identity */
    char boot[37];                    /* in which it was written last; empty: nobody knows */
    bool strange;                     /* it was written where it does not belong */
};
enum nhi_fit {
    NHI_FIT_HERE,
    NHI_FIT_MACHINE, /* this is another machine */
    NHI_FIT_BOOT,    /* it was written by another boot while this one ran, or what was so is on it still */
    NHI_FIT_UNKNOWN, /* nobody can say which machine this is */
    NHI_FIT_BEHIND,  /* this host has seen it further on */
};
struct nhi_seen;
/* s: its settings. seen: before the ledger was read; mark.h. */
enum nhi_fit nhi_ledger_fit(struct nhi_ledger *l, const struct nhi_settings *s, const struct nhi_seen *seen,
                            int64_t now);
/* This host has seen it further on, or cannot say how far, whosever it is. */
bool nhi_ledger_is_behind(struct nhi_ledger *l, const struct nhi_settings *s, const struct nhi_seen *seen);
/* A sentence for people, without a final period, and what to type. */
const char *nhi_fit_text(enum nhi_fit fit);
const char *nhi_fit_hint(enum nhi_fit fit);

#define NHI_GRACE_DEFAULT 5
#define NHI_GRACE_MAX 3600
#define NHI_WARN_MAX 3600
#define NHI_HEAD_EVERY 3600
#define NHI_DENIALS_EVERY 60
#define NHI_INTERVAL_MAX (7 * 86400)
struct nhi_settings {
    char host[NHI_HOST_MAX + 1];
    uint32_t uid_min, uid_max; /* agent range; uid_min is the gid of nhi-agents */
    uint32_t next_uid;
    int64_t latest;
    int64_t created;
    int64_t max_lifetime; /* seconds that any ticket may live; 0: as its issuer may */
    int64_t policy;       /* version in force; 0: none yet */
    int64_t grace;        /* seconds between SIGTERM and SIGKILL for a session that is over */
    int64_t warn;         /* seconds before the end of a session in which it is told so; 0: it is not */
    int64_t head_every;    /* seconds between two signed heads of the trail */
    int64_t denials_every; /* seconds between two events that count the denials of what was not verified */
    int64_t archived;      /* number of the last event that is in an archive; 0: none is */
    int64_t archived_before; /* the moment that the last archive was cut at */
    char archived_hash[NHI_DIGEST_LEN + 1]; /* of that event; where there is none, NHI_NO_EVENT */
    int64_t event;         /* the newest number that was given to one */
    int64_t epoch;         /* how often it was restored, or came to another machine */
    int64_t epoch_at;      /* when that was last; 0: never */
    struct nhi_tie tie;
    bool pin_records; /* a ticket that is used elsewhere than at first is recorded, not refused */
    bool unsupervised; /* agents may enter although nhictl watch does not run */
    bool overdue_denies; /* an agent whose review date has passed may not enter */
};
NHI_CHECK enum nhi_err nhi_ledger_settings(struct nhi_ledger *l, struct nhi_settings *out);
NHI_CHECK enum nhi_err nhi_ledger_set_pin(struct nhi_ledger *l, bool records);
NHI_CHECK enum nhi_err nhi_ledger_set_supervision(struct nhi_ledger *l, int64_t grace, int64_t warn,
                                                bool unsupervised);
NHI_CHECK enum nhi_err nhi_ledger_set_trail(struct nhi_ledger *l, int64_t head_every,
                                            int64_t denials_every);
NHI_CHECK enum nhi_err nhi_ledger_set_overdue(struct nhi_ledger *l, bool denies);
/* Accepts a corrected clock: the mark moves back to now. */
NHI_CHECK enum nhi_err nhi_ledger_set_clock(struct nhi_ledger *l, int64_t now);

/* ---- agents ---- */
/* Why an agent is suspended: any of these at once. It is active when none is left. */
enum {
    NHI_HELD_BY_HAND = 1,
    NHI_HELD_OFFBOARDED = 2, /* its owner left, and nobody has taken it over */
    NHI_HELD_UNDECLARED = 4, /* the file that declared it does so no more */
    NHI_HELD_RESTORED = 8, /* whether it was ended since is not known: its ledger was lost */
    NHI_HELD_ALL = 15
};
#define NHI_DECLARED_MAX 64 /* bytes of the name of a file that declares agents */

struct nhi_agent {
    struct nhi_account account; /* name, uid, gecos (the purpose), home, shell, groups */
    char group_names[NHI_LIST_MAX + 1]; /* of account.groups, in that order */
    char owner[NHI_OWNER_MAX + 1];
    char purpose[NHI_TEXT_MAX + 1];
    int64_t review_by; /* midnight UTC of the day */
    enum nhi_agent_state state;
    int64_t created, changed; /* changed: when state was last set */
    char reason[NHI_TEXT_MAX + 1]; /* of the last change of state; may be empty */
    int64_t revoked_until;
    int64_t last_used; /* 0: never */
    uint32_t held;
    char file[NHI_DECLARED_MAX + 1]; /* that declares it; empty: it was made by hand */
    int64_t file_review;             /* the review date that the file had; 0: none yet */
    int64_t certified; /* when somebody last said that it is still needed; 0: never */
    char certified_by[NHI_OWNER_MAX + 1], because[NHI_TEXT_MAX + 1]; /* who that was, and why it is */
    bool daemons; /* root starts daemons by its account, on a host where nothing else says so */
};
/* account.uid is the caller's choice within the range (it knows which are free on this host); it must
 * not be below the mark, which then moves behind it. NHI_ERR_EXISTS: the name or uid was used before.
 * NHI_ERR_STATE: its owner is off-boarded. */
NHI_CHECK enum nhi_err nhi_agent_add(struct nhi_ledger *l, const struct nhi_agent *a, int64_t now);
NHI_CHECK enum nhi_err nhi_agent_get(struct nhi_ledger *l, const char *name, struct nhi_agent *out);
/* What it was suspended for is over, whatever it was, when it is active again. NHI_ERR_STATE: a retired agent stays
 * retired, and one of an off-boarded owner suspended. Setting the same state again is NHI_OK, and changes
 * nothing but held. */
NHI_CHECK enum nhi_err nhi_agent_set_state(struct nhi_ledger *l, const char *name,
                                           enum nhi_agent_state state, const char *reason, int64_t now);
/* One more cause to be suspended, and the end of some: active when none is left. Errors are those of set_state. */
NHI_CHECK enum nhi_err nhi_agent_hold(struct nhi_ledger *l, const char *name, uint32_t cause, const char *reason,
                                      int64_t now);
NHI_CHECK enum nhi_err nhi_agent_release(struct nhi_ledger *l, const char *name, uint32_t causes,
                                         const char *reason, int64_t now);
/* Sets purpose, gecos, shell, groups, review date and file of the agent of that name; nothing else of a.
 * NHI_ERR_STATE: it is retired. */
NHI_CHECK enum nhi_err nhi_agent_change(struct nhi_ledger *l, const struct nhi_agent *a);
/* NHI_ERR_STATE: the agent is retired. */
NHI_CHECK enum nhi_err nhi_agent_set_daemons(struct nhi_ledger *l, const char *name, bool daemons);
/* NHI_ERR_STATE: the agent is retired, or owner is off-boarded. */
NHI_CHECK enum nhi_err nhi_agent_transfer(struct nhi_ledger *l, const char *name, const char *owner);
/* A review said until when it is needed, and why. NHI_ERR_STATE: it is retired, or its owner is off-boarded. */
NHI_CHECK enum nhi_err nhi_agent_certify(struct nhi_ledger *l, const char *name, int64_t review_by,
                                         const char *by, const char *because, int64_t now);
/* Each callback: return 0 to go on. Rows in ascending uid. */
NHI_CHECK enum nhi_err nhi_agent_each(struct nhi_ledger *l, int (*fn)(const struct nhi_agent *, void *),
                                      void *ctx);

/* ---- since when an account takes tickets only ---- */
/* An agent's own account, or one that is in nhi-only: what ran by its uid before may be anybody's. */
struct nhi_watched {
    char account[NHI_ACCOUNT_MAX + 1];
    uint32_t uid;
    char machine[NHI_DIGEST_LEN + 1]; /* as of nhi_machine_id */
    char boot[37];
    uint64_t start; /* of that boot, as the start of a process in struct nhi_proc */
    int64_t at;     /* the same moment by the clock that files get their times from, in nanoseconds */
};
/* Fills in this moment, here. */
NHI_CHECK enum nhi_err nhi_watched_now(struct nhi_watched *w);
/* Whether a process of this boot that began at start ran before. here: as nhi_watched_now fills it in. */
bool nhi_watched_is_before(const struct nhi_watched *w, const struct nhi_watched *here, uint64_t start);
/* Replaces that of the same account. */
NHI_CHECK enum nhi_err nhi_watched_put(struct nhi_ledger *l, const struct nhi_watched *w);
NHI_CHECK enum nhi_err nhi_watched_drop(struct nhi_ledger *l, const char *account);
NHI_CHECK enum nhi_err nhi_watched_each(struct nhi_ledger *l, int (*fn)(const struct nhi_watched *, void *),
                                        void *ctx);

/* ---- owners ---- */
struct nhi_owner {
    char name[NHI_OWNER_MAX + 1];
    int64_t offboarded; /* since when; 0: not */
    char reason[NHI_TEXT_MAX + 1];
    int64_t active, suspended, retired; /* agents */
    int64_t live_tickets;               /* of these */
    int64_t next_review;                /* the first review date of those that are not retired; 0: none is left */
};
/* An owner is who has, or had, an agent. NHI_ERR_NOT_FOUND: neither. */
NHI_CHECK enum nhi_err nhi_owner_get(struct nhi_ledger *l, const char *name, int64_t now,
                                     struct nhi_owner *out);
/* By name. */
NHI_CHECK enum nhi_err nhi_owner_each(struct nhi_ledger *l, int64_t now,
                                      int (*fn)(const struct nhi_owner *, void *), void *ctx);
/* From now on nothing is added for, transferred to or resumed under that owner; what becomes of the agents is the
 * caller's next step. Again: NHI_OK, and the first time and reason stay. */
NHI_CHECK enum nhi_err nhi_owner_offboard(struct nhi_ledger *l, const char *name, const char *reason,
                                          int64_t now);
/* Takes that back. NHI_ERR_STATE: there is nothing to take back. */
NHI_CHECK enum nhi_err nhi_owner_return(struct nhi_ledger *l, const char *name);

/* ---- tasks ---- */
struct nhi_task {
    char id[NHI_TASK_MAX + 1];
    char agent[NHI_AGENT_MAX + 1];
    enum nhi_task_state state;
    int64_t opened, deadline, closed; /* closed 0: open */
    int64_t idle; /* seconds without a grant or a session after which it is over; 0: it may be idle */
    int64_t used; /* the last grant, or the last end of a session; 0: never */
    char reason[NHI_TEXT_MAX + 1];
};
/* NHI_ERR_EXISTS: this ID was used before, open or closed. */
NHI_CHECK enum nhi_err nhi_task_open(struct nhi_ledger *l, const struct nhi_task *t, int64_t now);
/* NHI_ERR_NOT_FOUND; NHI_ERR_STATE: closed already. */
NHI_CHECK enum nhi_err nhi_task_close(struct nhi_ledger *l, const char *id, const char *reason, int64_t now);
NHI_CHECK enum nhi_err nhi_task_get(struct nhi_ledger *l, const char *id, struct nhi_task *out);
/* When an open task ends if nothing happens, and which of the two it is. With a session it is not idle. */
#define NHI_TASK_DEADLINE "deadline"
#define NHI_TASK_IDLE "idle"
int64_t nhi_task_end(const struct nhi_task *t, bool in_session, const char **why);
/* Of every open task: when it ends, and why. fn: return 0 to go on. */
NHI_CHECK enum nhi_err nhi_task_each_end(struct nhi_ledger *l,
                                         int (*fn)(const struct nhi_task *, int64_t at, const char *why, void *),
                                         void *ctx);
/* agent NULL: of all agents. Oldest first. */
NHI_CHECK enum nhi_err nhi_task_each(struct nhi_ledger *l, const char *agent,
                                     int (*fn)(const struct nhi_task *, void *), void *ctx);

/* ---- issuers ---- */
/* NHI_ERR_EXISTS: key names are never used again, and neither are keys. */
NHI_CHECK enum nhi_err nhi_issuer_add(struct nhi_ledger *l, const struct nhi_issuer *i, int64_t now);
NHI_CHECK enum nhi_err nhi_issuer_get(struct nhi_ledger *l, const char *kid, struct nhi_issuer *out);
/* Forward only: active, rotated, retired, revoked. NHI_ERR_STATE otherwise. */
NHI_CHECK enum nhi_err nhi_issuer_set_state(struct nhi_ledger *l, const char *kid,
                                            enum nhi_issuer_state state, const char *reason, int64_t now);
NHI_CHECK enum nhi_err nhi_issuer_each(struct nhi_ledger *l, int (*fn)(const struct nhi_issuer *, void *),
                                       void *ctx);

/* ---- tickets ---- */
enum nhi_origin { NHI_ORIGIN_ISSUED = 1, NHI_ORIGIN_IMPORTED };
struct nhi_ticket_row {
    struct nhi_ticket ticket;
    enum nhi_origin origin;
    int64_t recorded;
    uint32_t grants;   /* folded so far */
    int64_t last_used; /* 0: never */
    bool revoked;      /* by itself, an ancestor, its task, its agent or its issuer */
    char reason[NHI_TEXT_MAX + 1];
    char root[NHI_JTI_LEN + 1];      /* the first of its lineage: what it renews, and that in turn */
    char successor[NHI_JTI_LEN + 1]; /* what renewed it; empty: nothing */
    bool superseded;                 /* it ended when that was recorded, or first used */
    int64_t renew_until;             /* 0: up to its task's deadline */
    char tree[NHI_TREE_MAX + 1];     /* the process tree in which alone it works; empty: anywhere */
};
NHI_CHECK enum nhi_err nhi_ticket_record(struct nhi_ledger *l, const struct nhi_ticket *t,
                                         enum nhi_origin origin, int64_t now);
NHI_CHECK enum nhi_err nhi_ticket_get(struct nhi_ledger *l, const char *jti, struct nhi_ticket_row *out);
/* live: only tickets that are neither expired at now nor revoked. agent, task may be NULL. Newest first. */
NHI_CHECK enum nhi_err nhi_ticket_each(struct nhi_ledger *l, const char *agent, const char *task, bool live,
                                       int64_t now, int (*fn)(const struct nhi_ticket_row *, void *),
                                       void *ctx);
/* Binds a ticket that was just recorded to a process tree, and its task, too, when task_too is set: the tree
 * opened it. */
NHI_CHECK enum nhi_err nhi_ticket_bind_tree(struct nhi_ledger *l, const struct nhi_ticket *t, const char *tree,
                                            bool task_too);
/* What is said of a ticket here, beside its claims: until when it may be renewed (0: its task's deadline), and
 * whether it may be used from anywhere. */
NHI_CHECK enum nhi_err nhi_ticket_set_terms(struct nhi_ledger *l, const char *jti, int64_t renew_until,
                                            bool no_pin);
/* Records t as what renews old, the last of its lineage. at_once: old is superseded now, else when t is first
 * used; those before old are in any case. */
NHI_CHECK enum nhi_err nhi_ticket_renew(struct nhi_ledger *l, const struct nhi_ticket_row *old,
                                        const struct nhi_ticket *t, bool at_once, int64_t now);
NHI_CHECK enum nhi_err nhi_ticket_supersede(struct nhi_ledger *l, const char *jti);
/* The last of a lineage. */
NHI_CHECK enum nhi_err nhi_ticket_last(struct nhi_ledger *l, const char *root, struct nhi_ticket_row *out);
/* When the last of a lineage ends. NHI_ERR_NOT_FOUND: not known here. */
NHI_CHECK enum nhi_err nhi_ticket_lineage_end(struct nhi_ledger *l, const char *root, int64_t *exp);
/* Every process tree that has an open task or a live ticket. */
NHI_CHECK enum nhi_err nhi_tree_each(struct nhi_ledger *l, int64_t now, int (*fn)(const char *tree, void *),
                                     void *ctx);
/* Revokes the tree's tickets and closes the task that it opened. */
NHI_CHECK enum nhi_err nhi_tree_end(struct nhi_ledger *l, const char *tree, const char *reason, int64_t now);
/* The one live ticket without key binding for account and service on this host; where none is live, the
 * newest that was ended before its time, so that the decision can say how. NHI_ERR_NOT_FOUND: neither;
 * NHI_ERR_EXISTS: more than one live. The cost depends on that account's unexpired tickets only. */
NHI_CHECK enum nhi_err nhi_ticket_for(struct nhi_ledger *l, const char *account, const char *service,
                                      int64_t now, struct nhi_ticket *out);

/* The same among the tickets that are bound to key. The cost does not depend on how many others there are. */
NHI_CHECK enum nhi_err nhi_ticket_for_key(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN],
                                          const char *account, const char *service, int64_t now,
                                          struct nhi_ticket *out);
/* Every live key-bound ticket for account and service on this host, newest first. fn: return 0 to go on. */
NHI_CHECK enum nhi_err nhi_ticket_each_key(struct nhi_ledger *l, const char *account,
                                           const char *service, int64_t now,
                                           int (*fn)(const struct nhi_ticket *, void *), void *ctx);
/* The ticket that holds t's key at its host: recorded, neither over nor to be found over later, whether or
 * not it would open anything now. NHI_ERR_NOT_FOUND: none. */
NHI_CHECK enum nhi_err nhi_ticket_holding_key(struct nhi_ledger *l, const struct nhi_ticket *t,
                                              const char *account, const char *service, int64_t now,
                                              char jti[NHI_JTI_LEN + 1]);
/* The ticket that a key was bound to last, dead or alive: one that names the account where there is such a one among
 * the few that end last. NHI_ERR_NOT_FOUND: there never was any. */
NHI_CHECK enum nhi_err nhi_ticket_last_of_key(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN],
                                              const char *account, struct nhi_ticket *out);
/* Keeps in mind that a ticket which is recorded nowhere else was bound to key, and used for account. */
NHI_CHECK enum nhi_err nhi_key_note_bound(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN],
                                          const char *account);
/* Whether there is a ticket, dead or alive, that is bound to key, and one, this or another, that names the
 * account on this host. */
NHI_CHECK enum nhi_err nhi_ticket_any_of_key(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN],
                                             const char *account, bool *any);

/* Every recorded ticket that is or was bound to key, whatever its host and state, newest first. fn: return 0 to
 * go on. */
NHI_CHECK enum nhi_err nhi_ticket_each_bound(struct nhi_ledger *l, const uint8_t key[NHI_PK_LEN],
                                             int (*fn)(const struct nhi_ticket_row *, void *), void *ctx);

/* ---- revocation ---- */
enum nhi_revoke_kind { NHI_REVOKE_TICKET = 1, NHI_REVOKE_TASK, NHI_REVOKE_AGENT, NHI_REVOKE_ISSUER };
/* "ticket", "task", "agent", "issuer". */
const char *nhi_revoke_kind_name(enum nhi_revoke_kind kind);
/* Ticket: any well-formed jti, seen or unseen. Task: seen or unseen; a known open one is closed too.
 * Agent: its tickets issued until now; the agent stays active. Issuer: its key and all it signed.
 * Idempotent: the first reason stays. live: how many recorded tickets for this host, live until now, this ended.
 * NHI_ERR_NOT_FOUND: no such agent or issuer. */
NHI_CHECK enum nhi_err nhi_revoke(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id,
                                  const char *reason, int64_t now, uint32_t *live);
/* Every recorded ticket that such a revocation means, is for another host and has not expired, whatever became of it
 * here: that host does not hear of it. By host. fn: return 0 to go on. */
NHI_CHECK enum nhi_err nhi_ticket_each_for_others(struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id,
                                                  int64_t now,
                                                  int (*fn)(const struct nhi_ticket_row *, void *), void *ctx);

/* ---- policy ---- */
/* Replaces the policy in force; what was before is kept. hash: of NHI_POLICY_LEN characters. NHI_ERR_ARG: a
 * rule that matches nobody, or that is not well-formed. */
NHI_CHECK enum nhi_err nhi_policy_replace(struct nhi_ledger *l, const struct nhi_rule *rules, size_t count,
                                          const char *hash, int64_t now);
/* Of the policy in force: from at on, the zone is so many seconds ahead of UTC; NULL: nobody knows. */
NHI_CHECK enum nhi_err nhi_policy_add_zone(struct nhi_ledger *l, const char *zone, int64_t at,
                                           const int32_t *ahead);
/* version 0: the one in force. The rules by name, with their zones as of now; new, the caller's to free. */
NHI_CHECK enum nhi_err nhi_policy_load(struct nhi_ledger *l, int64_t version, int64_t now,
                                       struct nhi_rule **rules, size_t *count);
/* NHI_ERR_NOT_FOUND: there was none of that hash, or version. */
NHI_CHECK enum nhi_err nhi_policy_version(struct nhi_ledger *l, const char *hash, int64_t *version);
NHI_CHECK enum nhi_err nhi_policy_hash(struct nhi_ledger *l, int64_t version, char hash[NHI_POLICY_LEN + 1]);
NHI_CHECK enum nhi_err nhi_policy_count(struct nhi_ledger *l, int64_t *rules);
NHI_CHECK enum nhi_err nhi_ledger_set_max_lifetime(struct nhi_ledger *l, int64_t seconds);

/* ---- sessions ---- */
struct nhi_grant;
/* Of a session as the ledger has it, g has: id, at, boot, service, subject, and agent, task and jti of its ticket. */
/* The grant opened a session of that handle. Once is enough. */
NHI_CHECK enum nhi_err nhi_session_note(struct nhi_ledger *l, const struct nhi_grant *g, const char *handle);
/* The session is over: an event, if it is the first that the ledger hears of that. */
NHI_CHECK enum nhi_err nhi_session_tell(struct nhi_ledger *l, const struct nhi_grant *g, const char *handle,
                                        const char *reason, int64_t at, bool *told);
/* Whether a session ever had that handle. NHI_ERR_NOT_FOUND: none that is in the ledger. */
NHI_CHECK enum nhi_err nhi_session_was(struct nhi_ledger *l, const char *handle);
/* Of those that are not over, of a task or, with NULL, of all. fn: return 0 to go on. */
NHI_CHECK enum nhi_err nhi_session_each_open(struct nhi_ledger *l, const char *task,
                                             int (*fn)(const char *handle, const struct nhi_grant *, void *),
                                             void *ctx);

/* ---- for the decision ---- */
/* Everything that the decision about t may know, in one read transaction; of rules at least those that req, which
 * is all there but for them, could meet, now or later, less those of which another says it all; NULL: those that t
 * could, whatever is asked. They belong to the facts: release with nhi_facts_free. Also finds what is unknown: that
 * is no error. */
NHI_CHECK enum nhi_err nhi_facts_load(struct nhi_ledger *l, const struct nhi_ticket *t,
                                      const struct nhi_request *req, int64_t now, struct nhi_facts *out);
/* The same without rules, for whoever brings others. */
/* The agent that has the subject's name, into facts that were loaded without a request. */
NHI_CHECK enum nhi_err nhi_facts_load_subject(struct nhi_ledger *l, const char *subject, struct nhi_facts *f);
NHI_CHECK enum nhi_err nhi_facts_load_bare(struct nhi_ledger *l, const struct nhi_ticket *t, struct nhi_facts *out);
void nhi_facts_free(struct nhi_facts *f);

/* ---- events: event.h ---- */
struct nhi_event;
/* Whose tree it is: agent, task and jti of its last ticket, into e. */
NHI_CHECK enum nhi_err nhi_tree_owner(struct nhi_ledger *l, const char *tree, struct nhi_event *e);
/* The next event of the chain, in the open transaction. Number and hashes are given here, the host is this one,
 * and the owner, where it is left empty, is who answers for the agent now. */
NHI_CHECK enum nhi_err nhi_event_add(struct nhi_ledger *l, const struct nhi_event *e);
/* One record becomes one event, however often it is folded: e->record says which. counted: it was a permit, so
 * the ticket's use count and times move with it. folded false: was there already. */
NHI_CHECK enum nhi_err nhi_event_fold(struct nhi_ledger *l, const struct nhi_event *e, bool counted,
                                      bool *folded);
/* Those after a number, in order. fn: return 0 to go on; the event is its only during the call. */
NHI_CHECK enum nhi_err nhi_event_each(struct nhi_ledger *l, int64_t after, int limit,
                                      int (*fn)(const struct nhi_event *, void *), void *ctx);
/* Those since a moment that tell of a denial, of nhictl run or of a daemon of jobs, the newest first. The cost depends
 * on how many events there are since then, not on how many there were before. */
NHI_CHECK enum nhi_err nhi_event_each_recent(struct nhi_ledger *l, int64_t since,
                                             int (*fn)(const struct nhi_event *, void *), void *ctx);
/* Those of a task, those of an agent (NULL: of none), and those of no agent, in order. */
NHI_CHECK enum nhi_err nhi_event_each_of(struct nhi_ledger *l, const char *task, const char *agent,
                                         int (*fn)(const struct nhi_event *, void *), void *ctx);
/* The newest number that was ever given, and the last event that is there, or was archived: its hash, or what
 * stands for it where there is none. They differ when somebody has taken events away. */
struct nhi_head {
    int64_t given, seq;
    char hash[NHI_DIGEST_LEN + 1];
};
NHI_CHECK enum nhi_err nhi_event_head(struct nhi_ledger *l, struct nhi_head *out);

/* ---- archives of events ---- */
/* The last of the events, from the first that is there on, that all are before a moment. until: 0: there is none. */
NHI_CHECK enum nhi_err nhi_archive_cut(struct nhi_ledger *l, int64_t before, int64_t *until);
/* Takes away, in the open transaction, the events up to that number, whose hash has to be this one: they are in a
 * file that was proven. The ledger remembers both, and of records that are still in dir that they were folded.
 * NHI_ERR_STATE: that event is not there, or another is. */
NHI_CHECK enum nhi_err nhi_archive_remove(struct nhi_ledger *l, const char *dir, int64_t until,
                                          const char *hash, int64_t before);

/* Sessions of an account under observation, as folded: what would have been decided of them. first, last: 0
 * for none. */
struct nhi_observed {
    int64_t denied, permitted, first, last;
};
NHI_CHECK enum nhi_err nhi_observed_add(struct nhi_ledger *l, const char *account, bool permitted, int64_t at);
NHI_CHECK enum nhi_err nhi_observed_get(struct nhi_ledger *l, const char *account, struct nhi_observed *out);

#endif
