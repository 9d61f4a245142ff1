/* SPDX-License-Identifier: ISC */
#include "libnhi/state/fact.h"

#include <string.h>

#include "libnhi/ticket/sshopt.h"

void nhi_fact_put_host(struct nhi_value *v, const struct nhi_fact_host *h)
{
    nhi_value_put_text(v, h->host);
    nhi_value_put_int(v, h->latest);
    nhi_value_put_int(v, h->epoch);
    nhi_value_put_int(v, h->epoch_at);
    nhi_value_put_int(v, h->epoch_ticket);
    nhi_value_put_int(v, h->max_lifetime);
    nhi_value_put_u8(v, h->pin_records);
    nhi_value_put_u8(v, h->overdue_denies);
    nhi_value_put_u8(v, h->unsupervised);
    nhi_value_put_u8(v, h->unflushed);
    nhi_value_put_text(v, h->policy);
    nhi_value_put_u8(v, h->fit);
}

enum nhi_err nhi_fact_get_host(const struct nhi_value *v, struct nhi_fact_host *out)
{
    struct nhi_reader r = nhi_reader_of(v);

    memset(out, 0, sizeof(*out));
    nhi_reader_text(&r, out->host, sizeof(out->host));
    out->latest = nhi_reader_int(&r, 0, INT64_MAX);
    out->epoch = nhi_reader_int(&r, 0, INT64_MAX);
    out->epoch_at = nhi_reader_int(&r, 0, INT64_MAX);
    out->epoch_ticket = nhi_reader_int(&r, 0, INT64_MAX);
    out->max_lifetime = nhi_reader_int(&r, 0, INT64_MAX);
    out->pin_records = nhi_reader_flag(&r);
    out->overdue_denies = nhi_reader_flag(&r);
    out->unsupervised = nhi_reader_flag(&r);
    out->unflushed = nhi_reader_flag(&r);
    nhi_reader_text(&r, out->policy, sizeof(out->policy));
    out->fit = nhi_reader_u8(&r, 0, UINT8_MAX);
    return nhi_reader_end(&r);
}

void nhi_fact_put_issuer(struct nhi_value *v, const struct nhi_issuer *i)
{
    nhi_value_put_text(v, i->kid);
    nhi_value_put(v, i->pk, sizeof(i->pk));
    nhi_value_put_u8(v, (uint8_t)i->state);
    nhi_value_put_u8(v, i->own);
    nhi_value_put_u8(v, i->opens_tasks);
    nhi_value_put_text(v, i->agents);
    nhi_value_put_text(v, i->accounts);
    nhi_value_put_text(v, i->services);
    nhi_value_put_int(v, i->max_ttl);
    nhi_value_put_int(v, i->added);
}

enum nhi_err nhi_fact_get_issuer(const struct nhi_value *v, struct nhi_issuer *out)
{
    struct nhi_reader r = nhi_reader_of(v);

    memset(out, 0, sizeof(*out));
    nhi_reader_text(&r, out->kid, sizeof(out->kid));
    nhi_reader_get(&r, out->pk, sizeof(out->pk));
    out->state = (enum nhi_issuer_state)nhi_reader_u8(&r, NHI_ISSUER_ACTIVE, NHI_ISSUER_REVOKED);
    out->own = nhi_reader_flag(&r);
    out->opens_tasks = nhi_reader_flag(&r);
    nhi_reader_text(&r, out->agents, sizeof(out->agents));
    nhi_reader_text(&r, out->accounts, sizeof(out->accounts));
    nhi_reader_text(&r, out->services, sizeof(out->services));
    out->max_ttl = nhi_reader_int(&r, 0, INT64_MAX);
    out->added = nhi_reader_int(&r, 0, INT64_MAX);
    return nhi_reader_end(&r);
}

