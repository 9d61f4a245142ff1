/* SPDX-License-Identifier: ISC */
/*
 * Names that exist on this host. Nothing is written: pressing a key in a shell is not a command.
 */
#include "nhictl/main/complete_names.h"

#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hostcfg/wiring.h"
#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_owner.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_list.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/rows.h"

static int add_agent(const struct nhi_agent *a, void *ctx)
{
    char help[NHI_TEXT_MAX + 32];

    snprintf(help, sizeof(help), "%s, %s", agent_state_name(a->state), a->purpose);
    candidate(ctx, a->account.name, help);
    return 0;
}

static int add_owner(const struct nhi_owner *o, void *ctx)
{
    candidate(ctx, o->name, o->offboarded != 0 ? "off-boarded" : NULL);
    return 0;
}

static void say_task(struct candidates *to, const struct nhi_task *t, bool all)
{
    char help[NHI_AGENT_MAX + 32];
    const char *state = task_state_name(t, to->c->now);

    snprintf(help, sizeof(help), "%s, of %s", state, t->agent);
    if (all || strcmp(state, "open") == 0)
        candidate(to, t->id, help);
}

static int add_open_task(const struct nhi_task *t, void *ctx)
{
    say_task(ctx, t, false);
    return 0;
}

static int add_task(const struct nhi_task *t, void *ctx)
{
    say_task(ctx, t, true);
    return 0;
}

static int add_ticket(const struct nhi_ticket_row *r, void *ctx)
{
    char help[NHI_AGENT_MAX + NHI_TASK_MAX + 8];

    snprintf(help, sizeof(help), "%s, %s", r->ticket.agent, r->ticket.task);
    candidate(ctx, r->ticket.jti, help);
    return 0;
}

static int add_key(const struct nhi_issuer *i, void *ctx)
{
    candidate(ctx, i->kid, issuer_state_name(i->state));
    return 0;
}

static int add_session(const char *handle, const struct nhi_grant *g, bool alive, void *ctx)
{
    char help[NHI_AGENT_MAX + NHI_SERVICE_MAX + 8];

    snprintf(help, sizeof(help), "%s, %s", g->ticket.agent, g->service);
    if (alive)
        candidate(ctx, handle, help);
    return 0;
}

static void add_accounts(struct candidates *to)
{
    const struct passwd *pw;

    setpwent();
    while ((pw = getpwent()) != NULL)
        candidate(to, pw->pw_name, NULL);
    endpwent();
}

static void add_groups(struct candidates *to)
{
    const struct group *gr;

    setgrent();
    while ((gr = getgrent()) != NULL)
        candidate(to, gr->gr_name, NULL);
    endgrent();
}

static void add_services(struct candidates *to)
{
    DIR *d = opendir("/etc/pam.d");
    const struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL)
        if (nhi_name_is_service(e->d_name) && strncmp(e->d_name, "common-", 7) != 0)
            candidate(to, e->d_name, NULL);
    if (d != NULL)
        closedir(d);
}

static void add_programs(struct candidates *to)
{
    for (const struct wiring_service *w = wiring_services; w->name != NULL; w++)
        candidate(to, w->name, NULL);
}

static void from_ledger(struct candidates *to, enum candidate_kind kind)
{
    struct nhi_ledger *l = NULL;
    int64_t now = to->c->now;

    if (nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l) != NHI_OK)
        return;
    if (kind == KIND_AGENT)
        (void)!nhi_agent_each(l, add_agent, to);
    else if (kind == KIND_OWNER)
        (void)!nhi_owner_each(l, now, add_owner, to);
    else if (kind == KIND_TASK)
        (void)!nhi_task_each(l, NULL, add_open_task, to);
    else if (kind == KIND_ANY_TASK)
        (void)!nhi_task_each(l, NULL, add_task, to);
    else if (kind == KIND_TICKET)
        (void)!nhi_ticket_each(l, &(struct nhi_ticket_filter){ .live_at = now }, add_ticket, to);
    else if (kind == KIND_KEY)
        (void)!nhi_issuer_each(l, add_key, to);
    nhi_ledger_close(l);
}

void candidates_of(struct candidates *to, enum candidate_kind kind)
{
    switch (kind) {
    case KIND_AGENT:
    case KIND_OWNER:
    case KIND_TASK:
    case KIND_ANY_TASK:
    case KIND_TICKET:
    case KIND_KEY:
        from_ledger(to, kind);
        break;
    case KIND_SESSION:
        (void)!nhi_session_each(NHI_RUN_DIR, add_session, to);
        break;
    case KIND_ACCOUNT:
        add_accounts(to);
        break;
    case KIND_SERVICE:
        add_services(to);
        break;
    case KIND_GROUP:
        add_groups(to);
        break;
    case KIND_PROGRAM:
        add_programs(to);
        break;
    case KIND_NONE:
    case KIND_FILE:
    case KIND_DIRECTORY:
    case KIND_COMMAND:
        break;
    }
}
