/* SPDX-License-Identifier: ISC */
/*
 * status: the state of this host, and what needs attention.
 */
#include "nhictl/status/status.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/version.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/policy/reason.h"
#include "nhictl/agent/namesake.h"
#include "nhictl/leftover/leftover_show.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/format.h"
#include "nhictl/status/observed.h"
#include "nhictl/status/platform.h"
#include "nhictl/status/recent.h"
#include "nhictl/status/status_gather.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

#define REASONS_SHOWN 3

struct status_args {
    bool accept_clock;
};

/* In text, the few most frequent ones. */
static void show_denials(struct out_row *r, const struct recent *recent)
{
    struct recent left = *recent;
    char text[160];
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)recent->denials);

    for (int shown = 0; shown < REASONS_SHOWN; shown++) {
        unsigned most = 0;

        for (unsigned i = 1; i < NHI_REASON_COUNT; i++)
            if (left.by_reason[i] > left.by_reason[most])
                most = i;
        if (left.by_reason[most] == 0)
            break;
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%s %llu %s", shown == 0 ? ":" : ",",
                        (unsigned long long)left.by_reason[most], nhi_reason_name((enum nhi_reason)most));
        left.by_reason[most] = 0;
    }
    out_text(r, NULL, "denied last hour", text);
    out_number(r, "denials_last_hour", NULL, (int64_t)recent->denials);
}

static void add_denials(struct ctl *c, const struct recent *recent)
{
    struct out_row *reasons = out_row_new(c->out), *services = out_row_new(c->out);

    for (unsigned i = 0; i < NHI_REASON_COUNT; i++)
        if (recent->by_reason[i] > 0)
            out_number(reasons, nhi_reason_name((enum nhi_reason)i), NULL, (int64_t)recent->by_reason[i]);
    for (unsigned i = 0; i < NHI_DENIAL_SERVICES; i++)
        if (recent->by_service[i] > 0)
            out_number(services, nhi_denial_service((enum nhi_denial_of)i), NULL, (int64_t)recent->by_service[i]);
    out_member(c->out, "denials_by_reason", reasons);
    out_member(c->out, "denials_by_service", services);
}

static void add_jobs(struct ctl *c, const struct recent *recent)
{
    out_table(c->out, "refused_jobs", NULL);
    for (size_t i = 0; i < recent->job_count; i++) {
        const struct job *j = &recent->job[i];
        struct out_row *r;

        if (j->count == 0)
            continue;
        r = out_row_new(c->out);
        out_text(r, "job", NULL, j->name);
        out_text(r, "agent", NULL, j->agent[0] != '\0' ? j->agent : NULL);
        out_text(r, "by", NULL, j->service[0] != '\0' ? j->service : "nhictl run");
        out_text(r, "why", NULL, j->why);
        out_time(r, "at", NULL, j->at);
        out_number(r, "count", NULL, j->count);
        out_table_row(c->out, r);
    }
}

static void jobs_attention(struct ctl *c, const struct recent *recent)
{
    char ago[OUT_AGO_LEN], often[32] = "";

    for (size_t i = 0; i < recent->job_count; i++) {
        const struct job *j = &recent->job[i];

        if (j->count == 0)
            continue;
        out_ago(j->at, c->now, ago);
        if (j->count > 1)
            snprintf(often, sizeof(often), ", %u times", j->count);
        else
            often[0] = '\0';
        if (j->service[0] != '\0')
            out_string(c->out, "%s did not run a job of %s (%s%s): %s", j->service, j->name, ago, often, j->why);
        else
            out_string(c->out, "job %s of %s did not run or did not finish (%s%s): %s",
                       j->name[0] != '\0' ? j->name : "without a name", j->agent, ago, often, j->why);
    }
}

static void show_counts(struct ctl *c, const struct store *s, const struct status *n)
{
    struct out_row *r = out_row_new(c->out);
    char agents[80];

    snprintf(agents, sizeof(agents), "%u active, %u suspended, %u retired", n->active, n->suspended, n->retired);
    out_text(r, "host", "host", s->set.host);
    out_text(r, "version", "version", NHI_VERSION);
    out_text(r, "ledger", "ledger", NHI_STATE_DIR "/" NHI_LEDGER_FILE);
    out_text(r, "supervisor", "supervisor", supervisor_state(&n->supervisor));
    out_text(r, "clock", "clock", n->clock_behind ? "behind" : "good");
    out_time(r, "latest", NULL, s->set.latest);
    out_text(r, NULL, "agents", agents);
    out_number(r, "agents_active", NULL, n->active);
    out_number(r, "agents_suspended", NULL, n->suspended);
    out_number(r, "agents_retired", NULL, n->retired);
    out_number(r, "open_tasks", "open tasks", n->tasks);
    out_number(r, "live_tickets", "live tickets", n->tickets);
    out_number(r, "live_sessions", "live sessions", n->sessions);
    show_denials(r, &n->recent);
    platform_show(r);
    out_number(r, "policy_rules", "policy rules", (int64_t)n->rules);
    out_number(r, "issuers", "issuers", n->keys);
    out_number(r, "grant_records", "grant records", n->records);
    out_record(c->out, NULL, r);
    add_denials(c, &n->recent);
    add_jobs(c, &n->recent);
}

