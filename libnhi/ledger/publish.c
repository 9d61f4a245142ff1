/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/change.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_fact.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/publish_file.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/state/state_write.h"

#define AGAIN 8192 /* bytes of changes */
#define FROM_STATE "recorded in the published state"

struct nhi_publisher {
    struct nhi_publish_at at;
    struct nhi_state_writer *w; /* during a transaction; NULL: no state is seen, and none can be published */
    bool watching;              /* changes are collected */
    bool moved;                 /* this transaction has a new generation */
    bool ahead;                 /* the state has endings of this transaction */
    bool renews;                /* it makes a new file */
    bool published;             /* the new file replaced the old one before the commit */
    size_t had;                 /* room in the tail at the beginning */
    int64_t generation, latest;
    struct nhi_changes changes;
    enum nhi_err err; /* why the last transaction was not published */
};

/* The end of a transaction. */
static void finish(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;

    nhi_changes_forget(l, &p->changes);
    nhi_state_end(p->w);
    p->w = NULL;
    p->moved = p->ahead = p->renews = p->published = false;
}

static void free_publisher(struct nhi_publisher *p)
{
    if (p == NULL)
        return;
    nhi_changes_free(&p->changes);
    nhi_state_end(p->w);
    free(p);
}

enum nhi_err nhi_ledger_unpublished(const struct nhi_ledger *l)
{
    return l->publisher != NULL ? l->publisher->err : NHI_OK;
}

/* ---- the beginning ---- */

static enum nhi_err take_turn(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;
    struct nhi_state *seen = NULL;
    enum nhi_err err = NHI_OK, open;

    /* Only now: most that could write do not. */
    if (!p->watching)
        err = nhi_changes_watch(l);
    if (err != NHI_OK)
        return err;
    p->watching = true;
    err = nhi_state_begin(p->at.run_dir, p->at.dir, p->at.wait_ms, &p->w);
    p->err = err;
    if (err == NHI_OK)
        p->had = nhi_state_room(p->w);
    if (err == NHI_OK || err == NHI_ERR_BUSY || err == NHI_ERR_NOMEM)
        return err;
    /* Nobody can publish. If readers see no state either, they deny: then the ledger can be written all the same. */
    open = nhi_state_open(p->at.run_dir, p->at.dir, &seen);
    nhi_state_close(seen);
    return nhi_state_is_denied(open) ? NHI_OK : err;
}

struct taking {
    struct nhi_ledger *l;
    int64_t now;
};

/* A writer was killed between the two: what it has ended stays ended. */
static enum nhi_err take_in(unsigned kind, const char *id, void *ctx)
{
    struct taking *t = ctx;
    struct nhi_event e = { .at = t->now, .kind = "revoke", .cause = FROM_STATE };
    enum nhi_err err;
    int64_t had = 0;
    char detail[160];

    err = nhi_sql_number(t->l, &had, "SELECT count(*) FROM revocation WHERE kind = ? AND id = ?", "is", (int64_t)kind,
                         id);
    if (err != NHI_OK || had != 0)
        return err;
    err = nhi_revoke(t->l, (enum nhi_revoke_kind)kind, id, FROM_STATE, t->now, NULL);
    snprintf(detail, sizeof(detail), "{\"held_in\":\"state\",\"kind\":\"%s\",\"id\":\"%s\"}",
             nhi_revoke_kind_name((enum nhi_revoke_kind)kind), id);
    e.detail = detail;
    if (kind == NHI_REVOKE_TICKET)
        snprintf(e.jti, sizeof(e.jti), "%s", id);
    else
        snprintf(e.task, sizeof(e.task), "%s", id);
    return err == NHI_OK ? nhi_event_add(t->l, &e) : err;
}

/* A file that was published before this ledger had the same, and not that of another ledger. */
static bool is_ahead(struct nhi_ledger *l, struct nhi_state *seen)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_HOST, "");
    struct nhi_fact_source from = nhi_state_source(seen);
    struct nhi_fact_host host;
    struct nhi_settings s;
    struct nhi_value v;

    return nhi_state_head(seen)->generation == l->publisher->generation + 1 && from.get(from.ctx, &key, &v) == NHI_OK &&
           nhi_fact_get_host(&v, &host) == NHI_OK && nhi_ledger_settings(l, &s) == NHI_OK && s.epoch == host.epoch;
}

static enum nhi_err catch_up(struct nhi_ledger *l, int64_t now)
{
    struct nhi_publisher *p = l->publisher;
    struct taking t = { .l = l, .now = now };
    struct nhi_state *seen = p->w != NULL ? nhi_state_seen(p->w) : NULL;
    enum nhi_err err = nhi_sql_number(l, &p->generation, "SELECT generation FROM setting", "");

