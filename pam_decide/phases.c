/* SPDX-License-Identifier: ISC */
/*
 * The phases: which ticket a decision is about, and what follows from it.
 *
 * MUST: the whole decision also runs in account and in open_session: sudo with NOPASSWD, public keys, cron and units
 * never call authenticate. MUST: the first source that has a ticket is final.
 */
#include "pam_decide/phases.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/base/proc.h"
#include "libnhi/session/session.h"
#include "pam_decide/keyring.h"
#include "pam_decide/memory.h"
#include "pam_decide/proof.h"
#include "pam_decide/transaction.h"
#include "pam_nhi/brought.h"
#include "pam_nhi/count.h"
#include "pam_nhi/let_be.h"
#include "pam_nhi/origin.h"
#include "pam_nhi/prompt.h"
#include "pam_nhi/proven.h"

/* What prevents a decision about the caller; NHI_PERMIT: nothing. */
static enum nhi_reason unknown(const struct pnhi_caller *c)
{
    if (c->denied != NHI_PERMIT)
        return c->denied;
    return c->resolved ? NHI_PERMIT : NHI_DENY_SUBJECT;
}

/* The same as a verdict: if a session has ended, its ticket is known. */
static void refuse(const struct pnhi_caller *c, struct nhi_verdict *v)
{
    memset(v, 0, sizeof(*v));
    v->reason = unknown(c);
    if (c->standing == PNHI_LEFT && c->in_session) {
        v->ticket = c->session.ticket;
        v->verified = true;
    } else if (c->standing == PNHI_LEFT) {
        snprintf(v->message, sizeof(v->message), "left by an agent's session that no longer exists");
    } else if (c->denied != NHI_PERMIT && c->blind != NULL) {
        snprintf(v->message, sizeof(v->message), "%s: %s", c->blind, pnhi_caller_cause(c));
    }
}

/* Where the caller is; valid as long as w. */
struct where {
    char place[NHI_PLACE_MAX + 1], tree[NHI_TREE_MAX + 1];
};

static void put_who(const struct pnhi_caller *c, struct nhi_request *r)
{
    r->service = c->service;
    r->subject = c->subject;
    r->subject_uid = c->uid;
    r->subject_in_range = c->in_range;
}

static struct nhi_shown located(const struct pnhi_caller *c, const struct nhi_shown *what, struct where *w)
{
    struct nhi_shown s = *what;
    struct nhi_request *r = &s.asked;

    put_who(c, r);
    r->from = pnhi_origin_from(c);
    r->remote = r->from != NULL;
    /* A call inside a session comes from where the session came from. */
    if (!r->remote && c->in_session)
        r->from = c->session.rhost[0] != '\0' ? c->session.rhost : NULL;
    r->is_local = !r->remote && r->from == NULL;
    if (pnhi_origin_find(c, w->place))
        r->place = w->place;
    /* A tree may have processes left after its root has ended: these are still inside, but the tree has ended. */
    if (c->in_session) {
        nhi_session_tree(&c->session, w->tree);
        r->tree = nhi_proc_is_alive(&c->session.self) ? w->tree : NULL;
    }
    return s;
}

static void check(const struct pnhi_caller *c, const struct nhi_shown *what, struct nhi_verdict *v)
{
    refuse(c, v);
    if (v->reason == NHI_PERMIT)
        nhi_check(what, v);
}

static const struct pnhi_times never = { .counted = 0 };

/* A denial without a verified ticket is counted; it has no other record. */
static int finish(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
                  const struct nhi_verdict *v, enum pnhi_phase phase)
{
    pnhi_log(pamh, c, what, v, v->reason != NHI_PERMIT && !v->verified ? pnhi_count(c, v) : never);
    return pnhi_pam_code(v->reason, phase);
}

/* The first decision of a transaction. */
static int decide_first(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
                        enum pnhi_phase phase)
{
    struct where where;
    struct nhi_shown from = located(c, what, &where);
    struct pnhi_times times;
    struct nhi_verdict v;

