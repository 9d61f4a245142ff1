/* SPDX-License-Identifier: ISC */
#include "pam_decide/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/policy/reason.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_end.h"
#include "pam_nhi/brought.h"
#include "pam_nhi/count.h"
#include "pam_nhi/origin.h"

#define DATA_NAME PNHI_DATA_GRANT
#define GRANT_VARIABLE PNHI_GRANT_VARIABLE

/* The PAM handle keeps the grant, and whether the program used it. */
struct kept {
    struct nhi_grant g;
    bool is_call; /* of su or sudo, which may refuse after our permit */
    bool begun;
};

static void set_time(struct nhi_grant *g, const struct timespec *ts)
{
    g->at = ts->tv_sec;
    g->ms = (uint16_t)(ts->tv_nsec / 1000000);
}

/* The end of a permitted call for which no session was opened. */
static void record_unused(const struct kept *k)
{
    struct nhi_grant g = k->g;
    struct timespec ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) != 0 || nhi_id_new(g.id) != NHI_OK)
        return;
    set_time(&g, &ts);
    (void)!nhi_grant_unused(NHI_STATE_DIR, &g, k->g.id);
}

static void clean_up(pam_handle_t *pamh, void *data, int status)
{
    struct pnhi_limits limits;
    struct kept *k = data;

    (void)pamh;
    /* Not when a failed grant is taken back, and not in a child of the program, which ends its copy of the handle. */
    if (k->is_call && !k->begun && (status & PAM_DATA_REPLACE) == 0 && k->g.self.pid == getpid()) {
        pnhi_limits_raise(&limits);
        record_unused(k);
        pnhi_limits_put_back(&limits);
    }
    free(k);
}

/* What the handle keeps, or NULL. */
static struct kept *kept_of(pam_handle_t *pamh)
{
    union {
        const void *in;
        struct kept *out;
    } k = { NULL };

    return pam_get_data(pamh, DATA_NAME, &k.in) == PAM_SUCCESS ? k.out : NULL;
}

static enum nhi_err keep(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_grant *g)
{
    struct kept *copy = calloc(1, sizeof(*copy));

    if (copy == NULL)
        return NHI_ERR_NOMEM;
    copy->g = *g;
    copy->is_call = c->program != PNHI_LOGIN;
    if (pam_set_data(pamh, DATA_NAME, copy, clean_up) != PAM_SUCCESS) {
        free(copy);
        return NHI_ERR_NOMEM;
    }
    return NHI_OK;
}

enum nhi_err pnhi_transaction_find(pam_handle_t *pamh, const struct pnhi_caller *c, struct nhi_grant *out)
{
    const struct kept *k = kept_of(pamh);
    struct nhi_proc self;
    const char *brought;
    enum nhi_err err;
    pid_t parent;

    if (k != NULL) {
        *out = k->g;
        return NHI_OK;
    }
    /* Only root's own programs decide in a child: a caller of su or sudo could otherwise choose its own pid, and find
     * what an earlier call left there. */
    if (c->program != PNHI_LOGIN)
        return NHI_ERR_NOT_FOUND;
    brought = pnhi_brought(pamh);
    err = nhi_proc_read(getpid(), &self, &parent);
    if (err == NHI_OK)
        err = nhi_grant_of_child(NHI_STATE_DIR, &self, c->service, c->subject, out);
    if (err == NHI_OK && (brought == NULL || strcmp(brought, out->id) == 0))
        /* sshd's session child, forked from this process, calls setcred once more: it inherits the handle. */
        return keep(pamh, c, out);
    /* Without a mark, a missing file does not prove that no grant was made. */
    return brought == NULL ? NHI_ERR_NOT_FOUND : err == NHI_OK || err == NHI_ERR_NOT_FOUND ? NHI_ERR_STATE : err;
}

static bool set_variable(pam_handle_t *pamh, const struct nhi_grant *g)
{
    char text[sizeof(GRANT_VARIABLE) + sizeof(g->id)];

    snprintf(text, sizeof(text), GRANT_VARIABLE "=%s", g->id);
    return pam_putenv(pamh, text) == PAM_SUCCESS;
}

static enum nhi_err describe(const struct pnhi_caller *c, const struct nhi_shown *what, const struct nhi_verdict *v,
                             struct nhi_grant *g)
{
    struct timespec ts;
    enum nhi_err err;
    pid_t parent;

