/* SPDX-License-Identifier: ISC */
#include "libnhi/check/facts.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/policy/rule_line.h"

/* NHI_ERR_NOT_FOUND is an answer: what is known is written to *known. */
static enum nhi_err ask(const struct nhi_fact_source *from, const struct nhi_fact_key *key, struct nhi_value *v,
                        bool *known)
{
    enum nhi_err err = from->get(from->ctx, key, v);

    *known = err == NHI_OK;
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

static enum nhi_err ask_by_name(const struct nhi_fact_source *from, enum nhi_fact kind, const char *name,
                                struct nhi_value *v, bool *known)
{
    const struct nhi_fact_key key = nhi_fact_key(kind, name);

    return ask(from, &key, v, known);
}

/* ---- about the ticket ---- */

static enum nhi_err load_host(const struct nhi_fact_source *from, struct nhi_facts *f, int64_t *epoch_ticket)
{
    struct nhi_fact_host h;
    struct nhi_value v;
    bool known;
    enum nhi_err err = ask_by_name(from, NHI_FACT_HOST, "", &v, &known);

    if (err == NHI_OK)
        err = known ? nhi_fact_get_host(&v, &h) : NHI_ERR_CORRUPT;
    if (err != NHI_OK)
        return err;
    memcpy(f->host, h.host, sizeof(f->host));
    memcpy(f->policy, h.policy, sizeof(f->policy));
    f->latest = h.latest;
    f->epoch_at = h.epoch_at;
    f->pin_records = h.pin_records;
    f->max_lifetime = h.max_lifetime;
    f->overdue_denies = h.overdue_denies;
    f->unsupervised = !h.unsupervised;
    f->unflushed = h.unflushed;
    *epoch_ticket = h.epoch_ticket;
    return NHI_OK;
}

static enum nhi_err load_issuer(const struct nhi_fact_source *from, const char *kid, struct nhi_facts *f)
{
    struct nhi_value v;
    enum nhi_err err = ask_by_name(from, NHI_FACT_ISSUER, kid, &v, &f->issuer_known);

    return err == NHI_OK && f->issuer_known ? nhi_fact_get_issuer(&v, &f->issuer) : err;
}

static enum nhi_err load_agent(const struct nhi_fact_source *from, const char *name, struct nhi_facts *f)
{
    struct nhi_fact_agent a;
    struct nhi_value v;
    enum nhi_err err = ask_by_name(from, NHI_FACT_AGENT, name, &v, &f->agent_known);

    if (err == NHI_OK && f->agent_known)
        err = nhi_fact_get_agent(&v, &a);
    if (err != NHI_OK || !f->agent_known)
        return err;
    f->agent_state = a.state;
    f->agent_uid = a.uid;
    f->agent_review_by = a.review_by;
    f->agent_revoked_until = a.revoked_until;
    memcpy(f->agent_owner, a.owner, sizeof(f->agent_owner));
    return NHI_OK;
}

static enum nhi_err load_task(const struct nhi_fact_source *from, const char *id, struct nhi_facts *f)
{
    struct nhi_fact_task t;
    struct nhi_value v;
    enum nhi_err err = ask_by_name(from, NHI_FACT_TASK, id, &v, &f->task_known);

    if (err == NHI_OK && f->task_known)
        err = nhi_fact_get_task(&v, &t);
    if (err != NHI_OK || !f->task_known)
        return err;
    f->task_state = t.state;
    f->task_deadline = t.deadline;
    memcpy(f->task_agent, t.agent, sizeof(f->task_agent));
    return NHI_OK;
}

static enum nhi_err find_ticket(const struct nhi_fact_source *from, const char *jti, struct nhi_fact_ticket *t,
                                bool *known)
{
    struct nhi_value v;
    enum nhi_err err = ask_by_name(from, NHI_FACT_TICKET, jti, &v, known);

    return err == NHI_OK && *known ? nhi_fact_get_ticket(&v, t) : err;
}

/* The ticket that it renews ends with its first use, if that has not ended yet; and the key that signed the first one
 * of its lineage. */
static enum nhi_err load_lineage(const struct nhi_fact_source *from, const struct nhi_fact_ticket *had,
                                 struct nhi_facts *f)
{
    struct nhi_fact_ticket other;
    bool known = false;
    enum nhi_err err = NHI_OK;

    memcpy(f->root_kid, had->ticket.kid, sizeof(f->root_kid));
    if (had->renews[0] != '\0')
        err = find_ticket(from, had->renews, &other, &known);
    if (err == NHI_OK && known && !other.superseded)
        memcpy(f->renews, had->renews, sizeof(f->renews));
    known = false;
    if (err == NHI_OK && strcmp(had->root, had->ticket.jti) != 0)
        err = find_ticket(from, had->root, &other, &known);
    if (err == NHI_OK && known)
        memcpy(f->root_kid, other.ticket.kid, sizeof(f->root_kid));
    return err;
}

static enum nhi_err load_recorded(const struct nhi_fact_source *from, const struct nhi_ticket *t, int64_t epoch_ticket,
                                  struct nhi_facts *f)
{
    struct nhi_fact_ticket had;
    enum nhi_err err = find_ticket(from, t->jti, &had, &f->recorded);

    if (err != NHI_OK || !f->recorded)
        return err;
    memcpy(f->root, had.root, sizeof(f->root));
    memcpy(f->successor, had.successor, sizeof(f->successor));
    memcpy(f->tree, had.tree, sizeof(f->tree));
    f->superseded = had.superseded;
    f->no_pin = had.no_pin;
    f->former = had.row <= epoch_ticket;
    f->differs = strcmp(had.ticket.kid, t->kid) != 0 || strcmp(had.ticket.agent, t->agent) != 0 ||
                 strcmp(had.ticket.task, t->task) != 0 || had.ticket.uses != t->uses;
    return load_lineage(from, &had, f);
}

/* ---- revocation ---- */

/* Tickets by their jti, each once; the first is the ticket itself. */
struct climb {
    char jti[NHI_ANCESTORS_MAX + 1][NHI_JTI_LEN + 1];
    size_t count;
    bool full;
};

static void climb_to(struct climb *c, const char *jti)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->jti[i], jti) == 0)
            return;
    if (jti[0] == '\0')
        return;
    if (c->count == NHI_ANCESTORS_MAX + 1) {
        c->full = true;
        return;
    }
    memcpy(c->jti[c->count++], jti, NHI_JTI_LEN + 1);
}

