/*
 * What was denied of late.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/paths.h"
#include "nhictl/status.h"
#include "nhictl/store.h"

static enum nhi_reason reason_of(const char *name)
{
    unsigned r = 0;

    while (r + 1 < NHI_REASON_COUNT && strcmp(nhi_reason_name((enum nhi_reason)r), name) != 0)
        r++;
    return strcmp(nhi_reason_name((enum nhi_reason)r), name) == 0 ? (enum nhi_reason)r : NHI_DENY_INTERNAL;
}

/* Of a count that became an event: its detail has a number for each reason and each door. */
static void add_counted(struct recent *r, const struct nhi_event *e)
{
    json_t *detail = e->detail != NULL ? json_loads(e->detail, 0, NULL) : NULL;

    r->denials += (uint64_t)json_integer_value(json_object_get(detail, "count"));
    for (unsigned i = 0; i < NHI_REASON_COUNT; i++)
        r->by_reason[i] += (uint64_t)json_integer_value(
            json_object_get(detail, nhi_reason_name((enum nhi_reason)i)));
    for (unsigned i = 0; i < NHI_DENIAL_SERVICES; i++)
        r->by_service[i] += (uint64_t)json_integer_value(
            json_object_get(detail, nhi_denial_service((enum nhi_denial_of)i)));
    json_decref(detail);
}

/* Of one that has not become one yet. */
static int add_counting(const struct nhi_denials *d, void *ctx)
{
    struct recent *r = ctx;

    r->denials += d->total;
    for (unsigned i = 0; i < NHI_REASON_COUNT; i++)
        for (unsigned j = 0; j < NHI_DENIAL_SERVICES; j++) {
            r->by_reason[i] += d->count[i][j];
            r->by_service[j] += d->count[i][j];
        }
    return 1;
}

static int add_event(const struct nhi_event *e, void *ctx)
{
    struct recent *r = ctx;

    if (strcmp(e->kind, "denials") == 0) {
        add_counted(r, e);
    } else if (strcmp(e->decision, "deny") == 0) {
        r->denials++;
        r->by_reason[reason_of(e->reason)]++;
        r->by_service[nhi_denial_of_service(e->service)]++;
    }
    return 0;
}

enum nhi_err recent_gather(struct store *s, int64_t now, struct recent *r)
{
    enum nhi_err err;

    memset(r, 0, sizeof(*r));
    err = nhi_event_each_recent(s->l, now - 3600, add_event, r);
    if (err == NHI_OK)
        (void)!nhi_denials_take(NHI_RUN_DIR, add_counting, r);
    return err;
}