    memset(g, 0, sizeof(*g));
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return NHI_ERR_SYS;
    set_time(g, &ts);
    g->up = nhi_uptime();
    g->reason = v->reason;
    g->source = what->asked.source;
    g->ticket = v->ticket;
    memcpy(g->root, v->root, sizeof(g->root));
    memcpy(g->root_kid, v->root_kid, sizeof(g->root_kid));
    memcpy(g->renews, v->renews, sizeof(g->renews));
    g->handed_off = v->handed_off;
    g->unflushed = v->unflushed;
    if (v->pinned && what->asked.place != NULL) {
        snprintf(g->place, sizeof(g->place), "%s", what->asked.place);
        g->pin = what->asked.remote ? NHI_PIN_REMOTE : NHI_PIN_LOCAL;
    }
    memcpy(g->owner, v->owner, sizeof(g->owner));
    if (c->in_session)
        memcpy(g->within, c->session.id, sizeof(g->within));
    memcpy(g->rule, v->rule, sizeof(g->rule));
    g->max_grants = v->max_grants;
    memcpy(g->policy, v->policy, sizeof(g->policy));
    if (strlen(c->service) >= sizeof(g->service))
        return NHI_ERR_TOO_LONG;
    memcpy(g->service, c->service, strlen(c->service));
    memcpy(g->subject, c->subject, sizeof(g->subject));
    if (pnhi_origin_from(c) != NULL)
        snprintf(g->rhost, sizeof(g->rhost), "%s", pnhi_origin_from(c));
    err = nhi_id_new(g->id);
    if (err == NHI_OK)
        err = nhi_boot_id(g->boot);
    if (err == NHI_OK)
        err = nhi_proc_read(getpid(), &g->self, &parent);
    /* A parent that has ended will not look for the grant. */
    if (err == NHI_OK && nhi_proc_read(parent, &g->parent, &parent) != NHI_OK)
        memset(&g->parent, 0, sizeof(g->parent));
    g->ns = nhi_proc_namespace();
    return err;
}

static enum nhi_reason failed(enum nhi_err err)
{
    if (err == NHI_ERR_STATE)
        return NHI_DENY_PIN;
    if (err == NHI_ERR_BUSY)
        return NHI_DENY_LIMIT;
    return err == NHI_ERR_EXISTS ? NHI_DENY_USES : NHI_DENY_RECORD;
}

struct pnhi_times pnhi_transaction_deny(const struct pnhi_caller *c, const struct nhi_shown *what,
                                        const struct nhi_verdict *v)
{
    struct pnhi_times times = { .counted = 0 };
    struct nhi_grant g;
    enum nhi_err err;

    if (!v->verified)
        return times;
    err = describe(c, what, v, &g);
    if (err == NHI_OK)
        err = nhi_grant_deny(NHI_STATE_DIR, &g);
    /* If enough denials of that ticket have a record, or none can be written, it is counted. */
    if (err != NHI_OK)
        times = pnhi_count(c, v);
    times.recorded = err == NHI_ERR_EXISTS;
    return times;
}

void pnhi_transaction_begun(pam_handle_t *pamh)
{
    struct kept *k = kept_of(pamh);

    if (k != NULL)
        k->begun = true;
}

/* Another first use came between the decision and this one, which now comes from another place. */
static enum nhi_err commit(struct nhi_grant *g, bool for_parent, struct nhi_verdict *v)
{
    enum nhi_err (*const fn)(const char *, const struct nhi_grant *) =
        for_parent ? nhi_grant_commit_for_parent : nhi_grant_commit;
    enum nhi_err err = fn(NHI_STATE_DIR, g);

    if (err != NHI_ERR_STATE || !v->pin_records)
        return err;
    g->handed_off = v->handed_off = true;
    return fn(NHI_STATE_DIR, g);
}

struct pnhi_times pnhi_transaction_commit(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
                                          struct nhi_verdict *v)
{
    bool for_parent = c->program == PNHI_LOGIN && what->asked.source == NHI_FROM_PROMPT;
    struct pnhi_times none = { .counted = 0 };
    struct nhi_grant g;
    enum nhi_err err;

