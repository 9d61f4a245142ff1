/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/publish_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/last_seen.h"
#include "libnhi/base/proc.h"
#include "libnhi/ledger/ledger_fact_all.h"
#include "libnhi/ledger/ledger_fact_row.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/state/bound_write.h"
#include "libnhi/state/state_merge.h"

/* The host's record, as it fits now. */
static uint8_t fit_of(struct nhi_ledger *l, const struct nhi_publish_at *at)
{
    struct nhi_last_seen_answer seen;
    struct nhi_settings s;

    nhi_last_seen_ask(at->dir, at->run_dir, &seen);
    if (nhi_ledger_settings(l, &s) != NHI_OK)
        return NHI_FIT_UNKNOWN;
    return (uint8_t)nhi_ledger_fit(l, &s, &seen, nhi_now());
}

static bool outlives_boot(uint8_t kind)
{
    return kind == NHI_FACT_BOUND || kind == NHI_FACT_NAMED;
}

struct building {
    struct nhi_state_build *b;
    struct nhi_fact_key *bound; /* those that outlive the boot */
    size_t count, room;
};

static enum nhi_err add_build(void *ctx, const struct nhi_fact_key *key, const struct nhi_value *v)
{
    struct building *to = ctx;
    struct nhi_fact_key *more;

    if (outlives_boot(key->kind)) {
        more = nhi_grow(to->bound, &to->room, to->count + 1, sizeof(*more));
        if (more == NULL)
            return NHI_ERR_NOMEM;
        to->bound = more;
        more[to->count++] = *key;
    }
    return nhi_state_build_add(to->b, key, v);
}

static void free_building(struct building *to)
{
    nhi_state_build_free(to->b);
    free(to->bound);
    *to = (struct building){ .b = NULL };
}

static enum nhi_err collect(struct nhi_ledger *l, const struct nhi_publish_at *at, struct building *to)
{
    enum nhi_err err = nhi_state_build_new(&to->b);

    return err == NHI_OK ? nhi_sql_facts(l, nhi_now(), fit_of(l, at), add_build, to) : err;
}

/* The same from what is published, and changes over it; the host's record is made anew, since it depends on more than
 * the ledger. NHI_ERR_STATE: that would not be the same, or it is time to leave out what no longer counts. */
static enum nhi_err collect_from(struct nhi_state *s, const struct nhi_changes *c, const struct nhi_value *host,
                                 struct building *to)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_HOST, "");
    struct nhi_state_merge *m = NULL;
    enum nhi_err err;

    if (s == NULL || !nhi_state_is_here(s) || !nhi_state_may_merge(s))
        return NHI_ERR_STATE;
    err = nhi_state_merge_new(s, c != NULL ? c->count + 1 : 1, &m);
    if (err != NHI_OK)
        return err;
    nhi_state_merge_put(m, &key, host->bytes, host->len);
    for (size_t i = 0; c != NULL && i < c->count; i++)
        nhi_state_merge_put(m, &c->all[i].key, c->all[i].value, c->all[i].len);
    err = nhi_state_build_new(&to->b);
    if (err == NHI_OK) {
        nhi_state_build_is_merged(to->b, nhi_state_head(s)->whole_size);
        err = nhi_state_merge_each(m, add_build, to);
    }
    nhi_state_merge_free(m);
    return err;
}

static enum nhi_err merge(struct nhi_ledger *l, const struct nhi_publish_at *at, struct nhi_state *s,
                          const struct nhi_changes *c, struct building *to)
{
    struct nhi_value host;
    enum nhi_err err;

    nhi_value_begin(&host);
    err = fact_put_host(l, fit_of(l, at), &host);
    if (err == NHI_OK)
        err = collect_from(s, c, &host, to);
    if (err != NHI_OK)
        free_building(to);
    return err;
}

/* In the turn of a writer. Without this file, a key of an agent counts as that of a person while nothing is published,
 * and no more. */
static void keep_bound(const struct nhi_publish_at *at, struct building *to)
{
    (void)!nhi_bound_complete(at->dir, to->bound, to->count);
}

