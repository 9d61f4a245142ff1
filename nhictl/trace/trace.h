/* SPDX-License-Identifier: ISC */
/*
 * A story: the events of a task, an agent, a ticket or a session, in order, and its sessions.
 */
#ifndef NHICTL_TRACE_H
#define NHICTL_TRACE_H

#include <stdio.h>

#include "libnhi/grant/grant.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/store/store.h"

enum trace_by { TRACE_TASK, TRACE_AGENT, TRACE_TICKET, TRACE_SESSION };
enum trace_tone { TONE_PLAIN, TONE_GOOD, TONE_WARN, TONE_BAD };

#define TRACE_WHO_MAX 80
#define TRACE_TEXT_MAX 1024
struct trace_step {
    struct nhi_event e; /* e.detail points to detail */
    char *detail;
    bool direct;                     /* about the subject itself, not only about its context */
    int64_t uid, loginuid, sudo_uid; /* who typed the command; -1: not known */
    int ms;                          /* milliseconds of its second; greater than any if not known */
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

struct trace {
    enum trace_by by;
    const char *id;
    int64_t now;
    int64_t archived_before; /* older events may be in an archive; 0: the story is complete */
    bool has_agent, has_task;
    struct nhi_agent agent;
    struct nhi_task task;
    char host[NHI_HOST_MAX + 1];
    struct trace_step **step; /* by time */
    size_t steps, step_room;
    struct trace_session *session; /* by time */
    size_t sessions, session_room;
    struct nhi_ticket_row *ticket; /* newest first */
    size_t tickets, ticket_room;
};

/* Adds the sessions that the steps are about, and the live ones that are part of the story. */
struct sessions;
typedef bool trace_takes_fn(const struct trace_session *s, const void *ctx);

/* "5QkVh3ab…": enough to distinguish them. */
#define TRACE_SHORT_LEN 12

#endif
