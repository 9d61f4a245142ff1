/* SPDX-License-Identifier: ISC */
/*
 * issue.
 *
 * MUST: no ticket is given out that is not in the ledger, and one that could not be given out whole is revoked. MUST:
 * nothing is minted that the issuer's bounds, the task or the account would refuse.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ticket/sshopt.h"
#include "nhictl/keys/key_choose.h"
#include "nhictl/keys/signer.h"
#include "nhictl/revoke/revoke.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"
#include "nhictl/ticket/issue.h"
#include "nhictl/ticket/issue_bind.h"
#include "nhictl/ticket/issue_check.h"
#include "nhictl/ticket/issue_many.h"
#include "nhictl/ticket/issue_policy.h"

#define EXAMPLE "nhictl issue --agent ci-bot --task build-4711 --account deploy --service sshd,sudo --ttl 15m"

#define TTL_DEFAULT (15 * 60)

static int too_long(struct ctl *c, const struct nhi_ticket *t)
{
    const struct {
        const char *option, *value;
    } parts[] = { { "--account", t->accounts },
                  { "--service", t->services },
                  { "--host", t->host },
                  { "--task", t->task },
                  { "--agent", t->agent } };
    size_t longest = 0;

    for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strlen(parts[i].value) > strlen(parts[longest].value))
            longest = i;
    return ctl_fail(c, CTL_REFUSED, NULL,
                    "the ticket would be longer than the %d characters that sudo and ssh can carry: %s is the longest "
                    "part (%zu characters)",
                    NHI_TICKET_TEXT_MAX, parts[longest].option, strlen(parts[longest].value));
}

int issue_allowed(struct ctl *c, const struct nhi_ticket *t, const struct nhi_issuer *key)
{
    if (nhi_issuer_allows(key, t))
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, "nhictl key list", "key %s may not sign this ticket, which is beyond its bounds",
                    key->kid);
}

static int no_signature(void *ctx, const uint8_t *bytes, size_t len, uint8_t signature[NHI_SIG_LEN])
{
    (void)ctx;
    (void)bytes;
    (void)len;
    memset(signature, 0, NHI_SIG_LEN);
    return 0;
}

int issue_fits(struct ctl *c, const struct store *s, const struct nhi_ticket *t)
{
    const struct nhi_signing nobody = { no_signature, NULL };
    char *text = NULL;
    enum nhi_err err = nhi_ticket_mint_by(t, &nobody, &text);

    nhi_text_free(text);
    if (err == NHI_ERR_TOO_LONG)
        return too_long(c, t);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "write the ticket");
}

int issue_fill(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_ticket *t,
               struct nhi_issuer *key)
{
    const char *host = args->host != NULL ? args->host : s->set.host;
    int64_t ttl = args->ttl != 0 ? args->ttl : TTL_DEFAULT;
    struct nhi_agent a;
    struct nhi_task task;
    int code = issue_agent(c, s, args, &a);

    if (code == CTL_DONE)
        code = issue_task(c, s, args, &task);
    if (code == CTL_DONE)
        code = key_choose(c, s, args->kid, key);
    if (code != CTL_DONE)
        return code;
    /* In the second in which all its tickets were revoked, a new ticket of the agent would be dead. */
    t->iat = c->now > a.revoked_until ? c->now : a.revoked_until + 1;
    t->exp = t->iat + ttl;
    if (t->iat > c->now + NHI_CLOCK_SKEW)
        return issue_revoked_ahead(c, t->iat);
    code = issue_within_parent(c, s, args, t);
    if (code == CTL_DONE)
        code = issue_ttl(c, s, t, &task, key);
    if (code == CTL_DONE && !args->as_before)
        code = issue_accounts(c, s, args, host);
    if (code == CTL_DONE && nhi_id_new(t->jti) != NHI_OK)
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

enum nhi_err issue_event(struct ctl *c, struct store *s, const char *kind, const struct nhi_ticket *t,
                         const char *renews)
{
    struct out_row *detail = out_row_new(c->out);

    out_text(detail, "kid", NULL, t->kid);
    out_text(detail, "host", NULL, t->host);
    out_list(detail, "accounts", NULL, t->accounts);
    out_list(detail, "services", NULL, t->services);
    out_time(detail, "exp", NULL, t->exp);
    if (renews != NULL)
        out_text(detail, "renews", NULL, renews);
    return store_event(c, s, (struct store_event){ .kind = kind, .agent = t->agent, .task = t->task, .jti = t->jti },
                       detail);
}

int issue_record(struct ctl *c, struct store *s, const struct issue_args *args, const struct nhi_ticket *t)
{
    enum nhi_err err = nhi_ticket_record(s->l, t, NHI_ORIGIN_ISSUED, c->now);

    if (err == NHI_OK && (args->renewable != 0 || args->no_pin))
        err = nhi_ticket_set_terms(s->l, t->jti, args->renewable, args->no_pin);
    if (err == NHI_OK)
        err = issue_event(c, s, "issue", t, NULL);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "record the ticket");
}

