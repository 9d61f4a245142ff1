/*
 * issue.
 *
 * MUST: no ticket is given out that is not in the ledger, and one that could not be given out whole is
 * revoked. MUST: nothing is minted that the issuer's bounds, the task or the account would refuse.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "libnhi/paserk.h"
#include "libnhi/privileged.h"
#include "libnhi/reserve.h"
#include "libnhi/paths.h"
#include "nhictl/ctl.h"
#include "nhictl/keyfile.h"
#include "nhictl/names.h"
#include "nhictl/store.h"
#include "nhictl/text.h"

#define TTL_DEFAULT (15 * 60)

struct issue_args {
    const char *agent, *task, *host, *parent, *kid, *out;
    char accounts[NHI_LIST_MAX + 1], services[NHI_LIST_MAX + 1];
    int64_t ttl;
    uint32_t uses;
};

static int check_agent(struct ctl *c, struct store *s, struct nhi_agent *a)
{
    const struct issue_args *args = c->args;
    enum nhi_err err = nhi_agent_get(s->l, args->agent, a);

    if (err == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_REFUSED, "nhictl agent list", "there is no agent '%s'", args->agent);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the agent");
    if (a->state == NHI_AGENT_SUSPENDED)
        return ctl_fail(c, CTL_REFUSED, "nhictl agent show NAME, then nhictl agent resume NAME",
                        "agent %s is suspended", args->agent);
    if (a->state != NHI_AGENT_ACTIVE)
        return ctl_fail(c, CTL_REFUSED, NULL, "agent %s is retired", args->agent);
    return CTL_DONE;
}

static int check_task(struct ctl *c, struct store *s, struct nhi_task *t)
{
    const struct issue_args *args = c->args;
    char hint[200];
    enum nhi_err err = nhi_task_get(s->l, args->task, t);

    if (err == NHI_ERR_NOT_FOUND) {
        snprintf(hint, sizeof(hint), "nhictl task open %s --agent %s --until 2h", args->task, args->agent);
        return ctl_fail(c, CTL_REFUSED, hint, "there is no task '%s'", args->task);
    }
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the task");
    if (strcmp(t->agent, args->agent) != 0)
        return ctl_fail(c, CTL_REFUSED, "nhictl task list --agent NAME", "task %s is %s's, not %s's",
                        t->id, t->agent, args->agent);
    if (t->state != NHI_TASK_OPEN || c->now >= t->deadline)
        return ctl_fail(c, CTL_REFUSED, "nhictl task open NEW-ID --agent NAME",
                        t->state != NHI_TASK_OPEN ? "task %s is closed"
                                                  : "task %s has passed its deadline", t->id);
    return CTL_DONE;
}

/* Of several, the newest: rotation leaves one active, but a restore may not. */
static int newest_own(const struct nhi_issuer *i, void *ctx)
{
    struct nhi_issuer *best = ctx;

    if (i->own && i->state == NHI_ISSUER_ACTIVE && i->added >= best->added)
        *best = *i;
    return 0;
}

static int choose_key(struct ctl *c, struct store *s, struct nhi_issuer *key)
{
    const struct issue_args *args = c->args;
    enum nhi_err err;

    memset(key, 0, sizeof(*key));
    if (args->kid != NULL)
        err = nhi_issuer_get(s->l, args->kid, key);
    else
        err = nhi_issuer_each(s->l, newest_own, key);
    if (err == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_REFUSED, "nhictl key list", "there is no key %s", args->kid);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the keys");
    if (key->kid[0] == '\0')
        return ctl_fail(c, CTL_REFUSED, "nhictl key rotate", "this host has no active key of its own");
    if (!key->own)
        return ctl_fail(c, CTL_REFUSED, "nhictl key list", "key %s is not this host's own", key->kid);
    if (key->state != NHI_ISSUER_ACTIVE)
        return ctl_fail(c, CTL_REFUSED, "nhictl key list", "key %s is %s", key->kid,
                        issuer_state_name(key->state));
    return CTL_DONE;
}

/* Lifetimes that the task or the key would cut short are refused, not shortened: the caller asked for
 * something else than it would get. */
