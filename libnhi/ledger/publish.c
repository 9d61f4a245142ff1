/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/last_seen.h"
#include "libnhi/base/proc.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_fact.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/state/state_write.h"

#define FROM_STATE "recorded in the published state"

/* One record that a transaction adds to the state. */
struct change {
    struct nhi_fact_key key;
    bool ends;   /* it may take access away */
    bool stands; /* if it ends something: it is not held first, but the same before the commit and after */
    uint8_t *value;
    size_t len;
};

struct nhi_publisher {
    const char *dir, *run_dir;
    int wait_ms;
    struct nhi_state_writer *w; /* during a transaction; NULL: no state is seen, and none can be published */
    bool moved;                 /* this transaction has a new generation */
    bool whole;                 /* everything is published anew */
    bool ahead;                 /* the state has endings of this transaction */
    bool published;             /* the new file replaced the old one before the commit */
    int64_t generation, latest;
    struct change *all;
    size_t count, room;
    enum nhi_err err; /* why the last transaction was not published */
};

/* ---- which facts change ---- */

/* Kind of the fact and its key, by what changes in the tables: those columns that are published. '!': more than single
 * facts. */
#define CHANGED(name, when, kind, id) \
    "CREATE TEMP TRIGGER " name " AFTER " when " BEGIN INSERT OR IGNORE INTO changed VALUES ('" kind "', " id "); END;"
static const char triggers[] =
    "CREATE TEMP TABLE changed (kind TEXT NOT NULL, id NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;"
    /* */
    CHANGED("on_ticket", "INSERT ON main.ticket", "j", "NEW.jti")
    /* */
    CHANGED("on_ticket_change",
            "UPDATE OF kid, agent, task, host, accounts, services, iat, nbf, exp, uses, cnf, parent, root, renews,"
            " successor, superseded, no_pin, tree, ssh ON main.ticket",
            "j", "NEW.jti")
    /* */
    CHANGED("on_agent", "INSERT ON main.agent", "a", "NEW.name")
    /* */
    CHANGED("on_agent_change", "UPDATE OF uid, owner, review_by, state, revoked_until ON main.agent", "a", "NEW.name")
    /* */
    CHANGED("on_task", "INSERT ON main.task", "t", "NEW.id")
    /* */
    CHANGED("on_task_change", "UPDATE OF agent, state, deadline ON main.task", "t", "NEW.id")
    /* */
    CHANGED("on_issuer", "INSERT ON main.issuer", "i", "NEW.kid")
    /* */
    CHANGED("on_issuer_change", "UPDATE ON main.issuer", "i", "NEW.kid")
    /* */
    CHANGED("on_revocation", "INSERT ON main.revocation", "r", "NEW.kind || NEW.id")
    /* */
    CHANGED("on_key", "INSERT ON main.bound_key", "b", "NEW.cnf || CAST(NEW.account AS BLOB)")
    /* */
    CHANGED("on_setting",
            "UPDATE OF line, host, policy, epoch, epoch_at, epoch_ticket, machine, strange ON main.setting", "!", "''")
    /* */
    CHANGED("on_clock", "UPDATE OF latest ON main.setting WHEN NEW.latest < OLD.latest", "!", "''")
    /* */
    CHANGED("on_zone", "INSERT ON main.zone", "!", "''")
    /* */
    CHANGED("on_no_ticket", "DELETE ON main.ticket", "!", "''")
        CHANGED("on_no_agent", "DELETE ON main.agent", "!", "''")
    /* */
    CHANGED("on_no_task", "DELETE ON main.task", "!", "''") CHANGED("on_no_issuer", "DELETE ON main.issuer", "!", "''");

static void forget(struct nhi_publisher *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->all[i].value);
    free(p->all);
    p->all = NULL;
    p->count = p->room = 0;
}

/* The end of a transaction. */
static void finish(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;

    forget(p);
    nhi_state_end(p->w);
    p->w = NULL;
    p->moved = p->whole = p->ahead = p->published = false;
    (void)sqlite3_exec(l->db, "DELETE FROM temp.changed", NULL, NULL, NULL);
}