/* Its parent, the parent of that …, and the first ticket of each lineage, which a revocation of a lineage names. The
 * ticket may be unknown here, so its claims say what to look for, not its row. */
static enum nhi_err load_ancestors(const struct nhi_fact_source *from, const struct nhi_ticket *t, struct nhi_facts *f)
{
    struct nhi_fact_ticket one;
    struct climb c = { .count = 0 };
    bool known;
    enum nhi_err err = NHI_OK;

    climb_to(&c, t->jti);
    climb_to(&c, t->parent);
    for (size_t i = 0; err == NHI_OK && i < c.count; i++) {
        err = find_ticket(from, c.jti[i], &one, &known);
        if (err == NHI_OK && known) {
            climb_to(&c, one.root);
            climb_to(&c, one.ticket.parent);
        }
    }
    if (err != NHI_OK)
        return err;
    f->revoked = c.full;
    f->ancestor_count = c.count - 1;
    memcpy(f->ancestors, c.jti + 1, f->ancestor_count * sizeof(c.jti[0]));
    return NHI_OK;
}

static enum nhi_err add_revoked(const struct nhi_fact_source *from, enum nhi_revoke_kind kind, const char *id,
                                struct nhi_facts *f)
{
    const struct nhi_fact_key key = nhi_fact_key_revoked(kind, id);
    struct nhi_value v;
    bool known;
    enum nhi_err err = ask(from, &key, &v, &known);

    f->revoked = f->revoked || known;
    return err;
}

static enum nhi_err load_revoked(const struct nhi_fact_source *from, const struct nhi_ticket *t, struct nhi_facts *f)
{
    enum nhi_err err = add_revoked(from, NHI_REVOKE_TASK, t->task, f);

    if (err == NHI_OK)
        err = add_revoked(from, NHI_REVOKE_TICKET, t->jti, f);
    for (size_t i = 0; i < f->ancestor_count && err == NHI_OK; i++)
        err = add_revoked(from, NHI_REVOKE_TICKET, f->ancestors[i], f);
    return err;
}

enum nhi_err nhi_facts_load(const struct nhi_fact_source *from, const struct nhi_ticket *t, struct nhi_facts *out)
{
    struct nhi_facts f;
    int64_t epoch_ticket = 0;
    enum nhi_err err;