static int check_ttl(struct ctl *c, int64_t ttl, int64_t iat, const struct nhi_task *t,
                     const struct nhi_issuer *key)
{
    char span[OUT_AGO_LEN], hint[64];

    if (ttl > key->max_ttl) {
        out_span(key->max_ttl, span);
        snprintf(hint, sizeof(hint), "--ttl %llds", (long long)key->max_ttl);
        return ctl_fail(c, CTL_REFUSED, hint, "key %s signs tickets for %s at most", key->kid, span);
    }
    if (iat + ttl > t->deadline) {
        int64_t left = t->deadline - iat;

        out_span(left, span);
        snprintf(hint, sizeof(hint), "--ttl %llds", (long long)left);
        if (left < 1)
            return ctl_fail(c, CTL_REFUSED, NULL, "task %s ends now", t->id);
        return ctl_fail(c, CTL_REFUSED, hint, "task %s has %s left, less than the ticket would live",
                        t->id, span);
    }
    return CTL_DONE;
}

static int check_account(struct ctl *c, struct store *s, const char *name)
{
    const struct issue_args *args = c->args;
    struct nhi_local local;
    struct nhi_agent other;
    enum nhi_err err;
    bool own = strcmp(name, args->agent) == 0;

    err = nhi_agent_get(s->l, name, &other);
    if (err == NHI_OK && !own)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s is another agent's own account", name);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return store_fail(c, s, err, "read the agents");
    err = nhi_local_by_name(name, &local);
    if (err == NHI_ERR_NOT_FOUND) {
        /* The agent's own account needs nss_nhi to resolve, which may be set up later. */
        if (own)
            return CTL_DONE;
        return ctl_fail(c, CTL_REFUSED, "getent passwd", "there is no account '%s' on this host", name);
    }
    if (err != NHI_OK)
        return store_fail(c, s, err, "look up the account");
    if (local.privileged)
        return ctl_fail(c, CTL_REFUSED, NULL, "account %s is privileged (%s): no ticket can name it",
                        name, local.because);
    if (!own && local.uid >= s->set.uid_min && local.uid <= s->set.uid_max)
        return ctl_fail(c, CTL_REFUSED, NULL, "account %s lies in the agent range and is not %s's", name,
                        args->agent);
    return CTL_DONE;
}

static int check_accounts(struct ctl *c, struct store *s, const char *host)
{
    const struct issue_args *args = c->args;
    char name[NHI_LIST_MAX + 1];
    const char *at = args->accounts;
    int code = CTL_DONE;

    /* Another host's accounts are that host's to judge, when the ticket is used there. */
    if (strcmp(host, s->set.host) != 0)
        return nhi_list_has(args->accounts, "root")
                   ? ctl_fail(c, CTL_REFUSED, NULL, "account root is privileged: no ticket can name it")
                   : CTL_DONE;
    while (code == CTL_DONE && (at = nhi_list_next(at, name)) != NULL)
        code = check_account(c, s, name);
    return code;
}

static int too_long(struct ctl *c, const struct nhi_ticket *t)
{
    const struct {
        const char *option, *value;
    } parts[] = { { "--account", t->accounts }, { "--service", t->services }, { "--host", t->host },
                  { "--task", t->task },        { "--agent", t->agent } };
    size_t longest = 0;

    for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strlen(parts[i].value) > strlen(parts[longest].value))
            longest = i;
    return ctl_fail(c, CTL_REFUSED, NULL,
                    "the ticket would be longer than %d characters, which sudo and ssh do not carry: "
                    "%s is the longest part (%zu characters)", NHI_TICKET_TEXT_MAX,
                    parts[longest].option, strlen(parts[longest].value));
}