static void free_publisher(struct nhi_publisher *p)
{
    if (p == NULL)
        return;
    forget(p);
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
    enum nhi_err err = nhi_state_begin(p->run_dir, p->dir, p->wait_ms, &p->w);

    p->err = err;
    if (err == NHI_OK || err == NHI_ERR_BUSY || err == NHI_ERR_NOMEM)
        return err;
    /* Nobody can publish. If readers see no state either, they deny: then the ledger can be written all the same. */
    if (nhi_state_open(p->run_dir, p->dir, &seen) != NHI_OK)
        return NHI_OK;
    nhi_state_close(seen);
    return err;
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

static enum nhi_err catch_up(struct nhi_ledger *l, int64_t now)
{
    struct nhi_publisher *p = l->publisher;
    struct taking t = { .l = l, .now = now };
    struct nhi_state *seen = p->w != NULL ? nhi_state_seen(p->w) : NULL;
    enum nhi_err err = nhi_sql_number(l, &p->generation, "SELECT generation FROM setting", "");

    if (err != NHI_OK)
        return err;
    p->whole = seen == NULL || nhi_state_generation(seen) != p->generation || !nhi_state_is_here(seen);
    if (seen == NULL || !p->whole)
        return NHI_OK;
    return nhi_state_each_revoked(seen, take_in, &t);
}

/* ---- collecting ---- */

/* Whether the new value takes nothing away that the old one gave. */
static bool only_gives(uint8_t kind, const struct nhi_value *old, const struct nhi_value *now)
{
    struct nhi_fact_ticket j[2];
    struct nhi_fact_agent a[2];
    struct nhi_fact_task t[2];
    struct nhi_issuer i[2];

    switch (kind) {
    case NHI_FACT_TICKET:
        return nhi_fact_get_ticket(old, &j[0]) == NHI_OK && nhi_fact_get_ticket(now, &j[1]) == NHI_OK &&
               (!j[1].superseded || j[0].superseded) && (j[1].tree[0] == '\0' || strcmp(j[0].tree, j[1].tree) == 0);
    case NHI_FACT_AGENT:
        return nhi_fact_get_agent(old, &a[0]) == NHI_OK && nhi_fact_get_agent(now, &a[1]) == NHI_OK &&
               (a[1].state == NHI_AGENT_ACTIVE || a[1].state == a[0].state) &&
               a[1].revoked_until <= a[0].revoked_until && a[1].uid == a[0].uid;
    case NHI_FACT_TASK:
        return nhi_fact_get_task(old, &t[0]) == NHI_OK && nhi_fact_get_task(now, &t[1]) == NHI_OK &&
               (t[1].state == NHI_TASK_OPEN || t[1].state == t[0].state) && t[1].deadline >= t[0].deadline &&
               strcmp(t[0].agent, t[1].agent) == 0;
    case NHI_FACT_ISSUER:
        /* Nothing but the state of an issuer changes, and one that is rotated still counts. */
        return nhi_fact_get_issuer(old, &i[0]) == NHI_OK && nhi_fact_get_issuer(now, &i[1]) == NHI_OK &&
               (i[1].state <= NHI_ISSUER_ROTATED || i[1].state == i[0].state);
    case NHI_FACT_NEWEST:
    case NHI_FACT_HOST:
        return true;
    default:
        return false;
    }
}

/* Facts that nothing takes back. */
static bool lasts(uint8_t kind)
{
    return kind == NHI_FACT_REVOKED || kind == NHI_FACT_BOUND || kind == NHI_FACT_NAMED;
}

static enum nhi_err keep(void *ctx, const struct nhi_fact_key *key, const struct nhi_value *v)
{
    struct nhi_publisher *p = ctx;
    struct nhi_state *seen = nhi_state_seen(p->w);
    struct change c = { .key = *key, .len = v->len }, *more;
    struct nhi_value old = { .len = 0 };
    enum nhi_err err = NHI_ERR_NOT_FOUND;

    if (v->full)
        return NHI_ERR_TOO_LONG;
    if (seen != NULL && !NHI_FACT_IS_LIST(key->kind)) {
        struct nhi_fact_source from = nhi_state_source(seen);

        err = from.get(from.ctx, key, &old);
    }
    if (err == NHI_OK && old.len == v->len && memcmp(old.bytes, v->bytes, v->len) == 0)
        return NHI_OK;
    /* A ticket that ended is looked up for those that renewed it, or descend from it: they must not be denied as well.
     */
    c.stands = lasts(key->kind) || (key->kind == NHI_FACT_TICKET && err == NHI_OK);
    /* What nobody has seen yet can only give. */
    c.ends = lasts(key->kind) || (err == NHI_OK ? !only_gives(key->kind, &old, v) : err != NHI_ERR_NOT_FOUND);
    c.value = malloc(v->len + 1);
    more = c.value != NULL ? nhi_grow(p->all, &p->room, p->count + 1, sizeof(*more)) : NULL;
    if (more == NULL) {
        free(c.value);
        return NHI_ERR_NOMEM;
    }
    memcpy(c.value, v->bytes, v->len);
    p->all = more;
    p->all[p->count++] = c;
    return NHI_OK;
}

static enum nhi_err keep_from(struct nhi_ledger *l, const struct nhi_fact_key *key)
{
    struct nhi_fact_source from = nhi_ledger_source(l);
    struct nhi_value v;
    enum nhi_err err = from.get(from.ctx, key, &v);

    return err == NHI_OK ? keep(l->publisher, key, &v) : err;
}

/* The host's record, as it fits now. */
static uint8_t fit_of(struct nhi_ledger *l)
{
    struct nhi_last_seen_answer seen;
    struct nhi_settings s;

    nhi_last_seen_ask(l->publisher->dir, l->publisher->run_dir, &seen);
    if (nhi_ledger_settings(l, &s) != NHI_OK)
        return NHI_FIT_UNKNOWN;
    return (uint8_t)nhi_ledger_fit(l, &s, &seen, nhi_now());
}

static enum nhi_err keep_issuer(struct nhi_ledger *l, const char *kid)
{
    struct nhi_fact_key key = nhi_fact_key(NHI_FACT_ISSUER, kid);
    struct nhi_value v = { .len = 0 };
    int64_t other = 0;
    bool known = false;
    enum nhi_err err = keep_from(l, &key);
    struct nhi_state *seen = nhi_state_seen(l->publisher->w);

    if (seen != NULL) {
        struct nhi_fact_source from = nhi_state_source(seen);

        known = from.get(from.ctx, &key, &v) == NHI_OK;
    }
    if (err == NHI_OK && !known)
        err = nhi_sql_number(l, &other, "SELECT count(*) FROM issuer WHERE kid = ? AND own = 0", "s", kid);
    if (err != NHI_OK || other == 0)
        return err;
    key = nhi_fact_key(NHI_LIST_OTHERS, "");
    v.len = 0;
    nhi_fact_put_name(&v, kid);
    return keep(l->publisher, &key, &v);
}

static enum nhi_err keep_bound(struct nhi_ledger *l, const uint8_t *id, size_t len)
{
    char account[NHI_ACCOUNT_MAX + 1] = "";
    const struct nhi_value none = { .len = 0 };
    struct nhi_fact_key key;
    enum nhi_err err;

    if (len < NHI_PK_LEN || len - NHI_PK_LEN >= sizeof(account))
        return NHI_ERR_CORRUPT;
    key = nhi_fact_key_pk(NHI_FACT_BOUND, id);
    err = keep(l->publisher, &key, &none);
    memcpy(account, id + NHI_PK_LEN, len - NHI_PK_LEN);
    key = nhi_fact_key(NHI_FACT_NAMED, account);
    return err == NHI_OK ? keep(l->publisher, &key, &none) : err;
}

static enum nhi_err keep_one(struct nhi_ledger *l, char kind, const char *id, size_t len)
{
    struct nhi_fact_key key;

    switch (kind) {
    case '!':
        l->publisher->whole = true;
        return NHI_OK;
    case NHI_FACT_TICKET:
        return nhi_sql_facts_of(l, id, keep, l->publisher);
    case NHI_FACT_ISSUER:
        return keep_issuer(l, id);
    case NHI_FACT_BOUND:
        return keep_bound(l, (const uint8_t *)id, len);
    case NHI_FACT_REVOKED:
        key = nhi_fact_key_revoked((unsigned)(id[0] - '0'), id + 1);
        return keep_from(l, &key);
    default:
        key = nhi_fact_key((enum nhi_fact)kind, id);
        return keep_from(l, &key);
    }
}

/* A new file is made from the tables: then it does not matter which single facts change, but what ends does. */
static enum nhi_err collect(struct nhi_ledger *l)
{
    sqlite3_stmt *st = NULL;
    const char *kind, *id;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT kind, id FROM temp.changed ORDER BY kind", "");
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        kind = (const char *)sqlite3_column_text(st, 0);
        id = sqlite3_column_type(st, 1) == SQLITE_BLOB ? sqlite3_column_blob(st, 1)
                                                       : (const char *)sqlite3_column_text(st, 1);
        if (kind == NULL || id == NULL)
            err = NHI_ERR_NOMEM;
        else
            err = keep_one(l, kind[0], id, (size_t)sqlite3_column_bytes(st, 1));
        if (err == NHI_ERR_NOT_FOUND)
            err = NHI_ERR_CORRUPT;
    }
    sqlite3_finalize(st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

/* ---- publishing ---- */

static const struct nhi_value *value_of(const struct change *c, struct nhi_value *v)
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
    for (size_t i = 0; i < p->count; i++) {
        const struct change *c = &p->all[i];

        if (c->ends)
            *before += nhi_state_cost(&c->key, c->stands ? value_of(c, &v) : NULL);
        if (!c->ends || !c->stands)
            *after += nhi_state_cost(&c->key, value_of(c, &v));
    }
}

static enum nhi_err add_build(void *ctx, const struct nhi_fact_key *key, const struct nhi_value *v)
{
    return nhi_state_build_add(ctx, key, v);
}

/* A new file of everything, as the open transaction sees it. */
static enum nhi_err prepare(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;
    struct nhi_state_build *b = NULL;
    enum nhi_err err = nhi_state_build_new(&b);

    if (err == NHI_OK)
        err = nhi_sql_facts(l, nhi_now(), fit_of(l), add_build, b);
    if (err == NHI_OK)
        err = nhi_state_prepare(p->w, b, p->generation);
    nhi_state_build_free(b);
    return err;
}

static enum nhi_err add_ends(struct nhi_publisher *p)
{
    struct nhi_value v;
    enum nhi_err err = NHI_OK;

    for (size_t i = 0; err == NHI_OK && i < p->count; i++)
        if (p->all[i].ends)
            err =
                nhi_state_add(p->w, p->generation, &p->all[i].key, p->all[i].stands ? value_of(&p->all[i], &v) : NULL);
    return err;
}

static bool only_ends(const struct nhi_publisher *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (!p->all[i].ends)
            return false;
    return true;
}

/* What ends comes first. If the tail has no room for it, a new file has it: before the commit if the transaction only
 * ends things, else right after it. */
static enum nhi_err publish_ends(struct nhi_ledger *l, bool fits, size_t before)
{
    struct nhi_publisher *p = l->publisher;
    struct nhi_state *seen = nhi_state_seen(p->w);
    enum nhi_err err = NHI_OK;

    if (seen != NULL && before > 0 && before <= nhi_state_room(p->w)) {
        err = add_ends(p);
        p->ahead = true;
    }
    if (err == NHI_OK && !fits)
        p->err = prepare(l);
    if (err == NHI_OK && !fits && p->err == NHI_OK && before > 0 && !p->ahead && only_ends(p)) {
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
    int64_t changed = 0;
    size_t before = 0, after = 0;
    enum nhi_err err;
    bool fits;

    if (p->w == NULL)
        return NHI_OK;
    err = nhi_sql_number(l, &changed, "SELECT count(*) FROM temp.changed", "");
    if (err != NHI_OK || (changed == 0 && !p->whole))
        return err;
    err = nhi_sql_run(l, NULL, "UPDATE setting SET generation = generation + 1", "");
    p->generation++;
    p->moved = true;
    if (err == NHI_OK)
        err = nhi_ledger_settings(l, &s);
    if (err == NHI_OK)
        err = collect(l);
    if (err != NHI_OK)
        return err;
    p->latest = s.latest;
    count_bytes(p, &before, &after);
    fits = !p->whole && before + after <= nhi_state_room(p->w);
    p->whole = !fits;
    return publish_ends(l, fits, before);
}

static enum nhi_err add_rest(struct nhi_publisher *p)
{
    struct nhi_value v;
    enum nhi_err err = NHI_OK;

    for (size_t i = 0; err == NHI_OK && i < p->count; i++)
        if (!p->all[i].ends || !p->all[i].stands)
            err = nhi_state_add(p->w, p->generation, &p->all[i].key, value_of(&p->all[i], &v));
    return err == NHI_OK ? nhi_state_done(p->w, p->generation, p->latest) : err;
}

static void publish_rest(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;

    if (p->w != NULL && p->err == NHI_OK && p->whole && !p->published)
        p->err = nhi_state_publish(p->w);
    else if (p->w != NULL && p->err == NHI_OK && p->moved && !p->whole)
        p->err = add_rest(p);
    finish(l);
}

/* What was held comes back as the ledger still has it; what was revoked stays so, and is taken into the ledger by the
 * next writer, which sees that the state is ahead. */
static void undo(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;
    struct nhi_fact_source from = nhi_ledger_source(l);
    struct nhi_value v;

    for (size_t i = 0; p->w != NULL && p->ahead && i < p->count; i++)
        if (p->all[i].ends && !lasts(p->all[i].key.kind) && from.get(from.ctx, &p->all[i].key, &v) == NHI_OK)
            (void)!nhi_state_add(p->w, p->generation - 1, &p->all[i].key, &v);
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
    enum nhi_err err;

    if (p == NULL)
        return NHI_ERR_NOMEM;
    *p = (struct nhi_publisher){ .dir = dir, .run_dir = run_dir, .wait_ms = wait_ms };
    err = nhi_sql_err(l, sqlite3_exec(l->db, triggers, NULL, NULL, NULL));
    if (err != NHI_OK) {
        free(p);
        return err;
    }
    l->publisher = p;
    l->hooks = &hooks;
    return NHI_OK;
}

/* ---- by itself ---- */

enum nhi_err nhi_ledger_withdraw(struct nhi_ledger *l)
{
    struct nhi_publisher *p = l->publisher;

    p->whole = true;
    return p->w != NULL ? nhi_state_withdraw(p->w) : NHI_OK;
}

enum nhi_err nhi_ledger_publish(struct nhi_ledger *l, int64_t now)
{
    enum nhi_err err = nhi_ledger_begin(l, now);

    if (err != NHI_OK)
        return err;
    l->publisher->whole = true;
    err = nhi_ledger_commit(l);
    return err == NHI_OK ? l->publisher->err : err;
}

bool nhi_ledger_is_published(struct nhi_ledger *l, const char *dir, const char *run_dir)
{
    struct nhi_state *seen = NULL;
    int64_t generation = 0;
    bool is = nhi_sql_number(l, &generation, "SELECT generation FROM setting", "") == NHI_OK &&
              nhi_state_open(run_dir, dir, &seen) == NHI_OK && nhi_state_generation(seen) == generation &&
              nhi_state_is_here(seen);

    nhi_state_close(seen);
    return is;
}

enum nhi_err nhi_ledger_publish_if_stale(struct nhi_ledger *l, int64_t now)
{
    const struct nhi_publisher *p = l->publisher;

    return nhi_ledger_is_published(l, p->dir, p->run_dir) ? NHI_OK : nhi_ledger_publish(l, now);
}
