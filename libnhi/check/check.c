/*
 * MUST: open, read and close the ledger within one call: no handle crosses a fork of the host.
 * MUST: end in a denial wherever something fails.
 */
#include "libnhi/check/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/clock_mark.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/check/check_facts.h"
#include "libnhi/check/privileged.h"
#include "libnhi/grant/grant.h"
#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_facts.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/session/session.h"

struct nhi_moment {
    struct nhi_ledger *ledger;
    struct nhi_reserve *reserve;
    int64_t now;
    enum nhi_fit fit;       /* of the ledger, to this host */
    enum nhi_reason reason; /* NHI_PERMIT: all of these are there */
    bool readable;          /* the ledger, whatever the reserve is */
    char message[sizeof(((struct nhi_verdict *)NULL)->message)];
};

struct state {
    const struct nhi_who *who;
    const struct nhi_shown *what;
    const struct nhi_moment *m;
    struct nhi_verdict *v;
    struct nhi_local local; /* of who: looked up once, whichever tickets it could be about */
    enum nhi_err local_err;
    bool looked_up;
};

static void say_failed(const struct nhi_ledger *l, enum nhi_err err, char *out, size_t size)
{
    const char *detail = l != NULL ? nhi_ledger_message(l) : "";

    snprintf(out, size, "%s%s%s", nhi_strerror(err), detail[0] != '\0' ? ": " : "", detail);
}

static enum nhi_reason ledger_failed(struct state *s, enum nhi_err err)
{
    say_failed(s->m->ledger, err, s->v->message, sizeof(s->v->message));
    return NHI_DENY_LEDGER;
}

/* A session goes on with what renewed its ticket, once that itself is over. */
static enum nhi_reason renewed(struct state *s)
{
    struct nhi_ticket *t = &s->v->ticket;
    struct nhi_ticket_row row, last;
    enum nhi_err err;

    err = nhi_ticket_get(s->m->ledger, t->jti, &row);
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_PERMIT;
    if (err == NHI_OK && (row.successor[0] == '\0' ||
                          (s->m->now < t->exp && !row.superseded && !nhi_grant_is_superseded(NHI_STATE_DIR, t->jti))))
        return NHI_PERMIT;
    if (err == NHI_OK)
        err = nhi_ticket_last(s->m->ledger, row.root, &last);
    if (err != NHI_OK)
        return ledger_failed(s, err);
    *t = last.ticket;
    return NHI_PERMIT;
}

/* Signature first: the key name in the footer only says which key to try. */
static enum nhi_reason verify(struct state *s)
{
    size_t len = strlen(s->what->text);
    struct nhi_issuer issuer;
    enum nhi_err err;

    if (len == 0)
        return NHI_DENY_NO_TICKET;
    if (nhi_ticket_kid(s->what->text, len, s->v->kid) != NHI_OK)
        return NHI_DENY_MALFORMED;
    err = nhi_issuer_get(s->m->ledger, s->v->kid, &issuer);
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_DENY_ISSUER_UNKNOWN;
    if (err != NHI_OK)
        return ledger_failed(s, err);
    err = nhi_ticket_verify(s->what->text, len, issuer.pk, &s->v->ticket);
    if (err == NHI_ERR_SIGNATURE)
        return NHI_DENY_SIGNATURE;
    if (err != NHI_OK)
        return err == NHI_ERR_NOMEM || err == NHI_ERR_SYS ? NHI_DENY_INTERNAL : NHI_DENY_MALFORMED;
    s->v->verified = true;
    return NHI_PERMIT;
}

static enum nhi_reason find_ticket(struct state *s)
{
    const struct nhi_who *who = s->who;
    enum nhi_err err;