    if (err != NHI_OK)
        return err;
    p->changes.whole = seen == NULL || nhi_state_generation(seen) != p->generation || !nhi_state_is_here(seen);
    if (seen == NULL || !p->changes.whole)
        return NHI_OK;
    return nhi_state_each_revoked(seen, is_ahead(l, seen), take_in, &t);
}

/* ---- publishing ---- */

static const struct nhi_value *value_of(const struct nhi_change *c, struct nhi_value *v)
{
    v->len = c->len;
    v->full = false;
    memcpy(v->bytes, c->value, c->len);
    return v;
}

/* Bytes of the tail that the changes need before the commit, and after. */
static void count_bytes(const struct nhi_publisher *p, size_t *before, size_t *after)
{
    struct nhi_value v;

    *before = 0;
    *after = 64; /* that everything is done */
    for (size_t i = 0; i < p->changes.count; i++) {
        const struct nhi_change *c = &p->changes.all[i];

        if (c->ends)
            *before += nhi_state_cost(&c->key, c->stands ? value_of(c, &v) : NULL);
        if (!c->ends || !c->stands)
            *after += nhi_state_cost(&c->key, value_of(c, &v));
    }
}

/* Makes a new file before the tail is full, so that no ending waits for one to be made. Those that only end something
 * leave that to others as long as they can. One that could not be made is tried again after some more changes, not with
 * each. */
static bool should_refresh(const struct nhi_publisher *p)
{
    const size_t room = p->w != NULL ? nhi_state_room(p->w) : 0;

    return room > 0 && p->err == NHI_OK && p->moved && room < STATE_TAIL_SIZE / (p->ahead ? 8 : 2) &&
           room / AGAIN != p->had / AGAIN;
}

static enum nhi_err add_ends(struct nhi_publisher *p)
{
    struct nhi_value v;
    enum nhi_err err = NHI_OK;

    for (size_t i = 0; err == NHI_OK && i < p->changes.count; i++)
        if (p->changes.all[i].ends)
            err = nhi_state_add(p->w, p->generation, &p->changes.all[i].key,
                                p->changes.all[i].stands ? value_of(&p->changes.all[i], &v) : NULL);
    return err;
}

static bool only_ends(const struct nhi_publisher *p)
{
    for (size_t i = 0; i < p->changes.count; i++)
        if (!p->changes.all[i].ends)
            return false;
    return true;
}

/* What ends comes first. If the tail has no room for it, a new file has it: before the commit if the transaction only
 * ends things, else right after it. */
static enum nhi_err publish_ends(struct nhi_ledger *l, size_t before)
{
    struct nhi_publisher *p = l->publisher;
    struct nhi_state *seen = nhi_state_seen(p->w);
    enum nhi_err err = NHI_OK;

    if (seen != NULL && before > 0 && before <= nhi_state_room(p->w)) {
        err = add_ends(p);
        p->ahead = true;
    }
    if (err == NHI_OK && p->renews)
        p->err = nhi_publish_prepare(l, &p->at, p->w, p->generation, p->changes.whole ? NULL : &p->changes);
    if (err == NHI_OK && p->renews && p->err == NHI_OK && before > 0 && !p->ahead && only_ends(p)) {
        err = nhi_state_publish(p->w);
        p->published = err == NHI_OK;
    }
    /* An ending that nobody would see is refused: the reserve is there for that. */
    if (err == NHI_OK && p->err != NHI_OK && seen != NULL && before > 0 && !p->ahead)
        err = p->err;
    return err;
}

static enum nhi_err publish_first(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;
    struct nhi_settings s;
    size_t before = 0, after = 0;
    enum nhi_err err;

    err = nhi_changes_any(l, &p->changes);
    if (err != NHI_OK || (!p->changes.any && (!p->changes.whole || p->w == NULL)))
        return err;
    /* Also while nothing can be published: an older state that comes back is no longer that of this ledger. */
    err = nhi_sql_run(l, NULL, "UPDATE setting SET generation = generation + 1", "");
    p->generation++;
    p->moved = true;
    if (err == NHI_OK)
        err = nhi_ledger_settings(l, &s);
    if (err == NHI_OK)
        err = nhi_changes_collect(l, p->w != NULL ? nhi_state_seen(p->w) : NULL, &p->changes);
    if (err == NHI_OK)
        err = nhi_publish_bound(l, &p->at, &p->changes);
    if (err != NHI_OK || p->w == NULL)
        return err;
    p->latest = s.latest;
    count_bytes(p, &before, &after);
    p->renews = p->changes.whole || before + after > nhi_state_room(p->w);
    return publish_ends(l, before);
}

