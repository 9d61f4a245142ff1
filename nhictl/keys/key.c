/* SPDX-License-Identifier: ISC */
/*
 * key list, add, export.
 */
#include "nhictl/keys/key.h"

#include <stddef.h>
#include <string.h>

#include "libnhi/key/paserk.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "nhictl/keys/signer.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"
#include "nhictl/store/unknown.h"

#define MAX_TTL_MAX ((int64_t)30 * 86400)

struct add_args {
    char agents[NHI_LIST_MAX + 1], accounts[NHI_LIST_MAX + 1], services[NHI_LIST_MAX + 1];
    int64_t max_ttl;
    bool opens_tasks;
};

struct out_row *key_row(const struct out *o, const struct nhi_issuer *i, bool full)
{
    struct out_row *r = out_row_new(o);
    char fingerprint[NHI_PASERK_MAX];

    out_state(r, "kid", full ? "key" : "kid", i->kid);
    out_state(r, "state", "state", issuer_state_name(i->state));
    out_flag(r, "own", "own", i->own);
    out_list(r, "agents", "agents", i->agents);
    out_list(r, "accounts", "accounts", i->accounts);
    out_list(r, "services", "services", i->services);
    out_duration(r, "max_ttl", "max ttl", i->max_ttl);
    out_flag(r, "opens_tasks", full ? "opens tasks" : NULL, i->opens_tasks);
    out_time(r, "added", full ? "added" : NULL, i->added);
    if (nhi_paserk_pid(i->pk, fingerprint) == NHI_OK)
        out_text(r, "fingerprint", full ? "fingerprint" : NULL, fingerprint);
    return r;
}

int key_get(struct ctl *c, struct store *s, const char *kid, struct nhi_issuer *i)
{
    enum nhi_err err = NHI_ERR_NOT_FOUND;

    if (nhi_name_is_kid(kid))
        err = nhi_issuer_get(s->l, kid, i);
    if (err == NHI_ERR_NOT_FOUND)
        return unknown_key(c, s, kid);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the key");
}

static int list_one(const struct nhi_issuer *i, void *ctx)
{
    struct out *o = ctx;
    struct out_row *r = key_row(o, i, false);

    out_text(r, "secret", "secret", i->own ? signer_where(i) : NULL);
    out_table_row(o, r);
    return 0;
}

static int key_list(struct ctl *c)
{
    struct store s = { 0 };
    int code = store_read(c, &s);
    enum nhi_err err;

    if (code == CTL_DONE) {
        out_table(c->out, "keys", "no keys");
        err = nhi_issuer_each(s.l, list_one, c->out);
        code = err == NHI_OK ? ctl_answer(c) : store_fail(c, &s, err, "list the keys");
    }
    store_close(&s);
    return code;
}

