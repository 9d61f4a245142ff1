/* SPDX-License-Identifier: ISC */
/*
 * The entry points of pam_nhi: each parses the options, finds out who is calling, answers people at once, and asks the
 * decider about everybody else.
 *
 * MUST: whoever is ours is denied when the decider cannot be loaded. MUST: people go on then.
 */
#include <security/pam_modules.h>
#include <stdio.h>

#include "libnhi/session/cgroup.h"
#include "pam_nhi/brought.h"
#include "pam_nhi/count.h"
#include "pam_nhi/decider.h"
#include "pam_nhi/let_be.h"
#include "pam_nhi/prompt.h"
#include "pam_nhi/proven.h"

#define EXPORT __attribute__((visibility("default")))

/* One call of a host program. */
struct entered {
    pam_handle_t *pamh;
    struct pnhi_options options;
    struct pnhi_caller caller;
    enum pnhi_phase phase;
};

static int deny(struct entered *e, const char *why)
{
    const struct nhi_shown what = { .asked.source = NHI_FROM_PROMPT };
    struct nhi_verdict v = { .reason = NHI_DENY_INTERNAL };
    const struct pnhi_caller *c = &e->caller;

    /* A limit that the caller chose may be the reason for both. */
    if (c->denied != NHI_PERMIT && c->blind != NULL)
        snprintf(v.message, sizeof(v.message), "%s: %s", c->blind, pnhi_caller_cause(c));
    else
        snprintf(v.message, sizeof(v.message), "%s", why);
    pnhi_log(e->pamh, c, &what, &v, pnhi_count(c, &v));
    return pnhi_refused(e->phase);
}

/* text: what was shown at a prompt, or NULL. */
static int decide(struct entered *e, enum pnhi_call call, const char *text)
{
    struct pnhi_asked asked = { .call = call, .text = text };
    const struct pnhi_decider *d;
    char why[PNHI_WHY_MAX];

    if (!e->caller.limits.raised)
        pnhi_limits_raise_files(&e->caller.limits);
    d = pnhi_decider_load(why);
    if (d == NULL)
        return deny(e, why);
    nhi_phase_hand_over(&asked.kept);
    return d->decide(e->pamh, &e->options, &e->caller, &asked);
}

static int let_be(struct entered *e)
{
    return pnhi_let_be(e->pamh, &e->caller, e->phase);
}

static int authenticate(struct entered *e)
{
    char *text = NULL;
    int rc;

    if (e->caller.ours)
        return decide(e, PNHI_CALL_AUTH, NULL);
    /* An error here can only have lost a ticket, no matter whose. */
    if (pnhi_prompt(e->pamh, &e->options, &e->caller, &text) != PAM_SUCCESS)
        return pnhi_refused(PNHI_AUTH);
    if (text == NULL)
        return let_be(e);
    rc = decide(e, PNHI_CALL_AUTH, text);
    nhi_text_free(text);
    return rc;
}

/* A person without a grant is not ours. */
static bool is_ours(const struct entered *e)
{
    return e->caller.ours || pnhi_brought_any(e->pamh, &e->caller);
}

static int account(struct entered *e)
{
    return is_ours(e) ? decide(e, PNHI_CALL_ACCOUNT, NULL) : let_be(e);
}

static int establish(struct entered *e)
{
    return is_ours(e) ? decide(e, PNHI_CALL_CRED, NULL) : let_be(e);
}

/* What is recorded of a person who goes on whatever becomes of it: an account under observation, and root who becomes
 * an agent, or does anything inside a session. */
static bool is_recorded(const struct pnhi_caller *c)
{
    return c->observed[0] != '\0' ||
           (c->marks.root && c->program != PNHI_LOGIN &&
            (c->standing == PNHI_GOES_ON || c->marks.target == NHI_PRESENT || c->marks.only == NHI_PRESENT));
}

static int open_session(struct entered *e)
{
    struct pnhi_caller *c = &e->caller;
    char why[PNHI_WHY_MAX];

    /* A new login is not part of the session from which the daemon was restarted. */
    if (c->program == PNHI_LOGIN)
        nhi_cgroup_leave();
    if (is_ours(e))
        return decide(e, PNHI_CALL_OPEN, NULL);
    if (c->program == PNHI_LOGIN)
        pnhi_caller_see_key(c, pnhi_proven_is_agents(e->pamh, c));
    if (c->ours || (is_recorded(c) && pnhi_decider_load(why) != NULL))
        return decide(e, PNHI_CALL_OPEN, NULL);
    if (is_recorded(c))
        pnhi_log_unrecorded(e->pamh, c, why);
    pnhi_brought_end(e->pamh);
    return let_be(e);
}

static int close_session(struct entered *e)
{
    if (pnhi_brought_kept(e->pamh))
        return decide(e, PNHI_CALL_CLOSE, NULL);
    return e->caller.ours ? PAM_SUCCESS : pnhi_not_ours(PNHI_SESSION);
}

static int let_go(struct entered *e)
{
    return e->caller.ours ? PAM_SUCCESS : pnhi_not_ours(PNHI_CRED);
}

/* An agent has no password, and must not give itself one. */
static int password(struct entered *e)
{
    return e->caller.ours ? pnhi_refused(PNHI_PASSWORD) : pnhi_not_ours(PNHI_PASSWORD);
}

static int enter(pam_handle_t *pamh, int argc, const char **argv, enum pnhi_phase phase, int (*fn)(struct entered *))
{
    struct entered e = { .pamh = pamh, .phase = phase };
    int rc = pnhi_refused(phase);

    if (!pnhi_options_parse(pamh, argc, argv, &e.options))
        return rc;
    nhi_phase_begin();
    if (pnhi_caller_find(pamh, &e.options, &e.caller) == PAM_SUCCESS)
        rc = fn(&e);
    nhi_phase_end();
    pnhi_limits_put_back(&e.caller.limits);
    return rc;
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return enter(pamh, argc, argv, PNHI_AUTH, authenticate);
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return enter(pamh, argc, argv, PNHI_ACCOUNT, account);
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return enter(pamh, argc, argv, PNHI_CRED, (flags & PAM_DELETE_CRED) != 0 ? let_go : establish);
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return enter(pamh, argc, argv, PNHI_SESSION, open_session);
}

EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    /* A session that was no agent's when it began ends as one: there is nothing to find out. */
    if (!pnhi_brought_kept(pamh) && !pnhi_caller_was_ours(pamh))
        return pnhi_not_ours(PNHI_SESSION);
    return enter(pamh, argc, argv, PNHI_SESSION, close_session);
}

EXPORT int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return enter(pamh, argc, argv, PNHI_PASSWORD, password);
}
