/* SPDX-License-Identifier: ISC */
/*
 * MUST: open, read and close the published state within one call: one that is kept needs its memory, and is no longer
 * how things are.
 * MUST: end in a denial whenever something fails.
 */
#include "libnhi/check/check.h"

#include <string.h>

#include "libnhi/base/names.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/check/facts.h"
#include "libnhi/check/find.h"
#include "libnhi/check/gather.h"
#include "libnhi/check/key_bound.h"
#include "libnhi/grant/grant.h"
#include "libnhi/session/session.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_read.h"

#define RUN "nhictl-run" /* the service of a session that nhictl run has opened */

struct state {
    const struct nhi_shown *what;
    struct nhi_verdict *v;
    struct nhi_gathering g;
};

static enum nhi_reason not_read(struct state *s, enum nhi_err err)
{
    nhi_moment_say(s->g.m, err, s->v->message);
    return s->g.m->unreadable;
}

/* A session continues with the ticket that renewed its own, once its own has ended. */
static enum nhi_reason renewed(struct state *s)
{
    const struct nhi_fact_source *from = &s->g.m->from;
    struct nhi_ticket *t = &s->v->ticket;
    struct nhi_fact_ticket had, last;
    enum nhi_err err;

    err = nhi_find_ticket(from, t->jti, &had);
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_PERMIT;
    if (err == NHI_OK && (had.successor[0] == '\0' ||
                          (s->g.m->now < t->exp && !had.superseded && !nhi_grant_is_superseded(NHI_STATE_DIR, t->jti))))
        return NHI_PERMIT;
    if (err == NHI_OK)
        err = nhi_find_newest(from, had.root, &last);
    if (err != NHI_OK)
        return not_read(s, err);
    *t = last.ticket;
    return NHI_PERMIT;
}

/* A ticket that could not be checked is not a wrong ticket. */
static enum nhi_reason unverified(enum nhi_err err)
{
    if (err == NHI_ERR_NOMEM || err == NHI_ERR_SYS)
        return NHI_DENY_INTERNAL;
    return err == NHI_ERR_SIGNATURE ? NHI_DENY_SIGNATURE : NHI_DENY_MALFORMED;
}

/* Signature first: the key name in the footer only says which key to try. */
static enum nhi_reason verify(struct state *s)
{
    size_t len = strlen(s->what->text);
    struct nhi_issuer issuer;
    enum nhi_err err;

    if (len == 0)
        return NHI_DENY_NO_TICKET;
    err = nhi_ticket_kid(s->what->text, len, s->v->kid);
    if (err != NHI_OK)
        return unverified(err);
    err = nhi_find_issuer(&s->g.m->from, s->v->kid, &issuer);
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_DENY_ISSUER_UNKNOWN;
    if (err != NHI_OK)
        return not_read(s, err);
    err = nhi_ticket_verify(s->what->text, len, issuer.pk, &s->v->ticket);
    if (err != NHI_OK)
        return unverified(err);
    s->v->verified = true;
    return NHI_PERMIT;
}

static enum nhi_reason find_ticket(struct state *s)
{
    const struct nhi_request *asked = &s->what->asked;
    enum nhi_err err;

    if (s->what->text != NULL)
        return verify(s);
    /* It was verified when its session was opened, and kept where only root writes. What has happened to it since then
     * is among the facts. */
    if (s->what->asked.ticket != NULL) {
        s->v->ticket = *s->what->asked.ticket;
        s->v->verified = true;
        return renewed(s);
    }
    if (asked->source == NHI_FROM_KEY)
        err = nhi_find_for_key(&s->g.m->from, asked, s->g.m->now, &s->v->ticket);
    else
        err = nhi_find_for(&s->g.m->from, asked->subject, asked->service, s->g.m->now, &s->v->ticket);
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_DENY_NO_TICKET;
    if (err == NHI_ERR_EXISTS)
        return NHI_DENY_AMBIGUOUS;
    if (err != NHI_OK)
        return not_read(s, err);
    s->v->verified = true;
    return NHI_PERMIT;
}