enum nhi_err nhi_publish_prepare(struct nhi_ledger *l, const struct nhi_publish_at *at, struct nhi_state_writer *w,
                                 int64_t generation, const struct nhi_changes *of)
{
    struct building to = { .b = NULL };
    enum nhi_err err = of != NULL ? merge(l, at, nhi_state_seen(w), of, &to) : NHI_ERR_STATE;

    if (err != NHI_OK)
        err = collect(l, at, &to);
    if (err == NHI_OK)
        err = nhi_state_prepare(w, to.b, generation);
    if (err == NHI_OK)
        keep_bound(at, &to);
    free_building(&to);
    return err;
}

/* Those of this transaction, before the ledger has them. */
enum nhi_err nhi_publish_bound(struct nhi_ledger *l, const struct nhi_publish_at *at, const struct nhi_changes *c)
{
    struct nhi_fact_key *keys = calloc(c->count + 1, sizeof(*keys));
    size_t n = 0;
    enum nhi_err err;

    if (keys == NULL)
        return NHI_ERR_NOMEM;
    for (size_t i = 0; i < c->count; i++)
        if (outlives_boot(c->all[i].key.kind))
            keys[n++] = c->all[i].key;
    err = nhi_bound_add(at->dir, keys, n);
    if (err != NHI_OK)
        snprintf(l->message, sizeof(l->message), "%s/" NHI_BOUND_FILE ": %s", at->dir, nhi_strerror(err));
    free(keys);
    return err;
}

/* What is published now, without keeping any other writer waiting. */
static enum nhi_err merge_beside(struct nhi_ledger *l, const struct nhi_publish_at *at, struct building *to,
                                 int64_t *of)
{
    struct nhi_state *s = NULL;
    enum nhi_err err = nhi_state_open(at->run_dir, at->dir, &s);

    if (err == NHI_OK)
        err = merge(l, at, s, NULL, to);
    if (err == NHI_OK)
        *of = nhi_state_generation(s);
    nhi_state_close(s);
    return err;
}

/* The same as the ledger is now. */
static enum nhi_err collect_beside(struct nhi_ledger *l, const struct nhi_publish_at *at, struct building *to,
                                   int64_t *of)
{
    int64_t generation = 0;
    enum nhi_err err = nhi_sql_err(l, sqlite3_exec(l->db, "BEGIN", NULL, NULL, NULL));

    if (err == NHI_OK)
        err = nhi_sql_number(l, &generation, "SELECT generation FROM setting", "");
    if (err == NHI_OK)
        err = collect(l, at, to);
    if (!sqlite3_get_autocommit(l->db))
        (void)sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
    *of = generation;
    return err;
}

/* In the turn of a writer: if nothing was published, nothing may have changed. */
static enum nhi_err catch_up_with(struct nhi_ledger *l, struct nhi_state_writer *w, int64_t generation)
{
    enum nhi_err err = nhi_state_catch_up(w);
    int64_t now = 0;

    if (err != NHI_ERR_NOT_FOUND)
        return err;
    err = nhi_sql_number(l, &now, "SELECT generation FROM setting", "");
    return err == NHI_OK && now != generation ? NHI_ERR_STATE : err;
}

enum nhi_err nhi_publish_beside(struct nhi_ledger *l, const struct nhi_publish_at *at, bool anew)
{
    struct building to = { .b = NULL };
    struct nhi_state_writer *w = NULL;
    int64_t generation = 0;
    enum nhi_err err = nhi_state_begin_beside(at->run_dir, at->dir, &w);

    if (err == NHI_OK && (anew || merge_beside(l, at, &to, &generation) != NHI_OK))
        err = collect_beside(l, at, &to, &generation);
    if (err == NHI_OK)
        err = nhi_state_prepare(w, to.b, generation);
    if (err == NHI_OK)
        err = nhi_state_take_turn(w, at->wait_ms);
    if (err == NHI_OK)
        err = catch_up_with(l, w, generation);
    if (err == NHI_OK)
        err = nhi_state_publish(w);
    if (err == NHI_OK)
        keep_bound(at, &to);
    nhi_state_end(w);
    free_building(&to);
    return err;
}
