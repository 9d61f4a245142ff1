/* SPDX-License-Identifier: ISC */
/*
 * The decision.
 *
 * MUST: depend on its two arguments alone. MUST deny what is not known. MUST NOT permit before
 * every check has passed: each step returns the first reason to deny, and only the last line
 * permits. The order is for the reader of a log: the most specific cause first among equals.
 */
#include "libnhi/policy/decide.h"

#include <string.h>

#include "libnhi/policy/reason.h"

static bool bound_has(const char *bound, const char *word)
{
    return word[0] != '\0' && (strcmp(bound, "*") == 0 || nhi_list_has(bound, word));
}

/* Every word of list is within the bound. An empty list is within nothing. */
static bool bound_covers(const char *bound, const char *list)
{
    char word[NHI_LIST_MAX + 1];
    bool any = false;

    while ((list = nhi_list_next(list, word)) != NULL) {
        if (!bound_has(bound, word))
            return false;
        any = true;
    }
    return any;
}

bool nhi_issuer_covers(const struct nhi_issuer *issuer, const char *account, const char *service)
{
    return bound_has(issuer->accounts, account) && bound_has(issuer->services, service);
}

bool nhi_issuer_allows(const struct nhi_issuer *issuer, const struct nhi_ticket *t)
{
    return bound_has(issuer->agents, t->agent) && bound_covers(issuer->accounts, t->accounts) &&
           bound_covers(issuer->services, t->services) && t->exp > t->iat && t->exp - t->iat <= issuer->max_ttl;
}

bool nhi_issued_by(const struct nhi_issuer *issuer, const struct nhi_ticket *t, int64_t moment)
{
    return moment > 0 && t->iat <= moment + (issuer->own ? 0 : NHI_CLOCK_SKEW);
}

static enum nhi_reason check_host(const struct nhi_request *req, const struct nhi_facts *f)
{
    if (f->unread)
        return NHI_DENY_LEDGER;
    if (f->strange)
        return NHI_DENY_MACHINE;
    if (f->rolled_back)
        return NHI_DENY_ROLLED_BACK;
    if (f->latest > 0 && req->now < f->latest - NHI_CLOCK_SKEW)
        return NHI_DENY_CLOCK;
    return NHI_PERMIT;
}

static enum nhi_reason check_subject(const struct nhi_request *req, const struct nhi_facts *f)
{
    if (req->subject[0] == '\0' || req->service[0] == '\0')
        return NHI_DENY_SUBJECT;
    if (req->subject_uid == 0 || req->subject_privileged)
        return NHI_DENY_PRIVILEGED;
    /* Another account with that name, from a directory or a line of the local files. */
    if (f->subject_agent != 0 && f->subject_agent != req->subject_uid)
        return NHI_DENY_SUBJECT;
    return req->subject_blind ? NHI_DENY_GROUPS : NHI_PERMIT;
}

static enum nhi_reason check_issuer(const struct nhi_facts *f, const struct nhi_ticket *t)
{
    if (!f->issuer_known || strcmp(f->issuer.kid, t->kid) != 0)
        return NHI_DENY_ISSUER_UNKNOWN;
    switch (f->issuer.state) {
    case NHI_ISSUER_ACTIVE:
    case NHI_ISSUER_ROTATED:
        /* An ID that the ledger knows belongs to the ticket that the ledger knows: another issuer may not use up its
         * uses. */
        return nhi_issuer_allows(&f->issuer, t) && !f->differs ? NHI_PERMIT : NHI_DENY_ISSUER_BOUNDS;
    case NHI_ISSUER_RETIRED:
        return NHI_DENY_ISSUER_RETIRED;
    case NHI_ISSUER_REVOKED:
        return NHI_DENY_ISSUER_REVOKED;
    }
    /* A state that is not defined must not pass for a good one. */
    return NHI_DENY_INTERNAL;
}

/* Whether facts that are missing are really absent. A ledger that is another machine's, or older than this host has
 * seen it, or that could not be read proves nothing by what it lacks. */
static bool is_whole(const struct nhi_facts *f)
{
    return !f->strange && !f->rolled_back && !f->unread;
}

/* Signed with a key of this host, which records what it signs. What ended longer ago than any ticket of that key lasts
 * is not published any more, and proves nothing. */
static bool lacks_record(const struct nhi_facts *f, const struct nhi_ticket *t, int64_t now)
{
    return f->issuer.own && !f->recorded && is_whole(f) && now < t->exp + f->issuer.max_ttl + NHI_CLOCK_SKEW;
}

/* A ticket that is signed here is recorded here first, so no clock is needed for it. */
static bool is_former(const struct nhi_facts *f, const struct nhi_ticket *t, int64_t now)
{
    if (f->epoch_at == 0)
        return false;
    return f->former || (f->issuer.own ? lacks_record(f, t, now) : nhi_issued_by(&f->issuer, t, f->epoch_at));
}