    if (s->what->text != NULL)
        return verify(s);
    /* Verified when its session was opened, and kept where only root writes. What has become of it
     * since is among the facts. */
    if (s->what->ticket != NULL) {
        s->v->ticket = *s->what->ticket;
        s->v->verified = true;
        return renewed(s);
    }
    if (s->what->source == NHI_FROM_KEY)
        err = nhi_ticket_for_key(s->m->ledger, s->what->key, who->subject, who->service, s->m->now, &s->v->ticket);
    else
        err = nhi_ticket_for(s->m->ledger, who->subject, who->service, s->m->now, &s->v->ticket);
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_DENY_NO_TICKET;
    if (err == NHI_ERR_EXISTS)
        return NHI_DENY_AMBIGUOUS;
    if (err != NHI_OK)
        return ledger_failed(s, err);
    s->v->verified = true;
    return NHI_PERMIT;
}

/* The key of a ticket that was verified before was proven then. */
static const uint8_t *proven_key(const struct state *s)
{
    if (s->what->ticket != NULL)
        return s->v->ticket.has_cnf ? s->v->ticket.cnf : NULL;
    return s->what->key;
}

/* The facts that no ticket and no rule has to do with. */
static void put_host(struct state *s, struct nhi_facts *f)
{
    nhi_fit_load(s->m->fit, f);
    if (s->m->fit != NHI_FIT_HERE)
        snprintf(s->v->message, sizeof(s->v->message), "%s", nhi_fit_text(s->m->fit));
}

/* A clock that was set back makes nothing younger. */
static int64_t moment_of(const struct state *s)
{
    const struct nhi_grant *g = s->what->since;
    int64_t up = nhi_uptime(), then = 0;

    if (g != NULL && g->up != 0 && up >= g->up)
        then = g->at + (up - g->up);
    return then > s->m->now ? then : s->m->now;
}

/* Asked before anything is looked up that others could hold up. */
static enum nhi_reason find_over(struct state *s, const struct nhi_facts *f)
{
    const int64_t now = moment_of(s);

    s->v->over_at = nhi_over_at(&s->v->ticket, f) - (now - s->m->now);
    return nhi_is_over(&s->v->ticket, f, now);
}

/* Of a ledger that cannot be read: what the reserve says, and nothing else. */
static enum nhi_reason over_unread(struct state *s)
{
    const struct nhi_grant *g = s->what->since;
    struct nhi_facts facts = { .unread = true };

    s->v->ticket = *s->what->ticket;
    if (g != NULL && g->root[0] != '\0')
        memcpy(facts.ancestors[facts.ancestor_count++], g->root, sizeof(g->root));
    if (s->m->reserve != NULL)
        nhi_reserve_apply(s->m->reserve, &s->v->ticket, &facts);
    return nhi_is_over(&s->v->ticket, &facts, s->m->now);
}

static enum nhi_reason subject_failed(struct state *s, enum nhi_err err)
{
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_DENY_SUBJECT;
    snprintf(s->v->message, sizeof(s->v->message), "account %s: %s", s->who->subject,
             err == NHI_ERR_BUSY ? "a source of accounts gave no answer" : nhi_strerror(err));
    return err == NHI_ERR_NOMEM ? NHI_DENY_INTERNAL : NHI_DENY_GROUPS;
}

static enum nhi_reason find_local(struct state *s, struct nhi_request *req)
{
    const struct nhi_local *l = &s->local;

    if (!s->looked_up)
        s->local_err = nhi_local_of(s->who->subject, s->who->uid, !s->what->granted, &s->local);
    s->looked_up = true;
    if (s->local_err != NHI_OK)
        return subject_failed(s, s->local_err);
    if (l->blind[0] != '\0')
        snprintf(s->v->message, sizeof(s->v->message), "groups of %s: %s", s->who->subject, l->blind);
    req->subject_uid = l->uid;
    req->subject_privileged = l->privileged;
    req->subject_blind = l->blind[0] != '\0' && !l->goes_on;
    return NHI_PERMIT;
}

static enum nhi_reason decide(struct state *s)
{
    struct nhi_facts facts = { .rules = NULL };
    struct nhi_request req;
    struct nhi_decision d;
    enum nhi_err err;