    if (!v->verified || v->reason != NHI_PERMIT)
        return pnhi_transaction_deny(c, what, v);
    err = describe(c, what, v, &g);
    if (err == NHI_OK)
        err = keep(pamh, c, &g);
    if (err == NHI_OK && for_parent && !set_variable(pamh, &g))
        err = NHI_ERR_NOMEM;
    if (err == NHI_OK)
        err = commit(&g, for_parent, v);
    if (err != NHI_OK) {
        pnhi_brought_clear(pamh);
        (void)pam_set_data(pamh, DATA_NAME, NULL, NULL);
        v->reason = failed(err);
        return pnhi_transaction_deny(c, what, v);
    }
    return none;
}

void pnhi_transaction_observe(const struct pnhi_caller *c, const struct nhi_shown *what, const struct nhi_verdict *v)
{
    struct nhi_grant g;

    if (describe(c, what, v, &g) != NHI_OK)
        return;
    g.observed = true;
    memcpy(g.subject, c->observed, sizeof(g.subject));
    (void)!nhi_grant_observe(NHI_STATE_DIR, &g);
}

/* The account that root becomes; the rest belongs to the outer session. */
static enum nhi_err describe_become(const struct pnhi_caller *c, struct nhi_grant *g)
{
    const struct nhi_shown what = { .asked.source = NHI_FROM_SESSION };
    struct nhi_verdict v = { .reason = NHI_PERMIT };
    enum nhi_err err;

    if (c->in_session)
        v.ticket = c->session.ticket;
    err = describe(c, &what, &v, g);
    if (err == NHI_OK && !nhi_name_is_account(c->user))
        err = NHI_ERR_FORMAT;
    if (err != NHI_OK)
        return err;
    snprintf(g->subject, sizeof(g->subject), "%s", c->user);
    if (c->in_session)
        memcpy(g->owner, c->session.owner, sizeof(g->owner));
    g->became = true;
    return NHI_OK;
}

void pnhi_transaction_become(pam_handle_t *pamh, const struct pnhi_caller *c)
{
    struct nhi_grant g;

    if (c->standing != PNHI_GOES_ON && c->marks.target != NHI_PRESENT && c->marks.only != NHI_PRESENT)
        return;
    /* What was logged within the hour is not logged again. */
    if (describe_become(c, &g) == NHI_OK && nhi_grant_became(NHI_STATE_DIR, &g) != NHI_ERR_EXISTS)
        pnhi_log_become(pamh, c);
}

static const char *lineage(const struct nhi_grant *g)
{
    return g->root[0] != '\0' ? g->root : g->ticket.jti;
}

enum nhi_reason pnhi_transaction_register(const struct pnhi_caller *c, const struct nhi_grant *g)
{
    struct nhi_grant mine = *g;
    enum nhi_err err;
    pid_t parent;

    /* By the first ticket of the lineage, since it may have been renewed after the session was opened. */
    if (c->in_session)
        return strcmp(lineage(&c->session), lineage(g)) == 0 ? NHI_PERMIT : NHI_DENY_SESSION;
    /* The handle names the process that holds the session open, which need not be the one that decided. */
    err = nhi_proc_read(getpid(), &mine.self, &parent);
    if (err == NHI_OK && nhi_proc_read(parent, &mine.parent, &parent) != NHI_OK)
        memset(&mine.parent, 0, sizeof(mine.parent));
    if (err == NHI_OK)
        err = nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, &mine,
                                   c->program == PNHI_LOGIN ? NHI_OF_LOGIN : NHI_OF_CALL,
                                   c->program == PNHI_LOGIN ? c->uid : getuid());
    if (err == NHI_OK)
        return NHI_PERMIT;
    return err == NHI_ERR_EXISTS ? NHI_DENY_SESSION : NHI_DENY_RECORD;
}

void pnhi_transaction_say_why(const struct nhi_grant *g, enum nhi_reason reason)
{
    nhi_session_say_why(NHI_RUN_DIR, g->id, nhi_reason_name(reason));
}

void pnhi_transaction_close(pam_handle_t *pamh)
{
    const struct kept *k = kept_of(pamh);
    struct nhi_grant mine;
    pid_t parent;

    if (k == NULL)
        return;
    mine = k->g;
    if (nhi_proc_read(getpid(), &mine.self, &parent) == NHI_OK)
        nhi_session_close(NHI_RUN_DIR, &mine);
}