static enum nhi_err add_rest(struct nhi_publisher *p)
{
    struct nhi_value v;
    enum nhi_err err = NHI_OK;

    for (size_t i = 0; err == NHI_OK && i < p->changes.count; i++)
        if (!p->changes.all[i].ends || !p->changes.all[i].stands)
            err = nhi_state_add(p->w, p->generation, &p->changes.all[i].key, value_of(&p->changes.all[i], &v));
    return err == NHI_OK ? nhi_state_done(p->w, p->generation, p->latest) : err;
}

static void publish_rest(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;
    bool refresh;

    if (p->w != NULL && p->err == NHI_OK && p->renews && !p->published)
        p->err = nhi_state_publish(p->w);
    else if (p->w != NULL && p->err == NHI_OK && p->moved && !p->renews)
        p->err = add_rest(p);
    refresh = should_refresh(p);
    finish(l);
    /* If it cannot be made, the tail lasts a little longer. */
    if (refresh)
        (void)!nhi_ledger_refresh(l);
}

/* What was held comes back as the ledger still has it; what was revoked stays so, and is taken into the ledger by the
 * next writer, which sees that the state is ahead. */
static void undo(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;
    struct nhi_fact_source from = nhi_ledger_source(l);
    struct nhi_value v;

    for (size_t i = 0; p->w != NULL && p->ahead && i < p->changes.count; i++)
        if (p->changes.all[i].ends && !nhi_change_lasts(p->changes.all[i].key.kind) &&
            from.get(from.ctx, &p->changes.all[i].key, &v) == NHI_OK)
            (void)!nhi_state_add(p->w, p->generation - 1, &p->changes.all[i].key, &v);
    finish(l);
}

static const struct nhi_sql_hooks hooks = {
    .begin = take_turn,
    .begun = catch_up,
    .commit = publish_first,
    .committed = publish_rest,
    .undone = undo,
    .free = free_publisher,
};

enum nhi_err nhi_ledger_publishes(struct nhi_ledger *l, const char *dir, const char *run_dir, int wait_ms)
{
    struct nhi_publisher *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NHI_ERR_NOMEM;
    *p = (struct nhi_publisher){ .at = { dir, run_dir, wait_ms } };
    l->publisher = p;
    l->hooks = &hooks;
    return NHI_OK;
}

/* ---- by itself ---- */

enum nhi_err nhi_ledger_withdraw(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;

    p->changes.whole = true;
    return p->w != NULL ? nhi_state_withdraw(p->w) : NHI_OK;
}

enum nhi_err nhi_ledger_refresh(struct nhi_ledger *l)
{
    return nhi_publish_beside(l, &l->publisher->at, false);
}

enum nhi_err nhi_ledger_publish(struct nhi_ledger *l, int64_t now)
{
    enum nhi_err err = nhi_publish_beside(l, &l->publisher->at, true);
    const bool done = err == NHI_OK;

    /* A transaction also notes this boot; and it is needed if a writer was killed, or others were faster. */
    if ((!done && err != NHI_ERR_STATE) || (done && nhi_ledger_knows_boot(l)))
        return err;
    err = nhi_ledger_begin(l, now);
    if (err != NHI_OK)
        return err;
    l->publisher->changes.whole = l->publisher->changes.whole || !done;
    err = nhi_ledger_commit(l);
    return err == NHI_OK ? l->publisher->err : err;
}

int64_t nhi_ledger_generation(struct nhi_ledger *l)
{
    int64_t generation = -1;

    return nhi_sql_number(l, &generation, "SELECT generation FROM setting", "") == NHI_OK ? generation : -1;
}

bool nhi_ledger_is_published(struct nhi_ledger *l, const char *dir, const char *run_dir)
{
    struct nhi_state *seen = NULL;
    const int64_t generation = nhi_ledger_generation(l);
    bool is = generation >= 0 && nhi_state_open(run_dir, dir, &seen) == NHI_OK &&
              nhi_state_generation(seen) == generation && nhi_state_is_here(seen);

    nhi_state_close(seen);
    return is;
}

enum nhi_err nhi_ledger_publish_if_stale(struct nhi_ledger *l, int64_t now)
{
    const struct nhi_publisher *p = l->publisher;

    return nhi_ledger_is_published(l, p->at.dir, p->at.run_dir) ? NHI_OK : nhi_ledger_publish(l, now);
}
