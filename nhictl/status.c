/*
 * status: what this host knows, and what needs somebody's attention.
 */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/heartbeat.h"
#include "libnhi/paths.h"
#include "libnhi/reserve.h"
#include "libnhi/session.h"
#include "libnhi/snapshot.h"
#include "nhictl/ctl.h"
#include "nhictl/observed.h"
#include "nhictl/sessions.h"
#include "nhictl/platform.h"
#include "nhictl/store.h"

#define SOON 300 /* seconds in which a task ends that somebody may want to know of */

struct status_args {
    bool accept_clock;
};

struct counts {
    int64_t now;
    uint32_t active, suspended, retired, overdue, orphaned, tasks, tickets, sessions, keys, signing,
        records;
    uint32_t unpublished;
    size_t rules;
    struct nhi_snapshot *snapshot; /* NULL: cannot be read */
    uint32_t over;     /* sessions that should have ended */
    uint32_t ending;   /* tasks that end soon */
    char over_name[SESSION_HANDLE_MAX + 1], ending_name[NHI_TASK_MAX + 1];
    int64_t ending_at; /* the first of them */
    bool sessions_failed, records_failed;
    char overdue_name[NHI_AGENT_MAX + 1], orphaned_name[NHI_AGENT_MAX + 1];
};

static bool is_published(const struct nhi_snapshot *snapshot, const struct nhi_agent *a)
{
    struct nhi_account have, want;

    store_published(a, &want);
    return nhi_snapshot_by_uid(snapshot, want.uid, &have) == NHI_OK &&
           strcmp(have.name, want.name) == 0 && strcmp(have.gecos, want.gecos) == 0 &&
           strcmp(have.home, want.home) == 0 && strcmp(have.shell, want.shell) == 0 &&
           have.group_count == want.group_count &&
           memcmp(have.groups, want.groups, want.group_count * sizeof(want.groups[0])) == 0;
}

static int count_agent(const struct nhi_agent *a, void *ctx)
{
    struct counts *n = ctx;

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
    if (a->state == NHI_AGENT_SUSPENDED && (a->held & NHI_HELD_OFFBOARDED) != 0 &&
        n->orphaned++ == 0)
        memcpy(n->orphaned_name, a->account.name, sizeof(n->orphaned_name));
    if (n->snapshot != NULL && !is_published(n->snapshot, a))
        n->unpublished++;
    return 0;
}

static int count_task(const struct nhi_task *t, void *ctx)
{
    struct counts *n = ctx;

    if (t->state == NHI_TASK_OPEN && n->now < t->deadline)
        n->tasks++;
    return 0;
}

static int count_ticket(const struct nhi_ticket_row *r, void *ctx)
{
    struct counts *n = ctx;

    (void)r;
    n->tickets++;
    return 0;
}

static int count_key(const struct nhi_issuer *i, void *ctx)
{
    struct counts *n = ctx;

    if (i->state == NHI_ISSUER_ACTIVE || i->state == NHI_ISSUER_ROTATED)
        n->keys++;
    if (i->own && i->state == NHI_ISSUER_ACTIVE)
        n->signing++;
    return 0;
}

static int count_ending(const struct nhi_task *t, int64_t at, const char *why, void *ctx)
{
    struct counts *n = ctx;

    (void)why;
    if (at > n->now + SOON)
        return 0;
    if (n->ending++ == 0 || at < n->ending_at) {
        n->ending_at = at;
        memcpy(n->ending_name, t->id, sizeof(t->id));
    }
    return 0;
}

static enum nhi_err count_sessions(struct counts *n)
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

/* Records that are not events yet, or are kept because they still count. */
static void count_records(struct counts *n)
{
    DIR *d = opendir(NHI_STATE_DIR "/" NHI_GRANTS_DIR);
    const struct dirent *e;

    n->records_failed = d == NULL;
    while (d != NULL && (e = readdir(d)) != NULL)
        if (strncmp(e->d_name, "g-", 2) == 0 || strncmp(e->d_name, "u-", 2) == 0 ||
            strncmp(e->d_name, "d-", 2) == 0)
            n->records++;
    if (d != NULL)
        closedir(d);
}