void issue_take_back(struct ctl *c, struct store *s, const struct nhi_ticket *t)
{
    uint32_t live;
    bool lasts;
    enum nhi_err err = nhi_ledger_begin(s->l, c->now);

    s->writing = err == NHI_OK;
    if (err == NHI_OK)
        err = nhi_revoke(s->l, NHI_REVOKE_TICKET, t->jti, "could not be written out", c->now, &live);
    if (err == NHI_OK)
        err = store_event(c, s,
                          (struct store_event){ .kind = "revoke",
                                                .agent = t->agent,
                                                .task = t->task,
                                                .jti = t->jti,
                                                .cause = "could not be written out" },
                          NULL);
    if (err == NHI_OK) {
        err = nhi_ledger_commit(s->l);
        s->writing = false;
    }
    if (err != NHI_OK)
        err = revoke_in_reserve(
            c,
            &(const struct revocation){ .kind = NHI_REVOKE_TICKET, .id = t->jti, .reason = "could not be written out" },
            &lasts);
    ctl_note(err == NHI_OK ? "ticket %s could not be written out, and is revoked"
                           : "ticket %s could not be written out, and could not be revoked either",
             t->jti);
    if (strcmp(t->host, s->set.host) != 0)
        ctl_note("if somebody has seen it, run on %s: nhictl revoke --ticket %s", t->host, t->jti);
}

int issue_hand_out(struct ctl *c, const struct nhi_ticket *t, const char *text, const char *file, const char *cert_over)
{
    struct out_row *r = claims_row(c->out, t);
    char until[NHI_TIME_LEN + 1] = "";
    int code = CTL_DONE;

    if (cert_over != NULL)
        code = issue_cert(c, t, text, cert_over);
    if (code == CTL_DONE && file != NULL)
        code = text_write(c, file, text, 0600);
    if (code == CTL_DONE) {
        if (nhi_time_format(t->exp, until) != NHI_OK)
            until[0] = '\0';
        out_member(c->out, "ticket", r);
        if (file == NULL)
            out_raw(c->out, "text", text);
        else
            out_line(c->out, "ticket %s for %s until %s, written to %s", t->jti, t->agent, until, file);
        code = ctl_answer(c);
        if (code != CTL_DONE && file != NULL)
            text_remove(file);
    } else {
        out_row_free(r);
    }
    if (code != CTL_DONE && cert_over != NULL)
        issue_cert_remove(c, cert_over);
    return code;
}

/* A key can only be proven to sshd. */
static int fill_service(struct ctl *c, struct issue_args *args)
{
    if (args->services[0] != '\0')
        return CTL_DONE;
    if (args->bind_key == NULL)
        return ctl_fail(c, CTL_USAGE, EXAMPLE, "--service NAME[,...] is missing");
    memcpy(args->services, "sshd", sizeof("sshd"));
    return CTL_DONE;
}

/* sshd takes these options away only from a session that a key opens. */
static int fill_ssh(struct ctl *c, const struct issue_args *args, struct nhi_ticket *t)
{
    char word[NHI_LIST_MAX + 1];
    const char *at = args->ssh;

    while ((at = nhi_list_next(at, word)) != NULL)
        t->ssh |= nhi_sshopt_parse(word);
    if (t->ssh == 0 || args->bind_key != NULL)
        return CTL_DONE;
    return ctl_fail(c, CTL_USAGE, "--bind-key FILE.pub --ssh restrict",
                    "--ssh restricts a session that a key opens: it needs --bind-key");
}

int issue_words(struct ctl *c, struct issue_args *args, struct nhi_ticket *t)
{
    int code = fill_service(c, args);

    return code == CTL_DONE ? fill_ssh(c, args, t) : code;
}

int issue_ready(struct ctl *c, struct store *s, const struct issue_args *args, struct nhi_ticket *t,
                struct nhi_issuer *key)
{
    int code = issue_fill(c, s, args, t, key);

    /* Another host has a ledger of its own. */
    if (code == CTL_DONE && t->has_cnf && strcmp(t->host, s->set.host) == 0)
        code = bind_check(c, s, t);
    if (code == CTL_DONE && !args->as_before)
        code = issue_policy(c, s, t);
    if (code == CTL_DONE)
        code = issue_allowed(c, t, key);
    return code == CTL_DONE ? issue_fits(c, s, t) : code;
}

extern const struct verb issue_verbs[];

/* The key, and then the transaction. The ledger is opened once, unless somebody was asked for a passphrase: a restore
 * may have put another file in its place meanwhile. */
static int open_both(struct ctl *c, const char *kid, struct signer *signer, struct store *s)
{
    enum nhi_err err = store_connect(s, c->now);
    int code = err == NHI_OK ? signer_open_in(c, s, kid, signer) : store_open_failed(c, s, err);

    if (code != CTL_DONE)
        return code;
    if (signer->asked) {
        store_close(s);
        return store_write(c, s);
    }
    hold_begin(&s->held);
    err = store_begin(s);
    return err == NHI_OK ? CTL_DONE : store_open_failed(c, s, err);
}

