/* SPDX-License-Identifier: ISC */
#include "libnhi/check/find.h"

#include <string.h>

#include "libnhi/check/facts.h"

enum nhi_err nhi_find_ticket(const struct nhi_fact_source *from, const char *jti, struct nhi_fact_ticket *out)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_TICKET, jti);
    struct nhi_value v;
    enum nhi_err err = from->get(from->ctx, &key, &v);

    return err == NHI_OK ? nhi_fact_get_ticket(&v, out) : err;
}

enum nhi_err nhi_find_newest(const struct nhi_fact_source *from, const char *root, struct nhi_fact_ticket *out)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_NEWEST, root);
    char jti[NHI_JTI_LEN + 1];
    struct nhi_value v;
    enum nhi_err err = from->get(from->ctx, &key, &v);

    if (err == NHI_ERR_NOT_FOUND)
        return nhi_find_ticket(from, root, out);
    if (err == NHI_OK)
        err = nhi_fact_get_name(&v, jti, sizeof(jti));
    return err == NHI_OK ? nhi_find_ticket(from, jti, out) : err;
}

/* ---- among several ---- */

/* Tickets on this host that are the last of their lineage, not bound to a process tree, and fit this use. */
struct search {
    const struct nhi_fact_source *from;
    const char *account, *service;
    char host[NHI_HOST_MAX + 1]; /* this one */
    int64_t now;
    bool bound; /* to a key, or not to any */
    enum nhi_err (*found)(struct search *s, const struct nhi_fact_ticket *t, bool live);
    struct nhi_fact_ticket best;
    bool any, any_live;
    int (*fn)(const struct nhi_ticket *, void *);
    void *ctx;
    unsigned left; /* how many more are read */
};

/* Not ended: neither by somebody, nor by its task's deadline, nor with its agent. */
static enum nhi_err is_live(const struct search *s, const struct nhi_ticket *t, bool *live)
{
    struct nhi_facts f;
    enum nhi_err err = nhi_facts_load(s->from, t, &f);

    if (err == NHI_OK)
        *live = !f.superseded && nhi_is_over(t, &f, s->now) == NHI_PERMIT && f.agent_known &&
                f.agent_state == NHI_AGENT_ACTIVE;
    return err;
}

static bool fits(const struct search *s, const struct nhi_fact_ticket *f)
{
    const struct nhi_ticket *t = &f->ticket;

    return t->has_cnf == s->bound && t->exp > s->now && f->successor[0] == '\0' && f->tree[0] == '\0' &&
           strcmp(t->host, s->host) == 0 && nhi_list_has(t->accounts, s->account) &&
           nhi_list_has(t->services, s->service) && t->iat <= s->now + NHI_CLOCK_SKEW &&
           t->nbf <= s->now + NHI_CLOCK_SKEW;
}

static enum nhi_err pass_on(struct search *s, const struct nhi_fact_ticket *t, bool live)
{
    return live && s->fn(&t->ticket, s->ctx) != 0 ? NHI_ERR_EXISTS : NHI_OK;
}

static enum nhi_err look_at(struct nhi_value *entry, void *arg)
{
    struct search *s = arg;
    char jti[NHI_JTI_LEN + 1];
    struct nhi_fact_ticket t;
    bool live = false;
    enum nhi_err err = nhi_fact_get_name(entry, jti, sizeof(jti));

    if (err == NHI_OK)
        err = nhi_find_ticket(s->from, jti, &t);
    if (err == NHI_OK && !fits(s, &t))
        return NHI_OK;
    if (err == NHI_OK)
        err = is_live(s, &t.ticket, &live);
    /* It ended so long ago that it is no longer published; or it is being changed, and permits nothing now. */
    if (err == NHI_ERR_NOT_FOUND || (err == NHI_ERR_STATE && s->found == pass_on))
        return NHI_OK;
    return err == NHI_OK ? s->found(s, &t, live) : err;
}

static enum nhi_err search(struct search *s, const struct nhi_fact_key *list)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_HOST, "");
    struct nhi_fact_host h;
    struct nhi_value v;
    enum nhi_err err = s->from->get(s->from->ctx, &key, &v);

    if (err == NHI_OK)
        err = nhi_fact_get_host(&v, &h);
    if (err != NHI_OK)
        return err == NHI_ERR_NOT_FOUND ? NHI_ERR_CORRUPT : err;
    memcpy(s->host, h.host, sizeof(s->host));
    return s->from->each(s->from->ctx, list, look_at, s);
}

/* The one live ticket; else the newest dead one. A list has a ticket once more after each change of it. */
static enum nhi_err choose(struct search *s, const struct nhi_fact_ticket *t, bool live)
{
    if (s->any && strcmp(s->best.ticket.jti, t->ticket.jti) == 0)
        return NHI_OK;
    if (live && s->any_live)
        return NHI_ERR_EXISTS;
    if (live || !s->any || (!s->any_live && t->row > s->best.row))
        s->best = *t;
    s->any = true;
    s->any_live = s->any_live || live;
    return NHI_OK;
}