    from.memo = pnhi_memory(pamh);
    check(c, &from, &v);
    times = pnhi_transaction_commit(pamh, c, &from, &v);
    if (v.reason != NHI_PERMIT && !v.verified)
        return finish(pamh, c, what, &v, phase);
    pnhi_log(pamh, c, what, &v, times);
    return pnhi_pam_code(v.reason, phase);
}

/* A grant is denied later: its ticket was verified, whatever can be read about it now. */
static void report_end(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_shown *what,
                       const struct nhi_ticket *t, struct nhi_verdict *v)
{
    if (!v->verified)
        v->ticket = *t;
    v->verified = true;
    pnhi_log(pamh, c, what, v, pnhi_transaction_deny(c, what, v));
}

/* The same ticket again, with the ledger as it is now. */
static enum nhi_reason decide_again(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_grant *g,
                                    bool registered)
{
    struct nhi_shown what = {
        .asked = { .source = g->source, .ticket = &g->ticket, .granted = true, .registered = registered }
    };
    struct where where;
    struct nhi_verdict v;

    what = located(c, &what, &where);
    /* Registering may have moved this process out of the place where the ticket was shown. */
    if (registered && g->place[0] != '\0')
        what.asked.place = g->place;
    what.memo = pnhi_memory(pamh);
    check(c, &what, &v);
    if (v.reason == NHI_PERMIT && strcmp(g->subject, c->subject) != 0)
        v.reason = NHI_DENY_SUBJECT;
    if (v.reason != NHI_PERMIT)
        report_end(pamh, c, &what, &g->ticket, &v);
    return v.reason;
}

/* A grant that is known to exist and cannot be read is a denial. */
static enum nhi_err find_grant(pam_handle_t *pamh, struct pnhi_caller *c, struct nhi_grant *g)
{
    enum nhi_err err = pnhi_transaction_find(pamh, c, g);

    pnhi_caller_see_grant(c, nhi_presence_of(err, 0));
    return err;
}

static bool keyring_source(const struct pnhi_caller *c, struct nhi_shown *what, char **text)
{
    if (c->program == PNHI_LOGIN)
        return false;
    *text = pnhi_keyring_ticket();
    if (*text == NULL)
        return false;
    what->asked.source = NHI_FROM_KEYRING;
    what->text = *text;
    return true;
}

/* A ticket that is found without a prompt: that of the session, or in the keyring. text: the caller frees it. */
static bool silent_source(const struct pnhi_caller *c, struct nhi_shown *what, char **text)
{
    if (!c->ours)
        return false;
    if (c->in_session) {
        what->asked.source = NHI_FROM_SESSION;
        what->asked.ticket = &c->session.ticket;
        return true;
    }
    return keyring_source(c, what, text);
}

static int authenticate(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c, const char *shown)
{
    struct nhi_shown what = { .asked.source = NHI_FROM_PROMPT };
    struct pnhi_proof proof;
    char *text = NULL;
    int rc;

    if (shown != NULL || (c->standing != PNHI_LEFT && c->standing != PNHI_HIDDEN && !silent_source(c, &what, &text))) {
        /* An error here can only have lost a ticket, no matter whose. */
        if (shown == NULL && pnhi_prompt(pamh, o, c, &text) != PAM_SUCCESS)
            return pnhi_refused(PNHI_AUTH);
        pnhi_proof_find(pamh, c, &proof);
        what.text = shown != NULL ? shown : text;
        what.asked.key = pnhi_proof_key(&proof);
    }
    rc = decide_first(pamh, c, &what, PNHI_AUTH);
    nhi_text_free(text);
    return rc;
}

/* cron, atd and units: nobody can be asked, and no remote client could claim to be one of them. */
static bool is_scheduled(const struct pnhi_caller *c)
{
    return c->program == PNHI_LOGIN && (c->rhost == NULL || c->rhost[0] == '\0') &&
           (c->tty == NULL || c->tty[0] == '\0' || strcmp(c->tty, "cron") == 0);
}

