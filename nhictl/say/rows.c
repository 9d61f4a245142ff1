/* SPDX-License-Identifier: ISC */
#include "nhictl/say/rows.h"

#include <string.h>

#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ticket/sshopt.h"

const char *agent_state_name(enum nhi_agent_state s)
{
    switch (s) {
    case NHI_AGENT_ACTIVE:
        return "active";
    case NHI_AGENT_SUSPENDED:
        return "suspended";
    case NHI_AGENT_RETIRED:
        return "retired";
    }
    return "unknown";
}

const char *issuer_state_name(enum nhi_issuer_state s)
{
    switch (s) {
    case NHI_ISSUER_ACTIVE:
        return "active";
    case NHI_ISSUER_ROTATED:
        return "rotated";
    case NHI_ISSUER_RETIRED:
        return "retired";
    case NHI_ISSUER_REVOKED:
        return "revoked";
    }
    return "unknown";
}

const char *task_state_name(const struct nhi_task *t, int64_t now)
{
    if (t->state != NHI_TASK_OPEN)
        return "closed";
    return now >= t->deadline ? "ended" : "open";
}

const char *ticket_state_name(const struct nhi_ticket_row *r, int64_t now)
{
    if (r->revoked)
        return "revoked";
    if (r->superseded)
        return "renewed";
    return now >= r->ticket.exp ? "expired" : "live";
}

struct out_row *agent_row(const struct out *o, const struct nhi_agent *a, bool full)
{
    struct out_row *r = out_table_row_new(o);
    char held[48];

    snprintf(held, sizeof(held), "%s%s%s%s", (a->held & NHI_HELD_BY_HAND) != 0 ? "hand " : "",
             (a->held & NHI_HELD_OFFBOARDED) != 0 ? "off-boarding " : "",
             (a->held & NHI_HELD_UNDECLARED) != 0 ? "removal " : "",
             (a->held & NHI_HELD_RESTORED) != 0 ? "restore " : "");
    if (held[0] != '\0')
        held[strlen(held) - 1] = '\0';
    out_state(r, "name", full ? "agent" : "name", a->account.name);
    out_number(r, "uid", "uid", a->account.uid);
    out_state(r, "state", "state", agent_state_name(a->state));
    out_text(r, "owner", "owner", a->owner);
    out_text(r, "purpose", full ? "purpose" : NULL, a->purpose);
    out_day(r, "review_by", "review by", a->review_by);
    out_text(r, "home", full ? "home" : NULL, a->account.home);
    out_text(r, "shell", full ? "shell" : NULL, a->account.shell);
    out_list(r, "groups", full ? "groups" : NULL, a->group_names);
    if (full)
        out_flag(r, "daemons", a->daemons ? "daemons" : NULL, a->daemons);
    out_time(r, "created", full ? "created" : NULL, a->created);
    out_time(r, "changed", full ? "changed" : NULL, a->changed);
    out_text(r, "reason", full && a->reason[0] != '\0' ? "reason" : NULL, a->reason);
    out_time(r, "revoked_until", full && a->revoked_until != 0 ? "revoked until" : NULL, a->revoked_until);
    out_list(r, "suspended_by", full && a->held != 0 ? "suspended by" : NULL, held);
    out_text(r, "declared_in", full && a->file[0] != '\0' ? "declared in" : NULL, a->file[0] != '\0' ? a->file : NULL);
    out_time(r, "certified", full && a->certified != 0 ? "certified" : NULL, a->certified);
    out_text(r, "certified_by", full && a->certified != 0 ? "certified by" : NULL,
             a->certified != 0 ? a->certified_by : NULL);
    out_text(r, "because", full && a->certified != 0 ? "because" : NULL, a->certified != 0 ? a->because : NULL);
    out_time(r, "last_used", "last used", a->last_used);
    return r;
}

struct out_row *task_row(const struct out *o, const struct nhi_task *t, int64_t now, bool full)
{
    struct out_row *r = out_table_row_new(o);

    out_state(r, "id", "task", t->id);
    out_state(r, "agent", "agent", t->agent);
    out_state(r, "state", "state", task_state_name(t, now));
    out_time(r, "opened", full ? "opened" : NULL, t->opened);
    out_time(r, "deadline", "deadline", t->deadline);
    out_number(r, "idle", full && t->idle != 0 ? "idle seconds" : NULL, t->idle);
    out_time(r, "used", full && t->used != 0 ? "last used" : NULL, t->used);
    out_time(r, "closed", full && t->closed != 0 ? "closed" : NULL, t->closed);
    out_text(r, "reason", full && t->reason[0] != '\0' ? "reason" : NULL, t->reason);
    return r;
}

static void add_claims(struct out_row *r, const struct nhi_ticket *t, bool full)
{
    char ssh[NHI_SSHOPT_TEXT_MAX + 1];

    out_state(r, "jti", "ticket", t->jti);
    out_state(r, "agent", "agent", t->agent);
    out_state(r, "task", "task", t->task);
    out_state(r, "host", full ? "host" : NULL, t->host);
    out_list(r, "accounts", full ? "accounts" : NULL, t->accounts);
    out_list(r, "services", full ? "services" : NULL, t->services);
    out_time(r, "iat", full ? "issued" : NULL, t->iat);
    if (t->nbf != 0)
        out_time(r, "nbf", full ? "not before" : NULL, t->nbf);
    out_time(r, "exp", "expires", t->exp);
    if (t->uses != 0)
        out_number(r, "uses", full ? "uses" : NULL, t->uses);
    if (t->has_cnf)
        out_flag(r, "key_bound", full ? "key-bound" : NULL, true);
    nhi_sshopt_format(t->ssh, ' ', ssh);
    if (ssh[0] != '\0')
        out_list(r, "ssh", full ? "ssh" : NULL, ssh);
    if (t->parent[0] != '\0')
        out_state(r, "parent", full ? "parent" : NULL, t->parent);
    out_state(r, "kid", full ? "issuer" : NULL, t->kid);
}

struct out_row *claims_row(const struct out *o, const struct nhi_ticket *t)
{
    struct out_row *r = out_row_new(o);

    add_claims(r, t, true);
    return r;
}

struct out_row *ticket_row(const struct out *o, const struct nhi_ticket_row *row, int64_t now, bool full)
{
    struct out_row *r = out_table_row_new(o);

    /* Every line of a table must have the same cells. */
    if (full) {
        add_claims(r, &row->ticket, true);
    } else {
        struct nhi_ticket t = row->ticket;

        t.nbf = 0;
        t.uses = 0;
        t.has_cnf = false;
        t.ssh = 0;
        t.parent[0] = '\0';
        add_claims(r, &t, false);
    }
    out_state(r, "state", "state", ticket_state_name(row, now));
    out_state(r, "origin", full ? "origin" : NULL, row->origin == NHI_ORIGIN_IMPORTED ? "imported" : "issued");
    out_time(r, "recorded", full ? "recorded" : NULL, row->recorded);
    out_number(r, "grants", full ? "grants" : NULL, row->grants);
    out_time(r, "last_used", full ? "last used" : NULL, row->last_used);
    out_text(r, "reason", full && row->reason[0] != '\0' ? "reason" : NULL, row->reason);
    return r;
}
