/* SPDX-License-Identifier: ISC */
/*
 * renew.
 *
 * MUST: only a live ticket is renewed: after its end a new one is issued, by somebody who asks why. MUST: every
 * restriction of a ticket also applies to the one that renews it.
 */
#include "nhictl/ticket/renew.h"
#include "libnhi/base/hash.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/keys/key_choose.h"
#include "nhictl/keys/signer.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"
#include "nhictl/ticket/issue.h"
#include "nhictl/ticket/issue_bind.h"
#include "nhictl/ticket/issue_check.h"

struct renew_args {
    const char *out, *cert;
    bool force;
    int64_t ttl;
};

/* The last ticket of a lineage, named by any of its tickets. */
static int look_up(struct ctl *c, struct store *s, const char *jti, struct nhi_ticket_row *row)
{
    enum nhi_err err = NHI_ERR_NOT_FOUND;

    if (nhi_name_is_jti(jti))
        err = nhi_ticket_get(s->l, jti, row);
    if (err == NHI_OK)
        err = nhi_ticket_last(s->l, row->root, row);
    if (err == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_REFUSED, "nhictl ticket list", "there is no ticket '%s'", jti);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the ticket");
}

/* A list as options take it. */
static const char *with_commas(const char *list, char *out)
{
    char *to = out;

    do
        *to++ = (char)(*list == ' ' ? ',' : *list);
    while (*list++ != '\0');
    return out;
}

static int check_row(struct ctl *c, const struct store *s, const struct nhi_ticket_row *row)
{
    const struct nhi_ticket *t = &row->ticket;
    char accounts[sizeof(t->accounts)], services[sizeof(t->services)];
    const char *again = ctl_hint(c, "nhictl issue --agent %s --task %s --account %s --service %s", t->agent, t->task,
                                 with_commas(t->accounts, accounts), with_commas(t->services, services));

    if (row->origin != NHI_ORIGIN_ISSUED)
        return ctl_fail(c, CTL_REFUSED, NULL, "ticket %s was issued on another host, by %s: renew it there", t->jti,
                        t->kid);
    if (row->revoked)
        return ctl_fail(c, CTL_REFUSED, again, "ticket %s is revoked", t->jti);
    if (c->now >= t->exp)
        return ctl_fail(c, CTL_REFUSED, again, "ticket %s has expired", t->jti);
    if (row->renew_until != 0 && c->now >= row->renew_until)
        return ctl_fail(c, CTL_REFUSED, again, "ticket %s may not be renewed any more", t->jti);
    /* The other host counts the uses of each ticket separately, and would not know of those of the other. */
    if (t->uses != 0 && strcmp(t->host, s->set.host) != 0)
        return ctl_fail(c, CTL_REFUSED, again, "ticket %s counts its uses on another host, %s", t->jti, t->host);
    return CTL_DONE;
}

/* The checks of issue, for the claims of the ticket. Its accounts are checked at each use. */
static int check_issue(struct ctl *c, struct store *s, const struct nhi_ticket *old, struct nhi_agent *a,
                       struct nhi_task *task)
{
    const struct issue_args args = { .agent = old->agent, .task = old->task };
    int code = issue_agent(c, s, &args, a);

    return code == CTL_DONE ? issue_task(c, s, &args, task) : code;
}

/* The end is limited by the task, the host's settings, and the limit that was set at issue. */
static int64_t limit(const struct store *s, const struct nhi_ticket_row *old, const struct nhi_task *task, int64_t iat,
                     int64_t ttl)
{
    int64_t exp = iat + (ttl != 0 ? ttl : old->ticket.exp - old->ticket.iat);

    if (s->set.max_lifetime != 0 && exp > iat + s->set.max_lifetime)
        exp = iat + s->set.max_lifetime;
    if (exp > task->deadline)
        exp = task->deadline;
    if (old->renew_until != 0 && exp > old->renew_until)
        exp = old->renew_until;
    return exp;
}

/* Another host knows of a lineage only what its tickets claim: the first is named as the parent of all, so that
 * revoking it there ends its renewals, too. */
static int name_root(struct ctl *c, const struct store *s, const struct nhi_ticket_row *old, struct nhi_ticket *t)
{
    if (strcmp(t->host, s->set.host) == 0 || strcmp(t->parent, old->root) == 0)
        return CTL_DONE;
    if (t->parent[0] != '\0')
        return ctl_fail(c, CTL_REFUSED,
                        ctl_hint(c, "nhictl issue --agent %s --task %s --parent %s", t->agent, t->task, old->root),
                        "ticket %s already has a parent, and a renewal for another host would need the old ticket as "
                        "its parent: issue a new one",
                        t->jti);
    memcpy(t->parent, old->root, sizeof(t->parent));
    return CTL_DONE;
}

