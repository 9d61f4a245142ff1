/* SPDX-License-Identifier: ISC */
/*
 * The registered sessions of this host, and which of them must end.
 */
#ifndef NHICTL_SESSIONS_H
#define NHICTL_SESSIONS_H

#include "libnhi/check/check.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/session/session.h"

#define SESSION_HANDLE_MAX 63

struct session {
    char handle[SESSION_HANDLE_MAX + 1];
    struct nhi_grant g;
    enum nhi_reason reason; /* what its ticket would be told now */
    int64_t until;          /* when that may change by itself, or what is no permit is over; 0: unknown */
    int64_t then;           /* of a permit, when ahead was given: as nhi_permit_ahead returns it */
    enum nhi_reason why;
};

/* What is revoked, and why. */
struct revocation {
    enum nhi_revoke_kind kind;
    const char *id, *reason;
};

struct sessions {
    struct session *all;
    size_t count, room;
    int64_t ahead; /* seconds to look ahead, given; 0: none */
    /* What was to be revoked and could be written nowhere, given, or NULL; and whether that is lockdown. */
    const struct revocation *unsaid;
    bool unsaid_lockdown;
    struct nhi_moment *m; /* between the two steps */
};

/* Those that some process is inside of, in two steps. First which of them are over by the record: nobody's account is
 * looked up for that, and no name service can hold it up. What is not is NHI_PERMIT, until it has been judged. */
NHI_CHECK enum nhi_err sessions_find(struct sessions *s);
/* Then what policy and the account say of the rest, as pam_nhi decides in it. */
void sessions_judge(struct sessions *s);
/* Instead of that: the ledger is let go. */
void sessions_let_be(struct sessions *s);
/* Both. */
NHI_CHECK enum nhi_err sessions_load(struct sessions *s);
void sessions_free(struct sessions *s);
#define SESSION_LINE_MAX 320
/* "session ended: ticket … of task … expired", "session ends at …: ticket … of task …" */
void session_farewell(const struct session *s, char line[SESSION_LINE_MAX]);
void session_warning(const struct session *s, char line[SESSION_LINE_MAX]);

#endif
