/*
 * Policy in the ledger: every version that was ever in force, since events name them by their hash.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/sql.h"
#include "libnhi/sshopt.h"

#define SOURCE_MAX (NHI_RULE_NETS_MAX * (NHI_NET_TEXT_MAX + 1) + 8)
#define HOURS_MAX (NHI_RULE_HOURS_MAX * 10 + 1)
#define LOCAL "local"
/* More pairs than these of one rule: it is looked at for every agent and account. */
#define PAIRS_MAX 64

/* ---- a rule as a row ---- */

static void format_source(const struct nhi_rule *r, char text[SOURCE_MAX])
{
    size_t len = 0;
    uint32_t i;

    text[0] = '\0';
    if (r->local)
        len = (size_t)snprintf(text, SOURCE_MAX, "%s ", LOCAL);
    for (i = 0; i < r->net_count; i++) {
        nhi_net_format(&r->nets[i], text + len);
        len = strlen(text);
        text[len++] = ' ';
        text[len] = '\0';
    }
}

static void parse_source(char *text, struct nhi_rule *r, enum nhi_err *err)
{
    char *save = NULL, *word;

    for (word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        if (strcmp(word, LOCAL) == 0)
            r->local = true;
        else if (r->net_count == NHI_RULE_NETS_MAX ||
                 nhi_net_parse(word, &r->nets[r->net_count]) != NHI_OK)
            *err = NHI_ERR_CORRUPT;
        else
            r->net_count++;
    }
}

static void format_hours(const struct nhi_rule *r, char text[HOURS_MAX])
{
    size_t len = 0;
    uint32_t i;

    text[0] = '\0';
    for (i = 0; i < r->hours_count; i++)
        len += (size_t)snprintf(text + len, HOURS_MAX - len, "%u-%u ", (unsigned)r->hours[i].from,
                                (unsigned)r->hours[i].to);
}

static void parse_hours(const char *text, struct nhi_rule *r, enum nhi_err *err)
{
    unsigned from, to;
    int n;

    for (; *text != '\0'; text += n) {
        if (r->hours_count == NHI_RULE_HOURS_MAX ||
            sscanf(text, "%4u-%4u %n", &from, &to, &n) != 2 || from >= NHI_DAY_MINUTES ||
            to > NHI_DAY_MINUTES) {
            *err = NHI_ERR_CORRUPT;
            return;
        }
        r->hours[r->hours_count].from = (uint16_t)from;
        r->hours[r->hours_count++].to = (uint16_t)to;
    }
}

/* Seconds by which the zone of a row of table t is ahead at ?1; NULL: there is none, or nobody knows. */
#define AHEAD(t)                                                                                   \
    "CASE " t ".zone WHEN '' THEN NULL ELSE (SELECT z.ahead FROM zone z WHERE z.version = " t      \
    ".version AND z.name = " t ".zone AND z.at <= ?1 ORDER BY z.at DESC LIMIT 1) END"

static void take_text(const char **at, char *out, size_t size, enum nhi_err *err)
{
    size_t len = (size_t)(strchrnul(*at, '\t') - *at);

    if (len >= size) {
        *err = NHI_ERR_CORRUPT;
        len = 0;
    }
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len;
    *at += **at == '\t';
}

static int64_t take_int(const char **at, int64_t max, enum nhi_err *err)
{
    const char *start = *at;
    int64_t n = 0;

    for (; **at >= '0' && **at <= '9' && n <= (INT64_MAX - 9) / 10; (*at)++)
        n = n * 10 + (**at - '0');
    if (*at == start || **at != '\t' || n > max) {
        *err = NHI_ERR_CORRUPT;
        return 0;
    }
    (*at)++;
    return n;
}

static enum nhi_err parse_line(const char *at, struct nhi_rule *r)
{
    char source[SOURCE_MAX], hours[HOURS_MAX];
    enum nhi_err err = NHI_OK;