    req = (struct nhi_request){
        .now = s->m->now,
        .service = s->who->service,
        .subject = s->who->subject,
        .subject_in_range = s->who->in_range,
        .source = s->what->source,
        .ticket = &s->v->ticket,
        .place = s->what->place,
        .remote = s->what->remote,
        .from = s->what->from,
        .from_unknown = s->what->from_unknown,
        .is_local = s->what->is_local,
        .granted = s->what->granted,
        .registered = s->what->registered,
        .tree = s->what->tree,
        .key = proven_key(s),
    };
    err = nhi_facts_load(s->m->ledger, &s->v->ticket, &req, s->m->now, &facts);
    if (err != NHI_OK)
        return ledger_failed(s, err);
    put_host(s, &facts);
    nhi_reserve_apply(s->m->reserve, &s->v->ticket, &facts);
    if (facts.successor[0] != '\0' && !facts.superseded)
        facts.superseded = nhi_grant_is_superseded(NHI_STATE_DIR, s->v->ticket.jti);
    d.reason = find_over(s, &facts);
    if (d.reason != NHI_PERMIT)
        goto out;
    d.reason = find_local(s, &req);
    if (d.reason != NHI_PERMIT)
        goto out;
    s->v->pinned = nhi_is_pinned(&req, &facts);
    if (s->v->pinned)
        nhi_pins_load(&req, &facts);
    nhi_counts_load(s->m->now, &facts);
    nhi_supervisor_load(&facts);
    d = nhi_decide(&req, &facts);
    if (d.reason == NHI_PERMIT)
        s->v->until = nhi_permit_until(&req, &facts);
    if (d.reason == NHI_PERMIT && s->what->ahead != 0)
        s->v->then = nhi_permit_ahead(&req, &facts, s->m->now + s->what->ahead, &s->v->why);
    s->v->handed_off = d.handed_off;
    s->v->pin_records = facts.pin_records;
    s->v->ssh = d.ssh;
    if (d.rule != NULL) {
        memcpy(s->v->rule, d.rule->name, sizeof(s->v->rule));
        s->v->max_grants = d.rule->max_grants;
    }
out:
    memcpy(s->v->owner, facts.agent_owner, sizeof(s->v->owner));
    memcpy(s->v->policy, facts.policy, sizeof(s->v->policy));
    memcpy(s->v->root, facts.root, sizeof(s->v->root));
    memcpy(s->v->root_kid, facts.root_kid, sizeof(s->v->root_kid));
    memcpy(s->v->renews, facts.renews, sizeof(s->v->renews));
    nhi_facts_free(&facts);
    return d.reason;
}

/* Opens what a decision is made over. */
static enum nhi_reason begin(struct nhi_moment *m)
{
    struct nhi_settings settings;
    struct nhi_seen seen;
    enum nhi_reason reason = NHI_PERMIT;
    enum nhi_err err;

    m->now = nhi_now();
    m->reserve = calloc(1, sizeof(*m->reserve));
    if (m->reserve == NULL)
        return NHI_DENY_INTERNAL;
    err = nhi_reserve_load(NHI_STATE_DIR, m->reserve);
    if (err != NHI_OK) {
        snprintf(m->message, sizeof(m->message), "reserve: %s", nhi_strerror(err));
        reason = err == NHI_ERR_UNSAFE || err == NHI_ERR_NOT_FOUND ? NHI_DENY_LEDGER : NHI_DENY_LOCKDOWN;
    }
    nhi_mark_see(NHI_STATE_DIR, NHI_RUN_DIR, &seen);
    err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &m->ledger);
    if (err == NHI_OK)
        err = nhi_ledger_begin(m->ledger, m->now);
    if (err == NHI_OK)
        err = nhi_ledger_settings(m->ledger, &settings);
    if (err == NHI_OK) {
        m->fit = nhi_ledger_fit(m->ledger, &settings, &seen, m->now);
        m->readable = true;
        return reason;
    }
    if (reason != NHI_PERMIT)
        return reason;
    say_failed(m->ledger, err, m->message, sizeof(m->message));
    return NHI_DENY_LEDGER;
}

static void finish(struct nhi_moment *m)
{
    nhi_ledger_close(m->ledger);
    free(m->reserve);
}

