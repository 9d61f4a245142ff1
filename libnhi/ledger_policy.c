#include <stdlib.h>
#include <string.h>

#include "libnhi/sql.h"
#include "libnhi/sshopt.h"

enum nhi_err nhi_policy_replace(struct nhi_ledger *l, const struct nhi_rule *rules, size_t count,
                                int64_t now)
{
    enum nhi_err err;
    size_t i;

    (void)now;
    err = nhi_sql_run(l, NULL, "DELETE FROM rule", "");
    for (i = 0; i < count && err == NHI_OK; i++) {
        const struct nhi_rule *r = &rules[i];

        if (!nhi_name_is_task(r->name) || !nhi_list_is_valid(r->agents, nhi_name_is_agent) ||
            !nhi_list_is_valid(r->accounts, nhi_name_is_account) ||
            !nhi_list_is_valid(r->services, nhi_name_is_service))
            return NHI_ERR_ARG;
        err = nhi_sql_run(l, NULL,
                          "INSERT INTO rule (name, forbid, agents, accounts, services, ssh)"
                          " VALUES (?,?,?,?,?,?)",
                          "sisssi", r->name, (int64_t)r->forbid, r->agents, r->accounts,
                          r->services, (int64_t)r->ssh);
    }
    return err;
}

static enum nhi_err read_rule(sqlite3_stmt *st, struct nhi_rule *r)
{
    enum nhi_err err = NHI_OK;

    nhi_sql_text(st, 0, r->name, sizeof r->name, &err);
    r->forbid = nhi_sql_int(st, 1, 0, 1, &err) == 1;
    nhi_sql_text(st, 2, r->agents, sizeof r->agents, &err);
    nhi_sql_text(st, 3, r->accounts, sizeof r->accounts, &err);
    nhi_sql_text(st, 4, r->services, sizeof r->services, &err);
    r->ssh = (uint32_t)nhi_sql_int(st, 5, 0, NHI_SSHOPT_ALL, &err);
    return err;
}

enum nhi_err nhi_sql_rules(struct nhi_ledger *l, const char *agent, struct nhi_rule **rules,
                           size_t *count)
{
    struct nhi_rule *all = NULL, *more;
    size_t used = 0, room = 0;
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT name, forbid, agents, accounts, services, ssh FROM rule WHERE"
                          " ?1 IS NULL OR instr(' '||agents||' ', ' '||?1||' ') > 0 ORDER BY n",
                          "s", agent);
    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        if (used == room) {
            room = room * 2 + 8;
            more = reallocarray(all, room, sizeof *all);
            if (more == NULL) {
                err = NHI_ERR_NOMEM;
                break;
            }
            all = more;
        }
        err = read_rule(st, &all[used++]);
    }
    sqlite3_finalize(st);
    if (err != NHI_ERR_NOT_FOUND) {
        free(all);
        return err;
    }
    *rules = all;
    *count = used;
    return NHI_OK;
}

enum nhi_err nhi_policy_load(struct nhi_ledger *l, struct nhi_rule **rules, size_t *count)
{
    return nhi_sql_rules(l, NULL, rules, count);
}