void nhi_fact_put_agent(struct nhi_value *v, const struct nhi_fact_agent *a)
{
    nhi_value_put_int(v, a->uid);
    nhi_value_put_u8(v, (uint8_t)a->state);
    nhi_value_put_text(v, a->owner);
    nhi_value_put_int(v, a->review_by);
    nhi_value_put_int(v, a->revoked_until);
}

enum nhi_err nhi_fact_get_agent(const struct nhi_value *v, struct nhi_fact_agent *out)
{
    struct nhi_reader r = nhi_reader_of(v);

    memset(out, 0, sizeof(*out));
    out->uid = (uint32_t)nhi_reader_int(&r, 1, UINT32_MAX);
    out->state = (enum nhi_agent_state)nhi_reader_u8(&r, NHI_AGENT_ACTIVE, NHI_AGENT_RETIRED);
    nhi_reader_text(&r, out->owner, sizeof(out->owner));
    out->review_by = nhi_reader_int(&r, INT64_MIN, INT64_MAX);
    out->revoked_until = nhi_reader_int(&r, INT64_MIN, INT64_MAX);
    return nhi_reader_end(&r);
}

void nhi_fact_put_task(struct nhi_value *v, const struct nhi_fact_task *t)
{
    nhi_value_put_text(v, t->agent);
    nhi_value_put_u8(v, (uint8_t)t->state);
    nhi_value_put_int(v, t->deadline);
}

enum nhi_err nhi_fact_get_task(const struct nhi_value *v, struct nhi_fact_task *out)
{
    struct nhi_reader r = nhi_reader_of(v);

    memset(out, 0, sizeof(*out));
    nhi_reader_text(&r, out->agent, sizeof(out->agent));
    out->state = (enum nhi_task_state)nhi_reader_u8(&r, NHI_TASK_OPEN, NHI_TASK_CLOSED);
    out->deadline = nhi_reader_int(&r, INT64_MIN, INT64_MAX);
    return nhi_reader_end(&r);
}

void nhi_fact_put_ticket(struct nhi_value *v, const struct nhi_fact_ticket *f)
{
    const struct nhi_ticket *t = &f->ticket;

    nhi_value_put_text(v, t->jti);
    nhi_value_put_text(v, t->kid);
    nhi_value_put_text(v, t->agent);
    nhi_value_put_text(v, t->task);
    nhi_value_put_text(v, t->host);
    nhi_value_put_text(v, t->accounts);
    nhi_value_put_text(v, t->services);
    nhi_value_put_int(v, t->iat);
    nhi_value_put_int(v, t->nbf);
    nhi_value_put_int(v, t->exp);
    nhi_value_put_int(v, t->uses);
    nhi_value_put_u8(v, t->has_cnf);
    nhi_value_put(v, t->cnf, t->has_cnf ? sizeof(t->cnf) : 0);
    nhi_value_put_text(v, t->parent);
    nhi_value_put_int(v, t->ssh);
    nhi_value_put_int(v, f->row);
    nhi_value_put_int(v, f->recorded);
    nhi_value_put_text(v, strcmp(f->root, t->jti) == 0 ? "" : f->root);
    nhi_value_put_text(v, f->renews);
    nhi_value_put_text(v, f->successor);
    nhi_value_put_text(v, f->tree);
    nhi_value_put_u8(v, f->superseded);
    nhi_value_put_u8(v, f->no_pin);
}

enum nhi_err nhi_fact_get_ticket(const struct nhi_value *v, struct nhi_fact_ticket *out)
{
    struct nhi_reader r = nhi_reader_of(v);
    struct nhi_ticket *t = &out->ticket;