static void reserve_attention(struct ctl *c, const struct status *n)
{
    if (n->reserve == NHI_ERR_NOT_FOUND)
        out_string(c->out, "the reserve is missing: agents are denied until nhictl init makes a new one");
    else if (n->reserve != NHI_OK)
        out_string(c->out, "the reserve cannot be used (%s): agents are denied", nhi_strerror(n->reserve));
    else if (n->lockdown)
        out_string(c->out, "lockdown: agents are denied");
    if (n->reserved > 0)
        out_string(c->out, "%zu revocation%s in the reserve: in force, but not in the ledger yet", n->reserved,
                   n->reserved == 1 ? "" : "s");
}

/* Processes that do not end by themselves. */
static void leftovers_attention(struct ctl *c)
{
    struct leftover_list l = { .count = 0 };

    if (leftover_list(&l) != NHI_OK)
        out_string(c->out, "could not look for processes without a session");
    for (size_t i = 0; i < l.count; i++)
        out_string(c->out, "%zu process%s of %s run%s without a session (pid %ld, %s: %s): nhictl doctor",
                   l.all[i].count, l.all[i].count == 1 ? "" : "es", l.all[i].account, l.all[i].count == 1 ? "s" : "",
                   (long)l.all[i].pid, l.all[i].command, l.all[i].why);
    leftover_list_free(&l);
}

static int namesake_attention(const struct nhi_agent *a, uint32_t uid, void *ctx)
{
    const struct ctl *c = ctx;
    char *text = namesake_text(a, uid);

    out_string(c->out, "%s", text);
    free(text);
    return 0;
}

static void show_attention(struct ctl *c, const struct store *s, const struct status *n)
{
    char text[SUPERVISOR_TEXT_MAX];

    out_strings(c->out, "attention", "needs attention:");
    if (n->fit != NHI_FIT_HERE)
        out_string(c->out, "%s; agents are denied: %s", nhi_fit_text(n->fit), nhi_fit_hint(n->fit));
    if (n->clock_behind)
        out_string(c->out, "the clock went back: agents are denied; correct it, or nhictl status --accept-clock");
    reserve_attention(c, n);
    jobs_attention(c, &n->recent);
    if (n->supervisor.is != NHI_SUPERVISOR_LIVE)
        out_string(c->out, "%s: %s; %s", supervisor_text(&n->supervisor, text),
                   s->set.unsupervised ? "sessions outlive their tickets" : "agents are denied",
                   supervisor_hint(&n->supervisor));
    if (n->over > 0)
        out_string(c->out, "%u ended session%s still running (%s): nhictl session list", n->over,
                   n->over == 1 ? " is" : "s are", n->over_name);
    if (n->ending > 0)
        out_string(c->out, "task %s ends in %lld seconds%s: nhictl task list", n->ending_name,
                   (long long)(n->ending_at > n->now ? n->ending_at - n->now : 0),
                   n->ending > 1 ? ", others soon" : "");
    if (n->rules == 0)
        out_string(c->out, "no rule permits anything yet: write one to %s/%s, then nhictl apply", NHI_CONF_DIR,
                   NHI_POLICY_DIR);
    if (n->overdue > 0)
        out_string(c->out, "review overdue: %s%s%s", n->overdue_name,
                   n->overdue > 1 ? " and others (nhictl agent list)" : "",
                   s->set.overdue_denies ? ", denied until nhictl agent certify" : "");
    if (n->orphaned > 0)
        out_string(c->out, "owner off-boarded: %s%s waits for nhictl agent transfer", n->orphaned_name,
                   n->orphaned > 1 ? " and others (nhictl owner list)" : "");
    if (n->signing == 0)
        out_string(c->out, "this host has no active signing key: nhictl key rotate");
    if (!n->snapshot)
        out_string(c->out, "the account snapshot cannot be read: nhictl apply");
    else if (n->unpublished > 0)
        out_string(c->out, "the account snapshot is behind the ledger: nhictl apply");
    if (n->behind)
        out_string(
            c->out,
            "what logins read is not what the ledger has, so agents may be denied: make sure that there is room in "
            "%s and %s, then nhictl publish",
            NHI_RUN_DIR, NHI_STATE_DIR);
    platform_attention(c);
    leftovers_attention(c);
    namesakes_each(s->l, namesake_attention, c);
    if (n->sessions_failed)
        out_string(c->out, "%s/%s cannot be read", NHI_RUN_DIR, NHI_SESSIONS_DIR);
    if (n->records_failed)
        out_string(c->out, "%s/%s cannot be read: agents are denied", NHI_STATE_DIR, NHI_GRANTS_DIR);
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
            err = store_event(c, &s, (struct store_event){ .kind = "clock-accept" }, detail);
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
    struct status n = { .now = 0 };
    struct store s = { 0 };
    int code = args->accept_clock ? accept_clock(c) : CTL_DONE;

    if (code == CTL_DONE)
        code = store_read(c, &s);
    if (code == CTL_DONE)
        code = status_gather(c, &s, &n);
    if (code == CTL_DONE) {
        show_counts(c, &s, &n);
        code = observed_show(c, &s);
    }
    if (code == CTL_DONE) {
        show_attention(c, &s, &n);
        code = ctl_answer(c);
    }
    recent_free(&n.recent);
    store_close(&s);
    return code;
}

static const struct opt status_opts[] = {
    { "accept-clock", OPT_FLAG, offsetof(struct status_args, accept_clock), false, NULL,
      "accept this host's clock although it went back", NULL, 0 },
    { .name = NULL },
};

const struct verb status_verbs[] = {
    { NULL, "status", status, status_opts, sizeof(struct status_args), 0, 0, "[--accept-clock]",
      "Show the state of this host, and what needs attention.", NULL, "nhictl status" },
    { .verb = NULL },
};
