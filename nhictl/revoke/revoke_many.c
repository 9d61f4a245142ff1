/* SPDX-License-Identifier: ISC */
/*
 * MUST: no revocation waits for the end of a session that another one has to end: all are in force first, then the
 * sessions are ended, once for all. MUST work when the ledger cannot be written, as for one.
 */
#include "nhictl/revoke/revoke_many.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/end/other_hosts.h"
#include "nhictl/leftover/leftover_sweep.h"
#include "nhictl/revoke/revoke.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/many.h"

#define UNSAID_NAMED 8 /* in the last answer */

struct revoked {
    enum nhi_revoke_kind kind;
    char id[NHI_TASK_MAX + 1]; /* the longest of its kinds */
    struct nhi_revoked is;
    const char *held_in;
};

struct names {
    char **all;
    size_t count, room;
};

struct revoking {
    enum nhi_err why;          /* what the ledger failed with */
    struct names agents;       /* whose tickets were revoked */
    struct revocation *unsaid; /* could be recorded nowhere */
    size_t unsaid_count, unsaid_room;
    struct names unsaid_ids;
    struct other_hosts others;
    bool any;      /* something was revoked */
    bool for_now;  /* some of it only until the host is restarted */
    bool not_busy; /* the ledger failed in another way than that it was busy */
};

static const char *keep(struct names *n, const char *name)
{
    n->all = out_grow(n->all, &n->room, n->count + 1, sizeof(*n->all));
    return n->all[n->count++] = out_must(strdup(name));
}

static void free_names(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->all[i]);
    free(n->all);
}

/* r: as long as the line and w. */
static int take(struct ctl *row, struct revoked *w, struct revocation *r)
{
    int code = revoke_target(row, row->args, r);

    if (code == CTL_DONE && ((const struct revoke_given *)row->args)->look.dry_run)
        code = ctl_fail(row, CTL_USAGE, NULL, "--dry-run cannot be in a line");
    if (code == CTL_DONE && r->id == NULL)
        code = ctl_fail(row, CTL_USAGE, ctl_hint(row, "--task %s", row->operand[0]),
                        "a file says what each word is: --task, --agent, --ticket or --issuer");
    if (code != CTL_DONE)
        return code;
    w->kind = r->kind;
    snprintf(w->id, sizeof(w->id), "%s", r->id);
    return CTL_DONE;
}

static int revoke_one(struct ctl *row, struct store *s, void *ctx, void *what)
{
    struct revoking *all = ctx;
    struct revoked *w = what;
    struct revocation r;
    int code = take(row, w, &r);
    enum nhi_err err;

    if (code != CTL_DONE)
        return code;
    err = revoke_record(row, s, &r, &w->is);
    if (err == NHI_OK)
        return CTL_DONE;
    if (err == NHI_ERR_NOT_FOUND)
        return revoke_unknown(row, s, &r);
    all->why = err;
    return CTL_SYSTEM;
}

static int revoke_otherwise(struct ctl *row, struct store *s, enum nhi_err why, void *ctx, void *what)
{
    struct revoking *all = ctx;
    struct revoked *w = what;
    char text[256];
    enum nhi_err err;
    struct revocation r;
    bool lasts = false;
    int code = take(row, w, &r);

    if (code != CTL_DONE)
        return code;
    if (why == NHI_OK)
        why = all->why;
    all->not_busy = all->not_busy || why != NHI_ERR_BUSY;
    w->is.known = w->is.elsewhere = true;
    err = revoke_in_reserve(row, &r, &lasts);
    w->held_in = lasts ? "reserve" : "run";
    all->for_now = all->for_now || (err == NHI_OK && !lasts);
    if (err == NHI_OK)
        return CTL_DONE;
    r = (struct revocation){ .kind = w->kind, .id = keep(&all->unsaid_ids, w->id), .reason = "" };
    all->unsaid = out_grow(all->unsaid, &all->unsaid_room, all->unsaid_count + 1, sizeof(*all->unsaid));
    all->unsaid[all->unsaid_count++] = r;
    return ctl_fail(row, CTL_SYSTEM, NULL, "NOT revoked: the ledger cannot be written (%s), nor can the reserve (%s)",
                    store_error(s, why, text, sizeof(text)), nhi_strerror(err));
}

