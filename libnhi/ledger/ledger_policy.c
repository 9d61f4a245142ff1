/* SPDX-License-Identifier: ISC */
/*
 * Policy in the ledger: every version that was ever in force, since events name them by their hash.
 */
#include "libnhi/ledger/ledger_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/ledger/sql.h"
#include "libnhi/policy/rule_line.h"

/* A rule with more pairs than these is looked at for every agent and account. */
#define PAIRS_MAX 64

/* ---- a rule as a row ---- */

/* Seconds by which the zone of a row of table t is ahead of UTC at ?1; NULL: no zone, or the offset is unknown. */
#define AHEAD(t) \
    "CASE " t ".zone WHEN '' THEN NULL ELSE (SELECT z.ahead FROM zone z WHERE z.version = " t \
    ".version AND z.name = " t ".zone AND z.at <= ?1 ORDER BY z.at DESC LIMIT 1) END"

/* Reads the columns of a line and an AHEAD. */
static enum nhi_err read_rule(sqlite3_stmt *st, struct nhi_rule *r)
{
    const char *line = (const char *)sqlite3_column_text(st, 0);
    enum nhi_err err = NHI_OK;

    memset(r, 0, sizeof(*r));
    if (line == NULL || strlen(line) != (size_t)sqlite3_column_bytes(st, 0))
        return NHI_ERR_CORRUPT;
    r->offset_known = sqlite3_column_type(st, 1) == SQLITE_INTEGER;
    if (r->offset_known)
        r->offset = (int32_t)nhi_sql_int(st, 1, -86400, 86400, &err);
    return err == NHI_OK ? nhi_rule_line_parse(line, r) : err;
}

/* ---- the index ---- */

static size_t count_words(const char *list)
{
    char word[NHI_LIST_MAX + 1];
    size_t n = 0;

    while ((list = nhi_list_next(list, word)) != NULL)
        n++;
    return n;
}

static enum nhi_err index_pair(struct nhi_ledger *l, const struct nhi_rule *r, const char *line, const char *agent,
                               const char *account)
{
    return nhi_sql_run(l, NULL,
                       "INSERT INTO rule_index (version, pattern, agent, account, name, zone, line)"
                       " SELECT policy, ?, ?, ?, ?, ?, ? FROM setting WHERE one = 1",
                       "isssss", (int64_t)(strpbrk(agent, "*?") != NULL), agent, account, r->name, r->zone, line);
}

/* Indexes a rule under each agent, pattern and account that it names; under NHI_ANY if it could match more than those.
 */
static enum nhi_err index_rule(struct nhi_ledger *l, const struct nhi_rule *r, const char *line)
{
    const char *agents = r->agents, *accounts = r->accounts, *at, *to;
    char agent[NHI_LIST_MAX + 1], account[NHI_LIST_MAX + 1];
    enum nhi_err err = NHI_OK;

    if (agents[0] == '\0' || count_words(agents) * count_words(accounts) > PAIRS_MAX)
        agents = NHI_ANY;
    if (count_words(accounts) > PAIRS_MAX)
        accounts = NHI_ANY;
    for (at = agents; err == NHI_OK && (at = nhi_list_next(at, agent)) != NULL;)
        for (to = accounts; err == NHI_OK && (to = nhi_list_next(to, account)) != NULL;)
            err = index_pair(l, r, line, agent, account);
    return err;
}

/* ---- writing ---- */

static enum nhi_err insert_rule(struct nhi_ledger *l, const struct nhi_rule *r)
{
    char line[NHI_RULE_LINE_MAX + 1];
    enum nhi_err err;

    if (!nhi_rule_is_well_formed(r))
        return NHI_ERR_ARG;
    nhi_rule_line_format(r, line);
    err = nhi_sql_run(l, NULL, "INSERT INTO rule SELECT policy, ?, ?, ? FROM setting WHERE one = 1", "sss", r->name,
                      r->zone, line);
    return err == NHI_OK ? index_rule(l, r, line) : err;
}