/* The key of a ticket that was verified earlier was proven at that time. */
static const uint8_t *proven_key(const struct state *s)
{
    if (s->what->asked.ticket != NULL)
        return s->v->ticket.has_cnf ? s->v->ticket.cnf : NULL;
    return s->what->asked.key;
}

/* Setting the clock back does not make a session younger. */
static int64_t moment_of(const struct state *s)
{
    const struct nhi_grant *g = s->what->since;
    int64_t up = nhi_uptime(), then = 0;

    if (g != NULL && g->up != 0 && up >= g->up)
        then = g->at + (up - g->up);
    return then > s->g.m->now ? then : s->g.m->now;
}

/* Looked at before any look-up that others could hold up. */
static enum nhi_reason find_over(struct state *s, const struct nhi_facts *f)
{
    const int64_t now = moment_of(s);

    s->v->over_at = nhi_over_at(&s->v->ticket, f) - (now - s->g.m->now);
    return nhi_is_over(&s->v->ticket, f, now);
}

/* When the ledger cannot be read, the reserve alone decides. */
static enum nhi_reason over_unread(struct state *s)
{
    const struct nhi_grant *g = s->what->since;
    struct nhi_facts facts = { .unread = true };

    s->v->ticket = *s->what->asked.ticket;
    if (g != NULL && g->root[0] != '\0')
        memcpy(facts.ancestors[facts.ancestor_count++], g->root, sizeof(g->root));
    if (s->g.m->reserve != NULL)
        nhi_reserve_apply(s->g.m->reserve, &s->v->ticket, &facts);
    return nhi_is_over(&s->v->ticket, &facts, s->g.m->now);
}

static void take_facts(struct nhi_verdict *v, const struct nhi_facts *f)
{
    memcpy(v->owner, f->agent_owner, sizeof(v->owner));
    memcpy(v->policy, f->policy, sizeof(v->policy));
    memcpy(v->root, f->root, sizeof(v->root));
    memcpy(v->root_kid, f->root_kid, sizeof(v->root_kid));
    memcpy(v->renews, f->renews, sizeof(v->renews));
    v->unflushed = f->unflushed;
}

static void take_decision(struct nhi_verdict *v, const struct nhi_decision *d)
{
    v->handed_off = d->handed_off;
    v->ssh = d->ssh;
    if (d->rule != NULL) {
        memcpy(v->rule, d->rule->name, sizeof(v->rule));
        v->max_grants = d->rule->max_grants;
    }
}

static enum nhi_reason decide_use(struct state *s, struct nhi_request *req, struct nhi_facts *facts)
{
    const int64_t now = s->g.m->now;
    struct nhi_decision d;
    enum nhi_reason reason = nhi_gather_use(&s->g, req, facts, &s->v->pinned);

    if (reason != NHI_PERMIT)
        return reason;
    d = nhi_decide(req, facts);
    if (d.reason == NHI_PERMIT)
        s->v->until = nhi_permit_until(req, facts);
    if (d.reason == NHI_PERMIT && s->what->ahead != 0)
        s->v->then = nhi_permit_ahead(req, facts, now + s->what->ahead, &s->v->why);
    s->v->pin_records = facts->pin_records;
    take_decision(s->v, &d);
    return d.reason;
}

static enum nhi_reason decide(struct state *s)
{
    struct nhi_request req = s->what->asked;
    struct nhi_facts facts;
    enum nhi_reason reason;

    req.now = s->g.m->now;
    req.key = proven_key(s);
    req.ticket = &s->v->ticket;
    reason = nhi_gather_ticket(&s->g, req.ticket, &facts);
    if (reason == NHI_PERMIT)
        reason = find_over(s, &facts);
    if (reason == NHI_PERMIT)
        reason = decide_use(s, &req, &facts);
    take_facts(s->v, &facts);
    if (s->g.message[0] != '\0')
        memcpy(s->v->message, s->g.message, sizeof(s->v->message));
    nhi_facts_free(&facts);
    return reason;
}

/* Copies the moment's result into a verdict that is otherwise empty. */
static enum nhi_reason adopt(const struct nhi_moment *m, struct nhi_verdict *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->message, m->message, sizeof(out->message));
    return m->reason;
}

