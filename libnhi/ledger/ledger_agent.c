/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/ledger_agent.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/ledger/ledger_owner.h"
#include "libnhi/ledger/sql.h"

#define AGENT_COLUMNS \
    "name, uid, owner, purpose, review_by, gecos, home, shell, state, created, changed, reason," \
    " revoked_until, last_used, held, file, file_review, certified, certified_by, because," \
    " daemons"

static enum nhi_err add_groups(struct nhi_ledger *l, const struct nhi_agent *a)
{
    const char *at = a->group_names, *next;
    char name[NHI_LIST_MAX + 1];
    enum nhi_err err = NHI_OK;

    for (uint32_t i = 0; i < a->account.group_count && err == NHI_OK; i++) {
        next = nhi_list_next(at, name);
        if (next == NULL || a->account.groups[i] == 0)
            return NHI_ERR_ARG;
        at = next;
        err = nhi_sql_run(l, NULL, "INSERT INTO agent_group VALUES (?,?,?,?)", "siis", a->account.name, (int64_t)i,
                          (int64_t)a->account.groups[i], name);
    }
    return err;
}

static bool agent_ok(const struct nhi_agent *a)
{
    return nhi_name_is_agent(a->account.name) && nhi_name_is_text(a->owner, NHI_OWNER_MAX) &&
           nhi_name_is_text(a->purpose, NHI_TEXT_MAX) && a->account.group_count <= NHI_GROUPS_MAX &&
           a->account.home[0] == '/' && a->account.shell[0] == '/' && a->review_by > 0;
}

enum nhi_err nhi_agent_add(struct nhi_ledger *l, const struct nhi_agent *a, int64_t now)
{
    struct nhi_settings s;
    enum nhi_err err;

    if (!agent_ok(a))
        return NHI_ERR_ARG;
    err = nhi_ledger_settings(l, &s);
    if (err != NHI_OK)
        return err;
    if (a->account.uid <= s.uid_min || a->account.uid > s.uid_max)
        return NHI_ERR_ARG;
    /* A uid below the next one may have been another agent's. Such a uid is never given again. */
    if (a->account.uid < s.next_uid)
        return NHI_ERR_EXISTS;
    err = nhi_sql_owner_serves(l, a->owner);
    if (err != NHI_OK)
        return err;
    err = nhi_sql_run(l, NULL,
                      "INSERT INTO agent (name, uid, owner, purpose, review_by, gecos, home, shell,"
                      " state, created, changed, reason, file, file_review, daemons)"
                      " VALUES (?,?,?,?,?,?,?,?,1,?9,?9,'',?10,?11,?12)",
                      "sississsisii", a->account.name, (int64_t)a->account.uid, a->owner, a->purpose, a->review_by,
                      a->account.gecos, a->account.home, a->account.shell, now, a->file, a->file_review,
                      (int64_t)a->daemons);
    if (err == NHI_OK)
        err = add_groups(l, a);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "UPDATE setting SET next_uid = ?", "i", (int64_t)a->account.uid + 1);
    return err;
}

static enum nhi_err read_groups(struct nhi_ledger *l, struct nhi_agent *a)
{
    char name[NHI_LIST_MAX + 1];
    sqlite3_stmt *st = NULL;
    enum nhi_err err;
    size_t used = 0;

    err = nhi_sql_prepare(l, &st, "SELECT gid, name FROM agent_group WHERE agent = ? ORDER BY place", "s",
                          a->account.name);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        uint32_t gid = (uint32_t)nhi_sql_int(st, 0, 1, UINT32_MAX - 1, &err);
        size_t len;

