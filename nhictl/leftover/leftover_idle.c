/* SPDX-License-Identifier: ISC */
/*
 * MUST: leave an account with a live session alone: its manager and bus run outside of the session, and belong to it.
 * MUST: cost next to nothing while nothing runs: the kernel says whether anything runs under a uid.
 */
#include "nhictl/leftover/leftover_idle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "libnhi/policy/reason.h"
#include "nhictl/leftover/leftover_accounts.h"
#include "nhictl/process/sessions.h"

bool leftover_runs_anything(uint32_t uid)
{
    errno = 0;
    return getpriority(PRIO_USER, uid) != -1 || errno != ESRCH;
}

/* Clears the flags of the session's account and of its agent's own account. */
static void clear_users(const struct nhi_grant *g, bool *chosen)
{
    const struct leftover_accounts *in = leftover_accounts();

    for (size_t i = 0; i < in->count; i++)
        chosen[i] = chosen[i] && strcmp(g->subject, in->all[i].name) != 0 &&
                    !(in->all[i].own && strcmp(g->ticket.agent, in->all[i].name) == 0);
}

/* An ended session does not allow anything to run, or one process that cannot be ended would keep all others alive.
 * While it is being ended, the others wait. */
static bool is_live_session(const struct leftover_wish *wish, const struct session *s)
{
    return !nhi_reason_is_end(s->reason) || (wish->ends != NULL && wish->ends(s->handle, wish->ctx));
}

bool leftover_drop_live(const struct leftover_wish *wish, bool *chosen)
{
    const struct leftover_accounts *in = leftover_accounts();
    struct sessions s = { .unsaid_lockdown = wish->lockdown };
    bool any = false;

    if (sessions_find(&s) != NHI_OK)
        memset(chosen, 0, in->count * sizeof(*chosen));
    for (size_t i = 0; i < s.count; i++)
        if (is_live_session(wish, &s.all[i]))
            clear_users(&s.all[i].g, chosen);
    sessions_free(&s);
    for (size_t i = 0; i < in->count; i++)
        any = any || chosen[i];
    return any;
}

static int by_name(const void *name, const void *one)
{
    return strcmp(name, *(char *const *)one);
}

static bool is_wished(const struct leftover_wish *wish, const char *name)
{
    return (wish->account == NULL || strcmp(wish->account, name) == 0) &&
           (wish->accounts == NULL ||
            bsearch(name, wish->accounts, wish->account_count, sizeof(*wish->accounts), by_name) != NULL);
}

bool leftover_choose_idle(const struct leftover_wish *wish, bool *chosen)
{
    const struct leftover_accounts *in = leftover_accounts();
    bool any = false;

    for (size_t i = 0; i < in->count; i++) {
        chosen[i] = is_wished(wish, in->all[i].name) && leftover_runs_anything(in->all[i].uid);
        any = any || chosen[i];
    }
    return any && leftover_drop_live(wish, chosen);
}

bool leftover_is_live(const struct leftover_wish *wish, uint32_t uid)
{
    const struct leftover_accounts *in = leftover_accounts();
    bool *chosen = calloc(in->count + 1, sizeof(*chosen)), live = true;

    for (size_t i = 0; chosen != NULL && i < in->count; i++)
        chosen[i] = in->all[i].uid == uid;
    if (chosen != NULL)
        live = !leftover_drop_live(wish, chosen);
    free(chosen);
    return live;
}
