/* SPDX-License-Identifier: ISC */
/*
 * A story: the events of a task, an agent, a ticket or a session, in order, and its sessions.
 */
#ifndef NHICTL_TRACE_H
#define NHICTL_TRACE_H

#include <stdio.h>

#include "libnhi/grant/grant.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/store/store.h"

enum trace_by { TRACE_TASK, TRACE_AGENT, TRACE_TICKET, TRACE_SESSION };
enum trace_tone { TONE_PLAIN, TONE_GOOD, TONE_WARN, TONE_BAD };

#define TRACE_WHO_MAX 80
#define TRACE_TEXT_MAX 1024
/* What a list of steps is made from. A hundred thousand of them are kept, and the rest is read when it is shown. */
struct trace_step {
    int64_t seq, at;
    int ms;                  /* milliseconds of its second; 1000: not known */
    unsigned char order;     /* of what happens in one moment */
    unsigned char word, who; /* columns that these need */
    bool direct;             /* about the subject itself, not only about its context */
    bool denied;
    bool ended;                  /* it ended something, and is no decision */
    bool ends_tickets;           /* it may have ended tickets, which it need not name */
    struct trace_around *around; /* until the context was chosen */
};

/* A whole step. The event's detail is valid until the next one is read. */
struct trace_told {
    struct nhi_event e;
    bool direct;
    int ms;                          /* -1: not known */
    int64_t uid, loginuid, sudo_uid; /* who typed the command; -1: not known */
    int64_t began;                   /* for the end of a session: when the session began */
    const char *word;                /* "issued", "denied" … */
    enum trace_tone tone;
    char who[TRACE_WHO_MAX];
    char text[TRACE_TEXT_MAX]; /* the event and its reason, in words */
};

struct trace_session {
    char grant[NHI_JTI_LEN + 1];   /* record of the decision that opened it */
    char handle[NHI_TREE_MAX + 1]; /* may be empty */
    char agent[NHI_AGENT_MAX + 1], task[NHI_TASK_MAX + 1], jti[NHI_JTI_LEN + 1];
    char account[NHI_ACCOUNT_MAX + 1], service[NHI_SERVICE_MAX + 1], from[NHI_HOST_MAX + 1];
    char rule[NHI_TASK_MAX + 1];
    int64_t began, ended; /* ended 0: it is live */
    char reason[NHI_WORD_MAX + 1];
    bool cut; /* it was ended */
};

/* The same for a session: one that has ended is read from its event. */
struct trace_span {
    int64_t began, ended; /* ended 0: it is live */
    int64_t seq;          /* of the event of its end */
    size_t live;          /* else its place in live */
    char grant[NHI_JTI_LEN + 1];
    char *handle;
};

struct trace {
    enum trace_by by;
    const char *id;
    int64_t now;
    int64_t archived_before; /* older events may be in an archive; 0: the story is complete */
    bool has_agent, has_task;
    struct nhi_agent agent;
    struct nhi_task task;
    char host[NHI_HOST_MAX + 1];
    struct trace_step *step; /* by time */
    size_t steps, step_room;
    size_t word_width, who_width; /* the widest of all, in columns */
    struct trace_span *span;      /* by time */
    size_t spans, span_room;
    struct trace_session *live;
    size_t lives, live_room;
    struct nhi_ticket_row *ticket; /* those of the chart or of the lineage, in the ledger's order */
    size_t tickets, ticket_room;
    size_t ticket_count; /* of all tickets */
    bool any_ticket;     /* one of them is live */
    struct nhi_event_reader *reader;
    struct trace_told told;       /* the step that was read last */
    struct trace_session session; /* the session that was read last */
};

#define TRACE_BARS_MAX 200 /* on the chart; more sessions are in the table */

/* "5QkVh3ab…": enough to distinguish them. */
#define TRACE_SHORT_LEN 12

#endif