static int issue(struct ctl *c)
{
    struct issue_args given = *(const struct issue_args *)c->args, *const args = &given;
    struct nhi_ticket t = { 0 };
    struct nhi_issuer key;
    struct signer signer = { .kid = "" };
    struct store s = { 0 };
    char *text = NULL;
    bool recorded = false;
    int code = store_need_root(c);

    if (code == CTL_DONE && args->out == NULL)
        code = text_may_print(c, "--out FILE");
    if (code == CTL_DONE)
        code = text_need_new(c, args->out, args->force);
    if (code == CTL_DONE && args->from != NULL)
        return issue_many(c, &issue_verbs[0], c->args);
    if (code == CTL_DONE)
        code = issue_words(c, args, &t);
    if (code == CTL_DONE)
        code = issue_bind(c, args->bind_key, args->cert, &t);
    if (code == CTL_DONE)
        code = open_both(c, args->kid, &signer, &s);
    if (code == CTL_DONE)
        code = store_need_sound(c, &s);
    if (code == CTL_DONE)
        code = issue_ready(c, &s, args, &t, &key);
    if (code == CTL_DONE)
        code = issue_record(c, &s, args, &t);
    if (code == CTL_DONE)
        code = store_commit(c, &s);
    recorded = code == CTL_DONE;
    if (recorded)
        code = signer_sign(c, &signer, &t, &key, &text);
    if (code == CTL_DONE)
        code = issue_hand_out(c, &t, text, args->out, args->cert ? args->bind_key : NULL);
    if (recorded && code != CTL_DONE)
        issue_take_back(c, &s, &t);
    nhi_text_free(text);
    signer_close(&signer);
    store_close(&s);
    return code;
}

static bool is_sshopt(const char *word)
{
    return nhi_sshopt_parse(word) != 0;
}

#define AT(field) offsetof(struct issue_args, field)

static const struct opt issue_opts[] = {
    { "agent", OPT_NAME, AT(agent), true, "NAME", "the agent that may use it", nhi_name_is_agent, 0 },
    { "task", OPT_NAME, AT(task), true, "ID", "an open task of this agent", nhi_name_is_task, 0 },
    { "account", OPT_LIST, AT(accounts), true, "NAME[,...]", "the local accounts that it opens", nhi_name_is_account,
      0 },
    { "service", OPT_LIST, AT(services), false, "NAME[,...]", "the PAM services, each named (with --bind-key: sshd)",
      nhi_name_is_service, 0 },
    { "ttl", OPT_DURATION, AT(ttl), false, "SPAN", "how long it lives (15m)", NULL, 0 },
    { "host", OPT_NAME, AT(host), false, "NAME", "where it is valid (this host)", nhi_name_is_host, 0 },
    { "bind-key", OPT_PATH, AT(bind_key), false, "FILE", "only the holder of this Ed25519 key (.pub) may use it", NULL,
      0 },
    { "ssh", OPT_LIST, AT(ssh), false, "WORD[,...]", "restrict its sessions in sshd: restrict, no-pty ...", is_sshopt,
      0 },
    { "cert", OPT_FLAG, AT(cert), false, NULL, "also write FILE-cert.pub, a certificate with the ticket", NULL, 0 },
    { "uses", OPT_NUMBER, AT(uses), false, "N", "how often it may be used (not counted)", NULL, 0 },
    { "parent", OPT_NAME, AT(parent), false, "JTI", "revoking that ticket revokes this one", nhi_name_is_jti, 0 },
    { "renewable-until", OPT_UNTIL, AT(renewable), false, "WHEN", "2h, or 2027-06-30T12:00:00Z (the task's deadline)",
      NULL, 0 },
    { "no-pin", OPT_FLAG, AT(no_pin), false, NULL,
      "let it be used from anywhere, not only from the place of its first use", NULL, 0 },
    { "key", OPT_NAME, AT(kid), false, "KID", "sign with this key of this host", nhi_name_is_kid, 0 },
    { "out", OPT_PATH, AT(out), false, "FILE", "write to this file, mode 0600, not to standard output", NULL, 0 },
    TEXT_FORCE_OPT(AT(force)),
    { "from", OPT_LINES, AT(from), false, "FILE|-", "issue one for each line of these options", NULL, 0 },
    { .name = NULL },
};

const struct verb issue_verbs[] = {
    { NULL, "issue", issue, issue_opts, sizeof(struct issue_args), 0, 0,
      "--agent NAME --task ID --account NAME[,...] [--service NAME[,...]] [options] | --from FILE|- [options]",
      "Issue a ticket for a task.", "Only the ticket is printed, so that $(nhictl issue ...) works.", EXAMPLE },
    { .verb = NULL },
};
