/* SPDX-License-Identifier: ISC */
#include "nhictl/status/status_gather.h"

#include "libnhi/grant/grant_kind.h"
#include "libnhi/ledger/heartbeat.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/policy/reason.h"
#include "libnhi/session/session_list.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "libnhi/state/state.h"
#include "nhictl/status/recent.h"

#include <dirent.h>
#include <string.h>
#include <time.h>

#include "libnhi/base/paths.h"
#include "libnhi/snapshot/snapshot.h"
#include "nhictl/say/ctl.h"
#include "nhictl/store/store.h"

#define SOON 300 /* seconds before a task's end, in which somebody may want to know of it */

static bool is_published(const struct nhi_snapshot *snapshot, const struct nhi_agent *a, bool locked)
{
    struct nhi_account have, want;

    store_published(a, locked, &want);
    return nhi_snapshot_by_uid(snapshot, want.uid, &have) == NHI_OK && strcmp(have.name, want.name) == 0 &&
           strcmp(have.gecos, want.gecos) == 0 && strcmp(have.home, want.home) == 0 &&
           strcmp(have.shell, want.shell) == 0 && have.group_count == want.group_count &&
           memcmp(have.groups, want.groups, want.group_count * sizeof(want.groups[0])) == 0;
}

struct counting {
    struct status *n;
    const struct nhi_snapshot *snapshot; /* NULL: it cannot be read */
};

static int count_agent(const struct nhi_agent *a, void *ctx)
{
    const struct counting *to = ctx;
    struct status *n = to->n;

    switch (a->state) {
    case NHI_AGENT_ACTIVE:
        n->active++;
        break;
    case NHI_AGENT_SUSPENDED:
        n->suspended++;
        break;
    case NHI_AGENT_RETIRED:
        n->retired++;
        break;
    }
    if (a->state != NHI_AGENT_RETIRED && a->review_by <= n->now) {
        if (n->overdue++ == 0)
            memcpy(n->overdue_name, a->account.name, sizeof(n->overdue_name));
    }
    if (a->state == NHI_AGENT_SUSPENDED && (a->held & NHI_HELD_OFFBOARDED) != 0 && n->orphaned++ == 0)
        memcpy(n->orphaned_name, a->account.name, sizeof(n->orphaned_name));
    if (to->snapshot != NULL && !is_published(to->snapshot, a, n->lockdown))
        n->unpublished++;
    return 0;
}

static int count_key(const struct nhi_issuer *i, void *ctx)
{
    struct status *n = ctx;

    if (i->state == NHI_ISSUER_ACTIVE || i->state == NHI_ISSUER_ROTATED)
        n->keys++;
    if (i->own && i->state == NHI_ISSUER_ACTIVE) {
        n->signing++;
        if (i->added > n->key_since)
            n->key_since = i->added;
    }
    return 0;
}

static int count_ending(const struct nhi_task *t, int64_t at, const char *why, void *ctx)
{
    struct status *n = ctx;

    (void)why;
    if (n->ending++ == 0 || at < n->ending_at) {
        n->ending_at = at;
        memcpy(n->ending_name, t->id, sizeof(t->id));
    }
    return 0;
}

static enum nhi_err judge_sessions(struct status *n)
{
    struct sessions s = { .count = 0 };
    enum nhi_err err = sessions_load(&s);

    for (size_t i = 0; err == NHI_OK && i < s.count; i++) {
        n->sessions++;
        if (nhi_reason_is_end(s.all[i].reason) && n->over++ == 0)
            memcpy(n->over_name, s.all[i].handle, sizeof(n->over_name));
    }
    sessions_free(&s);
    return err;
}

/* Whether the supervisor has seen what was published last. */
static bool is_watched(const struct status *n)
{
    struct nhi_state *state = NULL;
    bool is = n->supervisor.is == NHI_SUPERVISOR_LIVE && nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &state) == NHI_OK &&
              nhi_heartbeat_has_looked(NHI_RUN_DIR, nhi_state_generation(state), n->now);

    nhi_state_close(state);
    return is;
}

/* What a supervisor has found out and recorded is not found out again. A revocation in the reserve is not published. */
static enum nhi_err count_sessions(struct status *n)
{
    struct nhi_session_count had;
    enum nhi_err err;

