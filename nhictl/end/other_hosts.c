/* SPDX-License-Identifier: ISC */
#include "nhictl/end/other_hosts.h"

#include <stdlib.h>

#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"
#include "nhictl/say/shell.h"

void other_hosts_begin(struct other_hosts *o, struct ctl *c)
{
    *o = (struct other_hosts){ .c = c };
    out_table(c->out, "other_hosts", NULL);
}

static int show_one(const struct nhi_ticket_row *r, void *ctx)
{
    struct other_hosts *o = ctx;
    const struct nhi_ticket *t = &r->ticket;
    struct out_row *row = out_row_new(o->c->out);
    char *id = shell_quote(o->each ? t->jti : o->id), *type = out_say("%s %s", o->type, id);

    out_state(row, "host", "host", t->host);
    out_state(row, "jti", "ticket", t->jti);
    out_text(row, "agent", NULL, t->agent);
    out_text(row, "task", NULL, t->task);
    out_time(row, "exp", "good there until", t->exp);
    out_state(row, "type", "type there", type);
    out_table_row(o->c->out, row);
    o->count++;
    free(type);
    free(id);
    return 0;
}

void other_hosts_add(struct other_hosts *o, struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id,
                     const char *type)
{
    static const char *const revoke[] = {
        [NHI_REVOKE_TICKET] = "nhictl revoke --ticket",
        [NHI_REVOKE_TASK] = "nhictl revoke --unseen --task",
        [NHI_REVOKE_AGENT] = "nhictl revoke --agent",
        [NHI_REVOKE_ISSUER] = "nhictl revoke --issuer",
    };

    o->id = id;
    o->type = type != NULL ? type : revoke[kind];
    o->each = kind == NHI_REVOKE_TICKET;
    if (l == NULL || nhi_ticket_each_for_others(l, kind, id, o->c->now, show_one, o) != NHI_OK)
        o->failed = true;
}

void other_hosts_end(const struct other_hosts *o)
{
    struct out *out = o->c->out;

    if (o->count == 1)
        out_line(out, "NOT ended: that ticket is for another host, which is not informed: run the command there");
    else if (o->count > 1)
        out_line(out,
                 "NOT ended: these %zu tickets are for other hosts, which are not informed: run the commands there",
                 o->count);
    if (o->failed)
        ctl_note("could not find out whether there are tickets for other hosts: those hosts are not informed, and need "
                 "the same command");
}

void other_hosts_show(struct ctl *c, struct nhi_ledger *l, enum nhi_revoke_kind kind, const char *id, const char *type)
{
    struct other_hosts o;

    other_hosts_begin(&o, c);
    other_hosts_add(&o, l, kind, id, type);
    other_hosts_end(&o);
}