struct nhi_moment *nhi_moment_begin(void)
{
    struct nhi_moment *m = calloc(1, sizeof(*m));

    if (m != NULL)
        m->reason = begin(m);
    return m;
}

void nhi_moment_end(struct nhi_moment *m)
{
    if (m != NULL)
        finish(m);
    free(m);
}

/* What the moment came to, in a verdict without more. */
static enum nhi_reason adopt(const struct nhi_moment *m, struct nhi_verdict *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->message, m->message, sizeof(out->message));
    return m->reason;
}

void nhi_check_at(const struct nhi_moment *m, const struct nhi_who *who, const struct nhi_shown *what,
                  struct nhi_verdict *out)
{
    struct state s = { .who = who, .what = what, .m = m, .v = out };

    out->reason = adopt(m, out);
    if (out->reason == NHI_PERMIT)
        out->reason = find_ticket(&s);
    if (out->reason == NHI_PERMIT)
        out->reason = decide(&s);
}

void nhi_check_over(const struct nhi_moment *m, const struct nhi_shown *what, struct nhi_verdict *out)
{
    struct state s = { .what = what, .m = m, .v = out };
    struct nhi_facts facts = { .rules = NULL };

    (void)adopt(m, out);
    out->ticket = *what->ticket;
    if (!m->readable || renewed(&s) != NHI_PERMIT || nhi_facts_load_bare(m->ledger, &out->ticket, &facts) != NHI_OK) {
        out->reason = over_unread(&s);
        return;
    }
    put_host(&s, &facts);
    nhi_reserve_apply(m->reserve, &out->ticket, &facts);
    out->reason = find_over(&s, &facts);
}

enum nhi_err nhi_moment_revoke(struct nhi_moment *m, enum nhi_revoke_kind kind, const char *id)
{
    struct nhi_reserve_slot *s;

    if (m->reserve == NULL || m->reserve->count == NHI_RESERVE_SLOTS)
        return NHI_ERR_FULL;
    s = &m->reserve->slots[m->reserve->count];
    if (strlen(id) >= sizeof(s->id))
        return NHI_ERR_TOO_LONG;
    memset(s, 0, sizeof(*s));
    s->kind = kind;
    s->at = INT64_MAX / 2; /* what is there now was issued, whatever the clock says */
    memcpy(s->id, id, strlen(id));
    m->reserve->count++;
    return NHI_OK;
}

void nhi_check(const struct nhi_who *who, const struct nhi_shown *what, struct nhi_verdict *out)
{
    struct nhi_moment m = { .ledger = NULL };

    /* No signature is needed to see that nothing was shown. */
    if (what->text == NULL && what->ticket == NULL && what->source != NHI_FROM_LEDGER &&
        (what->source != NHI_FROM_KEY || what->key == NULL)) {
        memset(out, 0, sizeof(*out));
        out->reason = NHI_DENY_NO_TICKET;
        return;
    }
    m.reason = begin(&m);
    nhi_check_at(&m, who, what, out);
    finish(&m);
}

static int try_one(const struct nhi_ticket *t, void *ctx)
{
    struct state *s = ctx;
    const struct nhi_shown shown = { .source = NHI_FROM_KEY, .ticket = t, .from_unknown = true };

    s->what = &shown;
    s->v->ticket = *t;
    s->v->reason = decide(s);
    s->v->verified = true;
    s->what = NULL;
    return s->v->reason == NHI_PERMIT;
}

/* A ticket of another host's issuer need not be known here before it comes. */
static int try_issuer(const struct nhi_issuer *i, void *ctx)
{
    struct state *s = ctx;

    if (i->own || (i->state != NHI_ISSUER_ACTIVE && i->state != NHI_ISSUER_ROTATED) ||
        !nhi_issuer_covers(i, s->who->subject, s->who->service))
        return 0;
    s->v->reason = NHI_PERMIT;
    return 1;
}

