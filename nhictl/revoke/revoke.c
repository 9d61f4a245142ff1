/* SPDX-License-Identifier: ISC */
/*
 * revoke.
 *
 * MUST work when the ledger cannot be opened or written, or is busy for more than a tenth of a second: then the reserve
 * takes the revocation, and pam_nhi reads that first. MUST NOT report that something is revoked before it is on disk;
 * if only the run directory can be written, the answer says that it holds until the host is restarted.
 */
#include "nhictl/revoke/revoke.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_write.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/end/other_hosts.h"
#include "nhictl/keys/keyfile.h"
#include "nhictl/leftover/leftover_sweep.h"
#include "nhictl/process/log.h"
#include "nhictl/revoke/revoke_many.h"
#include "nhictl/revoke/revoke_what.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"
#include "nhictl/store/unknown.h"

static enum nhi_err add_event(struct ctl *c, struct store *s, const struct revocation *r, uint32_t live)
{
    const struct store_event done = { .kind = "revoke",
                                      .agent = r->kind == NHI_REVOKE_AGENT ? r->id : NULL,
                                      .task = r->kind == NHI_REVOKE_TASK ? r->id : NULL,
                                      .jti = r->kind == NHI_REVOKE_TICKET ? r->id : NULL,
                                      .cause = r->reason };
    struct out_row *detail = out_row_new(c->out);

    out_text(detail, "kind", NULL, nhi_revoke_kind_name(r->kind));
    out_text(detail, "id", NULL, r->id);
    out_number(detail, "live", NULL, live);
    return store_event(c, s, done, detail);
}

struct later {
    char (*jti)[NHI_JTI_LEN + 1];
    size_t count, room;
    bool failed;
};

static int collect_later(const char *jti, void *ctx)
{
    struct later *later = ctx;
    char(*more)[NHI_JTI_LEN + 1];

    more = nhi_grow(later->jti, &later->room, later->count + 1, sizeof(*more));
    if (more == NULL) {
        later->failed = true;
        return 1;
    }
    later->jti = more;
    memcpy(later->jti[later->count++], jti, sizeof(*later->jti));
    return 0;
}

/* Tickets that were issued before this host's clock was set back have a later time than now, and would become valid
 * again at that time: each of them is revoked by its ID. */
static enum nhi_err revoke_later(struct ctl *c, struct store *s, const struct revocation *r, int64_t at, uint32_t *live)
{
    struct later later = { .count = 0 };
    enum nhi_err err =
        nhi_ticket_each_after(s->l, &(const struct nhi_ticket_after){ r->id, at, c->now }, collect_later, &later);
    uint32_t more;

    if (err == NHI_OK && later.failed)
        err = NHI_ERR_NOMEM;
    for (size_t i = 0; err == NHI_OK && i < later.count; i++) {
        err = nhi_revoke(s->l, NHI_REVOKE_TICKET, later.jti[i], r->reason, c->now, &more);
        *live += err == NHI_OK ? more : 0;
    }
    free(later.jti);
    return err;
}

enum nhi_err revoke_in(struct ctl *c, struct store *s, const struct revocation *r, struct nhi_revoked *out)
{
    int64_t ahead = s->set.latest < c->now + NHI_CLOCK_SKEW ? s->set.latest : c->now + NHI_CLOCK_SKEW - 1;
    int64_t at = c->now > ahead ? c->now : ahead;
    enum nhi_err err = nhi_revoke_known(s->l, &(const struct nhi_revoking){ r->kind, r->id, r->reason, at }, out);

    if (err == NHI_OK && r->kind == NHI_REVOKE_AGENT)
        err = revoke_later(c, s, r, at, &out->live);
    return err;
}

enum nhi_err revoke_record(struct ctl *c, struct store *s, const struct revocation *r, struct nhi_revoked *out)
{
    enum nhi_err err = NHI_OK;