static struct state begin(const struct nhi_moment *m, const struct nhi_shown *what, struct nhi_verdict *out)
{
    return (struct state){ .what = what, .v = out, .g = { .m = m, .how = &nhi_lookups_of_host, .memo = what->memo } };
}

void nhi_check_at(const struct nhi_moment *m, const struct nhi_shown *what, struct nhi_verdict *out)
{
    struct state s = begin(m, what, out);

    out->reason = adopt(m, out);
    if (out->reason == NHI_PERMIT)
        out->reason = find_ticket(&s);
    if (out->reason == NHI_PERMIT)
        out->reason = decide(&s);
}

void nhi_check_over(const struct nhi_moment *m, const struct nhi_shown *what, struct nhi_verdict *out)
{
    struct state s = begin(m, what, out);
    struct nhi_facts facts;

    (void)adopt(m, out);
    out->ticket = *what->asked.ticket;
    if (!m->readable || renewed(&s) != NHI_PERMIT || nhi_gather_ticket(&s.g, &out->ticket, &facts) != NHI_PERMIT) {
        out->reason = over_unread(&s);
        return;
    }
    if (s.g.message[0] != '\0')
        memcpy(out->message, s.g.message, sizeof(out->message));
    out->reason = find_over(&s, &facts);
    nhi_facts_free(&facts);
}

/* nhictl run is not a service: its session lives as long as its ticket would open anything. The first service that is
 * permitted decides, else the last that is denied. */
static void check_any(const struct nhi_moment *m, const struct nhi_shown *what, const char *services,
                      struct nhi_verdict *out)
{
    char service[NHI_LIST_MAX + 1];
    struct nhi_shown one = *what;

    memset(out, 0, sizeof(*out));
    out->reason = NHI_DENY_INTERNAL;
    one.asked.service = service;
    while (out->reason != NHI_PERMIT && (services = nhi_list_next(services, service)) != NULL)
        nhi_check_at(m, &one, out);
}

void nhi_check_session(const struct nhi_moment *m, const struct nhi_grant *session, int64_t ahead,
                       struct nhi_verdict *out)
{
    const struct nhi_grant *g = session;
    char tree[NHI_TREE_MAX + 1];
    struct nhi_shown what = { .asked = { .source = g->source,
                                         .service = g->service,
                                         .subject = g->subject,
                                         .ticket = &g->ticket,
                                         .place = g->place[0] != '\0' ? g->place : NULL,
                                         .remote = g->pin == NHI_PIN_REMOTE,
                                         .from = g->rhost[0] != '\0' ? g->rhost : NULL,
                                         .is_local = g->rhost[0] == '\0',
                                         .granted = true,
                                         .registered = true,
                                         .tree = nhi_proc_is_alive(&g->self) ? tree : NULL },
                              .ahead = ahead,
                              .since = g };

    nhi_session_tree(g, tree);
    if (nhi_host_account_uid(g->subject, &what.asked.subject_uid) == NHI_OK)
        what.asked.subject_in_range = nhi_snapshot_range_has(what.asked.subject_uid);
    if (strcmp(g->service, RUN) == 0)
        check_any(m, &what, g->ticket.services, out);
    else
        nhi_check_at(m, &what, out);
}

void nhi_check(const struct nhi_shown *what, struct nhi_verdict *out)
{
    struct nhi_moment m = { .state = NULL };
    const struct nhi_request *r = &what->asked;

    /* No signature is needed to see that no ticket was shown. */
    if (what->text == NULL && r->ticket == NULL && r->source != NHI_FROM_LEDGER &&
        (r->source != NHI_FROM_KEY || r->key == NULL)) {
        memset(out, 0, sizeof(*out));
        out->reason = NHI_DENY_NO_TICKET;
        return;
    }
    nhi_moment_open(&m);
    nhi_check_at(&m, what, out);
    nhi_moment_close(&m);
}

static int try_one(const struct nhi_ticket *t, void *ctx)
{
    struct state *s = ctx;
    const struct nhi_shown *of = s->what;
    struct nhi_shown shown = *of;

    shown.asked.ticket = t;
    s->what = &shown;
    s->v->ticket = *t;
    s->v->reason = decide(s);
    s->v->verified = true;
    s->what = of;
    return s->v->reason == NHI_PERMIT;
}

