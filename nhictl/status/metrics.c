/* SPDX-License-Identifier: ISC */
/*
 * metrics: the state of this host, in the text format of Prometheus, for node_exporter's textfile collector.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 * MUST: no name from outside is a label: their number could not be limited. MUST: the file is also written when the
 * ledger cannot be used, or old good figures would look like the present ones.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/heartbeat.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/policy/reason.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"
#include "nhictl/say/text_file.h"
#include "nhictl/status/recent.h"
#include "nhictl/status/refused_jobs.h"
#include "nhictl/status/status.h"
#include "nhictl/status/status_gather.h"
#include "nhictl/store/store.h"

struct metrics_args {
    const char *out;
};

static void describe(FILE *f, const char *name, const char *type, const char *help)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(FILE *f, const char *name, const char *help, int64_t value)
{
    describe(f, name, "gauge", help);
    fprintf(f, "%s %lld\n", name, (long long)value);
}

static void labelled(FILE *f, const char *name, const char *label, const char *word, uint64_t value)
{
    fprintf(f, "%s{%s=\"%s\"} %llu\n", name, label, word, (unsigned long long)value);
}

/* The figures that need no ledger. */
static void put_host(FILE *f, const struct ctl *c, bool usable)
{
    struct statvfs disk;

    gauge(f, "nhi_ledger_usable", "Whether the ledger can be read: agents are denied while it cannot.", usable);
    gauge(f, "nhi_supervisor_up", "Whether nhictl watch is running and can read the ledger.",
          nhi_heartbeat_is_live(NHI_RUN_DIR));
    gauge(f, "nhi_metrics_timestamp_seconds", "When this was written.", c->now);
    if (statvfs(NHI_STATE_DIR, &disk) == 0)
        gauge(f, "nhi_state_free_bytes", "Space left where grants are recorded.",
              (int64_t)disk.f_bavail * (int64_t)disk.f_frsize);
}

static void put_identities(FILE *f, const struct status *n)
{
    describe(f, "nhi_agents", "gauge", "Registered agents by state.");
    labelled(f, "nhi_agents", "state", "active", n->active);
    labelled(f, "nhi_agents", "state", "suspended", n->suspended);
    labelled(f, "nhi_agents", "state", "retired", n->retired);
    gauge(f, "nhi_agents_review_overdue", "Agents whose review date has passed.", n->overdue);
    gauge(f, "nhi_agents_without_owner", "Agents whose owner is off-boarded.", n->orphaned);
    gauge(f, "nhi_tasks_open", "Open tasks.", n->tasks);
    gauge(f, "nhi_tickets_live", "Tickets that have neither ended nor been revoked.", n->tickets);
    gauge(f, "nhi_policy_rules", "Rules of the policy in force.", (int64_t)n->rules);
    gauge(f, "nhi_issuers", "Keys that are trusted here.", n->keys);
    if (n->key_since != 0)
        gauge(f, "nhi_signing_key_created_seconds", "When this host's own newest key was made.", n->key_since);
    gauge(f, "nhi_accounts_behind", "Agents whose account in the snapshot differs from the ledger.",
          n->snapshot ? n->unpublished : (int64_t)n->active + n->suspended + n->retired);
}

static void put_state(FILE *f, const struct status *n)
{
    gauge(f, "nhi_ledger_fits",
          "Whether the ledger belongs to this machine and is the newest: otherwise agents are denied.",
          n->fit == NHI_FIT_HERE);
    gauge(f, "nhi_clock_behind", "Whether this host's clock is behind the newest time in the ledger.", n->clock_behind);
    gauge(f, "nhi_lockdown", "Whether this host is in lockdown: no agent may log in.", n->lockdown);
    gauge(f, "nhi_reserve_usable", "Whether the reserve for revocations can be used: otherwise agents are denied.",
          n->reserve == NHI_OK);
    gauge(f, "nhi_reserve_revocations", "Revocations that are not in the ledger yet.", (int64_t)n->reserved);
    if (!n->sessions_failed) {
        gauge(f, "nhi_sessions", "Registered sessions; those with a process where the supervisor is behind.",
              n->sessions);
        gauge(f, "nhi_sessions_over", "Sessions that should have ended, but are still running.", n->over);
    }
    if (!n->records_failed)
        gauge(f, "nhi_grant_records", "Records of decisions that are kept beside the ledger.", n->records);
    describe(f, "nhi_events_total", "counter", "Number of the newest event of the trail.");
    fprintf(f, "nhi_events_total %lld\n", (long long)n->events);
}

/* Every reason, also those that did not occur: a missing figure cannot be compared with. */
static void put_denials(FILE *f, const struct recent *r)
{
    gauge(f, "nhi_jobs_refused", "Jobs that did not run in the last day, and have not run since.",
          (int64_t)recent_refused(r));
    describe(f, "nhi_denials_last_hour", "gauge", "Denials in the last hour by reason.");
    for (unsigned i = 1; i < NHI_REASON_COUNT; i++)
        labelled(f, "nhi_denials_last_hour", "reason", nhi_reason_name((enum nhi_reason)i), r->by_reason[i]);
    describe(f, "nhi_service_denials_last_hour", "gauge", "Denials in the last hour by service.");
    for (unsigned i = 0; i < NHI_DENIAL_SERVICES; i++)
        labelled(f, "nhi_service_denials_last_hour", "service", nhi_denial_service((enum nhi_denial_of)i),
                 r->by_service[i]);
}

/* Allocated, the caller frees it: without the newline at its end. */
static char *metrics_text(const struct ctl *c, const struct status *n)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = out_must(open_memstream(&text, &len));

    put_host(f, c, n != NULL);
    if (n != NULL) {
        put_identities(f, n);
        put_state(f, n);
        put_denials(f, &n->recent);
    }
    if (fclose(f) != 0)
        out_must(NULL);
    text[len - 1] = '\0';
    return text;
}

static int metrics(struct ctl *c)
{
    const struct metrics_args *args = c->args;
    struct status n = { .now = 0 };
    struct store s = { 0 };
    char *text;
    int code = store_read(c, &s), written = CTL_DONE;

    if (code == CTL_REFUSED)
        goto out;
    if (code == CTL_DONE)
        code = status_gather(c, &s, &n);
    text = metrics_text(c, code == CTL_DONE ? &n : NULL);
    if (args->out != NULL)
        written = text_write(c, args->out, text, 0644);
    else
        out_raw(c->out, "metrics", text);
    free(text);
    recent_free(&n.recent);
    /* A failure has printed its one object already. */
    if (written == CTL_DONE && (code == CTL_DONE || !c->json))
        written = ctl_answer(c);
    if (code == CTL_DONE)
        code = written;
out:
    store_close(&s);
    return code;
}

static const struct opt metrics_opts[] = {
    { "out", OPT_PATH, offsetof(struct metrics_args, out), false, "FILE", "write to this file, whole or not at all",
      NULL, 0 },
    { .name = NULL },
};

const struct verb metrics_verbs[] = {
    { NULL, "metrics", metrics, metrics_opts, sizeof(struct metrics_args), 0, 0, "[--out FILE]",
      "Print the state of this host for Prometheus.",
      "For the textfile collector of node_exporter: the timer that is included runs it every minute.\n"
      "If the ledger cannot be used, it reports that, and exits with status 3.",
      "nhictl metrics --out /var/lib/prometheus/node-exporter/nhi.prom" },
    { .verb = NULL },
};