    if (r->kind == NHI_REVOKE_TASK && !r->unseen)
        err = task_is_known(s->l, r->id);
    if (err == NHI_OK)
        err = revoke_in(c, s, r, out);

    return err == NHI_OK ? add_event(c, s, r, out->live) : err;
}

static enum nhi_err in_ledger(struct ctl *c, struct store *s, const struct revocation *r, struct nhi_revoked *out)
{
    enum nhi_err err = store_open(s, c->now);

    if (err != NHI_OK)
        return err;
    err = revoke_record(c, s, r, out);
    if (err != NHI_OK)
        return err;
    err = nhi_ledger_commit(s->l);
    s->writing = false;
    s->committed = err == NHI_OK;
    return err;
}

struct out_row *revoke_row(const struct ctl *c, const struct revocation *r, const char *held_in, uint32_t live,
                           bool known)
{
    struct out_row *row = out_row_new(c->out);
    const bool in_reserve = strcmp(held_in, "ledger") != 0;

    out_text(row, "kind", NULL, nhi_revoke_kind_name(r->kind));
    out_text(row, "id", NULL, r->id);
    out_text(row, "held_in", NULL, held_in);
    if (in_reserve)
        out_text(row, "live_tickets", NULL, NULL);
    else
        out_number(row, "live_tickets", NULL, live);
    if (!in_reserve)
        out_flag(row, "seen", NULL, known);
    return row;
}

char *revoke_text(const struct revocation *r, uint32_t live, bool known)
{
    const char *kind = nhi_revoke_kind_name(r->kind);

    if (!known)
        return out_say("revoked %s %s: not known here yet; it will be refused", kind, r->id);
    return out_say("revoked %s %s: %u live ticket%s", kind, r->id, live, live == 1 ? "" : "s");
}

/* In the run directory if the disk cannot be written: then lasts becomes false. The error is that of the disk. */
static enum nhi_err reserve_add(enum nhi_revoke_kind kind, const char *id, int64_t at, bool *lasts)
{
    enum nhi_err err = nhi_reserve_add(NHI_STATE_DIR, kind, id, at);

    if (err == NHI_OK || err == NHI_ERR_ARG || nhi_reserve_add_for_now(NHI_RUN_DIR, kind, id, at) != NHI_OK)
        return err;
    *lasts = false;
    return NHI_OK;
}

/* A lineage is revoked by its first ticket, which only the ledger knows. If the ledger cannot be read either, agents
 * are denied anyway. */
static enum nhi_err reserve_root(const struct ctl *c, const struct revocation *r, bool *lasts)
{
    struct nhi_ledger *l = NULL;
    struct nhi_ticket_row row;
    enum nhi_err err;

    if (r->kind != NHI_REVOKE_TICKET || nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l) != NHI_OK)
        return NHI_OK;
    err = nhi_ticket_get(l, r->id, &row);
    nhi_ledger_close(l);
    if (err != NHI_OK || strcmp(row.root, r->id) == 0)
        return NHI_OK;
    err = reserve_add(NHI_REVOKE_TICKET, row.root, c->now, lasts);
    if (err == NHI_OK)
        (void)!store_note_later(c, NHI_REVOKE_TICKET, row.root, r->reason);
    return err;
}

/* Logged at once, and kept for the ledger. */
static void say_why(const struct ctl *c, const struct revocation *r)
{
    char actor[NHI_OWNER_MAX + 1];

    store_actor(c, actor);
    log_say(LOG_AUTHPRIV | LOG_NOTICE, "revoked by the reserve: %s=%s by=%s reason=%s", nhi_revoke_kind_name(r->kind),
            r->id, actor, r->reason);
    if (store_note_later(c, r->kind, r->id, r->reason) != NHI_OK)
        ctl_note("only the system log has who revoked %s %s and why: the reserve has no room for it",
                 nhi_revoke_kind_name(r->kind), r->id);
}

enum nhi_err revoke_in_reserve(const struct ctl *c, const struct revocation *r, bool *lasts)
{
    enum nhi_err err;

