/* SPDX-License-Identifier: ISC */
/*
 * What review knows about each agent, task and lineage of tickets, and its findings.
 */
#ifndef NHICTL_REVIEW_H
#define NHICTL_REVIEW_H

#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ticket/ticket.h"
#include "nhictl/status/status.h"

struct ctl;
struct store;

/* The limits from which something becomes a finding. Spans are in seconds. */
struct review_limits {
    int64_t window; /* how far back grants, denials and tickets are looked at */
    int64_t unused; /* without a grant */
    int64_t quiet;  /* without a grant, while tickets live */
    int64_t standing;
    uint32_t longer;  /* a ticket lives this many times as long as it is used */
    uint32_t sources; /* distinct addresses, keys or hosts */
    uint32_t kinds;   /* of tasks */
    uint32_t denials;
    uint32_t bearers; /* logins from other places with a ticket that is not bound */
};

#define TEXT_SET_MAX 64 /* more distinct ones are not counted separately */
struct text_set {
    char *text[TEXT_SET_MAX];
    size_t count;
};

struct span {
    int64_t from, to;
};

/* Counted denials that are no attempts, such as repeated logins with a revoked key. */
struct seen_refusals {
    struct text_set what; /* "account through service: reason" */
    uint64_t count;
};

struct seen_agent {
    struct nhi_agent a;
    bool owner_gone;
    struct text_set sources, keys, hosts, kinds; /* kinds of tasks: their names up to the first digit */
    struct text_set refused;                     /* "account through service: reason" */
    struct seen_refusals counted;
    uint32_t denials, bearer_logins;
    uint32_t used_tickets, long_tickets; /* number of used tickets, and of those that lived far longer */
    int64_t longest_use;                 /* the longest of them, from issue to last use */
    struct span *spans;                  /* times in which it held a ticket */
    size_t span_count, span_room;
    char task[NHI_TASK_MAX + 1], account[NHI_LIST_MAX + 1]; /* for its last bearer login */
};

struct seen_task {
    char id[NHI_TASK_MAX + 1], agent[NHI_AGENT_MAX + 1];
    uint32_t live;        /* tickets */
    int64_t last, issued; /* last grant, and when the first of the live tickets was recorded */
};

struct seen_lineage {
    char root[NHI_JTI_LEN + 1], agent[NHI_AGENT_MAX + 1], task[NHI_TASK_MAX + 1];
    struct text_set remote, local; /* where it was used */
    uint32_t hand_offs;
    bool bound, live;
};

struct review {
    struct ctl *c;
    struct store *s;
    struct review_limits limits;
    struct seen_agent *agents; /* by name */
    size_t agent_count, agent_room;
    struct seen_task **tasks; /* tasks with live tickets */
    size_t task_count, task_room;
    struct seen_lineage **lineages; /* in the order in which they were first seen */
    size_t lineage_count, lineage_room;
    void *by_root, *by_task;     /* search.h */
    struct seen_refusals others; /* without an agent, on this host itself: from other hosts anybody may try anything */
    struct recent recent;        /* jobs that did not run */
    struct finding *findings;    /* the most serious first */
    size_t count, room;
};

enum review_level { REVIEW_LOW = 1, REVIEW_MEDIUM, REVIEW_HIGH };

struct finding {
    enum review_level level;
    const char *kind;  /* "owner-gone" … */
    const char *owasp; /* "NHI1" */
    char agent[NHI_AGENT_MAX + 1], task[NHI_TASK_MAX + 1], jti[NHI_JTI_LEN + 1];
    char *evidence, *command;
};

#endif
