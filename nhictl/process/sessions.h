/* SPDX-License-Identifier: ISC */
/*
 * The registered sessions of this host, and which of them must end.
 */
#ifndef NHICTL_SESSIONS_H
#define NHICTL_SESSIONS_H

#include "libnhi/check/check.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_index.h"

#define SESSION_HANDLE_MAX 63

struct session {
    char handle[SESSION_HANDLE_MAX + 1];
    struct nhi_grant g;
    enum nhi_reason reason; /* the decision on its ticket now */
    int64_t until; /* when that may change by itself, or when a session that is not permitted ends; 0: unknown */
    int64_t then;  /* for a permit if ahead was given: as nhi_permit_ahead returns it */
    enum nhi_reason why;
};

/* A revocation and its reason. */
struct revocation {
    enum nhi_revoke_kind kind;
    const char *id, *reason;
    bool unseen; /* a task that this host does not know is meant */
};

struct sessions {
    struct session *all;
    size_t count, room;
    size_t gone;   /* found, but without a process: they are not in all, and nothing has ended them yet */
    int64_t ahead; /* seconds to look ahead, set by the caller; 0: none */
    /* Set by the caller: only these; NULL: all. */
    const struct nhi_session_about *about;
    const char (*handles)[SESSION_HANDLE_MAX + 1];
    size_t handle_count;
    /* Set by the caller: revocations that could not be written anywhere, and whether lockdown could not be. A look has
     * room for some of them only: sessions_find takes those off from the front. */
    const struct revocation *unsaid;
    size_t unsaid_count;
    bool unsaid_lockdown;
    struct nhi_moment *m; /* between the two steps */
};

/* Sessions with a process inside, in two steps. The first finds those that end by the record: it looks up no account,
 * so no name service can hold it up. The others are NHI_PERMIT until they have been judged. */
NHI_CHECK enum nhi_err sessions_find(struct sessions *s);
/* The second decides on the others by policy and account, as pam_nhi would inside them. */
void sessions_judge(struct sessions *s);
/* Instead of the second step: closes the ledger. */
void sessions_let_be(struct sessions *s);
/* Both steps. */
NHI_CHECK enum nhi_err sessions_load(struct sessions *s);
void sessions_free(struct sessions *s);
#define SESSION_LINE_MAX 320
/* "session ended: ticket … of task … expired", "session ends at …: ticket … of task …" */
void session_farewell(const struct session *s, char line[SESSION_LINE_MAX]);
void session_warning(const struct session *s, char line[SESSION_LINE_MAX]);

#endif