    *lasts = true;
    err = reserve_add(r->kind, r->id, c->now, lasts);
    if (err == NHI_OK)
        err = reserve_root(c, r, lasts);
    if (err == NHI_OK)
        say_why(c, r);
    return err;
}

/* The agent's processes that are in no session. */
static void end_leftovers(struct ctl *c, const struct revocation *r, struct ended *ended, int64_t grace)
{
    const struct leftover_wish wish = { .account = r->id };

    if (r->kind == NHI_REVOKE_AGENT)
        ended->stuck += leftovers_end(c, &wish, grace);
}

/* The secret half of an untrusted key need not be kept; that of another host's key was never here. */
void revoke_forget_key(const struct revocation *r)
{
    if (r->kind == NHI_REVOKE_ISSUER && keyfile_remove(r->id) != NHI_OK)
        ctl_note("could not remove the secret key of %s from %s/%s", r->id, NHI_STATE_DIR, NHI_KEYS_DIR);
}

/* A ledger that cannot be written can often still be read. */
static void show_from_reserve(struct ctl *c, const struct revocation *r)
{
    struct nhi_ledger *l = NULL;

    if (nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l) != NHI_OK)
        l = NULL;
    other_hosts_show(c, l, r->kind, r->id, NULL);
    nhi_ledger_close(l);
}

/* A task that is not known may be a typing error, and its ID could never be used: where a ledger can be read that
 * cannot be written. */
static int need_known(struct ctl *c, const struct revocation *r)
{
    struct store s = { .l = NULL };
    enum nhi_err err;
    int code = CTL_DONE;

    if (r->kind != NHI_REVOKE_TASK || r->unseen)
        return CTL_DONE;
    err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &s.l);
    if (err == NHI_OK)
        err = task_is_known(s.l, r->id);
    if (err == NHI_ERR_NOT_FOUND && s.l != NULL)
        code = unknown_task(c, &s, r->id);
    else if (err != NHI_OK)
        ctl_note(
            "the ledger cannot be read (%s), so whether there is a task '%s' is not known; it is revoked all the same",
            nhi_strerror(err), r->id);
    nhi_ledger_close(s.l);
    return code;
}

static int from_reserve(struct ctl *c, const struct store *s, const struct revocation *r, enum nhi_err ledger)
{
    char why[256];
    struct ended ended;
    enum nhi_err err;
    bool lasts;
    int code = need_known(c, r);

    if (code != CTL_DONE)
        return code;
    store_error(s, ledger, why, sizeof(why));
    err = revoke_in_reserve(c, r, &lasts);
    if (err == NHI_ERR_NOT_FOUND && ledger == NHI_ERR_NOT_FOUND)
        return ctl_fail(c, CTL_SYSTEM, "nhictl init", "there is no ledger at %s/%s", NHI_STATE_DIR, NHI_LEDGER_FILE);
    if (err != NHI_OK) {
        /* Live sessions are ended all the same. */
        ended = end_unsaid(c, r, NHI_GRACE_DEFAULT);
        code = ctl_fail(
            c, CTL_SYSTEM, "make " NHI_STATE_DIR " writable, then try again; until then: nhictl session kill",
            "NOT revoked, and can open new sessions: the ledger cannot be written (%s), nor can the reserve (%s); of "
            "its open sessions %zu ended, %zu did not",
            why, nhi_strerror(err), ended.ended, ended.stuck);
        return ended_finish(c, &ended, code);
    }
    revoke_forget_key(r);
    ended = end_named(c, NULL, r, NHI_GRACE_DEFAULT);
    out_member(c->out, "revoked", revoke_row(c, r, lasts ? "reserve" : "run", 0, true));
    out_line(c->out, "revoked %s %s", nhi_revoke_kind_name(r->kind), r->id);
    ended_show(c, &ended);
    end_leftovers(c, r, &ended, NHI_GRACE_DEFAULT);
    show_from_reserve(c, r);
    if (lasts)
        out_line(c->out,
                 "the ledger cannot be written (%s); the reserve keeps the revocation in force until a command can "
                 "write it to the ledger",
                 why);
    code = ctl_answer(c);
    if (!lasts)
        code = ctl_fail(c, CTL_SYSTEM, "make " NHI_STATE_DIR " writable; the next command then keeps it",
                        "this revocation holds only until this host is restarted: neither the ledger can be written "
                        "(%s), nor the reserve",
                        why);
    return ended_finish(c, &ended, code);
}