/* A login with a public key, before sshd reports which one: whether there is a key with which it could continue. The
 * session phase knows the key, and commits. */
static int await_key(pam_handle_t *pamh, const struct pnhi_caller *c, enum pnhi_phase phase)
{
    struct nhi_shown what = { .asked.source = NHI_FROM_KEY };
    struct pnhi_proof proof;
    struct nhi_verdict v;

    refuse(c, &v);
    pnhi_proof_find(pamh, c, &proof);
    what.asked.key = pnhi_proof_key(&proof);
    what.text = pnhi_proof_ticket(&proof);
    if (what.asked.key != NULL)
        return decide_first(pamh, c, &what, phase);
    put_who(c, &what.asked);
    if (v.reason == NHI_PERMIT)
        nhi_check_any_key(&what.asked, &v);
    return v.reason == NHI_PERMIT ? PAM_SUCCESS : finish(pamh, c, &what, &v, phase);
}

static int account(pam_handle_t *pamh, struct pnhi_caller *c)
{
    struct nhi_shown what = { .asked.source = NHI_FROM_PROMPT };
    struct nhi_grant g;
    enum nhi_err err;
    char *text = NULL;
    int rc;

    err = find_grant(pamh, c, &g);
    if (err == NHI_OK)
        return pnhi_pam_code(decide_again(pamh, c, &g, false), PNHI_ACCOUNT);
    if (!c->ours)
        return pnhi_let_be(pamh, c, PNHI_ACCOUNT);
    if (!silent_source(c, &what, &text)) {
        if (is_scheduled(c))
            what.asked.source = NHI_FROM_LEDGER;
        else if (pnhi_proof_is_possible(c))
            return await_key(pamh, c, PNHI_ACCOUNT);
    }
    rc = decide_first(pamh, c, &what, PNHI_ACCOUNT);
    nhi_text_free(text);
    return rc;
}

static int establish(pam_handle_t *pamh, struct pnhi_caller *c)
{
    const struct nhi_shown what = { .asked.source = NHI_FROM_PROMPT };
    struct nhi_verdict v;
    struct nhi_grant g;
    enum nhi_err err;

    err = find_grant(pamh, c, &g);
    if (err == NHI_OK)
        return pnhi_pam_code(decide_again(pamh, c, &g, false), PNHI_CRED);
    if (!c->ours)
        return pnhi_let_be(pamh, c, PNHI_CRED);
    if (c->denied != NHI_PERMIT) {
        refuse(c, &v);
        return finish(pamh, c, &what, &v, PNHI_CRED);
    }
    return pnhi_proof_is_possible(c) && !is_scheduled(c) ? await_key(pamh, c, PNHI_CRED) : pnhi_refused(PNHI_CRED);
}

/* Registered first: a revocation either finds the session or is seen by the decision. A session that is denied stays
 * registered until its process has ended: should a host program continue in spite of the denial, its session has ended,
 * and it is ended like any other. */
static int begin(pam_handle_t *pamh, const struct pnhi_caller *c, const struct nhi_grant *g)
{
    struct nhi_shown what = { .asked.source = g->source };
    struct nhi_verdict v = { .reason = pnhi_transaction_register(c, g) };

    pnhi_transaction_begun(pamh);
    if (v.reason != NHI_PERMIT) {
        report_end(pamh, c, &what, &g->ticket, &v);
        return pnhi_pam_code(v.reason, PNHI_SESSION);
    }
    v.reason = decide_again(pamh, c, g, true);
    if (v.reason != NHI_PERMIT && !c->in_session)
        pnhi_transaction_say_why(g, v.reason);
    return pnhi_pam_code(v.reason, PNHI_SESSION);
}

