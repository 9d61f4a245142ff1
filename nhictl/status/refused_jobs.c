/* SPDX-License-Identifier: ISC */
/*
 * Jobs of nhictl run, cron and atd that should have run, but did not.
 */
#include "nhictl/status/refused_jobs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/policy/reason.h"
#include "nhictl/run/run.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"

#define BY_ITSELF "the command ended " /* RUN_ENDED begins with this */

static bool is_daemon_of_jobs(const char *service)
{
    return strcmp(service, "cron") == 0 || strcmp(service, "crond") == 0 || strcmp(service, "atd") == 0;
}

static struct job *find(struct recent *r, const char *agent, const char *name, const char *service)
{
    struct job *j;

    for (size_t i = 0; i < r->job_count; i++)
        if (strcmp(r->job[i].agent, agent) == 0 && strcmp(r->job[i].name, name) == 0 &&
            strcmp(r->job[i].service, service) == 0)
            return &r->job[i];
    r->job = out_grow(r->job, &r->job_room, r->job_count + 1, sizeof(*r->job));
    j = &r->job[r->job_count++];
    memset(j, 0, sizeof(*j));
    snprintf(j->agent, sizeof(j->agent), "%s", agent);
    snprintf(j->name, sizeof(j->name), "%s", name);
    snprintf(j->service, sizeof(j->service), "%s", service);
    return j;
}

static void refused(struct job *j, int64_t at, const char *why)
{
    if (j->settled)
        return;
    if (j->count++ == 0) {
        j->at = at;
        snprintf(j->why, sizeof(j->why), "%s", why);
    }
}

/* It ran: older refusals are settled, and so is one that was recorded only lately. */
static void ran(struct job *j, int64_t at)
{
    if (at > j->at)
        j->count = 0;
    j->settled = true;
}

static void add_run(struct recent *r, const struct nhi_event *e)
{
    json_t *detail = e->detail != NULL ? json_loads(e->detail, 0, NULL) : NULL;
    const char *name = json_string_value(json_object_get(detail, "job"));
    struct job *j = find(r, e->agent, name != NULL ? name : e->task, "");

    if (strcmp(e->kind, "run") == 0)
        ran(j, e->at);
    else if (strncmp(e->cause, BY_ITSELF, strlen(BY_ITSELF)) != 0)
        refused(j, e->at, e->cause);
    json_decref(detail);
}

/* Words service/account/from/reason, and no name has a slash. */
static void add_counted(struct recent *r, const struct nhi_event *e)
{
    json_t *detail = e->detail != NULL ? json_loads(e->detail, 0, NULL) : NULL, *word;
    char service[NHI_SERVICE_MAX + 1], account[NHI_ACCOUNT_MAX + 1], reason[NHI_WORD_MAX + 1];
    size_t i;

    json_array_foreach(json_object_get(detail, "samples"), i,
                       word) if (sscanf(json_string_value(word) != NULL ? json_string_value(word) : "",
                                        "%32[^/]/%32[^/]/%*[^/]/%31s", service, account, reason) == 3 &&
                                 is_daemon_of_jobs(service)) refused(find(r, "", account, service), e->at, reason);
    json_decref(detail);
}

void jobs_add(struct recent *r, const struct nhi_event *e)
{
    if (strcmp(e->kind, "denials") == 0)
        add_counted(r, e);
    else if (strncmp(e->kind, "run", 3) == 0)
        add_run(r, e);
    else if (is_daemon_of_jobs(e->service) && strcmp(e->decision, "deny") == 0)
        refused(find(r, "", e->account, e->service), e->at, e->reason);
    else if (is_daemon_of_jobs(e->service) && strcmp(e->kind, "grant") == 0)
        ran(find(r, "", e->account, e->service), e->at);
}

void jobs_add_sample(struct recent *r, const struct nhi_denial *d)
{
    if (is_daemon_of_jobs(d->service))
        refused(find(r, "", d->account, d->service), d->at, nhi_reason_name(d->reason));
}

size_t recent_refused(const struct recent *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->job_count; i++)
        n += r->job[i].count > 0;
    return n;
}