/* Logins read what was published: until this is, the reserve has it as well. */
void revoke_if_unpublished(const struct ctl *c, const struct store *s, const struct revocation *r)
{
    enum nhi_err err = nhi_ledger_unpublished(s->l);
    bool lasts;

    if (err != NHI_OK && revoke_in_reserve(c, r, &lasts) != NHI_OK)
        ctl_note("%s %s is revoked in the ledger, but this could not be published (%s), and logins may not see it yet: "
                 "nhictl publish",
                 nhi_revoke_kind_name(r->kind), r->id, nhi_strerror(err));
}

static int done(struct ctl *c, const struct store *s, const struct revocation *r, const struct nhi_revoked *is)
{
    char *text = revoke_text(r, is->live, is->known);
    struct other_hosts none;
    struct ended ended;

    revoke_forget_key(r);
    ended = end_named(c, s->l, r, s->set.grace);
    out_member(c->out, "revoked", revoke_row(c, r, "ledger", is->live, is->known));
    out_line(c->out, "%s", text);
    free(text);
    ended_show(c, &ended);
    end_leftovers(c, r, &ended, s->set.grace);
    if (is->elsewhere)
        other_hosts_show(c, s->l, r->kind, r->id, NULL);
    else
        other_hosts_begin(&none, c);
    return ended_answer(c, &ended);
}

int revoke_unknown(struct ctl *c, const struct store *s, const struct revocation *r)
{
    if (r->kind == NHI_REVOKE_TASK)
        return unknown_task(c, s, r->id);
    return r->kind == NHI_REVOKE_AGENT ? unknown_agent(c, s, r->id) : unknown_key(c, s, r->id);
}

int revoke_look(struct ctl *c, const struct revocation *r, struct look *look)
{
    struct store s = { .wait = STORE_SOON };
    struct nhi_revoked revoked;
    char why[256];
    enum nhi_err err;
    int code = store_need_root(c);

    if (code != CTL_DONE)
        return code;
    hold_begin(&s.held);
    err = store_open(&s, c->now);
    if (err == NHI_OK)
        look_add_others(look, s.l, r);
    if (err == NHI_OK)
        err = revoke_record(c, &s, r, &revoked);
    if (err == NHI_OK)
        code = look_add(look, r, 1, revoked.live);
    else if (err == NHI_ERR_NOT_FOUND && s.writing)
        code = revoke_unknown(c, &s, r);
    else
        code =
            ctl_fail(c, CTL_SYSTEM, "nhictl status", "the ledger cannot be written, so what would end is not known: %s",
                     store_error(&s, err, why, sizeof(why)));
    store_close(&s);
    return code;
}

static int run(struct ctl *c, struct look *look, void *ctx)
{
    const struct revocation *r = ctx;
    struct store s = { .wait = STORE_SOON };
    struct nhi_revoked revoked;
    enum nhi_err err;
    int code;

    if (look != NULL)
        return revoke_look(c, r, look);
    code = store_need_root(c);
    if (code != CTL_DONE)
        return code;
    hold_begin(&s.held);
    err = in_ledger(c, &s, r, &revoked);
    if (err == NHI_OK) {
        revoke_if_unpublished(c, &s, r);
        code = done(c, &s, r, &revoked);
    } else if (err == NHI_ERR_NOT_FOUND && s.writing) {
        code = revoke_unknown(c, &s, r);
    } else {
        code = from_reserve(c, &s, r, err);
    }
    store_close(&s);
    return code;
}