static int count_all(struct ctl *c, struct store *s, struct counts *n)
{
    int64_t rules = 0;
    struct nhi_snapshot snapshot;
    enum nhi_err err;

    n->now = c->now;
    n->snapshot = nhi_snapshot_open(NHI_SNAPSHOT_PATH, &snapshot) == NHI_OK ? &snapshot : NULL;
    err = nhi_agent_each(s->l, count_agent, n);
    if (n->snapshot != NULL)
        nhi_snapshot_close(&snapshot);
    if (err == NHI_OK)
        err = nhi_task_each(s->l, NULL, count_task, n);
    if (err == NHI_OK)
        err = nhi_ticket_each(s->l, NULL, NULL, true, c->now, count_ticket, n);
    if (err == NHI_OK)
        err = nhi_issuer_each(s->l, count_key, n);
    if (err == NHI_OK)
        err = nhi_policy_count(s->l, &rules);
    n->rules = (size_t)rules;
    if (err == NHI_OK)
        err = nhi_task_each_end(s->l, count_ending, n);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the ledger");
    n->sessions_failed = count_sessions(n) != NHI_OK;
    count_records(n);
    return CTL_DONE;
}

static void show_counts(struct ctl *c, const struct store *s, const struct counts *n)
{
    struct out_row *r = out_row_new(c->out);
    char agents[80];

    snprintf(agents, sizeof(agents), "%u active, %u suspended, %u retired", n->active, n->suspended,
             n->retired);
    out_text(r, "host", "host", s->set.host);
    out_text(r, "ledger", "ledger", NHI_STATE_DIR "/" NHI_LEDGER_FILE);
    out_text(r, "clock", "clock", store_clock_behind(c, s) ? "behind" : "good");
    out_time(r, "latest", NULL, s->set.latest);
    out_text(r, NULL, "agents", agents);
    out_number(r, "agents_active", NULL, n->active);
    out_number(r, "agents_suspended", NULL, n->suspended);
    out_number(r, "agents_retired", NULL, n->retired);
    out_number(r, "open_tasks", "open tasks", n->tasks);
    out_number(r, "live_tickets", "live tickets", n->tickets);
    out_number(r, "live_sessions", "live sessions", n->sessions);
    platform_show(r);
    out_number(r, "policy_rules", "policy rules", (int64_t)n->rules);
    out_number(r, "issuers", "issuers", n->keys);
    out_number(r, "grant_records", "grant records", n->records);
    out_record(c->out, NULL, r);
}

static void reserve_attention(struct ctl *c)
{
    static struct nhi_reserve reserve; /* too large for a stack */
    enum nhi_err err = nhi_reserve_load(NHI_STATE_DIR, &reserve);

    if (err == NHI_ERR_NOT_FOUND)
        out_string(c->out,
                   "the reserve is missing: agents are denied until nhictl init makes it again");
    else if (err != NHI_OK)
        out_string(c->out, "the reserve cannot be used (%s): agents are denied", nhi_strerror(err));
    else if (reserve.lockdown)
        out_string(c->out, "lockdown: agents are denied");
    if (err == NHI_OK && reserve.count > 0)
        out_string(c->out, "%zu revocation%s in the reserve, in force, not in the ledger yet",
                   reserve.count, reserve.count == 1 ? "" : "s");
}