static int mint(struct ctl *c, const struct store *s, const struct nhi_ticket *t,
                const struct nhi_issuer *key, char **text)
{
    uint8_t sk[NHI_SK_LEN];
    enum nhi_err err;

    if (!nhi_issuer_allows(key, t))
        return ctl_fail(c, CTL_REFUSED, "nhictl key list", "key %s may not sign this: it is beyond its bounds",
                        key->kid);
    err = keyfile_read(key->kid, sk);
    /* A file that was exchanged would sign what no host can verify. */
    if (err == NHI_OK && memcmp(sk + NHI_SK_LEN - NHI_PK_LEN, key->pk, NHI_PK_LEN) != 0)
        err = NHI_ERR_CORRUPT;
    if (err != NHI_OK) {
        nhi_wipe(sk, sizeof(sk));
        return ctl_fail(c, CTL_SYSTEM, "nhictl key rotate", "the secret key of %s cannot be used: %s",
                        key->kid, nhi_strerror(err));
    }
    err = nhi_ticket_mint(t, sk, text);
    nhi_wipe(sk, sizeof(sk));
    if (err == NHI_ERR_TOO_LONG)
        return too_long(c, t);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "sign the ticket");
}

static int fill(struct ctl *c, struct store *s, struct nhi_ticket *t, struct nhi_issuer *key)
{
    const struct issue_args *args = c->args;
    const char *host = args->host != NULL ? args->host : s->set.host;
    int64_t ttl = args->ttl != 0 ? args->ttl : TTL_DEFAULT;
    struct nhi_agent a;
    struct nhi_task task;
    int code = check_agent(c, s, &a);

    if (code == CTL_DONE)
        code = check_task(c, s, &task);
    if (code == CTL_DONE)
        code = choose_key(c, s, key);
    if (code != CTL_DONE)
        return code;
    /* Of the second in which all its tickets were revoked, an agent's ticket would be dead. */
    t->iat = c->now > a.revoked_until ? c->now : a.revoked_until + 1;
    t->exp = t->iat + ttl;
    code = check_ttl(c, ttl, t->iat, &task, key);
    if (code == CTL_DONE)
        code = check_accounts(c, s, host);
    if (code == CTL_DONE && keyfile_random_jti(t->jti) != NHI_OK)
        code = ctl_fail(c, CTL_SYSTEM, NULL, "no random numbers: %s", strerror(errno));
    snprintf(t->kid, sizeof(t->kid), "%s", key->kid);
    snprintf(t->agent, sizeof(t->agent), "%s", args->agent);
    snprintf(t->task, sizeof(t->task), "%s", args->task);
    snprintf(t->host, sizeof(t->host), "%s", host);
    snprintf(t->accounts, sizeof(t->accounts), "%s", args->accounts);
    snprintf(t->services, sizeof(t->services), "%s", args->services);
    snprintf(t->parent, sizeof(t->parent), "%s", args->parent != NULL ? args->parent : "");
    t->uses = args->uses;
    return code;
}

static int check_parent(struct ctl *c, struct store *s, const char *parent)
{
    struct nhi_ticket_row row;
    enum nhi_err err;

    if (parent == NULL)
        return CTL_DONE;
    err = nhi_ticket_get(s->l, parent, &row);
    if (err == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_REFUSED, "nhictl ticket list", "there is no ticket %s", parent);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the parent");
    if (row.revoked)
        return ctl_fail(c, CTL_REFUSED, NULL, "the parent %s is revoked, and so would its child be",
                        parent);
    return CTL_DONE;
}

static int record(struct ctl *c, struct store *s, const struct nhi_ticket *t)
{
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err = nhi_ticket_record(s->l, t, NHI_ORIGIN_ISSUED, c->now);

    out_text(detail, "kid", NULL, t->kid);
    out_text(detail, "host", NULL, t->host);
    out_list(detail, "accounts", NULL, t->accounts);
    out_list(detail, "services", NULL, t->services);
    out_time(detail, "exp", NULL, t->exp);
    if (err == NHI_OK)
        err = store_event(c, s, "issue", t->agent, t->task, t->jti, detail);
    else
        out_row_free(detail);
    return err == NHI_OK ? store_commit(c, s) : store_fail(c, s, err, "record the ticket");
}

