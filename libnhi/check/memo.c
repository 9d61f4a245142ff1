/* SPDX-License-Identifier: ISC */
#include "libnhi/check/memo.h"

#include <string.h>

/* All claims: whatever the facts depend on is among them. */
static bool is_same(const struct nhi_ticket *a, const struct nhi_ticket *b)
{
    return strcmp(a->kid, b->kid) == 0 && strcmp(a->jti, b->jti) == 0 && strcmp(a->agent, b->agent) == 0 &&
           strcmp(a->task, b->task) == 0 && strcmp(a->host, b->host) == 0 && strcmp(a->accounts, b->accounts) == 0 &&
           strcmp(a->services, b->services) == 0 && strcmp(a->parent, b->parent) == 0 && a->iat == b->iat &&
           a->nbf == b->nbf && a->exp == b->exp && a->uses == b->uses && a->ssh == b->ssh && a->has_cnf == b->has_cnf &&
           memcmp(a->cnf, b->cnf, sizeof(a->cnf)) == 0;
}

bool nhi_memo_get(const struct nhi_memo *memo, const struct nhi_moment *m, const struct nhi_ticket *t,
                  struct nhi_facts *out)
{
    struct nhi_state_mark now;

    if (!memo->has || m->state == NULL || t == NULL || !nhi_state_mark(m->state, &now) ||
        !nhi_state_is_unchanged(&memo->mark, &now) || !is_same(&memo->ticket, t))
        return false;
    *out = memo->facts;
    return true;
}

void nhi_memo_put(struct nhi_memo *memo, const struct nhi_moment *m, const struct nhi_ticket *t,
                  const struct nhi_facts *f)
{
    memo->has = m->state != NULL && t != NULL && f->rules == NULL && nhi_state_mark(m->state, &memo->mark);
    if (!memo->has)
        return;
    memo->ticket = *t;
    memo->facts = *f;
}
