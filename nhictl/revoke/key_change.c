/* SPDX-License-Identifier: ISC */
/*
 * key rotate, retire, revoke.
 */
#include <stddef.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/end/other_hosts.h"
#include "nhictl/keys/key.h"
#include "nhictl/keys/key_public.h"
#include "nhictl/keys/keyfile.h"
#include "nhictl/keys/keys.h"
#include "nhictl/keys/own_keys.h"
#include "nhictl/keys/signer.h"
#include "nhictl/revoke/revoke.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

struct rotate_args {
    const char *agent_key;
};

struct revoke_args {
    const char *reason;
    struct look_opts look;
};

static int newest_own(const struct nhi_issuer *i, void *ctx)
{
    struct nhi_issuer *best = ctx;

    /* An active key before any other; among active keys, the newest. */
    if (!i->own || (best->state == NHI_ISSUER_ACTIVE && i->state != NHI_ISSUER_ACTIVE))
        return 0;
    if (best->kid[0] == '\0' || i->added >= best->added ||
        (i->state == NHI_ISSUER_ACTIVE && best->state != NHI_ISSUER_ACTIVE))
        *best = *i;
    return 0;
}

static int find_old(struct ctl *c, struct store *s, struct nhi_issuer *old)
{
    enum nhi_err err;
    int code;

    memset(old, 0, sizeof(*old));
    if (c->operand_count > 0) {
        code = key_get(c, s, c->operand[0], old);
        if (code != CTL_DONE)
            return code;
    } else {
        err = nhi_issuer_each(s->l, newest_own, old);
        if (err != NHI_OK)
            return store_fail(c, s, err, "read the keys");
    }
    if (old->kid[0] == '\0' || !old->own)
        return ctl_fail(c, CTL_REFUSED, "nhictl key list", "%s is not one of this host's own keys",
                        c->operand_count > 0 ? c->operand[0] : "none");
    if (c->operand_count > 0 && old->state != NHI_ISSUER_ACTIVE)
        return ctl_fail(c, CTL_REFUSED, "nhictl key list", "key %s is %s, and no longer signs", old->kid,
                        issuer_state_name(old->state));
    return CTL_DONE;
}

static int make_key(struct ctl *c, struct nhi_issuer *key)
{
    const struct rotate_args *args = c->args;

    if (args->agent_key == NULL)
        return own_key_make(c, key);
    if (keyfile_random_kid(key->kid) == NHI_OK)
        return CTL_DONE;
    return ctl_fail(c, CTL_SYSTEM, NULL, "could not make a name for the key");
}

/* Before the ledger is locked: a person may have to confirm. */
static int prove_key(struct ctl *c, uint8_t pk[NHI_PK_LEN])
{
    const struct rotate_args *args = c->args;
    int code;

    if (args->agent_key == NULL)
        return CTL_DONE;
    code = key_read_public(c, "--agent-key", args->agent_key, pk);
    return code == CTL_DONE ? signer_prove_agent(c, pk, args->agent_key) : code;
}

static int change_over(struct ctl *c, struct store *s, const struct nhi_issuer *old, const struct nhi_issuer *key)
{
    enum nhi_err err = NHI_OK;
    int code = key_record(c, s, "key-rotate", key);

    if (code != CTL_DONE)
        return code;
    if (old->state == NHI_ISSUER_ACTIVE)
        err = nhi_issuer_set_state(s->l, old->kid, NHI_ISSUER_ROTATED, "rotated", c->now);
    return err == NHI_OK ? store_commit(c, s) : store_fail(c, s, err, "rotate the key");
}