    take_text(&at, r->name, sizeof r->name, &err);
    r->forbid = take_int(&at, 1, &err) == 1;
    r->days = (uint8_t)take_int(&at, 127, &err);
    r->bound = (uint32_t)take_int(&at, NHI_BOUND_ALL, &err);
    r->max_lifetime = take_int(&at, INT64_MAX, &err);
    r->max_age = take_int(&at, INT64_MAX, &err);
    r->max_uses = (uint32_t)take_int(&at, UINT32_MAX, &err);
    r->max_sessions = (uint32_t)take_int(&at, UINT32_MAX, &err);
    r->max_grants = (uint32_t)take_int(&at, UINT32_MAX, &err);
    r->ssh = (uint32_t)take_int(&at, NHI_SSHOPT_ALL, &err);
    take_text(&at, r->agents, sizeof r->agents, &err);
    take_text(&at, r->owners, sizeof r->owners, &err);
    take_text(&at, r->tasks, sizeof r->tasks, &err);
    take_text(&at, r->accounts, sizeof r->accounts, &err);
    take_text(&at, r->services, sizeof r->services, &err);
    take_text(&at, source, sizeof source, &err);
    take_text(&at, hours, sizeof hours, &err);
    take_text(&at, r->zone, sizeof r->zone, &err);
    if (err == NHI_OK && *at != '\0')
        err = NHI_ERR_CORRUPT;
    if (err == NHI_OK) {
        parse_source(source, r, &err);
        parse_hours(hours, r, &err);
    }
    return err;
}

/* Of an NHI_SQL_LINE and an AHEAD. */
static enum nhi_err read_rule(sqlite3_stmt *st, struct nhi_rule *r)
{
    const char *line = (const char *)sqlite3_column_text(st, 0);
    enum nhi_err err = NHI_OK;

    memset(r, 0, sizeof *r);
    if (line == NULL || strlen(line) != (size_t)sqlite3_column_bytes(st, 0))
        return NHI_ERR_CORRUPT;
    r->offset_known = sqlite3_column_type(st, 1) == SQLITE_INTEGER;
    if (r->offset_known)
        r->offset = (int32_t)nhi_sql_int(st, 1, -86400, 86400, &err);
    return err == NHI_OK ? parse_line(line, r) : err;
}

static bool is_well_formed(const struct nhi_rule *r)
{
    return nhi_name_is_task(r->name) && (r->agents[0] != '\0' || r->owners[0] != '\0') &&
           (r->agents[0] == '\0' || nhi_list_is_valid(r->agents, nhi_pattern_is_agent)) &&
           (r->tasks[0] == '\0' || nhi_list_is_valid(r->tasks, nhi_pattern_is_task)) &&
           (strcmp(r->accounts, NHI_ANY) == 0 ||
            nhi_list_is_valid(r->accounts, nhi_name_is_account)) &&
           (strcmp(r->services, NHI_ANY) == 0 ||
            nhi_list_is_valid(r->services, nhi_name_is_service)) &&
           r->net_count <= NHI_RULE_NETS_MAX && r->hours_count <= NHI_RULE_HOURS_MAX &&
           ((r->days == 0 && r->hours_count == 0) || r->zone[0] != '\0');
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

static enum nhi_err index_pair(struct nhi_ledger *l, const struct nhi_rule *r, const char *agent,
                               const char *account)
{
    return nhi_sql_run(
        l, NULL,
        "INSERT INTO rule_index (version, pattern, agent, account, name) SELECT policy, ?, ?, ?, ?"
        " FROM setting WHERE one = 1",
        "isss", (int64_t)(strpbrk(agent, "*?") != NULL), agent, account, r->name);
}

/* By each agent, pattern and account that it names; by NHI_ANY where it could be more than those.
 */
static enum nhi_err index_rule(struct nhi_ledger *l, const struct nhi_rule *r)
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
            err = index_pair(l, r, agent, account);
    return err;
}

/* ---- writing ---- */

static enum nhi_err insert_rule(struct nhi_ledger *l, const struct nhi_rule *r)
{
    char source[SOURCE_MAX], hours[HOURS_MAX];

    if (!is_well_formed(r))
        return NHI_ERR_ARG;
    format_source(r, source);
    format_hours(r, hours);
    return nhi_sql_run(
        l, NULL,
        "INSERT INTO rule SELECT policy, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ? FROM setting WHERE one = 1",
        "sissssssissiiiiiii", r->name, (int64_t)r->forbid, r->agents, r->owners, r->tasks,
        r->accounts, r->services, source, (int64_t)r->days, hours, r->zone, (int64_t)r->bound,
        r->max_lifetime, r->max_age, (int64_t)r->max_uses, (int64_t)r->max_sessions,
        (int64_t)r->max_grants, (int64_t)r->ssh);
}