    memset(&f, 0, sizeof(f));
    err = load_host(from, &f, &epoch_ticket);
    if (err == NHI_OK && t != NULL) {
        err = load_issuer(from, t->kid, &f);
        if (err == NHI_OK)
            err = load_agent(from, t->agent, &f);
        if (err == NHI_OK)
            err = load_task(from, t->task, &f);
        if (err == NHI_OK)
            err = load_recorded(from, t, epoch_ticket, &f);
        if (err == NHI_OK)
            err = load_ancestors(from, t, &f);
        if (err == NHI_OK)
            err = load_revoked(from, t, &f);
    }
    if (err == NHI_OK)
        *out = f;
    return err;
}

void nhi_facts_free(struct nhi_facts *f)
{
    if (f == NULL)
        return;
    free(f->rules);
    f->rules = NULL;
    f->rule_count = 0;
}

/* ---- rules ---- */

struct collecting {
    const struct nhi_fact_source *from;
    const struct nhi_request *r;
    const char *agent;
    int64_t now;
    struct nhi_facts *f;
    size_t room, steady[2];
};

/* Whether the result is the same at any time and for any number of uses. */
static bool is_steady(const struct nhi_rule *r)
{
    return r->days == 0 && r->hours_count == 0 && r->max_age == 0 && r->max_sessions == 0 && r->max_grants == 0;
}

/* Among steady rules that match a request and differ in their names alone, the first name decides, so the others need
 * no room. steady is the rule of this kind so far for each effect; false: r is to be added. */
static bool is_covered(const struct nhi_rule *r, struct collecting *c)
{
    struct nhi_rule *other;

    if (!is_steady(r))
        return false;
    if (c->steady[r->forbid] == SIZE_MAX) {
        c->steady[r->forbid] = c->f->rule_count;
        return false;
    }
    other = &c->f->rules[c->steady[r->forbid]];
    if (r->ssh != other->ssh)
        return false;
    if (strcmp(r->name, other->name) < 0)
        *other = *r;
    return true;
}

static enum nhi_err set_offset(const struct collecting *c, const char *zone, struct nhi_rule *r)
{
    struct nhi_fact_offset o = { .known = false };
    struct nhi_value v;
    bool known = false;
    enum nhi_err err = NHI_OK;

    if (zone[0] != '\0')
        err = ask_by_name(c->from, NHI_FACT_ZONE, zone, &v, &known);
    if (err == NHI_OK && known)
        err = nhi_fact_get_offset(&v, c->now, &o);
    if (err == NHI_OK && known && o.known) {
        r->offset_known = true;
        r->offset = o.ahead;
    }
    return err;
}

static enum nhi_err take_rule(struct nhi_value *entry, void *arg)
{
    struct collecting *c = arg;
    struct nhi_fact_rule had;
    struct nhi_rule *more;
    enum nhi_err err = nhi_fact_get_rule(entry, &had);

    if (err != NHI_OK)
        return err;
    if (had.pattern[0] != '\0' && !nhi_glob(had.pattern, c->agent))
        return NHI_OK;
    more = nhi_grow(c->f->rules, &c->room, c->f->rule_count + 1, sizeof(*more));
    if (more == NULL)
        return NHI_ERR_NOMEM;
    c->f->rules = more;
    more += c->f->rule_count;
    memset(more, 0, sizeof(*more));
    err = nhi_rule_line_parse(had.line, more);
    if (err == NHI_OK)
        err = set_offset(c, had.zone, more);
    if (err == NHI_OK && nhi_rule_could(more, c->r, c->f) && !is_covered(more, c))
        c->f->rule_count++;
    return err;
}

enum nhi_err nhi_facts_rules(const struct nhi_fact_source *from, const char *agent, const struct nhi_request *r,
                             int64_t now, struct nhi_facts *f)
{
    struct collecting c = {
        .from = from, .r = r, .agent = agent, .now = now, .f = f, .steady = { SIZE_MAX, SIZE_MAX }
    };
    const struct nhi_fact_key lists[] = {
        nhi_fact_key_pair(NHI_LIST_RULES, agent, r->subject),
        nhi_fact_key_pair(NHI_LIST_RULES, agent, NHI_ANY),
        nhi_fact_key_pair(NHI_LIST_RULES, "", r->subject),
        nhi_fact_key_pair(NHI_LIST_RULES, "", NHI_ANY),
    };
    enum nhi_err err = NHI_OK;

    f->rules = NULL;
    f->rule_count = 0;
    for (size_t i = 0; err == NHI_OK && i < sizeof(lists) / sizeof(lists[0]); i++)
        err = from->each(from->ctx, &lists[i], take_rule, &c);
    if (err != NHI_OK)
        nhi_facts_free(f);
    return err;
}
