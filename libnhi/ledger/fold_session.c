/* SPDX-License-Identifier: ISC */
/*
 * The ends of sessions become events, each exactly once, no matter which process notices first.
 *
 * MUST: ask the ledger which sessions are open before looking for them: a session that ends between the two has a file
 * of its end, or was recorded already, and is not lost.
 */
#include "libnhi/ledger/fold_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/grant.h"
#include "libnhi/ledger/ledger_session.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_end.h"
#include "libnhi/session/session_list.h"

struct lost {
    struct nhi_grant g;
    char handle[NHI_TREE_MAX + 1];
};

struct ends {
    struct nhi_ledger *ledger;
    const char *run_dir;
    int64_t now;
    bool (*goes_down)(void);
    char boot[37];
    struct lost *open; /* sessions that the ledger has as open, then those of them that no longer exist */
    size_t open_count, open_room;
    struct nhi_session_end *ended;
    size_t ended_count, ended_room;
    bool full;
    uint32_t told;
};

static int take_open(const char *handle, const struct nhi_grant *g, void *ctx)
{
    struct ends *e = ctx;
    struct lost *more;

    more = nhi_grow(e->open, &e->open_room, e->open_count + 1, sizeof(*more));
    if (more == NULL) {
        e->full = true;
        return 1;
    }
    e->open = more;
    e->open[e->open_count].g = *g;
    memcpy(e->open[e->open_count++].handle, handle, strlen(handle) + 1);
    return 0;
}

static enum nhi_err take_end(const struct nhi_session_end *end, void *ctx)
{
    struct ends *e = ctx;
    struct nhi_session_end *more;

    more = nhi_grow(e->ended, &e->ended_room, e->ended_count + 1, sizeof(*more));
    if (more == NULL)
        return NHI_ERR_NOMEM;
    e->ended = more;
    e->ended[e->ended_count++] = *end;
    return NHI_OK;
}

static enum nhi_err look_at_ends(struct ends *e)
{
    if (e->goes_down != NULL)
        nhi_session_ends_by_reboot(e->run_dir, e->goes_down);
    return nhi_session_each_end(e->run_dir, take_end, e);
}

static enum nhi_err look(struct ends *e)
{
    size_t kept = 0;
    enum nhi_err err;

    err = nhi_session_each_open(e->ledger, NULL, take_open, e);
    if (err == NHI_OK && e->full)
        err = NHI_ERR_NOMEM;
    if (err == NHI_OK)
        err = nhi_session_sweep(e->run_dir, NULL);
    for (size_t i = 0; err == NHI_OK && i < e->open_count; i++)
        if (!nhi_session_is_registered(e->run_dir, e->open[i].handle))
            e->open[kept++] = e->open[i];
    e->open_count = kept;
    return err == NHI_OK ? look_at_ends(e) : err;
}

static enum nhi_err record_end(struct ends *e, const struct nhi_session_end *end)
{
    bool told = false;
    enum nhi_err err = nhi_session_record_end(e->ledger, end, &told);

    e->told += told;
    return err;
}

/* A session that ended and left no file of its end. */
static enum nhi_err record_lost(struct ends *e, const struct lost *lost)
{
    struct nhi_session_end end = { .at = e->now, .g = lost->g };

    snprintf(end.handle, sizeof(end.handle), "%s", lost->handle);
    snprintf(end.reason, sizeof(end.reason), "%s", strcmp(lost->g.boot, e->boot) == 0 ? NHI_END_GONE : NHI_END_REBOOT);
    return record_end(e, &end);
}

/* The files of ended sessions first: a session that has one is not lost. */
static enum nhi_err record_ends(struct ends *e)
{
    enum nhi_err err = nhi_ledger_begin(e->ledger, e->now);

    for (size_t i = 0; err == NHI_OK && i < e->ended_count; i++)
        err = record_end(e, &e->ended[i]);
    for (size_t i = 0; err == NHI_OK && i < e->open_count; i++)
        err = record_lost(e, &e->open[i]);
    if (err == NHI_OK)
        err = nhi_ledger_commit(e->ledger);
    else
        nhi_ledger_rollback(e->ledger);
    for (size_t i = 0; err == NHI_OK && i < e->ended_count; i++)
        (void)nhi_session_remove(e->run_dir, e->ended[i].file);
    return err;
}

static enum nhi_err fold(struct ends *e, enum nhi_err (*looks)(struct ends *), uint32_t *told)
{
    enum nhi_err err = nhi_boot_id(e->boot);

    if (err == NHI_OK)
        err = looks(e);
    if (err == NHI_OK && e->ended_count + e->open_count > 0)
        err = record_ends(e);
    if (err == NHI_OK && told != NULL)
        *told = e->told;
    free(e->open);
    free(e->ended);
    return err;
}

enum nhi_err nhi_fold_sessions(const char *run_dir, struct nhi_ledger *l, int64_t now, bool (*goes_down)(void),
                               uint32_t *told)
{
    struct ends e = { .ledger = l, .run_dir = run_dir, .now = now, .goes_down = goes_down };

    return fold(&e, look, told);
}

enum nhi_err nhi_fold_session_ends(const char *run_dir, struct nhi_ledger *l, int64_t now, bool (*goes_down)(void),
                                   uint32_t *told)
{
    struct ends e = { .ledger = l, .run_dir = run_dir, .now = now, .goes_down = goes_down };

    return fold(&e, look_at_ends, told);
}
