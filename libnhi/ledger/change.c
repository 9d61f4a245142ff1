/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/change.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/ledger/ledger_fact.h"
#include "libnhi/ledger/ledger_fact_all.h"
#include "libnhi/ledger/sql.h"

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

enum nhi_err nhi_changes_watch(struct nhi_ledger *l)
{
    return nhi_sql_err(l, sqlite3_exec(l->db, triggers, NULL, NULL, NULL));
}

enum nhi_err nhi_changes_any(struct nhi_ledger *l, struct nhi_changes *c)
{
    int64_t n = 0;
    enum nhi_err err = nhi_sql_number(l, &n, "SELECT EXISTS (SELECT 1 FROM temp.changed)", "");

    c->any = n != 0;
    return err;
}

void nhi_changes_free(struct nhi_changes *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->all[i].value);
    free(c->all);
    *c = (struct nhi_changes){ .all = NULL };
}

void nhi_changes_forget(struct nhi_ledger *l, struct nhi_changes *c)
{
    const bool any = c->any;

    nhi_changes_free(c);
    if (any)
        (void)sqlite3_exec(l->db, "DELETE FROM temp.changed", NULL, NULL, NULL);
}

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

bool nhi_change_lasts(uint8_t kind)
{
    return kind == NHI_FACT_REVOKED || kind == NHI_FACT_BOUND || kind == NHI_FACT_NAMED;
}

struct collecting {
    struct nhi_state *seen;
    struct nhi_changes *to;
};

static enum nhi_err keep(void *ctx, const struct nhi_fact_key *key, const struct nhi_value *v)
{
    const struct collecting *to = ctx;
    struct nhi_changes *p = to->to;
    struct nhi_state *seen = to->seen;
    struct nhi_change c = { .key = *key, .len = v->len }, *more;
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
    c.stands = nhi_change_lasts(key->kind) || (key->kind == NHI_FACT_TICKET && err == NHI_OK);
    /* What nobody has seen yet can only give. */
    c.ends =
        nhi_change_lasts(key->kind) || (err == NHI_OK ? !only_gives(key->kind, &old, v) : err != NHI_ERR_NOT_FOUND);
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

static enum nhi_err keep_from(struct nhi_ledger *l, struct collecting *to, const struct nhi_fact_key *key)
{
    struct nhi_fact_source from = nhi_ledger_source(l);
    struct nhi_value v;
    enum nhi_err err = from.get(from.ctx, key, &v);

    return err == NHI_OK ? keep(to, key, &v) : err;
}

static enum nhi_err keep_issuer(struct nhi_ledger *l, struct collecting *to, const char *kid)
{
    struct nhi_fact_key key = nhi_fact_key(NHI_FACT_ISSUER, kid);
    struct nhi_value v = { .len = 0 };
    int64_t other = 0;
    bool known = false;
    enum nhi_err err = keep_from(l, to, &key);

    if (to->seen != NULL) {
        struct nhi_fact_source from = nhi_state_source(to->seen);

        known = from.get(from.ctx, &key, &v) == NHI_OK;
    }
    if (err == NHI_OK && !known)
        err = nhi_sql_number(l, &other, "SELECT count(*) FROM issuer WHERE kid = ? AND own = 0", "s", kid);
    if (err != NHI_OK || other == 0)
        return err;
    key = nhi_fact_key(NHI_LIST_OTHERS, "");
    v.len = 0;
    nhi_fact_put_name(&v, kid);
    return keep(to, &key, &v);
}

static enum nhi_err keep_bound(struct collecting *to, const uint8_t *id, size_t len)
{
    char account[NHI_ACCOUNT_MAX + 1] = "";
    const struct nhi_value none = { .len = 0 };
    struct nhi_fact_key key;
    enum nhi_err err;

    if (len < NHI_PK_LEN || len - NHI_PK_LEN >= sizeof(account))
        return NHI_ERR_CORRUPT;
    key = nhi_fact_key_pk(NHI_FACT_BOUND, id);
    err = keep(to, &key, &none);
    memcpy(account, id + NHI_PK_LEN, len - NHI_PK_LEN);
    key = nhi_fact_key(NHI_FACT_NAMED, account);
    return err == NHI_OK ? keep(to, &key, &none) : err;
}

static enum nhi_err keep_one(struct nhi_ledger *l, struct collecting *to, char kind, const char *id, size_t len)
{
    struct nhi_fact_key key;

    switch (kind) {
    case '!':
        to->to->whole = true;
        return NHI_OK;
    case NHI_FACT_TICKET:
        return nhi_sql_facts_of(l, id, keep, to);
    case NHI_FACT_ISSUER:
        return keep_issuer(l, to, id);
    case NHI_FACT_BOUND:
        return keep_bound(to, (const uint8_t *)id, len);
    case NHI_FACT_REVOKED:
        key = nhi_fact_key_revoked((unsigned)(id[0] - '0'), id + 1);
        return keep_from(l, to, &key);
    default:
        key = nhi_fact_key((enum nhi_fact)kind, id);
        return keep_from(l, to, &key);
    }
}

/* A new file is made from the tables: then it does not matter which single facts change, but what ends does. */
enum nhi_err nhi_changes_collect(struct nhi_ledger *l, struct nhi_state *seen, struct nhi_changes *c)
{
    struct collecting to = { .seen = seen, .to = c };
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
            err = keep_one(l, &to, kind[0], id, (size_t)sqlite3_column_bytes(st, 1));
        if (err == NHI_ERR_NOT_FOUND)
            err = NHI_ERR_CORRUPT;
    }
    sqlite3_finalize(st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}