static enum nhi_reason check_end(const struct nhi_ticket *t, const struct nhi_facts *f, int64_t now)
{
    if (is_former(f, t, now))
        return NHI_DENY_EPOCH;
    if (f->revoked)
        return NHI_DENY_REVOKED;
    /* An attacker with a copy of the key has no ledger to record in. */
    if (lacks_record(f, t, now))
        return NHI_DENY_UNRECORDED;
    /* The ticket that renewed it is known from the ledger alone. */
    return now >= t->exp && !f->unread ? NHI_DENY_EXPIRED : NHI_PERMIT;
}

static enum nhi_reason check_begin(const struct nhi_request *req, const struct nhi_facts *f)
{
    const struct nhi_ticket *t = req->ticket;

    if (f->superseded)
        return NHI_DENY_SUPERSEDED;
    if (req->now < t->iat - NHI_CLOCK_SKEW || (t->nbf != 0 && req->now < t->nbf - NHI_CLOCK_SKEW))
        return NHI_DENY_NOT_YET;
    return NHI_PERMIT;
}

static enum nhi_reason check_agent(const struct nhi_ticket *t, const struct nhi_facts *f, int64_t now)
{
    if (!f->agent_known)
        return NHI_DENY_AGENT_UNKNOWN;
    switch (f->agent_state) {
    case NHI_AGENT_ACTIVE:
        if (f->overdue_denies && now >= f->agent_review_by)
            return NHI_DENY_AGENT_OVERDUE;
        return nhi_issued_by(&f->issuer, t, f->agent_revoked_until) ? NHI_DENY_REVOKED : NHI_PERMIT;
    case NHI_AGENT_SUSPENDED:
        return NHI_DENY_AGENT_SUSPENDED;
    case NHI_AGENT_RETIRED:
        return NHI_DENY_AGENT_RETIRED;
    }
    return NHI_DENY_INTERNAL;
}

static enum nhi_reason check_task(const struct nhi_ticket *t, const struct nhi_facts *f, int64_t now)
{
    if (!f->task_known)
        return f->issuer.opens_tasks ? NHI_PERMIT : NHI_DENY_TASK_UNKNOWN;
    if (strcmp(f->task_agent, t->agent) != 0)
        return NHI_DENY_TASK_AGENT;
    if (f->task_state != NHI_TASK_OPEN)
        return NHI_DENY_TASK_CLOSED;
    return now >= f->task_deadline ? NHI_DENY_TASK_ENDED : NHI_PERMIT;
}

static enum nhi_reason check_lifetime(const struct nhi_ticket *t, const struct nhi_facts *f)
{
    return f->max_lifetime != 0 && t->exp - t->iat > f->max_lifetime ? NHI_DENY_LIFETIME : NHI_PERMIT;
}

static bool is_end(enum nhi_reason r, const struct nhi_facts *f)
{
    const bool lacks = r == NHI_DENY_ISSUER_UNKNOWN || r == NHI_DENY_AGENT_UNKNOWN || r == NHI_DENY_TASK_UNKNOWN;

    return nhi_reason_is_end(r) && (!lacks || is_whole(f));
}

/* The first reason on record against the ticket that counts. */
static enum nhi_reason check_record(const struct nhi_ticket *t, const struct nhi_facts *f, int64_t now,
                                    bool (*counts)(enum nhi_reason, const struct nhi_facts *))
{
    const enum nhi_reason all[] = { f->lockdown ? NHI_DENY_LOCKDOWN : NHI_PERMIT,
                                    check_issuer(f, t),
                                    check_end(t, f, now),
                                    check_agent(t, f, now),
                                    check_task(t, f, now),
                                    check_lifetime(t, f) };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (counts(all[i], f))
            return all[i];
    return NHI_PERMIT;
}

static bool is_denial(enum nhi_reason r, const struct nhi_facts *f)
{
    (void)f;
    return r != NHI_PERMIT;
}

enum nhi_reason nhi_is_over(const struct nhi_ticket *t, const struct nhi_facts *f, int64_t now)
{
    return t != NULL && f != NULL ? check_record(t, f, now, is_end) : NHI_PERMIT;
}

static enum nhi_reason check_scope(const struct nhi_request *req, const struct nhi_facts *f)
{
    const struct nhi_ticket *t = req->ticket;

    if (f->host[0] == '\0' || strcmp(t->host, f->host) != 0)
        return NHI_DENY_HOST;
    if (!nhi_list_has(t->accounts, req->subject))
        return NHI_DENY_ACCOUNT;
    /* An agent's own account belongs to that agent alone, whatever other accounts a ticket names. */
    if ((req->subject_in_range || f->subject_agent != 0) &&
        (strcmp(req->subject, t->agent) != 0 || req->subject_uid != f->agent_uid))
        return NHI_DENY_ACCOUNT;
    if (!nhi_list_has(t->services, req->service))
        return NHI_DENY_SERVICE;
    if (f->tree[0] != '\0' && (req->tree == NULL || strcmp(req->tree, f->tree) != 0))
        return NHI_DENY_TREE;
    /* A bearer ticket is shown at a prompt, not put into a certificate for any key. */
    if (req->source == NHI_FROM_KEY && !t->has_cnf)
        return NHI_DENY_KEY;
    if (t->has_cnf && (req->key == NULL || memcmp(req->key, t->cnf, sizeof(t->cnf)) != 0))
        return NHI_DENY_KEY;
    return NHI_PERMIT;
}

