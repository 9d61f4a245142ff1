/* SPDX-License-Identifier: ISC */
/*
 * Grant records: how pam_nhi commits.
 *
 * A record is one file: written complete and unnamed, then linked. The link is the use, the event and the reservation
 * in one step, which a caller who stops or kills us cannot split. Nobody waits for anybody. Counted tickets: the name
 * is the slot, so EEXIST is the test-and-set. grant_kind.h lists the kinds of records and their names.
 *
 * TICKET is a hash of its ID and of the key that signed it, LINEAGE the same for the first ticket of those that were
 * renewed, so that an issuer who learns the ID of another issuer's ticket can neither spend its uses nor take its
 * place. If the ledger knows a ticket, its ID is unique: JTI.
 */
#ifndef NHI_GRANT_H
#define NHI_GRANT_H

#include <sys/types.h>

#include "libnhi/base/proc.h"
#include "libnhi/policy/decide.h"

/* Which of the two places of a bearer ticket the grant pins, if any. */
enum nhi_pin { NHI_PIN_NONE, NHI_PIN_REMOTE, NHI_PIN_LOCAL };

struct nhi_grant {
    char id[NHI_JTI_LEN + 1]; /* 128 random bits */
    int64_t at;
    int64_t up;             /* the same moment by nhi_uptime: seconds since boot; 0: unknown */
    uint16_t ms;            /* of that second */
    enum nhi_reason reason; /* NHI_PERMIT or the denial */
    enum nhi_source source;
    char service[NHI_SERVICE_MAX + 1];
    char subject[NHI_ACCOUNT_MAX + 1];
    char boot[37];                   /* boot ID */
    char rule[NHI_TASK_MAX + 1];     /* the rule that decided; may be empty */
    uint32_t max_grants;             /* the rule's limit for 3,600 seconds; 0: none. Not in the record */
    char policy[NHI_POLICY_LEN + 1]; /* hash of the policy that decided; may be empty */
    char rhost[NHI_HOST_MAX + 1];    /* origin, as in struct nhi_request; empty: not over a network */
    struct nhi_proc self, parent;
    uint64_t ns;                   /* inode of the PID namespace of these numbers; 0: unknown */
    char place[NHI_PLACE_MAX + 1]; /* where a bearer ticket was shown: a numeric address, or a local session as
                                      a-BOOT-ID (of the kernel's audit) or s-BOOT-PID-START (its leader) */
    enum nhi_pin pin;
    bool handed_off;                /* permitted, though the ticket was first used elsewhere */
    char root[NHI_JTI_LEN + 1];     /* first ticket of the lineage, for which uses count; empty: not in the ledger */
    char root_kid[NHI_KID_MAX + 1]; /* the key that signed root; empty: the ticket's own. Not in the record */
    char renews[NHI_JTI_LEN + 1];   /* the ticket that this first use of its successor ends; may be empty */
    char owner[NHI_OWNER_MAX + 1];  /* who was responsible for the agent; empty: not known */
    bool unflushed;                 /* it may be lost with the power, if its ticket has no number of uses. Not in the
                                       record */
    char within[NHI_JTI_LEN + 1];   /* the grant that opened the session that the caller is inside; may be empty */
    bool became;   /* nothing was decided: root became that account, inside the session of this ticket, if any */
    bool observed; /* nothing was decided: the record says what would have been. There may be no ticket */
    struct nhi_ticket ticket; /* with kid: claims without a signature, worth nothing as a ticket */
};

/* The event that a record becomes. */
struct nhi_event;

/* Commits. dir: the state directory. The grant is on the disk then, unless it is unflushed; what denies a later grant
 * always is. NHI_ERR_EXISTS: every counted use is spent. NHI_ERR_STATE: a bearer ticket was
 * first used elsewhere, at this very moment. NHI_ERR_BUSY: its rule permits no more in this hour; of several grants at
 * once for the last place, all may be refused. */
NHI_CHECK enum nhi_err nhi_grant_commit(const char *dir, const struct nhi_grant *g);
/* The same, and lets the parent process find the grant: nhi_grant_of_child. NHI_ERR_SYS: it could not find it. */
NHI_CHECK enum nhi_err nhi_grant_commit_for_parent(const char *dir, const struct nhi_grant *g);
/* Records a denial of a verified ticket. NHI_ERR_EXISTS: enough denials of that ticket are recorded in this hour. */
NHI_CHECK enum nhi_err nhi_grant_deny(const char *dir, const struct nhi_grant *g);
/* Records a session that was let in undecided, with the account's name as the subject. NHI_ERR_EXISTS: enough such
 * records wait to be folded. */
NHI_CHECK enum nhi_err nhi_grant_observe(const char *dir, const struct nhi_grant *g);
/* Records that root became the account, once an hour for each service and session. NHI_ERR_EXISTS: it is recorded
 * already. */
NHI_CHECK enum nhi_err nhi_grant_became(const char *dir, const struct nhi_grant *g);
/* TICKET, as above. */
#define NHI_GRANT_NAME_LEN 32
void nhi_grant_name(const char *kid, const char *jti, char out[NHI_GRANT_NAME_LEN + 1]);
/* Where a lineage was first used; root: the ID of its first ticket, signed by the key kid. With NHI_PIN_LOCAL, the
 * place may be an address. NHI_ERR_NOT_FOUND: not used yet. */
NHI_CHECK enum nhi_err nhi_grant_pinned(const char *dir, const char *kid, const char *root, enum nhi_pin kind,
                                        char place[NHI_PLACE_MAX + 1]);
/* Whether a ticket that the ledger does not know was used with this key for this account, in a record that was not
 * folded yet. NHI_ERR_NOT_FOUND: no. */
NHI_CHECK enum nhi_err nhi_grant_binds(const char *dir, const uint8_t key[NHI_PK_LEN], const char *account);
/* Whether the renewal of this ticket was used already. True if that cannot be found out. */
bool nhi_grant_is_superseded(const char *dir, const char *jti);
/* Records that the grant opens the session with that handle. */
NHI_CHECK enum nhi_err nhi_grant_opens(const char *dir, const struct nhi_grant *g, const char *handle);
/* Records that a grant was not used: g->id is this record's own ID, of is the grant's. */
NHI_CHECK enum nhi_err nhi_grant_unused(const char *dir, const struct nhi_grant *g, const char *of);
/* The record that a child of this process made for this service and subject. */
NHI_CHECK enum nhi_err nhi_grant_of_child(const char *dir, const struct nhi_proc *parent, const char *service,
                                          const char *subject, struct nhi_grant *out);
/* Whether there may be one. false also if that cannot be found out. */
bool nhi_grant_has_child(const char *dir, const struct nhi_proc *parent);

#endif
