/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_account.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/ledger/sql.h"

#define COLUMNS "uid, state, EXISTS (SELECT 1 FROM agent_group WHERE agent = agent.name), name, gecos, home, shell"
#define FIRST_TEXT 3
#define TEXTS 4

/* ---- one account ---- */

static enum nhi_err read_groups(struct nhi_ledger *l, struct nhi_account *a)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT gid FROM agent_group WHERE agent = ? ORDER BY place", "s", a->name);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        uint32_t gid = (uint32_t)nhi_sql_int(st, 0, 1, UINT32_MAX - 1, &err);

        if (err == NHI_OK && a->group_count >= NHI_GROUPS_MAX)
            err = NHI_ERR_CORRUPT;
        if (err == NHI_OK)
            a->groups[a->group_count++] = gid;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_account_get(struct nhi_ledger *l, uint32_t uid, struct nhi_account *out, enum nhi_agent_state *state)
{
    struct nhi_account a = { .uid = uid };
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT " COLUMNS " FROM agent WHERE uid = ?", "i", (int64_t)uid);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK) {
        *state = (enum nhi_agent_state)nhi_sql_int(st, 1, NHI_AGENT_ACTIVE, NHI_AGENT_RETIRED, &err);
        nhi_sql_text(st, FIRST_TEXT, a.name, sizeof(a.name), &err);
        nhi_sql_text(st, FIRST_TEXT + 1, a.gecos, sizeof(a.gecos), &err);
        nhi_sql_text(st, FIRST_TEXT + 2, a.home, sizeof(a.home), &err);
        nhi_sql_text(st, FIRST_TEXT + 3, a.shell, sizeof(a.shell), &err);
    }
    nhi_sql_done(l, st);
    if (err == NHI_OK)
        err = read_groups(l, &a);
    if (err == NHI_OK)
        *out = a;
    return err;
}

/* ---- all of them ---- */

/* The table is read in its own order, by name, which costs a third of looking up each uid; then the rows are sorted.
 * Their texts are in one piece of memory, each with its NUL. */
struct row {
    uint32_t uid;
    uint8_t state;
    bool has_groups;
    uint16_t lens[TEXTS]; /* of the texts, with the NUL */
    size_t texts;
};

struct rows {
    struct row *all;
    char *texts;
    size_t count, room, text_len, text_room;
};

static enum nhi_err keep_texts(struct rows *to, sqlite3_stmt *st, struct row *r)
{
    static const size_t sizes[TEXTS] = { NHI_AGENT_MAX + 1, NHI_TEXT_MAX + 1, NHI_PATH_MAX + 1, NHI_PATH_MAX + 1 };
    const size_t most = NHI_AGENT_MAX + NHI_TEXT_MAX + 2 * NHI_PATH_MAX + TEXTS;
    enum nhi_err err = NHI_OK;
    char *more = nhi_grow(to->texts, &to->text_room, to->text_len + most, 1);

    if (more == NULL)
        return NHI_ERR_NOMEM;
    to->texts = more;
    for (int i = 0; i < TEXTS && err == NHI_OK; i++) {
        r->lens[i] = (uint16_t)(nhi_sql_text(st, FIRST_TEXT + i, to->texts + to->text_len, sizes[i], &err) + 1);
        to->text_len += r->lens[i];
    }
    return err;
}

static enum nhi_err keep_row(struct rows *to, sqlite3_stmt *st)
{
    struct row *more = nhi_grow(to->all, &to->room, to->count + 1, sizeof(*more));
    struct row r = { .texts = to->text_len };
    enum nhi_err err = NHI_OK;

    if (more == NULL)
        return NHI_ERR_NOMEM;
    to->all = more;
    r.uid = (uint32_t)nhi_sql_int(st, 0, 1000, INT32_MAX, &err);
    r.state = (uint8_t)nhi_sql_int(st, 1, NHI_AGENT_ACTIVE, NHI_AGENT_RETIRED, &err);
    r.has_groups = nhi_sql_int(st, 2, 0, 1, &err) == 1;
    if (err == NHI_OK)
        err = keep_texts(to, st, &r);
    if (err == NHI_OK)
        to->all[to->count++] = r;
    return err;
}

static enum nhi_err keep_all(struct nhi_ledger *l, struct rows *to)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err = nhi_sql_prepare(l, &st, "SELECT " COLUMNS " FROM agent", "");

    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK)
        err = keep_row(to, st);
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static int by_uid(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return (x->uid > y->uid) - (x->uid < y->uid);
}

static void sort(struct rows *r)
{
    bool sorted = true;

    for (size_t i = 1; i < r->count && sorted; i++)
        sorted = r->all[i - 1].uid < r->all[i].uid;
    if (!sorted)
        qsort(r->all, r->count, sizeof(*r->all), by_uid);
}

static enum nhi_err unpack(struct nhi_ledger *l, const struct rows *rows, const struct row *r, struct nhi_account *a)
{
    char *const to[TEXTS] = { a->name, a->gecos, a->home, a->shell };
    const char *at = rows->texts + r->texts;

    a->uid = r->uid;
    a->group_count = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        memcpy(to[i], at, r->lens[i]);
        at += r->lens[i];
    }
    return r->has_groups ? read_groups(l, a) : NHI_OK;
}

enum nhi_err nhi_account_each(struct nhi_ledger *l, nhi_account_fn *fn, void *ctx)
{
    struct rows rows = { .count = 0 };
    struct nhi_account a;
    enum nhi_err err = keep_all(l, &rows);

    sort(&rows);
    for (size_t i = 0; i < rows.count && err == NHI_OK; i++) {
        err = unpack(l, &rows, &rows.all[i], &a);
        if (err == NHI_OK && fn(&a, (enum nhi_agent_state)rows.all[i].state, ctx) != 0)
            break;
    }
    free(rows.all);
    free(rows.texts);
    return err;
}

/* ---- changes ---- */

enum nhi_err nhi_account_newest(struct nhi_ledger *l, int64_t *number)
{
    enum nhi_err err = nhi_sql_number(l, number, "SELECT number FROM account_change ORDER BY place DESC LIMIT 1", "");

    if (err == NHI_ERR_NOT_FOUND)
        *number = 0;
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_account_changes(struct nhi_ledger *l, int64_t number, struct nhi_account_change *out, size_t max,
                                 size_t *count)
{
    sqlite3_stmt *st = NULL;
    int64_t place = 0;
    size_t n = 0;
    enum nhi_err err =
        nhi_sql_number(l, &place, "SELECT max(place) FROM account_change WHERE number & ~3 = ? & ~3", "i", number);

    if (err == NHI_OK)
        err = nhi_sql_prepare(l, &st, "SELECT number, uid FROM account_change WHERE place > ? ORDER BY place", "i",
                              place);
    if (err != NHI_OK)
        return err;
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK && n < max) {
        out[n].number = nhi_sql_int(st, 0, INT64_MIN, INT64_MAX, &err);
        out[n++].uid = (uint32_t)nhi_sql_int(st, 1, 1000, INT32_MAX, &err);
    }
    nhi_sql_done(l, st);
    if (err == NHI_OK)
        return NHI_ERR_FULL;
    *count = n;
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}