static int key_rotate(struct ctl *c)
{
    struct nhi_issuer old, key;
    struct store s = { 0 };
    uint8_t pk[NHI_PK_LEN] = { 0 };
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = prove_key(c, pk);
    if (code == CTL_DONE)
        code = store_write(c, &s);
    if (code == CTL_DONE)
        code = find_old(c, &s, &old);
    if (code == CTL_DONE) {
        key = old;
        memcpy(key.pk, pk, sizeof(key.pk));
        key.state = NHI_ISSUER_ACTIVE;
        key.added = c->now;
        code = make_key(c, &key);
        if (code == CTL_DONE) {
            code = change_over(c, &s, &old, &key);
            /* The secret half is removed first, so that no key in the ledger is without it. */
            if (code != CTL_DONE)
                (void)!keyfile_remove(key.kid);
        }
    }
    if (code == CTL_DONE) {
        out_record(c->out, "key", key_row(c->out, &key, true));
        if (old.state == NHI_ISSUER_ACTIVE)
            out_line(c->out, "key %s is rotated: its tickets stay valid until they end, or until nhictl key retire %s",
                     old.kid, old.kid);
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

static int retire(struct ctl *c, struct store *s, struct nhi_issuer *key)
{
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err;

    out_text(detail, "kid", NULL, key->kid);
    err = nhi_issuer_set_state(s->l, key->kid, NHI_ISSUER_RETIRED, "retired", c->now);
    if (err == NHI_OK)
        err = store_event(c, s, (struct store_event){ .kind = "key-retire" }, detail);
    else
        out_row_free(detail);
    if (err == NHI_ERR_STATE)
        return ctl_fail(c, CTL_REFUSED, NULL, "key %s is revoked, which cannot be undone", key->kid);
    key->state = NHI_ISSUER_RETIRED;
    return err == NHI_OK ? store_commit(c, s) : store_fail(c, s, err, "retire the key");
}

struct retire_args {
    struct look_opts look;
};

static int retire_it(struct ctl *c, struct look *look, void *ctx)
{
    const struct revocation r = { .kind = NHI_REVOKE_ISSUER, .id = c->operand[0], .reason = "" };
    struct nhi_issuer key;
    struct store s = { 0 };
    struct ended ended;
    int code;

    (void)ctx;
    code = look != NULL ? store_read(c, &s) : store_write(c, &s);
    if (code == CTL_DONE)
        code = key_get(c, &s, c->operand[0], &key);
    if (code == CTL_DONE && key.own && key.state == NHI_ISSUER_ACTIVE)
        code = ctl_fail(c, CTL_REFUSED, "nhictl help key rotate", "key %s is this host's signing key", key.kid);
    if (look != NULL) {
        store_close(&s);
        return code == CTL_DONE ? revoke_look(c, &r, look) : code;
    }
    if (code == CTL_DONE)
        code = retire(c, &s, &key);
    if (code == CTL_DONE) {
        if (key.own && keyfile_remove(key.kid) != NHI_OK)
            ctl_note("could not remove the secret key of %s from %s/%s", key.kid, NHI_STATE_DIR, NHI_KEYS_DIR);
        out_record(c->out, "key", key_row(c->out, &key, true));
        ended = end_named(c, s.l, &r, s.set.grace);
        ended_show(c, &ended);
        other_hosts_show(c, s.l, NHI_REVOKE_ISSUER, key.kid, "nhictl key retire");
        code = ended_answer(c, &ended);
    }
    store_close(&s);
    return code;
}

static int key_retire(struct ctl *c)
{
    const struct retire_args *args = c->args;
    char sentence[NHI_TEXT_MAX];

    snprintf(sentence, sizeof(sentence), "retire key %s", c->operand[0]);
    return look_first(c, &args->look, &(const struct look_verb){ .sentence = sentence, .run = retire_it });
}

static int key_revoke(struct ctl *c)
{
    const struct revoke_args *args = c->args;
    struct revocation r = { .kind = NHI_REVOKE_ISSUER, .id = c->operand[0], .reason = args->reason };

    if (!nhi_name_is_kid(c->operand[0]))
        return ctl_fail(c, CTL_REFUSED, "nhictl key list", "there is no key '%s'", c->operand[0]);
    return revoke_run(c, &r, &args->look);
}

static const struct opt rotate_opts[] = {
    { "agent-key", OPT_PATH, offsetof(struct rotate_args, agent_key), false, "FILE.pub",
      "sign with this key, whose secret half stays in your ssh-agent", NULL, 0 },
    { .name = NULL },
};

static const struct opt revoke_opts[] = {
    { "reason", OPT_TEXT, offsetof(struct revoke_args, reason), true, "TEXT", "why", NULL, NHI_TEXT_MAX },
    LOOK_OPTS(offsetof(struct revoke_args, look)),
    { .name = NULL },
};

static const struct opt retire_opts[] = {
    LOOK_OPTS(offsetof(struct retire_args, look)),
    { .name = NULL },
};

const struct verb key_change_verbs[] = {
    { "key", "rotate", key_rotate, rotate_opts, sizeof(struct rotate_args), 0, 1, "[KID] [--agent-key FILE.pub]",
      "Sign with a new key from now on.", "Tickets of the old key stay valid until it is retired.",
      "nhictl key rotate" },
    { "key", "retire", key_retire, retire_opts, sizeof(struct retire_args), 1, 1, "KID [--dry-run]",
      "Stop accepting anything that a key signed.", "For keys at the end of their life. This cannot be undone.",
      "nhictl key retire k7f3q2ma" },
    { "key", "revoke", key_revoke, revoke_opts, sizeof(struct revoke_args), 1, 1, "KID --reason TEXT [--dry-run]",
      "Do the same for a key that was lost or stolen.", "The same as nhictl revoke --issuer KID.",
      "nhictl key revoke ci-issuer --reason stolen" },
    { .verb = NULL },
};