static void show_attention(struct ctl *c, const struct store *s, const struct counts *n)
{
    out_strings(c->out, "attention", "needs attention:");
    if (store_clock_behind(c, s))
        out_string(c->out, "the clock went back: agents are denied; correct it, or "
                           "nhictl status --accept-clock");
    reserve_attention(c);
    if (!nhi_heartbeat_is_live(NHI_RUN_DIR))
        out_string(c->out, s->set.unsupervised
                               ? "nhictl watch does not run: sessions outlive their tickets"
                               : "nhictl watch does not run: agents are denied; systemctl enable "
                                 "--now nhi-watch, or nhictl watch");
    if (n->over > 0)
        out_string(c->out, "%u session%s over and not gone (%s): nhictl session list", n->over,
                   n->over == 1 ? " is" : "s are", n->over_name);
    if (n->ending > 0)
        out_string(c->out, "task %s ends in %lld seconds%s: nhictl task list", n->ending_name,
                   (long long)(n->ending_at > n->now ? n->ending_at - n->now : 0),
                   n->ending > 1 ? ", others soon" : "");
    if (n->rules == 0)
        out_string(c->out, "no rule permits anything yet: write one to %s/%s, then nhictl apply",
                   NHI_CONF_DIR, NHI_POLICY_DIR);
    if (n->overdue > 0)
        out_string(c->out, "review overdue: %s%s%s", n->overdue_name,
                   n->overdue > 1 ? " and others (nhictl agent list)" : "",
                   s->set.overdue_denies ? ", denied until nhictl agent certify" : "");
    if (n->orphaned > 0)
        out_string(c->out, "owner off-boarded: %s%s waits for nhictl agent transfer",
                   n->orphaned_name, n->orphaned > 1 ? " and others (nhictl owner list)" : "");
    if (n->signing == 0)
        out_string(c->out, "no active key of this host's own: nhictl key rotate");
    if (n->snapshot == NULL)
        out_string(c->out, "the account snapshot cannot be read: nhictl apply");
    else if (n->unpublished > 0)
        out_string(c->out, "the account snapshot is behind the ledger: nhictl apply");
    platform_attention(c);
    if (n->sessions_failed)
        out_string(c->out, "%s/%s cannot be read", NHI_RUN_DIR, NHI_SESSIONS_DIR);
    if (n->records_failed)
        out_string(c->out, "%s/%s cannot be read: agents are denied", NHI_STATE_DIR,
                   NHI_GRANTS_DIR);
}

static int accept_clock(struct ctl *c)
{
    struct store s = { 0 };
    enum nhi_err err;
    struct out_row *detail;
    int code = store_write(c, &s);

    if (code == CTL_DONE) {
        detail = out_row_new(c->out);
        out_time(detail, "latest", NULL, s.set.latest);
        err = nhi_ledger_set_clock(s.l, c->now);
        if (err == NHI_OK)
            err = store_event(c, &s, "clock-accept", NULL, NULL, NULL, NULL, detail);
        else
            out_row_free(detail);
        code = err == NHI_OK ? store_commit(c, &s) : store_fail(c, &s, err, "accept the clock");
    }
    store_close(&s);
    return code;
}

static int status(struct ctl *c)
{
    const struct status_args *args = c->args;
    struct counts n = { 0 };
    struct store s = { 0 };
    int code = args->accept_clock ? accept_clock(c) : CTL_DONE;

    if (code == CTL_DONE)
        code = store_read(c, &s);
    if (code == CTL_DONE)
        code = count_all(c, &s, &n);
    if (code == CTL_DONE) {
        show_counts(c, &s, &n);
        code = observed_show(c, &s);
    }
    if (code == CTL_DONE) {
        show_attention(c, &s, &n);
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

static const struct opt status_opts[] = {
    { "accept-clock", OPT_FLAG, offsetof(struct status_args, accept_clock), false, NULL,
      "believe this host's clock although it went back", NULL, 0 },
    { .name = NULL },
};

const struct verb status_verbs[] = {
    { NULL, "status", status, status_opts, sizeof(struct status_args), 0, 0, "[--accept-clock]",
      "Show what this host knows, and what needs attention.", NULL, "nhictl status" },
    { .verb = NULL },
};