int revoke_run(struct ctl *c, struct revocation *r, const struct look_opts *look)
{
    char sentence[NHI_TEXT_MAX];

    snprintf(sentence, sizeof(sentence), "revoke %s %s", nhi_revoke_kind_name(r->kind), r->id);
    return look_first(
        c, look,
        &(const struct look_verb){ .sentence = sentence, .given = r->reason[0] != '\0', .run = run, .ctx = r });
}

int revoke_target(struct ctl *c, const struct revoke_given *args, struct revocation *r)
{
    const struct {
        enum nhi_revoke_kind kind;
        const char *id;
    } targets[] = { { NHI_REVOKE_TICKET, args->ticket },
                    { NHI_REVOKE_TASK, args->task },
                    { NHI_REVOKE_AGENT, args->agent },
                    { NHI_REVOKE_ISSUER, args->issuer } };
    int given = 0;

    *r = (struct revocation){ .reason = args->reason != NULL ? args->reason : "", .unseen = args->unseen };
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        if (targets[i].id != NULL) {
            r->kind = targets[i].kind;
            r->id = targets[i].id;
            given++;
        }
    if (given + c->operand_count == 1)
        return CTL_DONE;
    return ctl_fail(c, CTL_USAGE, "nhictl help revoke",
                    "revoke takes exactly one of WHAT, --ticket, --task, --agent and --issuer");
}

extern const struct verb revoke_verbs[];

static int revoke_verb(struct ctl *c)
{
    const struct revoke_given *args = c->args;
    char jti[NHI_JTI_LEN + 1];
    struct revocation r;
    int code;

    if (args->from != NULL && args->look.dry_run)
        return ctl_fail(c, CTL_USAGE, "nhictl help revoke", "--dry-run and --from cannot be combined");
    if (args->from != NULL)
        return revoke_many(c, &revoke_verbs[0], args->from);
    code = revoke_target(c, args, &r);
    if (code == CTL_DONE && r.id == NULL)
        code = revoke_what(c, c->operand[0], &r, jti);
    return code == CTL_DONE ? revoke_run(c, &r, &args->look) : code;
}

#define AT(field) offsetof(struct revoke_given, field)

static const struct opt revoke_opts[] = {
    { "ticket", OPT_NAME, AT(ticket), false, "JTI", "one ticket and its children, known here or not", nhi_name_is_jti,
      0 },
    { "task", OPT_NAME, AT(task), false, "ID", "every ticket for a task, which is closed too", nhi_name_is_task, 0 },
    { "agent", OPT_NAME, AT(agent), false, "NAME", "every ticket that an agent has now", nhi_name_is_agent, 0 },
    { "issuer", OPT_NAME, AT(issuer), false, "KID", "a key and every ticket that it signed", nhi_name_is_kid, 0 },
    { "unseen", OPT_FLAG, AT(unseen), false, NULL, "a task that this host does not know is meant", NULL, 0 },
    { "reason", OPT_TEXT, AT(reason), false, "TEXT", "why", NULL, NHI_TEXT_MAX },
    LOOK_OPTS(AT(look)),
    { "from", OPT_LINES, AT(from), false, "FILE|-", "what each line names, in these options", NULL, 0 },
    { .name = NULL },
};

const struct verb revoke_verbs[] = {
    { NULL, "revoke", revoke_verb, revoke_opts, sizeof(struct revoke_given), 0, 1,
      "WHAT | --ticket JTI | --task ID | --agent NAME | --issuer KID | --from FILE|- [--reason TEXT] [--dry-run]",
      "End tickets now.",
      "WHAT is a task, an agent, a key, or a ticket by the beginning of its ID; it must be only one of them.\n"
      "Once this returns 0, the revoked tickets open nothing any more, and the sessions that they opened\n"
      "have ended. It also works on a full disk and with a damaged ledger.",
      "nhictl revoke --task build-4711 --reason cancelled" },
    { .verb = NULL },
};