static enum nhi_err chosen(const struct search *s, enum nhi_err err, struct nhi_ticket *out)
{
    if (err == NHI_OK && !s->any)
        return NHI_ERR_NOT_FOUND;
    if (err == NHI_OK)
        *out = s->best.ticket;
    return err;
}

enum nhi_err nhi_find_for(const struct nhi_fact_source *from, const char *account, const char *service, int64_t now,
                          struct nhi_ticket *out)
{
    const struct nhi_fact_key key = nhi_fact_key_pair(NHI_LIST_ACCOUNT, account, service);
    struct search s = { .from = from, .account = account, .service = service, .now = now, .found = choose };

    return chosen(&s, search(&s, &key), out);
}

enum nhi_err nhi_find_for_key(const struct nhi_fact_source *from, const struct nhi_request *asked, int64_t now,
                              struct nhi_ticket *out)
{
    /* The key first: an account may have any number of tickets. */
    const struct nhi_fact_key key = nhi_fact_key_pk(NHI_LIST_KEY, asked->key);
    struct search s = {
        .from = from, .account = asked->subject, .service = asked->service, .now = now, .bound = true, .found = choose
    };

    return chosen(&s, search(&s, &key), out);
}

enum nhi_err nhi_find_each_key(const struct nhi_fact_source *from, const struct nhi_request *asked, int64_t now,
                               int (*fn)(const struct nhi_ticket *, void *), void *ctx)
{
    const struct nhi_fact_key key = nhi_fact_key_pair(NHI_LIST_ACCOUNT, asked->subject, asked->service);
    struct search s = { .from = from,
                        .account = asked->subject,
                        .service = asked->service,
                        .now = now,
                        .bound = true,
                        .found = pass_on,
                        .fn = fn,
                        .ctx = ctx };
    enum nhi_err err = search(&s, &key);

    return err == NHI_ERR_EXISTS ? NHI_OK : err;
}

/* ---- of a key ---- */

/* A client that sends the key of an agent with thousands of dead tickets must not have them all read. */
#define OF_KEY_MAX 64

static enum nhi_err take_last(struct nhi_value *entry, void *arg)
{
    struct search *s = arg;
    char jti[NHI_JTI_LEN + 1];
    struct nhi_fact_ticket t;
    bool named, best_named;
    enum nhi_err err = nhi_fact_get_name(entry, jti, sizeof(jti));

    if (err == NHI_OK)
        err = nhi_find_ticket(s->from, jti, &t);
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_OK;
    if (err != NHI_OK)
        return err;
    named = nhi_list_has(t.ticket.accounts, s->account);
    best_named = s->any && nhi_list_has(s->best.ticket.accounts, s->account);
    if (!s->any || named > best_named || (named == best_named && t.row > s->best.row))
        s->best = t;
    s->any = true;
    return --s->left == 0 ? NHI_ERR_EXISTS : NHI_OK;
}

enum nhi_err nhi_find_last_of_key(const struct nhi_fact_source *from, const uint8_t key[NHI_PK_LEN],
                                  const char *account, struct nhi_ticket *out)
{
    const struct nhi_fact_key k = nhi_fact_key_pk(NHI_LIST_KEY, key);
    struct search s = { .from = from, .account = account, .left = OF_KEY_MAX };
    enum nhi_err err = from->each(from->ctx, &k, take_last, &s);

    return chosen(&s, err == NHI_ERR_EXISTS ? NHI_OK : err, out);
}

/* ---- issuers ---- */

enum nhi_err nhi_find_issuer(const struct nhi_fact_source *from, const char *kid, struct nhi_issuer *out)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_ISSUER, kid);
    struct nhi_value v;
    enum nhi_err err = from->get(from->ctx, &key, &v);

    return err == NHI_OK ? nhi_fact_get_issuer(&v, out) : err;
}

struct asking {
    const struct nhi_fact_source *from;
    int (*fn)(const struct nhi_issuer *, void *);
    void *ctx;
};

static enum nhi_err one_issuer(struct nhi_value *entry, void *arg)
{
    struct asking *a = arg;
    char kid[NHI_KID_MAX + 1];
    struct nhi_issuer i;
    enum nhi_err err = nhi_fact_get_name(entry, kid, sizeof(kid));

    if (err == NHI_OK)
        err = nhi_find_issuer(a->from, kid, &i);
    /* A name without its issuer: nhictl would not have written this. */
    if (err == NHI_ERR_NOT_FOUND)
        err = NHI_ERR_CORRUPT;
    return err == NHI_OK && a->fn(&i, a->ctx) != 0 ? NHI_ERR_EXISTS : err;
}

enum nhi_err nhi_find_each_other(const struct nhi_fact_source *from, int (*fn)(const struct nhi_issuer *, void *),
                                 void *ctx)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_LIST_OTHERS, "");
    struct asking a = { from, fn, ctx };
    enum nhi_err err = from->each(from->ctx, &key, one_issuer, &a);

    return err == NHI_ERR_EXISTS ? NHI_OK : err;
}
