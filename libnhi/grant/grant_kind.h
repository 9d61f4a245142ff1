/* SPDX-License-Identifier: ISC */
/*
 * The kinds of records in the grants directory. A record's name begins with the letter of its kind and a "-".
 *
 * What a reader of the directory does with each kind is in one table, in grant_kind.c. Files whose names have no kind
 * in it are not records: nobody reads or removes them.
 */
#ifndef NHI_GRANT_KIND_H
#define NHI_GRANT_KIND_H

#include <stdbool.h>

/* The letter, the rest of the name, and who makes such a record; TICKET, LINEAGE and JTI as in grant.h. */
enum nhi_record {
    NHI_RECORD_PERMIT = 'g',    /* g-ID: nhi_grant_commit, a permit */
    NHI_RECORD_USE = 'u',       /* u-LINEAGE-N: nhi_grant_commit, the Nth use of a counted ticket */
    NHI_RECORD_SUCCESSOR = 'r', /* r-JTI: nhi_grant_commit, the first use of that ticket's renewal, which ends it */
    NHI_RECORD_PIN = 'i',      /* i-LINEAGE-r, i-LINEAGE-l: nhi_grant_commit, where a ticket was first used: r the first
                                  address, l the first place of all, which may be local */
    NHI_RECORD_HOUR = 'h',     /* h-RULE-AT-ID: nhi_grant_commit, a grant by a rule with a limit per hour */
    NHI_RECORD_KEY = 'k',      /* k-KEY-ACCOUNT: nhi_grant_commit, a key was used for that account by a ticket that the
                                  ledger does not know */
    NHI_RECORD_DENIAL = 'd',   /* d-TICKET-HOUR-N: nhi_grant_deny, a denial of a verified ticket, at most 64 for each
                                  in an hour */
    NHI_RECORD_OBSERVED = 'o', /* o-ACCOUNT-N: nhi_grant_observe, a session of an account under observation, opened
                                  without a ticket */
    NHI_RECORD_BECAME = 'b',   /* b-HOUR-ID-SERVICE-ACCOUNT: nhi_grant_became, root became that account, inside the
                                  session that ID opened, if any */
    NHI_RECORD_SESSION = 's',  /* s-ID-HANDLE: nhi_grant_opens, the grant opened that session */
    NHI_RECORD_UNUSED = 'n',   /* n-ID: nhi_grant_unused, that grant was not used: its caller did not go on */
    NHI_RECORD_INDEX = 'p',    /* p-BOOT-PID-START: nhi_grant_commit_for_parent, the record that a child of that process
                                  made    (sshd decides in one) */
};

/* What folding adds to the ledger. */
enum nhi_record_folds {
    NHI_FOLDS_DECISION,   /* an event: the decision, or that nothing was decided */
    NHI_FOLDS_UNUSED,     /* an event: the grant was not used */
    NHI_FOLDS_SESSION,    /* that a session is open */
    NHI_FOLDS_SUPERSEDED, /* that a ticket was ended by its successor */
    NHI_FOLDS_KEY,        /* that a key is bound to an account */
    NHI_FOLDS_NOTHING,
};

/* How long the file stays once the ledger has the record. */
enum nhi_record_rests {
    NHI_RESTS_NOT,
    NHI_RESTS_SETTLED,   /* until its maker has linked all its names */
    NHI_RESTS_TICKET,    /* until neither the ticket nor a successor can be used */
    NHI_RESTS_HOUR,      /* until the hour of the decision has ended, counted from 1970 */
    NHI_RESTS_THIS_HOUR, /* the same, unless that hour is so far ahead that the clock must have gone back */
    NHI_RESTS_RULE_HOUR, /* until an hour after the decision; its time is in the name, so the file is not read */
    NHI_RESTS_PROCESS,   /* while the process that may ask for it lives */
};

struct nhi_record_kind {
    enum nhi_record letter;
    enum nhi_record_folds folds;
    enum nhi_record_rests rests;
    bool bounded; /* counts towards the limit of one transaction; not for kinds of which thousands may stay */
    bool is_use;  /* it shows that the task was in use */
    bool counted; /* status counts it as a record */
};

/* The kind of the record with that name. NULL: not a record. */
const struct nhi_record_kind *nhi_record_kind_of(const char *name);

#endif