static int fill(struct ctl *c, struct store *s, const struct nhi_ticket_row *old, int64_t ttl, struct issue_made *made)
{
    struct nhi_ticket *t = &made->t;
    struct nhi_agent a;
    struct nhi_task task;
    int64_t parent_end = INT64_MAX;
    int code = check_issue(c, s, &old->ticket, &a, &task);

    if (code == CTL_DONE)
        code = key_choose(c, s, NULL, &made->key);
    /* On another host a renewal has the first ticket as its parent, and may outlive that one. */
    if (code == CTL_DONE && strcmp(old->ticket.parent, old->root) != 0)
        code = issue_parent(c, s, old->ticket.parent, &parent_end);
    if (code != CTL_DONE)
        return code;
    *t = old->ticket;
    code = name_root(c, s, old, t);
    if (code != CTL_DONE)
        return code;
    memcpy(t->kid, made->key.kid, sizeof(t->kid));
    t->nbf = 0;
    t->iat = c->now > a.revoked_until ? c->now : a.revoked_until + 1;
    t->exp = limit(s, old, &task, t->iat, ttl);
    if (t->exp > parent_end)
        t->exp = parent_end;
    if (t->iat > c->now + NHI_CLOCK_SKEW)
        return issue_revoked_ahead(c, t->iat);
    if (t->exp <= old->ticket.exp)
        return ctl_fail(c, CTL_REFUSED, "--ttl SPAN", "the renewed ticket would not end later");
    if (nhi_id_new(t->jti) != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "no random numbers: %s", strerror(errno));
    code = issue_allowed(c, t, &made->key);
    return code == CTL_DONE ? issue_fits(c, s, t) : code;
}

int renew_in(struct ctl *c, struct store *s, const struct nhi_ticket_row *old, int64_t ttl, struct issue_made *made)
{
    /* A text that somebody was given stays in use until the new one is used. */
    bool at_once = old->ticket.has_cnf || old->tree[0] != '\0';
    struct issue_made one = { .t = { .kid = "" } };
    enum nhi_err err;
    int code = check_row(c, s, old);

    if (code == CTL_DONE)
        code = fill(c, s, old, ttl, &one);
    if (code != CTL_DONE)
        return code;
    err = nhi_ticket_renew(s->l, old, &one.t, at_once, c->now);
    if (err == NHI_OK)
        err = issue_event(c, s, "renew", &one.t, old->ticket.jti);
    if (err != NHI_OK)
        return store_fail(c, s, err, "record the ticket");
    *made = one;
    return CTL_DONE;
}

/* A certificate is for a key, which must be the one that the ticket is bound to. */
static int check_cert(struct ctl *c, const struct nhi_ticket *t, const struct nhi_ticket *of_file)
{
    const struct renew_args *args = c->args;

    if (!of_file->has_cnf || (t->has_cnf && memcmp(of_file->cnf, t->cnf, sizeof(t->cnf)) == 0))
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, NULL, "ticket %s is not bound to the key in %s", t->jti, args->cert);
}

static int renew(struct ctl *c)
{
    const struct renew_args *args = c->args;
    struct nhi_ticket_row old = { .origin = NHI_ORIGIN_ISSUED };
    struct nhi_ticket certified = { 0 };
    struct issue_made made;
    struct signer signer = { .kid = "" };
    struct store s = { 0 };
    char *text = NULL;
    int code = store_need_root(c);

    if (code == CTL_DONE && args->out == NULL)
        code = text_may_print(c, "--out FILE");
    /* The new ticket may take the place of the old one. */
    if (code == CTL_DONE && args->out != NULL && !text_holds_ticket(args->out))
        code = text_need_new(c, args->out, args->force);
    if (code == CTL_DONE)
        code = issue_bind(c, args->cert, args->cert != NULL, &certified);
    if (code == CTL_DONE)
        code = signer_open(c, NULL, &signer);
    if (code == CTL_DONE)
        code = store_write(c, &s);
    if (code == CTL_DONE)
        code = store_need_sound(c, &s);
    if (code == CTL_DONE)
        code = look_up(c, &s, c->operand[0], &old);
    if (code == CTL_DONE && old.tree[0] != '\0')
        code = ctl_fail(c, CTL_REFUSED, NULL, "the nhictl run that uses ticket %s renews it itself", old.ticket.jti);
    if (code == CTL_DONE)
        code = check_cert(c, &old.ticket, &certified);
    if (code == CTL_DONE)
        code = renew_in(c, &s, &old, args->ttl, &made);
    if (code == CTL_DONE)
        code = store_commit(c, &s);
    if (code == CTL_DONE) {
        code = signer_sign(c, &signer, &made.t, &made.key, &text);
        if (code == CTL_DONE)
            code = issue_hand_out(c, &made.t, text, args->out, args->cert);
        if (code != CTL_DONE)
            ctl_note("ticket %s was renewed by %s, which could not be written out: renew it again", old.ticket.jti,
                     made.t.jti);
    }
    signer_close(&signer);
    nhi_text_free(text);
    store_close(&s);
    return code;
}

#define AT(field) offsetof(struct renew_args, field)

static const struct opt renew_opts[] = {
    { "ttl", OPT_DURATION, AT(ttl), false, "SPAN", "how long it lives from now (as long as before)", NULL, 0 },
    { "cert", OPT_PATH, AT(cert), false, "FILE.pub", "also write FILE-cert.pub, for the key that it is bound to", NULL,
      0 },
    { "out", OPT_PATH, AT(out), false, "FILE", "write to this file, mode 0600, not to standard output", NULL, 0 },
    TEXT_FORCE_OPT(AT(force)),
    { .name = NULL },
};

const struct verb renew_verbs[] = {
    { NULL, "renew", renew, renew_opts, sizeof(struct renew_args), 1, 1,
      "JTI [--ttl SPAN] [--out FILE] [--cert FILE.pub]", "Extend the life of a live ticket.",
      "The new ticket ends with the task at the latest, or at issue --renewable-until. The old ticket ends\n"
      "at once if it is bound to a key, otherwise at the first use of the new one. JTI may be any of its\n"
      "renewals.",
      "nhictl renew AAAAAAAAAAAAAAAAAAAAAA --ttl 30m --out ticket" },
    { .verb = NULL },
};
