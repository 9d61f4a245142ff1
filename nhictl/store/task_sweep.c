/* SPDX-License-Identifier: ISC */
#include "nhictl/store/task_sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_task.h"

#define OVER_MAX 256 /* in one transaction, since others wait for its end; the next command closes the rest */

struct over {
    int64_t now;
    size_t count;
    struct {
        struct nhi_task t;
        const char *why;
    } all[OVER_MAX];
};

static int collect(const struct nhi_task *t, int64_t at, const char *why, void *ctx)
{
    struct over *o = ctx;

    (void)at;
    o->all[o->count].t = *t;
    o->all[o->count++].why = why;
    return o->count == OVER_MAX;
}

/* A grant that is not in the ledger yet is a use, too; if the records cannot be read, it counts as used. */
static bool was_used(const struct over *o, const struct nhi_task *t)
{
    int64_t last;

    return nhi_fold_last_use(NHI_STATE_DIR, t->id, &last) != NHI_OK || last > o->now - t->idle;
}

static enum nhi_err close_one(struct nhi_ledger *l, const struct nhi_task *t, const char *why, int64_t now)
{
    struct nhi_event e = { .at = now, .kind = "task-close" };
    enum nhi_err err;

    memcpy(e.agent, t->agent, sizeof(e.agent));
    memcpy(e.task, t->id, sizeof(e.task));
    snprintf(e.cause, sizeof(e.cause), "%s", why);
    err = nhi_task_close(l, t->id, why, now);
    return err == NHI_OK ? nhi_event_add(l, &e) : err;
}

/* Searches again in the transaction: tasks that were used or closed meanwhile are left out. */
static enum nhi_err close_all(struct nhi_ledger *l, struct over *o)
{
    enum nhi_err err = nhi_ledger_begin(l, o->now);

    o->count = 0;
    if (err == NHI_OK)
        err = nhi_task_each_end(l, o->now, collect, o);
    for (size_t i = 0; i < o->count && err == NHI_OK; i++)
        if (strcmp(o->all[i].why, NHI_TASK_IDLE) != 0 || !was_used(o, &o->all[i].t))
            err = close_one(l, &o->all[i].t, o->all[i].why, o->now);
    return err == NHI_OK ? nhi_ledger_commit(l) : err;
}

void tasks_sweep(struct nhi_ledger *l, int64_t now)
{
    struct over *o = calloc(1, sizeof(*o));

    if (o == NULL)
        return;
    o->now = now;
    if (nhi_task_each_end(l, o->now, collect, o) == NHI_OK && o->count > 0 && close_all(l, o) != NHI_OK)
        nhi_ledger_rollback(l);
    free(o);
}

int64_t tasks_next(struct nhi_ledger *l)
{
    int64_t next = INT64_MAX;

    return nhi_task_first_end(l, &next) == NHI_OK ? next : INT64_MAX;
}
