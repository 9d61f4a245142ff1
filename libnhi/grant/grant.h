/* SPDX-License-Identifier: ISC */
/*
 * Grant records: how pam_nhi commits.
 *
 * A record is one file: written complete and unnamed, then linked. The link is the use, the event and
 * the reservation in one step that a caller who stops or kills us cannot tear. Nobody waits for
 * anybody. Counted tickets: the name is the slot, so EEXIST is the test-and-set.
 * grant_kind.h lists the kinds of records and their names.
 *
 * TICKET is a hash of its ID and of the key that signed it, LINEAGE that of the first of what was renewed, so that an
 * issuer who learns the ID of another's ticket neither spends its uses nor takes its place. Where the ledger knows a
 * ticket its ID is nobody else's: JTI.
 */
#ifndef NHI_GRANT_H
#define NHI_GRANT_H

#include <sys/types.h>

#include "libnhi/base/proc.h"
#include "libnhi/policy/decide.h"

/* Which of the two places of a bearer ticket the grant is about, if any. */
enum nhi_pin { NHI_PIN_NONE, NHI_PIN_REMOTE, NHI_PIN_LOCAL };

struct nhi_grant {
    char id[NHI_JTI_LEN + 1]; /* 128 random bits */
    int64_t at;
    int64_t up;             /* the same moment as nhi_uptime has it: seconds since boot; 0: unknown */
    uint16_t ms;            /* of that second */
    enum nhi_reason reason; /* NHI_PERMIT or the denial */
    enum nhi_source source;
    char service[NHI_SERVICE_MAX + 1];
    char subject[NHI_ACCOUNT_MAX + 1];
    char boot[37];                   /* boot ID */
    char rule[NHI_TASK_MAX + 1];     /* that decided; may be empty */
    uint32_t max_grants;             /* that the rule gives in 3,600 seconds; 0: as many as come. Not in the record */
    char policy[NHI_POLICY_LEN + 1]; /* hash of the policy that was asked; may be empty */
    char rhost[NHI_HOST_MAX + 1];    /* whence, as in struct nhi_request; empty: over no network */
    struct nhi_proc self, parent;
    uint64_t ns;                   /* inode of the PID namespace in which these have their numbers; 0: unknown */
    char place[NHI_PLACE_MAX + 1]; /* where a bearer ticket was shown: a numeric address, or a local session as
                                      a-BOOT-ID (of the kernel's audit) or s-BOOT-PID-START (its leader) */
    enum nhi_pin pin;
    bool handed_off;                /* permitted, though it was first used elsewhere */
    char root[NHI_JTI_LEN + 1];     /* first of the ticket's lineage, whose uses are counted together; empty: the ledger
                                       does not know it */
    char root_kid[NHI_KID_MAX + 1]; /* the key that signed that; empty: the ticket's own. Not in the record */
    char renews[NHI_JTI_LEN + 1];   /* the ticket that this first use of its successor ends; may be empty */
    char owner[NHI_OWNER_MAX + 1];  /* who answered for the agent; empty where it is not known */
    char within[NHI_JTI_LEN + 1];   /* the grant that opened the session that the caller is inside; may be empty */
    bool became;   /* nothing was decided: root became that account, inside the session of this ticket, if any */
    bool observed; /* nothing was decided: it says what would have been. Then there may be no ticket */
    struct nhi_ticket ticket; /* with kid: claims without a signature, worth nothing as a ticket */
};

/* The event that a record becomes. */
struct nhi_event;

/* Commits. dir: the state directory. NHI_ERR_EXISTS: every counted use is spent. NHI_ERR_STATE: a bearer
 * ticket was first used elsewhere, at this very moment. NHI_ERR_BUSY: its rule gives no more in this hour; of
 * several that come at once for the last, all may be refused. */
NHI_CHECK enum nhi_err nhi_grant_commit(const char *dir, const struct nhi_grant *g);
/* Records a denial of a verified ticket. NHI_ERR_EXISTS: there are enough of that ticket in this hour. */
NHI_CHECK enum nhi_err nhi_grant_deny(const char *dir, const struct nhi_grant *g);
/* Records a session that was let be, under the account's name as the subject. NHI_ERR_EXISTS: enough of it
 * wait to be folded. */
NHI_CHECK enum nhi_err nhi_grant_observe(const char *dir, const struct nhi_grant *g);
/* Records that root became the account, once an hour for each service and session. NHI_ERR_EXISTS: that was done. */
NHI_CHECK enum nhi_err nhi_grant_became(const char *dir, const struct nhi_grant *g);
/* TICKET, as above. */
#define NHI_GRANT_NAME_LEN 32
void nhi_grant_name(const char *kid, const char *jti, char out[NHI_GRANT_NAME_LEN + 1]);
/* Where the lineage was first used whose first ticket has that ID, signed by that key; with NHI_PIN_LOCAL, that may
 * have been an address. NHI_ERR_NOT_FOUND: nowhere yet. */
NHI_CHECK enum nhi_err nhi_grant_pinned(const char *dir, const char *kid, const char *root, enum nhi_pin kind,
                                        char place[NHI_PLACE_MAX + 1]);
/* Whether a ticket that the ledger did not know was used with this key for this account, and that was not
 * folded yet. NHI_ERR_NOT_FOUND: none was. */
NHI_CHECK enum nhi_err nhi_grant_binds(const char *dir, const uint8_t key[NHI_PK_LEN], const char *account);
/* Whether what renewed this ticket was used already. Whatever cannot be found out is a yes. */
bool nhi_grant_is_superseded(const char *dir, const char *jti);
/* Records that the grant opens a session of that handle. */
NHI_CHECK enum nhi_err nhi_grant_opens(const char *dir, const struct nhi_grant *g, const char *handle);
/* Records that nothing came of a grant: id is this record's own, and that of the grant is of. */
NHI_CHECK enum nhi_err nhi_grant_unused(const char *dir, const struct nhi_grant *g, const char *of);
/* Lets the parent process find this record later. */
NHI_CHECK enum nhi_err nhi_grant_index(const char *dir, const struct nhi_grant *g);
/* The record that a child of this process made for this service and subject. */
NHI_CHECK enum nhi_err nhi_grant_of_child(const char *dir, const struct nhi_proc *parent, const char *service,
                                          const char *subject, struct nhi_grant *out);

#endif
