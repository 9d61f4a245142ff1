/* SPDX-License-Identifier: ISC */
/*
 * Processes without a session that are not ended, because they are older or of unknown origin.
 */
#include "nhictl/leftover/leftover_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "nhictl/leftover/leftover_find.h"

static int add(const struct leftover_one *one, void *ctx)
{
    struct leftover_list *l = ctx;
    struct leftover_row *more;

    if (one->verdict != LEFTOVER_NAMED)
        return 0;
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->all[i].account, one->account->name) == 0) {
            l->all[i].count++;
            return 0;
        }
    more = nhi_grow(l->all, &l->room, l->count + 1, sizeof(*more));
    if (more == NULL)
        return 1;
    l->all = more;
    more = &l->all[l->count++];
    memset(more, 0, sizeof(*more));
    memcpy(more->account, one->account->name, sizeof(one->account->name));
    memcpy(more->command, one->command, sizeof(one->command));
    more->own = one->account->own;
    more->pid = one->proc.pid;
    more->why = one->why;
    more->count = 1;
    return 0;
}

enum nhi_err leftover_list(struct leftover_list *l)
{
    return leftovers_each(add, l);
}

void leftover_list_free(struct leftover_list *l)
{
    free(l->all);
    memset(l, 0, sizeof(*l));
}