    if (n->lockdown || n->reserved > 0 || !is_watched(n))
        return judge_sessions(n);
    err = nhi_session_count(NHI_RUN_DIR, &had);
    if (err != NHI_OK)
        return err;
    n->sessions = had.registered;
    n->over = had.ending;
    memcpy(n->over_name, had.one, sizeof(n->over_name));
    return NHI_OK;
}

/* Counts records that are not events yet, or are kept because they still count. */
static void count_records(struct status *n)
{
    DIR *d = opendir(NHI_STATE_DIR "/" NHI_GRANTS_DIR);
    const struct nhi_record_kind *kind;
    const struct dirent *e;

    n->records_failed = d == NULL;
    while (d != NULL && (e = readdir(d)) != NULL)
        if ((kind = nhi_record_kind_of(e->d_name)) != NULL && kind->counted)
            n->records++;
    if (d != NULL)
        closedir(d);
}

/* The copy that the next boot begins with. */
static bool is_durable(void)
{
    struct nhi_snapshot snapshot;
    bool is = nhi_snapshot_open(NHI_SNAPSHOT_PATH, &snapshot) == NHI_OK;

    if (is)
        nhi_snapshot_close(&snapshot);
    return is;
}

static enum nhi_err count_agents(struct store *s, struct status *n)
{
    struct nhi_snapshot snapshot;
    struct counting to = { .n = n };
    enum nhi_err err;

    if (nhi_snapshot_open_published(&snapshot) == NHI_OK)
        to.snapshot = &snapshot;
    n->snapshot = to.snapshot != NULL && is_durable();
    err = nhi_agent_each(s->l, count_agent, &to);
    if (to.snapshot != NULL)
        nhi_snapshot_close(&snapshot);
    return err;
}

static void look_at_reserve(struct status *n)
{
    static struct nhi_reserve reserve; /* too large for a stack */

    n->reserve = nhi_reserve_load(NHI_STATE_DIR, NHI_RUN_DIR, &reserve);
    if (n->reserve != NHI_OK)
        return;
    n->lockdown = reserve.lockdown;
    n->reserved = reserve.count;
}

static enum nhi_err read_ledger(struct store *s, struct status *n)
{
    struct nhi_head head = { .given = 0 };
    int64_t rules = 0, tasks = 0, tickets = 0;
    enum nhi_err err = count_agents(s, n);

    if (err == NHI_OK)
        err = nhi_task_count_open(s->l, n->now, &tasks);
    if (err == NHI_OK)
        err = nhi_ticket_count_live(s->l, n->now, &tickets);
    if (err == NHI_OK)
        err = nhi_issuer_each(s->l, count_key, n);
    if (err == NHI_OK)
        err = nhi_policy_count(s->l, &rules);
    if (err == NHI_OK)
        err = nhi_task_each_end(s->l, n->now + SOON, count_ending, n);
    if (err == NHI_OK)
        err = nhi_event_head(s->l, &head);
    if (err == NHI_OK)
        err = recent_gather(s, n->now, &n->recent);
    n->tasks = (uint32_t)tasks;
    n->tickets = (uint32_t)tickets;
    n->rules = (size_t)rules;
    n->events = head.given;
    return err;
}

#define PATIENCE_MS 200 /* for a writer that is about to say that it has finished */

/* Whether logins read less than this ledger has. More does no harm: it was written since this one was opened. */
static bool is_behind(struct nhi_ledger *l)
{
    const struct timespec pause = { .tv_nsec = 10000000 };
    struct nhi_state *state = NULL;
    int64_t wanted = nhi_ledger_generation(l), got = -1;

    for (int ms = 0; ms < PATIENCE_MS && got < 0; ms += 10) {
        if (nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &state) != NHI_OK)
            return true;
        got = nhi_state_generation(state);
        nhi_state_close(state);
        state = NULL;
        if (got < 0)
            (void)nanosleep(&pause, NULL);
    }
    return got < wanted;
}

int status_gather(struct ctl *c, struct store *s, struct status *n)
{
    enum nhi_err err;

    n->now = c->now;
    look_at_reserve(n); /* in a lockdown, accounts are published differently */
    err = read_ledger(s, n);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the ledger");
    n->fit = nhi_ledger_fit(s->l, &s->set, &s->seen, c->now);
    n->clock_behind = store_clock_behind(c, s);
    n->behind = is_behind(s->l);
    n->supervisor = supervisor_look();
    n->sessions_failed = count_sessions(n) != NHI_OK;
    count_records(n);
    return CTL_DONE;
}