static int key_export(struct ctl *c)
{
    char text[NHI_PASERK_MAX], fingerprint[NHI_PASERK_MAX];
    struct store s = { 0 };
    struct nhi_issuer i;
    struct out_row *r;
    int code = store_read(c, &s);

    if (code == CTL_DONE)
        code = key_get(c, &s, c->operand[0], &i);
    if (code == CTL_DONE &&
        (nhi_paserk_public_encode(i.pk, text) != NHI_OK || nhi_paserk_pid(i.pk, fingerprint) != NHI_OK))
        code = ctl_fail(c, CTL_SYSTEM, NULL, "key %s cannot be written as text", i.kid);
    if (code == CTL_DONE) {
        r = out_row_new(c->out);
        out_text(r, "kid", NULL, i.kid);
        out_text(r, "fingerprint", NULL, fingerprint);
        out_record(c->out, NULL, r);
        out_raw(c->out, "public", text);
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

static int read_operands(struct ctl *c, struct nhi_issuer *i)
{
    const struct add_args *args = c->args;

    if (!nhi_name_is_kid(c->operand[0]))
        return ctl_fail(c, CTL_USAGE, NULL, "'%s' is not a key name: 1 to %d lower-case letters, digits, dots, _ and -",
                        c->operand[0], NHI_KID_MAX);
    if (nhi_paserk_public_decode(c->operand[1], i->pk) != NHI_OK || !nhi_pk_is_usable(i->pk))
        return ctl_fail(c, CTL_USAGE, ctl_hint(c, "nhictl key export %s, on the issuer's host", c->operand[0]),
                        "'%s' is not a public key, which starts with k4.public.", c->operand[1]);
    if (args->max_ttl > MAX_TTL_MAX)
        return ctl_fail(c, CTL_REFUSED, NULL, "--max-ttl is 30d at most");
    snprintf(i->kid, sizeof(i->kid), "%s", c->operand[0]);
    memcpy(i->agents, args->agents, sizeof(i->agents));
    memcpy(i->accounts, args->accounts, sizeof(i->accounts));
    memcpy(i->services, args->services, sizeof(i->services));
    i->max_ttl = args->max_ttl;
    i->opens_tasks = args->opens_tasks;
    i->state = NHI_ISSUER_ACTIVE;
    i->added = c->now;
    return CTL_DONE;
}

int key_record(struct ctl *c, struct store *s, const char *kind, const struct nhi_issuer *i)
{
    struct out_row *detail = key_row(c->out, i, true);
    enum nhi_err err = nhi_issuer_add(s->l, i, c->now);

    if (err == NHI_OK)
        err = store_event(c, s, (struct store_event){ .kind = kind }, detail);
    else
        out_row_free(detail);
    if (err == NHI_ERR_EXISTS)
        return ctl_fail(c, CTL_REFUSED, "nhictl key list",
                        "the name %s or this key was used before, and neither can be used again", i->kid);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "record the key");
}

static int key_add(struct ctl *c)
{
    struct nhi_issuer i = { .own = false };
    struct store s = { 0 };
    int code = read_operands(c, &i);

    if (code == CTL_DONE)
        code = store_write(c, &s);
    if (code == CTL_DONE)
        code = key_record(c, &s, "key-add", &i);
    if (code == CTL_DONE)
        code = store_commit(c, &s);
    if (code == CTL_DONE) {
        out_record(c->out, "key", key_row(c->out, &i, true));
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

#define AT(field) offsetof(struct add_args, field)

static const struct opt add_opts[] = {
    { "agents", OPT_BOUND, AT(agents), true, "LIST", "agents that its tickets may name, or '*'", nhi_name_is_agent, 0 },
    { "accounts", OPT_BOUND, AT(accounts), true, "LIST", "accounts its tickets may name, or '*'", nhi_name_is_account,
      0 },
    { "services", OPT_BOUND, AT(services), true, "LIST", "services its tickets may name, or '*'", nhi_name_is_service,
      0 },
    { "max-ttl", OPT_DURATION, AT(max_ttl), true, "SPAN", "how long its tickets may live (at most 30d)", NULL, 0 },
    { "opens-tasks", OPT_FLAG, AT(opens_tasks), false, NULL, "its tickets may name tasks that this host does not know",
      NULL, 0 },
    { .name = NULL },
};

const struct verb key_verbs[] = {
    { "key", "list", key_list, NULL, 0, 0, 0, "", "List the issuers that this host trusts or has trusted.", NULL,
      "nhictl key list" },
    { "key", "add", key_add, add_opts, sizeof(struct add_args), 2, 2,
      "KID k4.public.... --agents LIST --accounts LIST --services LIST --max-ttl SPAN [--opens-tasks]",
      "Trust another issuer's public key, within bounds.",
      "First compare its fingerprint (key list --json) with its owner.",
      "nhictl key add ci-issuer k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI "
      "--agents ci-bot --accounts deploy --services sshd,sudo --max-ttl 1h" },
    { "key", "export", key_export, NULL, 0, 1, 1, "KID", "Print a public key, for other hosts.", NULL,
      "nhictl key export k7f3q2ma" },
    { .verb = NULL },
};
