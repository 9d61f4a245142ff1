/* SPDX-License-Identifier: ISC */
/*
 * Recent denials, and jobs that did not run.
 */
#include "nhictl/status/recent.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/policy/reason.h"
#include "nhictl/status/refused_jobs.h"
#include "nhictl/store/store.h"

static enum nhi_reason reason_of(const char *name)
{
    enum nhi_reason r = NHI_DENY_INTERNAL;

    (void)nhi_reason_find(name, &r);
    return r;
}

/* For a counter that became an event: its detail has a number for each reason and each service. */
static void add_counted(struct recent *r, const struct nhi_event *e)
{
    json_t *detail = e->detail != NULL ? json_loads(e->detail, 0, NULL) : NULL;

    r->denials += (uint64_t)json_integer_value(json_object_get(detail, "count"));
    for (unsigned i = 0; i < NHI_REASON_COUNT; i++)
        r->by_reason[i] += (uint64_t)json_integer_value(json_object_get(detail, nhi_reason_name((enum nhi_reason)i)));
    for (unsigned i = 0; i < NHI_DENIAL_SERVICES; i++)
        r->by_service[i] +=
            (uint64_t)json_integer_value(json_object_get(detail, nhi_denial_service((enum nhi_denial_of)i)));
    json_decref(detail);
}

/* For one that is not an event yet. */
static int add_counting(const struct nhi_denials *d, void *ctx)
{
    struct recent *r = ctx;

    r->denials += d->total;
    for (unsigned i = 0; i < NHI_REASON_COUNT; i++)
        for (unsigned j = 0; j < NHI_DENIAL_SERVICES; j++) {
            r->by_reason[i] += d->count[i][j];
            r->by_service[j] += d->count[i][j];
        }
    for (size_t i = 0; i < d->sample_count; i++)
        jobs_add_sample(r, &d->samples[i]);
    return 1;
}

static void add_denial(struct recent *r, const struct nhi_event *e)
{
    if (e->at < r->since)
        return;
    if (strcmp(e->kind, "denials") == 0) {
        add_counted(r, e);
    } else if (strcmp(e->decision, "deny") == 0 && strcmp(e->kind, "refused") != 0) {
        /* Refusals without a record are among the counted ones. */
        r->denials++;
        r->by_reason[reason_of(e->reason)]++;
        r->by_service[nhi_denial_of_service(e->service)]++;
    }
}

static int add_event(const struct nhi_event *e, void *ctx)
{
    add_denial(ctx, e);
    jobs_add(ctx, e);
    return 0;
}

/* What is not an event yet is the newest. */
enum nhi_err recent_gather(struct store *s, int64_t now, struct recent *r)
{
    memset(r, 0, sizeof(*r));
    r->since = now - 3600;
    (void)!nhi_denials_take(NHI_RUN_DIR, add_counting, r);
    return nhi_event_each_recent(s->l, now - REFUSED_WINDOW, add_event, r);
}

void recent_free(struct recent *r)
{
    free(r->job);
    r->job = NULL;
    r->job_count = r->job_room = 0;
}
