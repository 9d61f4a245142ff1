/* SPDX-License-Identifier: ISC */
/*
 * The decision: whether this ticket opens this account through this service, here and now.
 *
 * One pure function. It reads no clock, file, environment or global; pam_nhi and nhictl make the same call. Everything
 * it may know is in the request (what is asked) and the facts (what this host knows), both gathered by the caller. What
 * is not known denies.
 */
#ifndef NHI_DECIDE_H
#define NHI_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/hash.h"
#include "libnhi/policy/reason_list.h"
#include "libnhi/policy/rule.h"
#include "libnhi/ticket/ticket.h"

#define NHI_CLOCK_SKEW 30 /* seconds, on iat, nbf and the ledger's clock; none on exp */

/* The closed list of outcomes: NHI_DENY_… for each of reason_list.h. NHI_PERMIT is the only one that is not a denial.
 */
enum nhi_reason {
    NHI_PERMIT = 0,
#define NHI_REASON(id, ...) NHI_DENY_##id,
    NHI_REASONS(NHI_REASON)
#undef NHI_REASON
        NHI_REASON_COUNT
};

/* Where the ticket came from. */
enum nhi_source {
    NHI_FROM_PROMPT = 1, /* a reply in the conversation */
    NHI_FROM_SESSION,    /* the registered session that the caller is inside */
    NHI_FROM_KEYRING,    /* the caller's session keyring */
    NHI_FROM_LEDGER,     /* the one live ticket for account and service */
    NHI_FROM_KEY,        /* the one live ticket that is bound to the key that sshd has verified */
};

struct nhi_request {
    int64_t now; /* seconds since the epoch */
    const char *service;
    const char *subject; /* account that the request is about */
    uint32_t subject_uid;
    bool subject_privileged; /* gid 0 or a privileged group among all its groups */
    bool subject_blind;      /* whether it is privileged is not known */
    bool subject_in_range;   /* its uid is in the agent range */
    enum nhi_source source;
    const struct nhi_ticket *ticket; /* verified, now or when its session was opened */
    const char *place;               /* where it is shown: a numeric address, or a local session; NULL: unknown */
    bool remote;                     /* place is an address */
    const char *tree;                /* handle of the session that the caller is inside; NULL: none */
    const char *from;   /* where the login that this is part of came from: a numeric address, NHI_NET_UNIX or
                           NHI_NET_UNKNOWN; NULL: local if is_local, else unknown */
    bool from_unknown;  /* it is not known yet where it comes from: any place that is possible counts */
    bool is_local;      /* it did not come over a network */
    bool granted;       /* this is a repeated decision, and it is counted among the grants already */
    bool registered;    /* and among the sessions, too */
    const uint8_t *key; /* NHI_PK_LEN bytes, whose possession was proven, now or then; NULL: no key */
};

enum nhi_issuer_state { NHI_ISSUER_ACTIVE = 1, NHI_ISSUER_ROTATED, NHI_ISSUER_RETIRED, NHI_ISSUER_REVOKED };
enum nhi_agent_state { NHI_AGENT_ACTIVE = 1, NHI_AGENT_SUSPENDED, NHI_AGENT_RETIRED };
enum nhi_task_state { NHI_TASK_OPEN = 1, NHI_TASK_CLOSED };

#define NHI_ANCESTORS_MAX 16 /* a ticket with more ancestors is refused as revoked */

/* Bounds are lists of names as in a ticket, or "*" alone, written by a person. An empty one allows nothing. */
struct nhi_issuer {
    char kid[NHI_KID_MAX + 1];
    uint8_t pk[NHI_PK_LEN];
    enum nhi_issuer_state state;
    bool own;         /* this host has its secret key, and signs with it */
    bool opens_tasks; /* its tickets may name tasks that this host does not know */
    char agents[NHI_LIST_MAX + 1], accounts[NHI_LIST_MAX + 1], services[NHI_LIST_MAX + 1];
    int64_t max_ttl; /* seconds */
    int64_t added;
};

#define NHI_POLICY_LEN NHI_HASH_LEN /* characters of a policy's hash */

