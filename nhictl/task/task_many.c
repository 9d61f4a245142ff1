/* SPDX-License-Identifier: ISC */
#include "nhictl/task/task_many.h"

#include "libnhi/ledger/ledger_task.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/many.h"
#include "nhictl/task/task.h"

static int begin(struct ctl *c, struct store *s, void *ctx)
{
    int code = store_need_sound(c, s);

    (void)ctx;
    return code == CTL_DONE ? task_end_lost(c, s) : code;
}

static int open_one(struct ctl *row, struct store *s, void *ctx, void *what)
{
    const struct open_args *args = row->args;
    struct nhi_task *t = what;
    int code = task_of(row, args, t);

    (void)ctx;
    return code == CTL_DONE ? task_open_in(row, s, t, args->concurrent) : code;
}

static int answer(struct many *m, struct store *s, void *ctx, void *what)
{
    struct ctl *c = many_ctl(m);
    const struct nhi_task *t = what;

    (void)s;
    (void)ctx;
    many_answer(m, "task", c->json ? task_row(c->out, t, c->now, true) : NULL, NULL, t->id);
    return CTL_DONE;
}

int task_open_many(struct ctl *c, const struct verb *v, const char *file)
{
    const struct many_verb how = {
        .verb = v, .file = file, .size = sizeof(struct nhi_task), .begin = begin, .one = open_one, .answer = answer
    };
    struct many_result result = { .cut = true };
    struct store s = { .l = NULL };
    int code = many_run(c, &s, &how, &result), printed;

    if (!result.cut) {
        many_sum_up(c, &result, NULL, NULL);
        printed = ctl_answer(c);
        code = printed != CTL_DONE ? printed : code;
    }
    store_close(&s);
    return code;
}