static int answer(struct many *m, struct store *s, void *ctx, void *what)
{
    struct revoking *all = ctx;
    const struct revoked *w = what;
    const struct revocation r = { .kind = w->kind, .id = w->id, .reason = "" };
    struct ctl *c = many_ctl(m);
    char *text, type[32];

    all->any = true;
    if (w->held_in == NULL)
        revoke_if_unpublished(c, s, &r);
    revoke_forget_key(&r);
    if (w->kind == NHI_REVOKE_AGENT)
        (void)keep(&all->agents, w->id);
    snprintf(type, sizeof(type), "nhictl revoke --%s", nhi_revoke_kind_name(w->kind));
    if (w->is.elsewhere)
        other_hosts_add(&all->others, s->l, w->kind, w->id, type);
    text = w->held_in != NULL ? out_say("revoked %s %s, by the reserve", nhi_revoke_kind_name(w->kind), w->id)
                              : revoke_text(&r, w->is.live, w->is.known);
    many_answer(m, "revoked", revoke_row(c, &r, w->held_in != NULL ? w->held_in : "ledger", w->is.live, w->is.known),
                NULL, text);
    free(text);
    return CTL_DONE;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What agents left behind, with one look for all of them. */
static size_t end_leftovers(struct ctl *c, const struct names *agents, int64_t grace)
{
    const struct leftover_wish wish = { .accounts = agents->all, .account_count = agents->count };

    if (agents->count == 0)
        return 0;
    qsort(agents->all, agents->count, sizeof(*agents->all), by_name);
    return leftovers_end(c, &wish, grace);
}

/* The sessions that these revocations end, and what agents left behind, once for all. */
static struct ended end_all(struct ctl *c, const struct revoking *all, int64_t grace)
{
    struct ended ended = { .grace = grace };

    if (all->unsaid_count > 0)
        ended = end_all_unsaid(c, all->unsaid, all->unsaid_count, grace);
    else if (all->any)
        ended = end_what_is_over(c, grace);
    other_hosts_end(&all->others);
    ended_show(c, &ended);
    ended.stuck += end_leftovers(c, &all->agents, grace);
    return ended;
}

/* What was not revoked is said before what does not last. NULL: all is revoked. Allocated. */
static char *what_is_wrong(const struct revoking *all)
{
    const char *why = all->not_busy ? "neither the ledger can be written, nor the reserve"
                                    : "the ledger is busy, and the reserve cannot be written";
    const char *not_lasting = "holds only until this host is restarted";
    const size_t named = all->unsaid_count < UNSAID_NAMED ? all->unsaid_count : UNSAID_NAMED;
    char *list = out_must(strdup("")), *more;

    for (size_t i = 0; i < named; i++) {
        more =
            out_say("%s%s%s %s", list, i > 0 ? ", " : "", nhi_revoke_kind_name(all->unsaid[i].kind), all->unsaid[i].id);
        free(list);
        list = more;
    }
    more = NULL;
    if (all->unsaid_count > 0)
        more = out_say("%zu NOT revoked, and can open new sessions: %s%s%s%s: %s", all->unsaid_count, list,
                       all->unsaid_count > named ? " ..." : "", all->for_now ? "; some of the rest " : "",
                       all->for_now ? not_lasting : "", why);
    else if (all->for_now)
        more = out_say("some of this %s: %s", not_lasting, why);
    free(list);
    return more;
}

static const char *what_to_type(const struct revoking *all)
{
    if (!all->not_busy)
        return "the same command later";
    return all->unsaid_count > 0 ? "make " NHI_STATE_DIR " writable, then try again; until then: nhictl session kill"
                                 : "make " NHI_STATE_DIR " writable; the next command then keeps it";
}

/* The last answer. If the lines were cut off, which was reported, it has what became of those that were done. */
static int finish(struct ctl *c, const struct revoking *all, const struct many_result *result, int64_t grace, int code)
{
    struct ended ended = end_all(c, all, grace);
    char *wrong = what_is_wrong(all);
    const char *hint = wrong != NULL ? what_to_type(all) : NULL;
    int printed;

    if (!result->cut)
        many_sum_up(c, result, wrong, hint);
    else if (wrong != NULL)
        ctl_negative(c, wrong, hint);
    else
        out_negative(c->out, "not all lines were done", NULL);
    printed = ctl_answer(c);
    if (code == CTL_DONE || code == CTL_REFUSED)
        code = wrong != NULL ? CTL_SYSTEM : printed != CTL_DONE ? printed : code;
    free(wrong);
    return ended_finish(c, &ended, code);
}

int revoke_many(struct ctl *c, const struct verb *v, const char *file)
{
    struct revoking all = { .any = false };
    const struct many_verb how = { .verb = v,
                                   .file = file,
                                   .size = sizeof(struct revoked),
                                   .ctx = &all,
                                   .one = revoke_one,
                                   .answer = answer,
                                   .otherwise = revoke_otherwise };
    struct many_result result = { .cut = true };
    struct store s = { .wait = STORE_SOON };
    int code;

    other_hosts_begin(&all.others, c);
    code = many_run(c, &s, &how, &result);
    if (!result.cut || all.any || all.unsaid_count > 0)
        code = finish(c, &all, &result, s.set.grace != 0 ? s.set.grace : NHI_GRACE_DEFAULT, code);
    free_names(&all.agents);
    free_names(&all.unsaid_ids);
    free(all.unsaid);
    store_close(&s);
    return code;
}
