/* SPDX-License-Identifier: ISC */
/*
 * The state of this host, which nhictl status shows to people and nhictl metrics to a monitoring system.
 */
#ifndef NHICTL_STATUS_H
#define NHICTL_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/grant/denials.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/reserve/reserve.h"
#include "nhictl/process/sessions.h"
#include "nhictl/process/supervisor.h"

struct ctl;
struct store;

#define REFUSED_WINDOW 86400 /* seconds: a refusal at night is shown in the morning */

/* A job that was refused, or ended before its time, and has not run since. By nhictl run, or by cron or atd. */
struct job {
    char agent[NHI_AGENT_MAX + 1], name[NHI_TASK_MAX + 1]; /* name: that of the account if a daemon runs it */
    char service[NHI_SERVICE_MAX + 1];                     /* that daemon; empty: nhictl run */
    char why[NHI_TEXT_MAX + 1];
    int64_t at;     /* the last time */
    uint32_t count; /* 0: it has run since */
    bool settled;   /* older refusals do not count */
};

/* In the last hour: by reason, and by service. */
struct recent {
    int64_t since;
    struct job *job; /* in the last day; allocated */
    size_t job_count, job_room;
    uint64_t denials, by_reason[NHI_REASON_COUNT], by_service[NHI_DENIAL_SERVICES];
};

struct status {
    int64_t now;
    uint32_t active, suspended, retired, overdue, orphaned, tasks, tickets, sessions, keys, signing, records;
    uint32_t unpublished;
    bool behind; /* what logins read is not what the ledger has */
    size_t rules;
    bool snapshot;   /* the snapshot can be read */
    uint32_t over;   /* sessions that should have ended */
    uint32_t ending; /* tasks that end soon */
    char over_name[SESSION_HANDLE_MAX + 1], ending_name[NHI_TASK_MAX + 1];
    int64_t ending_at; /* the end of the first of them */
    int64_t key_since; /* when the newest key of this host was made; 0: no key */
    int64_t events;    /* the number of the newest event */
    bool sessions_failed, records_failed, clock_behind;
    struct supervisor supervisor;
    char overdue_name[NHI_AGENT_MAX + 1], orphaned_name[NHI_AGENT_MAX + 1];
    enum nhi_fit fit;     /* whether the ledger belongs here and is the newest */
    enum nhi_err reserve; /* the result of reading it */
    bool lockdown;
    size_t reserved; /* number of revocations in it */
    struct recent recent;
};

#endif