        nhi_sql_text(st, 1, name, sizeof(name), &err);
        len = strlen(name);
        if (err != NHI_OK || a->account.group_count >= NHI_GROUPS_MAX || used + len + 2 > sizeof(a->group_names)) {
            err = NHI_ERR_CORRUPT;
            break;
        }
        a->account.groups[a->account.group_count++] = gid;
        used +=
            (size_t)snprintf(a->group_names + used, sizeof(a->group_names) - used, "%s%s", used > 0 ? " " : "", name);
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static enum nhi_err read_agent(struct nhi_ledger *l, sqlite3_stmt *st, struct nhi_agent *a)
{
    enum nhi_err err = NHI_OK;

    memset(a, 0, sizeof(*a));
    nhi_sql_text(st, 0, a->account.name, sizeof(a->account.name), &err);
    a->account.uid = (uint32_t)nhi_sql_int(st, 1, 1000, INT32_MAX, &err);
    nhi_sql_text(st, 2, a->owner, sizeof(a->owner), &err);
    nhi_sql_text(st, 3, a->purpose, sizeof(a->purpose), &err);
    a->review_by = nhi_sql_int(st, 4, 0, INT64_MAX, &err);
    nhi_sql_text(st, 5, a->account.gecos, sizeof(a->account.gecos), &err);
    nhi_sql_text(st, 6, a->account.home, sizeof(a->account.home), &err);
    nhi_sql_text(st, 7, a->account.shell, sizeof(a->account.shell), &err);
    a->state = (enum nhi_agent_state)nhi_sql_int(st, 8, NHI_AGENT_ACTIVE, NHI_AGENT_RETIRED, &err);
    a->created = nhi_sql_int(st, 9, 0, INT64_MAX, &err);
    a->changed = nhi_sql_int(st, 10, 0, INT64_MAX, &err);
    nhi_sql_text(st, 11, a->reason, sizeof(a->reason), &err);
    a->revoked_until = nhi_sql_int(st, 12, 0, INT64_MAX, &err);
    a->last_used = nhi_sql_int(st, 13, 0, INT64_MAX, &err);
    a->held = (uint32_t)nhi_sql_int(st, 14, 0, NHI_HELD_ALL, &err);
    nhi_sql_text(st, 15, a->file, sizeof(a->file), &err);
    a->file_review = nhi_sql_int(st, 16, 0, INT64_MAX, &err);
    a->certified = nhi_sql_int(st, 17, 0, INT64_MAX, &err);
    nhi_sql_text(st, 18, a->certified_by, sizeof(a->certified_by), &err);
    nhi_sql_text(st, 19, a->because, sizeof(a->because), &err);
    a->daemons = nhi_sql_int(st, 20, 0, 1, &err) == 1;
    if (err == NHI_OK && !nhi_name_is_agent(a->account.name))
        err = NHI_ERR_CORRUPT;
    return err == NHI_OK ? read_groups(l, a) : err;
}

enum nhi_err nhi_agent_get(struct nhi_ledger *l, const char *name, struct nhi_agent *out)
{
    struct nhi_agent a;
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT " AGENT_COLUMNS " FROM agent WHERE name = ?", "s", name);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        err = read_agent(l, st, &a);
    nhi_sql_done(l, st);
    if (err == NHI_OK)
        *out = a;
    return err;
}

enum nhi_err nhi_agent_with_uid(struct nhi_ledger *l, uint32_t uid, char name[NHI_AGENT_MAX + 1])
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT name FROM agent WHERE uid = ?", "i", (int64_t)uid);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        nhi_sql_text(st, 0, name, NHI_AGENT_MAX + 1, &err);
    nhi_sql_done(l, st);
    return err;
}

static enum nhi_err state_of(struct nhi_ledger *l, const char *name, int64_t *state)
{
    return nhi_sql_number(l, state, "SELECT state FROM agent WHERE name = ?", "s", name);
}

static enum nhi_err put_state(struct nhi_ledger *l, const char *name, enum nhi_agent_state state, const char *reason,
                              int64_t now)
{
    return nhi_sql_run(l, NULL,
                       "UPDATE agent SET state = ?2, changed = ?3, reason = ?4"
                       " WHERE name = ?1 AND state <> ?2",
                       "siis", name, (int64_t)state, now, reason != NULL ? reason : "");
}

enum nhi_err nhi_agent_hold(struct nhi_ledger *l, const char *name, uint32_t cause, const char *reason, int64_t now)
{
    int64_t state;
    enum nhi_err err = state_of(l, name, &state);