static void take_back(struct ctl *c, struct store *s, const struct nhi_ticket *t)
{
    uint32_t live;
    enum nhi_err err = nhi_ledger_begin(s->l, c->now);

    s->writing = err == NHI_OK;
    if (err == NHI_OK)
        err = nhi_revoke(s->l, NHI_REVOKE_TICKET, t->jti, "could not be written out", c->now, &live);
    if (err == NHI_OK)
        err = store_event(c, s, "revoke", t->agent, t->task, t->jti, NULL);
    if (err == NHI_OK) {
        err = nhi_ledger_commit(s->l);
        s->writing = false;
    }
    if (err != NHI_OK)
        err = nhi_reserve_add(NHI_STATE_DIR, NHI_REVOKE_TICKET, t->jti, c->now);
    ctl_note(err == NHI_OK ? "ticket %s could not be written out, and is revoked"
                           : "ticket %s could not be written out, and not be revoked either", t->jti);
}

static int hand_out(struct ctl *c, const struct nhi_ticket *t, const char *text)
{
    const struct issue_args *args = c->args;
    struct out_row *r = claims_row(c->out, t);
    char until[NHI_TIME_LEN + 1] = "";
    int code = CTL_DONE;

    if (args->out != NULL)
        code = text_write(c, args->out, text);
    if (code != CTL_DONE) {
        out_row_free(r);
        return code;
    }
    if (nhi_time_format(t->exp, until) != NHI_OK)
        until[0] = '\0';
    out_member(c->out, "ticket", r);
    if (args->out == NULL)
        out_raw(c->out, "text", text);
    else
        out_line(c->out, "ticket %s for %s until %s, written to %s", t->jti, t->agent, until, args->out);
    return ctl_answer(c);
}

static int issue(struct ctl *c)
{
    const struct issue_args *args = c->args;
    struct nhi_ticket t = { 0 };
    struct nhi_issuer key;
    struct store s = { 0 };
    char *text = NULL;
    int code = store_write(c, &s);

    if (code == CTL_DONE)
        code = store_need_clock(c, &s);
    if (code == CTL_DONE)
        code = check_parent(c, &s, args->parent);
    if (code == CTL_DONE)
        code = fill(c, &s, &t, &key);
    if (code == CTL_DONE)
        code = mint(c, &s, &t, &key, &text);
    if (code == CTL_DONE)
        code = record(c, &s, &t);
    if (code == CTL_DONE) {
        code = hand_out(c, &t, text);
        if (code != CTL_DONE)
            take_back(c, &s, &t);
    }
    nhi_text_free(text);
    store_close(&s);
    return code;
}

#define AT(field) offsetof(struct issue_args, field)

static const struct opt issue_opts[] = {
    { "agent", OPT_NAME, AT(agent), true, "NAME", "who may use it", nhi_name_is_agent, 0 },
    { "task", OPT_NAME, AT(task), true, "ID", "an open task of this agent", nhi_name_is_task, 0 },
    { "account", OPT_LIST, AT(accounts), true, "NAME[,…]", "the local accounts it may become",
      nhi_name_is_account, 0 },
    { "service", OPT_LIST, AT(services), true, "NAME[,…]", "the PAM services, each named",
      nhi_name_is_service, 0 },
    { "ttl", OPT_DURATION, AT(ttl), false, "SPAN", "how long it lives (15m)", NULL, 0 },
    { "host", OPT_NAME, AT(host), false, "NAME", "where it is valid (this host)", nhi_name_is_host, 0 },
    { "uses", OPT_NUMBER, AT(uses), false, "N", "how many grants it may give (not counted)", NULL, 0 },
    { "parent", OPT_NAME, AT(parent), false, "JTI", "revoking that ticket revokes this one",
      nhi_name_is_jti, 0 },
    { "key", OPT_NAME, AT(kid), false, "KID", "sign with this key of this host", nhi_name_is_kid, 0 },
    { "out", OPT_PATH, AT(out), false, "FILE", "write it there, 0600, not to standard output", NULL, 0 },
    { .name = NULL },
};

const struct verb issue_verbs[] = {
    { NULL, "issue", issue, issue_opts, sizeof(struct issue_args), 0, 0,
      "--agent NAME --task ID --account NAME[,…] --service NAME[,…] [options]",
      "Issue a ticket for a task.", "It is printed alone, so that $(nhictl issue …) works.",
      "nhictl issue --agent ci-bot --task build-4711 --account deploy --service sshd,sudo --ttl 15m" },
    { .verb = NULL },
};