enum nhi_err nhi_policy_replace(struct nhi_ledger *l, const struct nhi_rule *rules, size_t count, const char *hash,
                                int64_t now)
{
    enum nhi_err err;

    err = nhi_sql_run(l, NULL, "INSERT INTO policy SELECT coalesce(max(version), 0) + 1, ?, ? FROM policy", "si", hash,
                      now);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "UPDATE setting SET policy = (SELECT max(version) FROM policy)", "");
    /* Searches use only the policy in force. */
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "DELETE FROM rule_index", "");
    for (size_t i = 0; i < count && err == NHI_OK; i++)
        err = insert_rule(l, &rules[i]);
    return err;
}

enum nhi_err nhi_policy_add_zone(struct nhi_ledger *l, const char *zone, int64_t at, const int32_t *ahead)
{
    if (ahead == NULL)
        return nhi_sql_run(l, NULL, "INSERT INTO zone SELECT policy, ?, ?, NULL FROM setting WHERE one = 1", "si", zone,
                           at);
    return nhi_sql_run(l, NULL, "INSERT INTO zone SELECT policy, ?, ?, ? FROM setting WHERE one = 1", "sii", zone, at,
                       (int64_t)*ahead);
}

/* ---- reading ---- */

/* Sets the rules of f to those of all rows of st, which it finalizes. */
static enum nhi_err read_rules(struct nhi_ledger *l, sqlite3_stmt *st, struct nhi_facts *f)
{
    enum nhi_err err = NHI_OK;
    struct nhi_rule *all = NULL, *more;
    size_t used = 0, room = 0;

    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        more = nhi_grow(all, &room, used + 1, sizeof(*more));
        if (more == NULL) {
            err = NHI_ERR_NOMEM;
            break;
        }
        all = more;
        err = read_rule(st, &all[used]);
        used += err == NHI_OK;
    }
    nhi_sql_done(l, st);
    if (err != NHI_ERR_NOT_FOUND) {
        free(all);
        return err;
    }
    f->rules = all;
    f->rule_count = used;
    return NHI_OK;
}

/* Searches two ranges of the index: rules that name the agent, and all patterns that match it. A rule for every account
 * is found as often as it names an agent. */
#define FIND(which) \
    "SELECT i.line, " AHEAD("i") " FROM setting s JOIN rule_index i ON s.one = 1 AND i.version = s.policy AND " which

enum nhi_err nhi_sql_rules(struct nhi_ledger *l, const char *agent, int64_t now, struct nhi_facts *f)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          FIND("i.pattern = 0 AND i.agent = ?2") " UNION " FIND("i.pattern = 1 AND ?2 GLOB i.agent"),
                          "is", now, agent);
    return err == NHI_OK ? read_rules(l, st, f) : err;
}

enum nhi_err nhi_policy_load(struct nhi_ledger *l, int64_t version, int64_t now, struct nhi_rule **rules, size_t *count)
{
    struct nhi_facts all = { .rules = NULL };
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(
        l, &st,
        "SELECT r.line, " AHEAD("r") " FROM rule r WHERE r.version = CASE ?2 WHEN 0 THEN"
                                     " (SELECT policy FROM setting WHERE one = 1) ELSE ?2 END ORDER BY r.name",
        "ii", now, version);
    if (err == NHI_OK)
        err = read_rules(l, st, &all);
    if (err == NHI_OK) {
        *rules = all.rules;
        *count = all.rule_count;
    }
    return err;
}

enum nhi_err nhi_policy_version(struct nhi_ledger *l, const char *hash, int64_t *version)
{
    return nhi_sql_number(l, version, "SELECT max(version) FROM policy WHERE hash = ?", "s", hash);
}

enum nhi_err nhi_policy_hash(struct nhi_ledger *l, int64_t version, char hash[NHI_POLICY_LEN + 1])
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st, "SELECT hash FROM policy WHERE version = ?", "i", version);
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_OK)
        nhi_sql_text(st, 0, hash, NHI_POLICY_LEN + 1, &err);
    nhi_sql_done(l, st);
    return err;
}

enum nhi_err nhi_policy_count(struct nhi_ledger *l, int64_t *rules)
{
    return nhi_sql_number(l, rules,
                          "SELECT count(*) FROM rule WHERE version = (SELECT policy FROM setting WHERE one = 1)", "");
}
