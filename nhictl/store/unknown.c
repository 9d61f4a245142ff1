/* SPDX-License-Identifier: ISC */
#include "nhictl/store/unknown.h"

#include <stdio.h>
#include <stdlib.h>

#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_owner.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/say/ending.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/nearest.h"
#include "nhictl/say/shell.h"
#include "nhictl/say/typed.h"

struct kind {
    const char *name;
    const char *show; /* "nhictl agent show", NULL: there is no such command */
    const char *list;
};

static int offer_agent(const struct nhi_agent *a, void *ctx)
{
    nearest_offer(ctx, a->account.name);
    return 0;
}

static int offer_task(const struct nhi_task *t, void *ctx)
{
    nearest_offer(ctx, t->id);
    return 0;
}

static int offer_key(const struct nhi_issuer *i, void *ctx)
{
    nearest_offer(ctx, i->kid);
    return 0;
}

static int offer_owner(const struct nhi_owner *o, void *ctx)
{
    nearest_offer(ctx, o->name);
    return 0;
}

/* One of those that are near. */
static void propose(const struct ctl *c, const struct kind *k, const struct nearest *n, size_t i, char line[TYPED_MAX])
{
    char *word = shell_quote(n->word[i]);

    if (c->verb != NULL && !verb_ends(c->verb) && typed_value_instead(c, n->typed, n->word[i], line))
        ; /* that line */
    else if (k->show != NULL)
        snprintf(line, TYPED_MAX, "%s %s", k->show, word);
    else
        snprintf(line, TYPED_MAX, "%s", k->list);
    free(word);
}

static int report(struct ctl *c, const struct kind *k, const struct nearest *n)
{
    char first[TYPED_MAX], second[TYPED_MAX], hint[2 * TYPED_MAX + 8];

    if (n->count == 0 || n->count > NEAREST_MAX)
        return ctl_fail(c, CTL_REFUSED, k->list, "there is no %s '%s'", k->name, n->typed);
    propose(c, k, n, 0, first);
    if (n->count == 1 || k->show == NULL)
        return ctl_fail(c, CTL_REFUSED, first, "there is no %s '%s'", k->name, n->typed);
    propose(c, k, n, 1, second);
    snprintf(hint, sizeof(hint), "%s, or %s", first, second);
    return ctl_fail(c, CTL_REFUSED, hint, "there is no %s '%s'", k->name, n->typed);
}

/* A ledger that cannot be read to the end offers fewer. */
int unknown_agent(struct ctl *c, const struct store *s, const char *name)
{
    struct nearest n = { .typed = name };

    (void)!nhi_agent_each(s->l, offer_agent, &n);
    return report(c, &(const struct kind){ "agent", "nhictl agent show", "nhictl agent list" }, &n);
}

int unknown_task(struct ctl *c, const struct store *s, const char *id)
{
    struct nearest n = { .typed = id };

    (void)!nhi_task_each(s->l, NULL, offer_task, &n);
    return report(c, &(const struct kind){ "task", "nhictl task show", "nhictl task list --all" }, &n);
}

int unknown_key(struct ctl *c, const struct store *s, const char *kid)
{
    struct nearest n = { .typed = kid };

    (void)!nhi_issuer_each(s->l, offer_key, &n);
    return report(c, &(const struct kind){ "key", NULL, "nhictl key list" }, &n);
}

int unknown_owner(struct ctl *c, const struct store *s, const char *name)
{
    struct nearest n = { .typed = name };

    (void)!nhi_owner_each(s->l, c->now, offer_owner, &n);
    return report(c, &(const struct kind){ "owner", NULL, "nhictl owner list" }, &n);
}

int need_agent(struct ctl *c, const struct store *s, const char *name)
{
    struct nhi_agent a;
    enum nhi_err err = nhi_agent_get(s->l, name, &a);

    if (err == NHI_ERR_NOT_FOUND)
        return unknown_agent(c, s, name);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the agent");
}

static int note_any(const struct nhi_ticket_row *r, void *ctx)
{
    (void)r;
    *(bool *)ctx = true;
    return 1;
}

enum nhi_err task_is_known(struct nhi_ledger *l, const char *id)
{
    struct nhi_task t;
    bool any = false;
    enum nhi_err err = nhi_task_get(l, id, &t);

    if (err != NHI_ERR_NOT_FOUND)
        return err;
    err = nhi_ticket_each(l, &(const struct nhi_ticket_filter){ .task = id }, note_any, &any);
    return err == NHI_OK && !any ? NHI_ERR_NOT_FOUND : err;
}

int need_task(struct ctl *c, const struct store *s, const char *id)
{
    enum nhi_err err = task_is_known(s->l, id);

    if (err == NHI_ERR_NOT_FOUND)
        return unknown_task(c, s, id);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the task");
}
