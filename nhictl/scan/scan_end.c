/* SPDX-License-Identifier: ISC */
#include "nhictl/scan/scan_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/revoke/revoke.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"
#include "nhictl/say/out.h"
#include "nhictl/scan/scan_judge.h"

struct to_end {
    struct find *one;
    char jti[NHI_JTI_LEN + 1];
};

struct to_end_list {
    struct to_end *all;
    size_t count, room;
};

static void collect(struct find *one, const struct nhi_ticket *t, void *ctx)
{
    struct to_end_list *l = ctx;

    l->all = out_grow(l->all, &l->room, l->count + 1, sizeof(*l->all));
    l->all[l->count].one = one;
    memcpy(l->all[l->count++].jti, t->jti, sizeof(t->jti));
}

/* The cause for the trail: where the ticket was found, if that can be recorded. */
static void cause(const struct find *one, const char *given, char reason[NHI_TEXT_MAX + 1])
{
    const struct find_location *p = &one->location[0];

    if (given == NULL &&
        snprintf(reason, NHI_TEXT_MAX + 1, "leaked: found in %s, line %llu",
                 p->file != NULL ? p->file : "standard input", (unsigned long long)p->line) <= NHI_TEXT_MAX &&
        nhi_name_is_text(reason, NHI_TEXT_MAX))
        return;
    snprintf(reason, NHI_TEXT_MAX + 1, "%s", given != NULL ? given : "leaked");
}

static enum nhi_err end_one(struct ctl *c, struct store *s, const struct to_end *e, const char *given)
{
    char reason[NHI_TEXT_MAX + 1];
    const struct revocation r = { .kind = NHI_REVOKE_TICKET, .id = e->jti, .reason = reason };
    struct nhi_revoked revoked;

    cause(e->one, given, reason);
    return revoke_record(c, s, &r, &revoked);
}

static enum nhi_err in_ledger(struct ctl *c, struct store *s, const struct to_end_list *l, const char *given)
{
    enum nhi_err err = store_open(s, c->now);

    for (size_t i = 0; err == NHI_OK && i < l->count; i++)
        err = end_one(c, s, &l->all[i], given);
    if (err == NHI_OK) {
        err = nhi_ledger_commit(s->l);
        s->writing = false;
        s->committed = err == NHI_OK;
    }
    return err;
}

static int in_reserve(struct ctl *c, const struct store *s, const struct to_end_list *l, const char *given,
                      enum nhi_err ledger, bool *for_now)
{
    char reason[NHI_TEXT_MAX + 1];
    enum nhi_err err = NHI_OK;
    bool all = true, lasts = true;
    char why[256];
    size_t i;

    store_error(s, ledger, why, sizeof(why));
    for (i = 0; err == NHI_OK && i < l->count; i++) {
        cause(l->all[i].one, given, reason);
        err = revoke_in_reserve(
            c, &(const struct revocation){ .kind = NHI_REVOKE_TICKET, .id = l->all[i].jti, .reason = reason }, &lasts);
        all = all && lasts;
    }
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL,
                        "NOT all revoked, %zu of %zu: the ledger cannot be written (%s), nor can the reserve (%s)",
                        i - 1, l->count, why, nhi_strerror(err));
    if (all)
        ctl_note("the ledger cannot be written (%s); the reserve keeps the revocation in force", why);
    *for_now = !all;
    return CTL_DONE;
}

static int end_all(struct ctl *c, struct finder *f, const struct to_end_list *l, const char *given, struct ended *ended)
{
    struct store s = { .set.grace = NHI_GRACE_DEFAULT };
    enum nhi_err err;
    int code = store_need_root(c);

    if (code != CTL_DONE)
        return code;
    hold_begin(&s.held);
    err = in_ledger(c, &s, l, given);
    if (err != NHI_OK)
        code = in_reserve(c, &s, l, given, err, &f->for_now);
    if (code == CTL_DONE) {
        for (size_t i = 0; i < l->count; i++)
            if (strcmp(l->all[i].one->state, "live") == 0)
                l->all[i].one->state = "revoked";
        *ended = end_what_is_over(c, s.set.grace);
        ended_show(c, ended);
    }
    store_close(&s);
    return code;
}

int finder_end(struct ctl *c, struct finder *f, const char *reason, size_t *tickets, struct ended *ended)
{
    struct to_end_list l = { .count = 0 };
    int code = finder_each_live(c, f, collect, &l);

    store_close(f->s);
    if (code == CTL_DONE && l.count > 0)
        code = end_all(c, f, &l, reason, ended);
    if (code == CTL_DONE)
        *tickets = l.count;
    free(l.all);
    return code;
}