/* A ticket of another host's issuer may be unknown here until it comes. */
static int try_issuer(const struct nhi_issuer *i, void *ctx)
{
    struct state *s = ctx;

    if (i->own || (i->state != NHI_ISSUER_ACTIVE && i->state != NHI_ISSUER_ROTATED) ||
        !nhi_issuer_covers(i, s->what->asked.subject, s->what->asked.service))
        return 0;
    s->v->reason = NHI_PERMIT;
    return 1;
}

/* What denies before any ticket is looked at. */
static enum nhi_reason look_at_host(struct state *s)
{
    struct nhi_request req = s->what->asked;
    struct nhi_facts facts;
    enum nhi_reason reason = nhi_gather_ticket(&s->g, NULL, &facts);

    req.now = s->g.m->now;
    if (reason == NHI_PERMIT)
        reason = nhi_decide(&req, &facts).reason;
    nhi_facts_free(&facts);
    if (s->g.message[0] != '\0')
        memcpy(s->v->message, s->g.message, sizeof(s->v->message));
    return reason == NHI_DENY_NO_TICKET ? NHI_PERMIT : reason;
}

void nhi_check_any_key(const struct nhi_request *of, struct nhi_verdict *out)
{
    struct nhi_moment m = { .state = NULL };
    struct nhi_shown what = { .asked = *of };
    struct state s = begin(&m, &what, out);
    enum nhi_err err;

    what.asked.source = NHI_FROM_KEY;
    what.asked.from_unknown = true;
    nhi_moment_open(&m);
    out->reason = adopt(&m, out);
    if (out->reason == NHI_PERMIT)
        out->reason = look_at_host(&s);
    if (out->reason == NHI_PERMIT) {
        out->reason = NHI_DENY_NO_TICKET;
        err = nhi_find_each_key(&m.from, of, m.now, try_one, &s);
        if (err == NHI_OK && out->reason != NHI_PERMIT)
            err = nhi_find_each_other(&m.from, try_issuer, &s);
        if (err != NHI_OK)
            out->reason = not_read(&s, err);
    }
    nhi_moment_close(&m);
}

/* The ticket that was found for a key is the live one, or a dead one that need not be the last. */
static bool is_dead(enum nhi_reason r)
{
    return r == NHI_DENY_REVOKED || r == NHI_DENY_EPOCH || r == NHI_DENY_TASK_CLOSED || r == NHI_DENY_TASK_ENDED ||
           r == NHI_DENY_SUPERSEDED;
}

/* What happened to the ticket that the key was last bound to. */
static void look_back(const struct nhi_moment *m, const struct nhi_request *asked, struct nhi_verdict *v)
{
    struct nhi_ticket t;
    struct nhi_shown shown = { .asked = { .source = NHI_FROM_KEY,
                                          .service = asked->service,
                                          .subject = asked->subject,
                                          .subject_uid = asked->subject_uid,
                                          .subject_in_range = asked->subject_in_range,
                                          .ticket = &t,
                                          .from_unknown = true } };
    struct nhi_verdict past;

    if (m->reason != NHI_PERMIT || nhi_find_last_of_key(&m->from, asked->key, asked->subject, &t) != NHI_OK)
        return;
    nhi_check_at(m, &shown, &past);
    v->verified = true;
    if (past.reason == NHI_PERMIT && v->reason != NHI_DENY_NO_TICKET)
        return;
    v->ticket = t;
    if (!nhi_list_has(t.accounts, asked->subject))
        v->reason = NHI_DENY_ACCOUNT;
    else if (past.reason != NHI_PERMIT)
        v->reason = past.reason;
}

void nhi_check_refused(const struct nhi_shown *what, struct nhi_verdict *v, bool *known)
{
    struct nhi_moment m = { .state = NULL };
    const struct nhi_request *asked = &what->asked;

    *known = v->verified;
    if ((v->verified && !is_dead(v->reason)) || what->text != NULL || asked->key == NULL)
        return;
    nhi_moment_open(&m);
    look_back(&m, asked, v);
    nhi_moment_close(&m);
    *known = v->verified || nhi_key_was_bound(asked->key, asked->subject) == NHI_OK;
}
