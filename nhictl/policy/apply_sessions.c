/* SPDX-License-Identifier: ISC */
#include "nhictl/policy/apply_sessions.h"

#include <string.h>

#include "nhictl/process/sessions.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"

static bool is_lost(const struct apply_effect *effect, const struct nhi_grant *g)
{
    for (size_t i = 0; i < effect->lost_count; i++) {
        const struct apply_login *l = &effect->lost[i];

        if (strcmp(l->account, g->subject) == 0 && strcmp(l->service, g->service) == 0 &&
            (strcmp(l->jti, g->ticket.jti) == 0 || strcmp(l->root, g->root) == 0))
            return true;
    }
    return false;
}

static bool is_suspended(const struct agents_plan *agents, const char *agent)
{
    for (size_t i = 0; i < agents->count; i++)
        if ((agents->steps[i].what & STEP_SUSPEND) != 0 && strcmp(agents->steps[i].want.account.name, agent) == 0)
            return true;
    return false;
}

int apply_show_sessions(struct ctl *c, const struct apply_effect *effect, const struct agents_plan *agents)
{
    struct sessions s = { .count = 0 };
    enum nhi_err err = sessions_find(&s);

    sessions_let_be(&s);
    out_table(c->out, "ends", NULL);
    for (size_t i = 0; err == NHI_OK && i < s.count; i++) {
        const struct nhi_grant *g = &s.all[i].g;
        struct out_row *r;

        if (!is_lost(effect, g) && !is_suspended(agents, g->ticket.agent))
            continue;
        r = out_row_new(c->out);
        out_state(r, "session", "session that ends", s.all[i].handle);
        out_text(r, "agent", "agent", g->ticket.agent);
        out_text(r, "task", "task", g->ticket.task);
        out_text(r, "account", "account", g->subject);
        out_text(r, "service", "service", g->service);
        out_table_row(c->out, r);
    }
    sessions_free(&s);
    if (err == NHI_OK)
        return CTL_DONE;
    return ctl_fail(c, CTL_SYSTEM, "nhictl session list", "could not look for the sessions that would end: %s",
                    nhi_strerror(err));
}