    memset(out, 0, sizeof(*out));
    nhi_reader_text(&r, t->jti, sizeof(t->jti));
    nhi_reader_text(&r, t->kid, sizeof(t->kid));
    nhi_reader_text(&r, t->agent, sizeof(t->agent));
    nhi_reader_text(&r, t->task, sizeof(t->task));
    nhi_reader_text(&r, t->host, sizeof(t->host));
    nhi_reader_text(&r, t->accounts, sizeof(t->accounts));
    nhi_reader_text(&r, t->services, sizeof(t->services));
    t->iat = nhi_reader_int(&r, 0, INT64_MAX);
    t->nbf = nhi_reader_int(&r, 0, INT64_MAX);
    t->exp = nhi_reader_int(&r, 0, INT64_MAX);
    t->uses = (uint32_t)nhi_reader_int(&r, 0, UINT32_MAX);
    t->has_cnf = nhi_reader_flag(&r);
    nhi_reader_get(&r, t->cnf, t->has_cnf ? sizeof(t->cnf) : 0);
    nhi_reader_text(&r, t->parent, sizeof(t->parent));
    t->ssh = (uint32_t)nhi_reader_int(&r, 0, NHI_SSHOPT_ALL);
    out->row = nhi_reader_int(&r, 0, INT64_MAX);
    out->recorded = nhi_reader_int(&r, 0, INT64_MAX);
    nhi_reader_text(&r, out->root, sizeof(out->root));
    if (out->root[0] == '\0')
        memcpy(out->root, t->jti, sizeof(out->root));
    nhi_reader_text(&r, out->renews, sizeof(out->renews));
    nhi_reader_text(&r, out->successor, sizeof(out->successor));
    nhi_reader_text(&r, out->tree, sizeof(out->tree));
    out->superseded = nhi_reader_flag(&r);
    out->no_pin = nhi_reader_flag(&r);
    return nhi_reader_end(&r);
}

void nhi_fact_put_rule(struct nhi_value *v, const struct nhi_fact_rule *r)
{
    nhi_value_put_text(v, r->pattern);
    nhi_value_put_text(v, r->zone);
    nhi_value_put_text(v, r->line);
    nhi_value_put_u8(v, 0); /* the NUL after the line */
}

enum nhi_err nhi_fact_get_rule(struct nhi_value *v, struct nhi_fact_rule *out)
{
    struct nhi_reader r = nhi_reader_of(v);
    uint16_t len;

    memset(out, 0, sizeof(*out));
    nhi_reader_text(&r, out->pattern, sizeof(out->pattern));
    nhi_reader_text(&r, out->zone, sizeof(out->zone));
    nhi_reader_get(&r, &len, sizeof(len));
    if (r.bad || r.left != len + 1u || r.at[len] != '\0' || memchr(r.at, '\0', len) != NULL)
        return NHI_ERR_CORRUPT;
    out->line = (const char *)r.at;
    return NHI_OK;
}

void nhi_fact_put_offset(struct nhi_value *v, const struct nhi_fact_offset *o)
{
    nhi_value_put_int(v, o->at);
    nhi_value_put_u8(v, o->known);
    nhi_value_put_int(v, o->ahead);
}

enum nhi_err nhi_fact_get_offset(const struct nhi_value *v, int64_t now, struct nhi_fact_offset *out)
{
    struct nhi_reader r = nhi_reader_of(v);
    struct nhi_fact_offset o;

    memset(out, 0, sizeof(*out));
    while (!r.bad && r.left > 0) {
        o.at = nhi_reader_int(&r, INT64_MIN, INT64_MAX);
        o.known = nhi_reader_flag(&r);
        o.ahead = (int32_t)nhi_reader_int(&r, -86400, 86400);
        if (!r.bad && o.at <= now)
            *out = o;
    }
    return nhi_reader_end(&r);
}

void nhi_fact_put_name(struct nhi_value *v, const char *name)
{
    nhi_value_put(v, name, strlen(name));
}

enum nhi_err nhi_fact_get_name(const struct nhi_value *v, char *out, size_t size)
{
    if (v->full || v->len >= size || memchr(v->bytes, '\0', v->len) != NULL)
        return NHI_ERR_CORRUPT;
    memcpy(out, v->bytes, v->len);
    out[v->len] = '\0';
    return NHI_OK;
}
