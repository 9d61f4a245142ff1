/* SPDX-License-Identifier: ISC */
/*
 * Tickets that were renewed, and tickets that are bound to a process tree.
 *
 * A lineage is known by its first ticket, the root: uses, pins and revocations of one ticket apply to all of them.
 */
#include "libnhi/ledger/ledger_lineage.h"

#include <string.h>

#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/sql.h"

enum nhi_err nhi_ticket_bind_tree(struct nhi_ledger *l, const struct nhi_ticket *t, const char *tree, bool task_too)
{
    enum nhi_err err;

    err = nhi_sql_run(l, NULL, "UPDATE ticket SET tree = ?2 WHERE jti = ?1", "ss", t->jti, tree);
    if (err == NHI_OK && task_too)
        err = nhi_sql_run(l, NULL, "UPDATE task SET tree = ?2 WHERE id = ?1", "ss", t->task, tree);
    return err;
}

enum nhi_err nhi_ticket_set_terms(struct nhi_ledger *l, const char *jti, int64_t renew_until, bool no_pin)
{
    return nhi_sql_run(l, NULL, "UPDATE ticket SET renew_until = ?2, no_pin = ?3 WHERE jti = ?1", "sii", jti,
                       renew_until, (int64_t)no_pin);
}

enum nhi_err nhi_ticket_renew(struct nhi_ledger *l, const struct nhi_ticket_row *old, const struct nhi_ticket *t,
                              bool at_once, int64_t now)
{
    const char *from = old->ticket.jti;
    enum nhi_err err;

    if (old->successor[0] != '\0')
        return NHI_ERR_STATE;
    err = nhi_ticket_record(l, t, NHI_ORIGIN_ISSUED, now);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL,
                          "UPDATE ticket SET (root, renews, renew_until, no_pin, tree) = (SELECT o.root,"
                          " o.jti, o.renew_until, o.no_pin, o.tree FROM ticket o WHERE o.jti = ?2)"
                          " WHERE jti = ?1",
                          "ss", t->jti, from);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "UPDATE ticket SET successor = ?2 WHERE jti = ?1", "ss", from, t->jti);
    /* A lineage may have two texts in use at once, not three. */
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL,
                          "UPDATE ticket SET superseded = 1 WHERE root = ?1 AND jti <> ?2"
                          " AND (jti <> ?3 OR ?4)",
                          "sssi", old->root, t->jti, from, (int64_t)at_once);
    return err;
}

enum nhi_err nhi_ticket_root(struct nhi_ledger *l, const char *jti, char root[NHI_JTI_LEN + 1])
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err = nhi_sql_prepare(l, &st, "SELECT root FROM ticket WHERE jti = ?", "s", jti);

    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        nhi_sql_text(st, 0, root, NHI_JTI_LEN + 1, &err);
    nhi_sql_done(l, st);
    return err;
}

enum nhi_err nhi_ticket_supersede(struct nhi_ledger *l, const char *jti)
{
    return nhi_sql_run(l, NULL, "UPDATE ticket SET superseded = 1 WHERE jti = ?", "s", jti);
}

/* Text of the first column of the first row: at least NHI_JTI_LEN + 1 bytes. */
static enum nhi_err one_jti(struct nhi_ledger *l, const char *sql, const char *arg, char *out)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, sql, "s", arg);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        nhi_sql_text(st, 0, out, NHI_JTI_LEN + 1, &err);
    nhi_sql_done(l, st);
    return err;
}

enum nhi_err nhi_ticket_last(struct nhi_ledger *l, const char *root, struct nhi_ticket_row *out)
{
    char jti[NHI_JTI_LEN + 1];
    enum nhi_err err;

    err = one_jti(l, "SELECT jti FROM ticket WHERE root = ? ORDER BY n DESC LIMIT 1", root, jti);
    return err == NHI_OK ? nhi_ticket_get(l, jti, out) : err;
}

enum nhi_err nhi_ticket_lineage_end(struct nhi_ledger *l, const char *root, int64_t *exp)
{
    return nhi_sql_number(l, exp, "SELECT max(exp) FROM ticket WHERE root = ?", "s", root);
}

enum nhi_err nhi_tree_each(struct nhi_ledger *l, int64_t now, int (*fn)(const char *tree, void *), void *ctx)
{
    char tree[NHI_TREE_MAX + 1];
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    /* Every command that writes asks this: it must not look at tickets that belong to no tree. */
    err =
        nhi_sql_prepare(l, &st,
                        "SELECT tree FROM task INDEXED BY task_by_tree WHERE tree IS NOT NULL AND state = 1 UNION"
                        " SELECT t.tree FROM ticket t INDEXED BY ticket_in_tree WHERE t.tree IS NOT NULL AND t.exp > ?1"
                        " AND t.superseded = 0 AND NOT EXISTS (SELECT 1 FROM revocation r"
                        "  WHERE r.kind = 1 AND r.id = t.root)",
                        "i", now);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        nhi_sql_text(st, 0, tree, sizeof(tree), &err);
        if (err == NHI_OK && fn(tree, ctx) != 0)
            break;
    }
    nhi_sql_done(l, st);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

enum nhi_err nhi_tree_owner(struct nhi_ledger *l, const char *tree, struct nhi_event *e)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT agent, task, jti FROM ticket WHERE tree = ? ORDER BY n DESC LIMIT 1", "s",
                          tree);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK) {
        nhi_sql_text(st, 0, e->agent, sizeof(e->agent), &err);
        nhi_sql_text(st, 1, e->task, sizeof(e->task), &err);
        nhi_sql_text(st, 2, e->jti, sizeof(e->jti), &err);
    }
    nhi_sql_done(l, st);
    return err;
}

enum nhi_err nhi_tree_end(struct nhi_ledger *l, const char *tree, const char *reason, int64_t now)
{
    enum nhi_err err;

    err = nhi_sql_run(l, NULL,
                      "INSERT OR IGNORE INTO revocation SELECT ?1, root, ?3, ?4 FROM ticket"
                      " WHERE tree = ?2",
                      "isis", (int64_t)NHI_REVOKE_TICKET, tree, now, reason);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL,
                          "UPDATE task INDEXED BY task_by_tree SET state = 2, closed = ?2, reason = ?3"
                          " WHERE tree = ?1 AND state = 1",
                          "sis", tree, now, reason);
    return err;
}
