/*
 * The registered sessions of this host, and which of them are over.
 */
#ifndef NHICTL_SESSIONS_H
#define NHICTL_SESSIONS_H

#include "libnhi/check.h"
#include "libnhi/session.h"

#define SESSION_HANDLE_MAX 63

struct session {
    char handle[SESSION_HANDLE_MAX + 1];
    struct nhi_grant g;
    enum nhi_reason reason; /* what its ticket would be told now */
    int64_t until;          /* of a permit: when that may change by itself */
};

struct sessions {
    struct session *all;
    size_t count, room;
};

/* Those that some process is inside of, each decided on again. */
NHI_CHECK enum nhi_err sessions_load(struct sessions *s);
void sessions_free(struct sessions *s);
/* "session ended: ticket … of task … expired" */
void session_farewell(const struct session *s, char *line, size_t size);

#endif