/* Order must not matter: among equal rules the first name is the one that decided. */
static bool goes_before(const struct nhi_rule *r, const struct nhi_rule *other)
{
    bool capped = r->max_sessions != 0 || r->max_grants != 0;

    if (other == NULL)
        return true;
    if (capped != (other->max_sessions != 0 || other->max_grants != 0))
        return !capped;
    return strcmp(r->name, other->name) < 0;
}

static enum nhi_reason check_policy(const struct nhi_request *req, const struct nhi_facts *f,
                                    const struct nhi_rule **rule, uint32_t *ssh)
{
    const struct nhi_rule *forbid = NULL, *permit = NULL, *full = NULL;

    for (size_t i = 0; i < f->rule_count; i++) {
        const struct nhi_rule *r = &f->rules[i], **best;

        if (nhi_rule_fails(r, req, f) != NHI_COND_MET)
            continue;
        best = r->forbid ? &forbid : nhi_rule_is_full(r, req) == NHI_COND_MET ? &permit : &full;
        if (goes_before(r, *best))
            *best = r;
        if (!r->forbid)
            *ssh |= r->ssh;
    }
    *rule = forbid != NULL ? forbid : permit != NULL ? permit : full;
    if (forbid != NULL)
        return NHI_DENY_FORBIDDEN;
    if (permit != NULL)
        return NHI_PERMIT;
    return full != NULL ? NHI_DENY_LIMIT : NHI_DENY_POLICY;
}

bool nhi_is_pinned(const struct nhi_request *req, const struct nhi_facts *f)
{
    return (req->source == NHI_FROM_PROMPT || req->source == NHI_FROM_KEYRING) && !req->ticket->has_cnf && !f->no_pin;
}

static bool is_handed_off(const struct nhi_request *req, const struct nhi_facts *f)
{
    if (!nhi_is_pinned(req, f))
        return false;
    if (req->place == NULL)
        return true;
    return f->pin[0] != '\0' && strcmp(f->pin, req->place) != 0;
}

struct nhi_decision nhi_decide(const struct nhi_request *req, const struct nhi_facts *f)
{
    struct nhi_decision d = { NHI_DENY_INTERNAL, NULL, 0, false };

    if (req == NULL || f == NULL || req->service == NULL || req->subject == NULL ||
        (f->rules == NULL && f->rule_count > 0))
        return d;
    d.reason = f->lockdown ? NHI_DENY_LOCKDOWN : nhi_is_over(req->ticket, f, req->now);
    if (d.reason != NHI_PERMIT || (d.reason = check_host(req, f)) != NHI_PERMIT ||
        (d.reason = check_subject(req, f)) != NHI_PERMIT)
        return d;
    if (req->ticket == NULL) {
        d.reason = NHI_DENY_NO_TICKET;
        return d;
    }
    if ((d.reason = check_record(req->ticket, f, req->now, is_denial)) != NHI_PERMIT ||
        (d.reason = check_begin(req, f)) != NHI_PERMIT || (d.reason = check_scope(req, f)) != NHI_PERMIT)
        return d;
    d.ssh = req->ticket->ssh;
    d.reason = check_policy(req, f, &d.rule, &d.ssh);
    if (d.reason == NHI_PERMIT && f->unsupervised) {
        d.reason = NHI_DENY_UNSUPERVISED;
        d.rule = NULL;
    }
    if (d.reason != NHI_PERMIT || !is_handed_off(req, f))
        return d;
    d.handed_off = f->pin_records;
    if (!f->pin_records) {
        d.reason = NHI_DENY_PIN;
        d.rule = NULL;
    }
    return d;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t nhi_over_at(const struct nhi_ticket *t, const struct nhi_facts *f)
{
    int64_t at = t->exp;

    if (f->task_known)
        at = earlier(at, f->task_deadline);
    if (f->overdue_denies && f->agent_known)
        at = earlier(at, f->agent_review_by);
    return at;
}

int64_t nhi_permit_until(const struct nhi_request *req, const struct nhi_facts *f)
{
    int64_t until = nhi_over_at(req->ticket, f), next_minute = req->now - req->now % 60 + 60;

    for (size_t i = 0; i < f->rule_count; i++) {
        const struct nhi_rule *r = &f->rules[i];

        /* Days and hours change at full minutes. */
        if (r->days != 0 || r->hours_count > 0)
            until = earlier(until, next_minute);
        if (r->max_age != 0 && req->ticket->iat + r->max_age >= req->now)
            until = earlier(until, req->ticket->iat + r->max_age + 1);
    }
    return until;
}

int64_t nhi_permit_ahead(const struct nhi_request *req, const struct nhi_facts *f, int64_t horizon,
                         enum nhi_reason *why)
{
    struct nhi_request then = *req;

    do {
        then.now = nhi_permit_until(&then, f);
        *why = nhi_decide(&then, f).reason;
    } while (*why == NHI_PERMIT && then.now <= horizon);
    if (then.now > horizon)
        *why = NHI_PERMIT;
    return then.now;
}