enum nhi_err nhi_policy_replace(struct nhi_ledger *l, const struct nhi_rule *rules, size_t count,
                                const char *hash, int64_t now)
{
    enum nhi_err err;
    size_t i;

    err = nhi_sql_run(l, NULL,
                      "INSERT INTO policy SELECT coalesce(max(version), 0) + 1, ?, ? FROM policy",
                      "si", hash, now);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "UPDATE setting SET policy = (SELECT max(version) FROM policy)",
                          "");
    /* Only the policy in force is searched. */
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "DELETE FROM rule_index", "");
    for (i = 0; i < count && err == NHI_OK; i++) {
        err = insert_rule(l, &rules[i]);
        if (err == NHI_OK)
            err = index_rule(l, &rules[i]);
    }
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, NHI_SQL_COPY_LINES, "");
    return err;
}

enum nhi_err nhi_policy_add_zone(struct nhi_ledger *l, const char *zone, int64_t at,
                                 const int32_t *ahead)
{
    if (ahead == NULL)
        return nhi_sql_run(l, NULL,
                           "INSERT INTO zone SELECT policy, ?, ?, NULL FROM setting WHERE one = 1",
                           "si", zone, at);
    return nhi_sql_run(l, NULL,
                       "INSERT INTO zone SELECT policy, ?, ?, ? FROM setting WHERE one = 1", "sii",
                       zone, at, (int64_t)*ahead);
}

/* ---- reading ---- */

/* All rows of st, which is finalized. */
static enum nhi_err read_rules(struct nhi_ledger *l, sqlite3_stmt *st, enum nhi_err err,
                               const struct nhi_request *req, const struct nhi_facts *f,
                               struct nhi_rule **rules, size_t *count)
{
    struct nhi_rule *all = NULL, *more;
    size_t used = 0, room = 0;

    while (err == NHI_OK && (err = nhi_sql_step(l, st)) == NHI_OK) {
        if (used == room) {
            room = room * 2 + 4;
            more = reallocarray(all, room, sizeof *all);
            if (more == NULL) {
                err = NHI_ERR_NOMEM;
                break;
            }
            all = more;
        }
        err = read_rule(st, &all[used]);
        if (err == NHI_OK && (req == NULL || nhi_rule_could(&all[used], req, f)))
            used++;
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

/* Two ranges of the index: where the agent is named, and all patterns that it is like. Of every account a rule is
 * found as often as it names one. */
#define FIND(which, how)                                                                           \
    "SELECT i.line, " AHEAD("i") " FROM setting s JOIN rule_index i ON s.one = 1"                  \
    " AND i.version = s.policy AND i.pattern = 0 AND i.agent = ?2" which                           \
    " " how " SELECT i.line, " AHEAD("i") " FROM setting s JOIN rule_index i ON s.one = 1"       \
    " AND i.version = s.policy AND i.pattern = 1 AND ?2 GLOB i.agent" which

enum nhi_err nhi_sql_rules(struct nhi_ledger *l, const char *agent, const struct nhi_request *req,
                           int64_t now, struct nhi_facts *f)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    if (req != NULL)
        err = nhi_sql_prepare(l, &st, FIND(" AND i.account IN (?3, '*')", "UNION ALL"), "iss", now, agent,
                              req->subject);
    else
        err = nhi_sql_prepare(l, &st, FIND("", "UNION"), "is", now, agent);
    return read_rules(l, st, err, req, f, &f->rules, &f->rule_count);
}

enum nhi_err nhi_policy_load(struct nhi_ledger *l, int64_t version, int64_t now,
                             struct nhi_rule **rules, size_t *count)
{
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err = nhi_sql_prepare(l, &st,
                          "SELECT " NHI_SQL_LINE ", " AHEAD("r") " FROM rule r WHERE r.version = CASE ?2 WHEN 0 THEN"
                          " (SELECT policy FROM setting WHERE one = 1) ELSE ?2 END ORDER BY r.name",
                          "ii", now, version);
    return read_rules(l, st, err, NULL, NULL, rules, count);
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
    return nhi_sql_number(
        l, rules,
        "SELECT count(*) FROM rule WHERE version = (SELECT policy FROM setting WHERE one = 1)", "");
}