/* No grant was given yet, and this is not a person: the key decides, or its absence. */
static int open_by_key(pam_handle_t *pamh, struct pnhi_caller *c, const struct pnhi_proof *proof)
{
    struct nhi_shown what = { .asked = { .source = NHI_FROM_KEY, .key = pnhi_proof_key(proof) },
                              .text = pnhi_proof_ticket(proof) };
    struct nhi_grant g;
    int rc;

    rc = decide_first(pamh, c, &what, PNHI_SESSION);
    if (rc == PAM_SUCCESS && find_grant(pamh, c, &g) != NHI_OK)
        rc = pnhi_refused(PNHI_SESSION);
    return rc == PAM_SUCCESS ? begin(pamh, c, &g) : rc;
}

/* sshd may have verified more keys since an earlier phase: with several, it is not known whose they are. */
static bool is_of_key(const struct nhi_grant *g, const struct pnhi_proof *proof)
{
    const uint8_t *key = pnhi_proof_key(proof);

    if (!g->ticket.has_cnf || (g->source != NHI_FROM_KEY && g->source != NHI_FROM_PROMPT))
        return true;
    return key != NULL && memcmp(key, g->ticket.cnf, NHI_PK_LEN) == 0;
}

/* How it would be decided if the account accepted tickets only. No use is counted, and nothing is decided. */
static void observe(pam_handle_t *pamh, const struct pnhi_caller *c)
{
    struct nhi_shown what = { .asked.source = NHI_FROM_PROMPT }, from;
    struct where where;
    struct nhi_verdict v;
    char *text = NULL;

    if (!keyring_source(c, &what, &text) && is_scheduled(c))
        what.asked.source = NHI_FROM_LEDGER;
    from = located(c, &what, &where);
    check(c, &from, &v);
    pnhi_transaction_observe(c, &from, &v);
    pnhi_log_observed(pamh, c, &what, &v);
    nhi_text_free(text);
}

static int open_session(pam_handle_t *pamh, struct pnhi_caller *c)
{
    const struct nhi_shown what = { .asked.source = NHI_FROM_PROMPT };
    const struct nhi_verdict other = { .reason = NHI_DENY_KEY };
    struct pnhi_proof proof;
    struct nhi_grant g;
    enum nhi_err err;

    pnhi_proof_find(pamh, c, &proof);
    err = find_grant(pamh, c, &g);
    pnhi_brought_end(pamh);
    if (err == NHI_OK && is_of_key(&g, &proof))
        return begin(pamh, c, &g);
    if (err == NHI_OK)
        return finish(pamh, c, &what, &other, PNHI_SESSION);
    if (!c->ours && c->program == PNHI_LOGIN)
        pnhi_caller_see_key(c, pnhi_proof_is_agents(&proof, c->subject));
    if (!c->ours) {
        if (c->observed[0] != '\0')
            observe(pamh, c);
        if (c->marks.root && c->program != PNHI_LOGIN)
            pnhi_transaction_become(pamh, c);
        return pnhi_let_be(pamh, c, PNHI_SESSION);
    }
    return open_by_key(pamh, c, &proof);
}

/* The rest of an audit session remains that agent's. The handle of a process ends here. */
static int close_session(pam_handle_t *pamh, const struct pnhi_caller *c)
{
    pnhi_transaction_close(pamh);
    return c->ours ? PAM_SUCCESS : pnhi_not_ours(PNHI_SESSION);
}

int pnhi_decide(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c, const struct pnhi_asked *a)
{
    switch (a->call) {
    case PNHI_CALL_AUTH:
        return authenticate(pamh, o, c, a->text);
    case PNHI_CALL_ACCOUNT:
        return account(pamh, c);
    case PNHI_CALL_CRED:
        return establish(pamh, c);
    case PNHI_CALL_OPEN:
        return open_session(pamh, c);
    case PNHI_CALL_CLOSE:
        return close_session(pamh, c);
    default:
        return PAM_SYSTEM_ERR;
    }
}
