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

/* Whether the result is the same at any time and for any number of uses. */
static bool is_steady(const struct nhi_rule *r)
{
    return r->days == 0 && r->hours_count == 0 && r->max_age == 0 && r->max_sessions == 0 && r->max_grants == 0;
}

/* Among steady rules that match a request and differ in their names alone, the first name decides, so the others need
 * no room. steady is the rule of this kind so far for each effect; false: r is to be added. */
static bool is_covered(const struct nhi_rule *r, struct nhi_rule *all, size_t used, size_t steady[2])
{
    struct nhi_rule *other;

    if (!is_steady(r))
        return false;
    if (steady[r->forbid] == SIZE_MAX) {
        steady[r->forbid] = used;
        return false;
    }
    other = &all[steady[r->forbid]];
    if (r->ssh != other->ssh)
        return false;
    if (strcmp(r->name, other->name) < 0)
        *other = *r;
    return true;
}

/* Adds the rules of all rows of st that could matter to req to those of f; with NULL, all. Finalizes st. */
static enum nhi_err read_rules(struct nhi_ledger *l, sqlite3_stmt *st, const struct nhi_request *req,
                               struct nhi_facts *f)
{
    enum nhi_err err = NHI_OK;
    struct nhi_rule *all = NULL, *more;
    size_t used = 0, room = 0, steady[2] = { SIZE_MAX, SIZE_MAX };

    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        more = nhi_grow(all, &room, used + 1, sizeof(*more));
        if (more == NULL) {
            err = NHI_ERR_NOMEM;
            break;
        }
        all = more;
        err = read_rule(st, &all[used]);
        if (err == NHI_OK &&
            (req == NULL || (nhi_rule_could(&all[used], req, f) && !is_covered(&all[used], all, used, steady))))
            used++;
    }
    sqlite3_finalize(st);
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
#define FIND(which, how) \
    "SELECT i.line, " AHEAD("i") " FROM setting s JOIN rule_index i ON s.one = 1" \
                                 " AND i.version = s.policy AND i.pattern = 0 AND i.agent = ?2" which " " how \
                                 " SELECT i.line, " AHEAD( \
                                     "i") " FROM setting s JOIN rule_index i ON s.one = 1" \
                                          " AND i.version = s.policy AND i.pattern = 1 AND ?2 GLOB i.agent" which

enum nhi_err nhi_sql_rules(struct nhi_ledger *l, const char *agent, const struct nhi_request *req, int64_t now,
                           struct nhi_facts *f)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    if (req != NULL)
        err =
            nhi_sql_prepare(l, &st, FIND(" AND i.account IN (?3, '*')", "UNION ALL"), "iss", now, agent, req->subject);
    else
        err = nhi_sql_prepare(l, &st, FIND("", "UNION"), "is", now, agent);
    return err == NHI_OK ? read_rules(l, st, req, f) : err;
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
        err = read_rules(l, st, NULL, &all);
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
    sqlite3_finalize(st);
    return err;
}

enum nhi_err nhi_policy_count(struct nhi_ledger *l, int64_t *rules)
{
    return nhi_sql_number(l, rules,
                          "SELECT count(*) FROM rule WHERE version = (SELECT policy FROM setting WHERE one = 1)", "");
}
