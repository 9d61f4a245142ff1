/* SPDX-License-Identifier: ISC */
/*
 * MUST: as for one ticket, none is given out that is not in the ledger, and one that could not be given out is revoked.
 * MUST: what was looked up for one line is used for another only in the same transaction, and only for the same
 * request.
 */
#include "nhictl/ticket/issue_many.h"

#include <stdio.h>
#include <string.h>

#include "nhictl/keys/signer.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/many.h"
#include "nhictl/ticket/issue_policy.h"

#define SHAPES 64

/* All of a request that decides whether its accounts and the policy allow it, with newlines between; the task may
 * matter to rules. */
#define SHAPE_LEN 1024
_Static_assert(NHI_AGENT_MAX + NHI_TASK_MAX + NHI_HOST_MAX + 2 * NHI_LIST_MAX + NHI_JTI_LEN + 64 < SHAPE_LEN,
               "none is cut");

struct issuing {
    const struct issue_args *given;
    struct signer signer;
    bool by_task; /* a rule looks at tasks */
    char seen[SHAPES][SHAPE_LEN];
    size_t seen_count;
};

static int begin(struct ctl *c, struct store *s, void *ctx)
{
    struct issuing *all = ctx;
    int code = store_need_sound(c, s);

    all->seen_count = 0;
    return code == CTL_DONE ? issue_policy_by_task(c, s, &all->by_task) : code;
}

static int check_line(struct ctl *row, const struct issuing *all, const struct issue_args *args)
{
    if (args->bind_key != NULL || args->cert || args->out != NULL)
        return ctl_fail(row, CTL_USAGE, "nhictl issue --bind-key FILE.pub ..., for each",
                        "--bind-key, --cert and --out cannot be used with --from");
    if (args->kid != all->given->kid)
        return ctl_fail(row, CTL_USAGE, NULL, "--key cannot be in a line: one key signs for all");
    return CTL_DONE;
}

static void shape_of(const struct issuing *all, const struct issue_args *args, uint32_t ssh, char out[SHAPE_LEN])
{
    snprintf(out, SHAPE_LEN, "%s\n%s\n%s\n%s\n%s\n%s\n%lld %u %u", args->agent, all->by_task ? args->task : "",
             args->host != NULL ? args->host : "", args->accounts, args->services,
             args->parent != NULL ? args->parent : "", (long long)args->ttl, args->uses, ssh);
}

static bool was_seen(const struct issuing *all, const char *shape)
{
    for (size_t i = 0; i < all->seen_count; i++)
        if (strcmp(all->seen[i], shape) == 0)
            return true;
    return false;
}

static int issue_one(struct ctl *row, struct store *s, void *ctx, void *what)
{
    struct issue_args args = *(const struct issue_args *)row->args;
    struct issue_made *made = what;
    struct issuing *all = ctx;
    char shape[SHAPE_LEN];
    int code = check_line(row, all, &args);

    if (code == CTL_DONE)
        code = issue_words(row, &args, &made->t);
    if (code != CTL_DONE)
        return code;
    shape_of(all, &args, made->t.ssh, shape);
    args.as_before = was_seen(all, shape);
    code = issue_ready(row, s, &args, &made->t, &made->key);
    if (code == CTL_DONE)
        code = issue_record(row, s, &args, &made->t);
    if (code == CTL_DONE && !args.as_before && all->seen_count < SHAPES)
        memcpy(all->seen[all->seen_count++], shape, SHAPE_LEN);
    return code;
}

static int answer(struct many *m, struct store *s, void *ctx, void *what)
{
    struct issuing *all = ctx;
    const struct issue_made *made = what;
    struct ctl *c = many_ctl(m);
    char *text = NULL;
    int code = signer_sign(c, &all->signer, &made->t, &made->key, &text);

    (void)s;
    if (code == CTL_DONE)
        many_answer(m, "ticket", c->json ? claims_row(c->out, &made->t) : NULL, "text", text);
    nhi_text_free(text);
    return code;
}

static void lost(struct ctl *c, struct store *s, void *ctx, void *what)
{
    const struct issue_made *made = what;

    (void)ctx;
    issue_take_back(c, s, &made->t);
}

int issue_many(struct ctl *c, const struct verb *v, const struct issue_args *args)
{
    struct issuing all = { .given = args };
    const struct many_verb how = { .verb = v,
                                   .file = args->from,
                                   .size = sizeof(struct issue_made),
                                   .ctx = &all,
                                   .begin = begin,
                                   .one = issue_one,
                                   .answer = answer,
                                   .lost = lost };
    struct many_result result = { .cut = true };
    struct store s = { .l = NULL };
    int code = check_line(c, &all, args), printed;

    if (code == CTL_DONE)
        code = signer_open(c, args->kid, &all.signer);
    if (code == CTL_DONE)
        code = many_run(c, &s, &how, &result);
    if (!result.cut) {
        many_sum_up(c, &result, NULL, NULL);
        printed = ctl_answer(c);
        code = printed != CTL_DONE ? printed : code;
    }
    signer_close(&all.signer);
    store_close(&s);
    return code;
}