/* What denies before any ticket is looked at. */
static enum nhi_reason look_at_host(struct state *s)
{
    struct nhi_request req = {
        .now = s->m->now, .service = s->who->service, .subject = s->who->subject, .subject_uid = s->who->uid
    };
    struct nhi_facts facts = { .rules = NULL };
    enum nhi_err err = nhi_facts_load(s->m->ledger, NULL, NULL, s->m->now, &facts);
    enum nhi_reason reason;

    if (err != NHI_OK)
        return ledger_failed(s, err);
    put_host(s, &facts);
    nhi_reserve_apply(s->m->reserve, NULL, &facts);
    reason = nhi_decide(&req, &facts).reason;
    nhi_facts_free(&facts);
    return reason == NHI_DENY_NO_TICKET ? NHI_PERMIT : reason;
}

void nhi_check_any_key(const struct nhi_who *who, struct nhi_verdict *out)
{
    struct nhi_moment m = { .ledger = NULL };
    struct state s = { .who = who, .m = &m, .v = out };
    enum nhi_err err;

    m.reason = begin(&m);
    out->reason = adopt(&m, out);
    if (out->reason == NHI_PERMIT)
        out->reason = look_at_host(&s);
    if (out->reason == NHI_PERMIT) {
        out->reason = NHI_DENY_NO_TICKET;
        err = nhi_ticket_each_key(m.ledger, who->subject, who->service, m.now, try_one, &s);
        if (err == NHI_OK && out->reason != NHI_PERMIT)
            err = nhi_issuer_each(m.ledger, try_issuer, &s);
        if (err != NHI_OK)
            out->reason = ledger_failed(&s, err);
    }
    finish(&m);
}

/* A ticket that was found for a key is the live one, or a dead one that need not be the last. */
static bool is_dead(enum nhi_reason r)
{
    return r == NHI_DENY_REVOKED || r == NHI_DENY_EPOCH || r == NHI_DENY_TASK_CLOSED || r == NHI_DENY_TASK_ENDED ||
           r == NHI_DENY_SUPERSEDED;
}

/* What became of the ticket that the key was bound to last. */
static void look_back(const struct nhi_moment *m, const struct nhi_who *who, const uint8_t *key, struct nhi_verdict *v)
{
    struct nhi_ticket t;
    struct nhi_shown shown = { .source = NHI_FROM_KEY, .ticket = &t, .from_unknown = true };
    struct nhi_verdict past;

    if (m->reason != NHI_PERMIT || nhi_ticket_last_of_key(m->ledger, key, who->subject, &t) != NHI_OK)
        return;
    nhi_check_at(m, who, &shown, &past);
    v->verified = true;
    if (past.reason == NHI_PERMIT && v->reason != NHI_DENY_NO_TICKET)
        return;
    v->ticket = t;
    if (!nhi_list_has(t.accounts, who->subject))
        v->reason = NHI_DENY_ACCOUNT;
    else if (past.reason != NHI_PERMIT)
        v->reason = past.reason;
}

void nhi_check_refused(const struct nhi_who *who, const struct nhi_shown *what, struct nhi_verdict *v, bool *known)
{
    struct nhi_moment m = { .ledger = NULL };

    *known = v->verified;
    if ((v->verified && !is_dead(v->reason)) || what->text != NULL || what->key == NULL)
        return;
    m.reason = begin(&m);
    look_back(&m, who, what->key, v);
    finish(&m);
    *known = v->verified || nhi_key_was_bound(what->key, who->subject) == NHI_OK;
}

enum nhi_err nhi_key_was_bound(const uint8_t key[NHI_PK_LEN], const char *account)
{
    struct nhi_ledger *l = NULL;
    enum nhi_err err, ledger;
    bool known = false;

    err = nhi_grant_binds(NHI_STATE_DIR, key, account);
    if (err == NHI_OK)
        return NHI_OK;
    ledger = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l);
    if (ledger == NHI_OK)
        ledger = nhi_ticket_any_of_key(l, key, account, &known);
    nhi_ledger_close(l);
    if (ledger == NHI_OK && known)
        return NHI_OK;
    return ledger != NHI_OK && ledger != NHI_ERR_NOT_FOUND ? ledger : err;
}
