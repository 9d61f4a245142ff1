/* SPDX-License-Identifier: ISC */
/*
 * Showing and applying the differences between declared agents and the ledger.
 */
#include "nhictl/agent/agents_put.h"

#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_owner.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/agent/agent_new.h"
#include "nhictl/agent/home.h"
#include "nhictl/end/other_hosts.h"
#include "nhictl/say/ctl.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

#define REMOVED "no file declares it any more"
#define BACK "declared again"

/* ---- the difference ---- */

static void show(struct ctl *c, const struct agent_step *step, const char *change, const char *from, const char *to)
{
    struct out_row *r = out_row_new(c->out);

    out_state(r, "name", "agent", step->want.account.name);
    out_text(r, "change", "change", change);
    out_text(r, "from", "from", from);
    out_text(r, "to", "to", to);
    out_table_row(c->out, r);
}

void agents_show(struct ctl *c, const struct agent_step *step)
{
    const struct nhi_agent *had = &step->had, *want = &step->want;
    char from[NHI_TIME_LEN + 1], to[NHI_TIME_LEN + 1];

    if ((step->what & STEP_ADD) != 0)
        show(c, step, "added", NULL, want->owner);
    if ((step->what & STEP_ADOPT) != 0)
        show(c, step, "adopted", "by hand", want->file);
    if ((step->what & STEP_TRANSFER) != 0)
        show(c, step, "transferred", had->owner, want->owner);
    if ((step->what & STEP_CHANGE) != 0) {
        if (strcmp(had->purpose, want->purpose) != 0)
            show(c, step, "purpose", had->purpose, want->purpose);
        if (strcmp(had->account.shell, want->account.shell) != 0)
            show(c, step, "shell", had->account.shell, want->account.shell);
        if (strcmp(had->group_names, want->group_names) != 0)
            show(c, step, "groups", had->group_names, want->group_names);
    }
    if ((step->what & STEP_REVIEW) != 0 && nhi_time_format(had->review_by, from) == NHI_OK &&
        nhi_time_format(want->review_by, to) == NHI_OK) {
        from[10] = to[10] = '\0';
        show(c, step, "review", from, to);
    }
    if ((step->what & STEP_SUSPEND) != 0)
        show(c, step, "suspended", had->file, NULL);
    if ((step->what & STEP_RESUME) != 0)
        show(c, step, (had->held & ~(uint32_t)NHI_HELD_UNDECLARED) == 0 ? "resumed" : "declared", NULL, want->file);
}

/* ---- doing it ---- */

static enum nhi_err event(struct ctl *c, struct store *s, const struct agent_step *step, const char *kind,
                          const char *cause)
{
    struct out_row *detail = out_row_new(c->out);

    out_text(detail, "file", NULL, step->want.file);
    return store_event(c, s, (struct store_event){ .kind = kind, .agent = step->want.account.name, .cause = cause },
                       detail);
}

static enum nhi_err put_change(struct ctl *c, struct store *s, const struct agent_step *step)
{
    const struct nhi_agent *a = &step->want;
    struct out_row *detail;
    enum nhi_err err = nhi_agent_change(s->l, a);

    if (err != NHI_OK || (step->what & (STEP_CHANGE | STEP_REVIEW | STEP_ADOPT)) == 0)
        return err;
    detail = out_row_new(c->out);
    out_text(detail, "purpose", NULL, a->purpose);
    out_day(detail, "had", NULL, step->had.review_by);
    out_day(detail, "review_by", NULL, a->review_by);
    out_text(detail, "shell", NULL, a->account.shell);
    out_list(detail, "groups", NULL, a->group_names);
    out_text(detail, "file", NULL, a->file);
    return store_event(c, s, (struct store_event){ .kind = "agent-change", .agent = a->account.name }, detail);
}

static enum nhi_err put_resume(struct ctl *c, struct store *s, const struct agent_step *step)
{
    const char *name = step->want.account.name;
    enum nhi_err err = nhi_agent_release(s->l, name, NHI_HELD_UNDECLARED, BACK, c->now);

    if (err != NHI_OK || (step->had.held & ~(uint32_t)NHI_HELD_UNDECLARED) != 0)
        return err;
    return event(c, s, step, "agent-resume", BACK);
}

static enum nhi_err put_suspend(struct ctl *c, struct store *s, const struct agent_step *step)
{
    enum nhi_err err = nhi_agent_hold(s->l, step->want.account.name, NHI_HELD_UNDECLARED, REMOVED, c->now);

    return err == NHI_OK ? event(c, s, step, "agent-suspend", REMOVED) : err;
}

static enum nhi_err put_transfer(struct ctl *c, struct store *s, const struct agent_step *step)
{
    const char *name = step->want.account.name;
    struct out_row *detail;
    enum nhi_err err = nhi_agent_transfer(s->l, name, step->want.owner);

    if (err != NHI_OK)
        return err;
    detail = out_row_new(c->out);
    out_text(detail, "from", NULL, step->had.owner);
    out_text(detail, "to", NULL, step->want.owner);
    out_text(detail, "file", NULL, step->want.file);
    return store_event(c, s, (struct store_event){ .kind = "agent-transfer", .agent = name }, detail);
}

static enum nhi_err put_step(struct ctl *c, struct store *s, const struct agent_step *step)
{
    enum nhi_err err = NHI_OK;

    if ((step->what & STEP_ADD) != 0)
        return agent_new_record(c, s, &step->want);
    if ((step->what & STEP_SUSPEND) != 0)
        return put_suspend(c, s, step);
    if ((step->what & STEP_TRANSFER) != 0)
        err = put_transfer(c, s, step);
    if (err == NHI_OK)
        err = put_change(c, s, step);
    if (err == NHI_OK && (step->what & STEP_RESUME) != 0)
        err = put_resume(c, s, step);
    return err;
}

enum nhi_err agents_put(struct ctl *c, struct store *s, const struct agents_plan *p)
{
    enum nhi_err err = NHI_OK;

    for (size_t i = 0; i < p->count && err == NHI_OK; i++)
        err = put_step(c, s, &p->steps[i]);
    return err;
}

void agents_show_other_hosts(struct ctl *c, struct store *s, const struct agents_plan *p)
{
    struct other_hosts others;

    other_hosts_begin(&others, c);
    for (size_t i = 0; i < p->count; i++)
        if ((p->steps[i].what & STEP_SUSPEND) != 0)
            other_hosts_add(&others, s->l, NHI_REVOKE_AGENT, p->steps[i].want.account.name, "nhictl agent suspend");
    other_hosts_end(&others);
}

int agents_make_homes(struct ctl *c, const struct agents_plan *p)
{
    int code = CTL_DONE, one;

    for (size_t i = 0; i < p->count; i++) {
        if (p->steps[i].what != STEP_ADD || p->steps[i].no_home)
            continue;
        one = home_make(c, &p->steps[i].want.account);
        if (one != CTL_DONE)
            code = one;
    }
    return code;
}