    if (err == NHI_OK && state == NHI_AGENT_RETIRED)
        err = NHI_ERR_STATE;
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "UPDATE agent SET held = held | ?2 WHERE name = ?1", "si", name, (int64_t)cause);
    return err == NHI_OK ? put_state(l, name, NHI_AGENT_SUSPENDED, reason, now) : err;
}

enum nhi_err nhi_agent_release(struct nhi_ledger *l, const char *name, uint32_t causes, const char *reason, int64_t now)
{
    struct nhi_agent a;
    enum nhi_err err = nhi_agent_get(l, name, &a);

    if (err == NHI_OK && a.state == NHI_AGENT_RETIRED)
        err = NHI_ERR_STATE;
    if (err == NHI_OK)
        err = nhi_sql_owner_serves(l, a.owner);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "UPDATE agent SET held = held & ~?2 WHERE name = ?1", "si", name, (int64_t)causes);
    if (err == NHI_OK && (a.held & ~causes) == 0)
        err = put_state(l, name, NHI_AGENT_ACTIVE, reason, now);
    return err;
}

enum nhi_err nhi_agent_set_state(struct nhi_ledger *l, const char *name, enum nhi_agent_state state, const char *reason,
                                 int64_t now)
{
    int64_t had;
    enum nhi_err err;

    if (state == NHI_AGENT_SUSPENDED)
        return nhi_agent_hold(l, name, NHI_HELD_BY_HAND, reason, now);
    if (state == NHI_AGENT_ACTIVE)
        return nhi_agent_release(l, name, NHI_HELD_ALL, reason, now);
    err = state_of(l, name, &had);
    return err == NHI_OK ? put_state(l, name, state, reason, now) : err;
}

enum nhi_err nhi_agent_change(struct nhi_ledger *l, const struct nhi_agent *a)
{
    int64_t changed;
    enum nhi_err err;

    if (!agent_ok(a))
        return NHI_ERR_ARG;
    err = nhi_sql_run(l, &changed,
                      "UPDATE agent SET purpose = ?2, gecos = ?3, shell = ?4, review_by = ?5,"
                      " file = ?6, file_review = ?7 WHERE name = ?1 AND state <> 3",
                      "ssssisi", a->account.name, a->purpose, a->account.gecos, a->account.shell, a->review_by, a->file,
                      a->file_review);
    if (err == NHI_OK && changed != 1)
        err = NHI_ERR_STATE;
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "DELETE FROM agent_group WHERE agent = ?", "s", a->account.name);
    return err == NHI_OK ? add_groups(l, a) : err;
}

enum nhi_err nhi_agent_set_daemons(struct nhi_ledger *l, const char *name, bool daemons)
{
    int64_t changed;
    enum nhi_err err = nhi_sql_run(l, &changed, "UPDATE agent SET daemons = ?2 WHERE name = ?1 AND state <> 3", "si",
                                   name, (int64_t)daemons);

    return err == NHI_OK && changed != 1 ? NHI_ERR_STATE : err;
}

/* Takes over st, if it could be prepared. */
static enum nhi_err each(struct nhi_ledger *l, enum nhi_err err, sqlite3_stmt *st,
                         int (*fn)(const struct nhi_agent *, void *), void *ctx)
{
    struct nhi_agent a;

    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        err = read_agent(l, st, &a);
        if (err == NHI_OK && fn(&a, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_agent_each(struct nhi_ledger *l, int (*fn)(const struct nhi_agent *, void *), void *ctx)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err = nhi_sql_prepare(l, &st, "SELECT " AGENT_COLUMNS " FROM agent ORDER BY uid", "");

    return each(l, err, st, fn, ctx);
}

enum nhi_err nhi_agent_each_of(struct nhi_ledger *l, const char *owner, int (*fn)(const struct nhi_agent *, void *),
                               void *ctx)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err =
        nhi_sql_prepare(l, &st, "SELECT " AGENT_COLUMNS " FROM agent WHERE owner = ? ORDER BY uid", "s", owner);

    return each(l, err, st, fn, ctx);
}