struct nhi_facts {
    char host[NHI_HOST_MAX + 1]; /* this host's name, from its ledger */
    int64_t latest;              /* latest time that the ledger has seen */
    bool lockdown;
    bool issuer_known;
    struct nhi_issuer issuer;
    bool agent_known;
    enum nhi_agent_state agent_state;
    char agent_owner[NHI_OWNER_MAX + 1];
    uint32_t agent_uid;
    uint32_t subject_agent; /* uid of the agent that has the subject's name; 0: no agent has it */
    int64_t agent_review_by;
    bool overdue_denies;         /* this host denies agents whose review date has passed */
    int64_t agent_revoked_until; /* tickets with iat up to this moment are dead; 0: no limit. Another issuer's clock may
                                    be ahead, so for its tickets the skew is added */
    bool task_known;
    enum nhi_task_state task_state;
    char task_agent[NHI_AGENT_MAX + 1];
    int64_t task_deadline;
    bool revoked;                                       /* the ticket itself, an ancestor, or its whole task */
    char ancestors[NHI_ANCESTORS_MAX][NHI_JTI_LEN + 1]; /* its parent, the parent of that …, as far as known */
    size_t ancestor_count;
    /* What the ledger has recorded about the ticket; all empty if it has no record. */
    bool strange;     /* the ledger belongs to another machine, as far as is known */
    bool rolled_back; /* this host has seen a newer state of the ledger */
    bool unread;      /* the ledger could not be read: the rest is from the reserve alone */
    bool recorded;    /* the ledger knows the ticket; a ticket of this host is recorded before it is signed */
    bool former;      /* it was recorded before this epoch */
    int64_t epoch_at; /* when this epoch began; no ticket that others issued up to then is valid; 0: at the beginning */
    bool differs;     /* another ticket has this ID */
    char root[NHI_JTI_LEN + 1];      /* the first ticket of its lineage */
    char root_kid[NHI_KID_MAX + 1];  /* the key that signed that ticket */
    char renews[NHI_JTI_LEN + 1];    /* the ticket that it renews, which ends with its first use */
    char successor[NHI_JTI_LEN + 1]; /* the ticket that renewed it, which may not have been used yet */
    bool superseded;
    char tree[NHI_TREE_MAX + 1]; /* the process tree that it is bound to */
    bool no_pin;                 /* it may be used from anywhere */
    bool pin_records;            /* this host records a use from elsewhere, and permits it */
    char pin[NHI_PLACE_MAX + 1]; /* where it was first used, among places of the request's kind; empty: not used yet */
    bool unsupervised;           /* nhictl watch does not run, and this host requires it */
    bool unflushed;              /* this host gives permits that may be lost with the power: durability = "fast" */
    int64_t max_lifetime;        /* for any ticket on this host, in seconds; 0: the issuer's limit alone counts */
    char policy[NHI_POLICY_LEN + 1]; /* hash of the policy in force; empty: no policy yet */
    struct nhi_rule *rules;          /* at least those that could match the ticket */
    size_t rule_count;
};

struct nhi_decision {
    enum nhi_reason reason;
    const struct nhi_rule *rule; /* the rule that decided, or NULL */
    uint32_t ssh;    /* what the ticket and every rule that permits take away: no rule gives back what another takes */
    bool handed_off; /* permitted, although it was first used in another place */
};

/* Whether it matters where the ticket is used: anybody who has its text can use it, and nothing else is known about
 * them. */
bool nhi_is_pinned(const struct nhi_request *req, const struct nhi_facts *facts);
/* Never fails; any NULL is NHI_DENY_INTERNAL. */
struct nhi_decision nhi_decide(const struct nhi_request *req, const struct nhi_facts *facts);

/* Whether what the ticket opened has ended: the reason, or NHI_PERMIT. A separate question, which is asked before any
 * other, and for which neither the account nor this host's clock or machine matters: only the record does, and the
 * present moment, which may be later than the clock shows. What policy and account say is left to nhi_decide. */
enum nhi_reason nhi_is_over(const struct nhi_ticket *t, const struct nhi_facts *facts, int64_t now);
/* The first moment from which it has ended although nothing is written. */
int64_t nhi_over_at(const struct nhi_ticket *t, const struct nhi_facts *facts);

/* The first moment after now at which a permit may end although nothing is written: seconds since the epoch. */
int64_t nhi_permit_until(const struct nhi_request *req, const struct nhi_facts *facts);
/* How a permit continues if nothing is written: the first moment at which it ends, and why, if that is not after the
 * horizon. Else the first moment after the horizon at which it may end, and NHI_PERMIT. */
int64_t nhi_permit_ahead(const struct nhi_request *req, const struct nhi_facts *facts, int64_t horizon,
                         enum nhi_reason *why);

/* Whether the ticket can have been issued by this moment, which depends on its issuer's clock. */
bool nhi_issued_by(const struct nhi_issuer *issuer, const struct nhi_ticket *t, int64_t moment);

/* Whether the issuer may sign tickets for this account and service at all. */
bool nhi_issuer_covers(const struct nhi_issuer *issuer, const char *account, const char *service);
/* Checks the issuer's bounds alone: nhictl refuses to mint what they would refuse. */
bool nhi_issuer_allows(const struct nhi_issuer *issuer, const struct nhi_ticket *t);

#endif
