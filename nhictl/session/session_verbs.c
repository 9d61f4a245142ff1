/* SPDX-License-Identifier: ISC */
/*
 * session list, show, kill; lockdown.
 */
#include <stddef.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/policy/reason.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_write.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/end/look.h"
#include "nhictl/leftover/leftover_accounts.h"
#include "nhictl/leftover/leftover_sweep.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

static const char *state_of(const struct session *s)
{
    if (s->reason == NHI_PERMIT)
        return "live";
    return nhi_reason_is_end(s->reason) ? "ending" : nhi_reason_name(s->reason);
}

static struct out_row *session_row(const struct ctl *c, const struct session *s, bool full)
{
    struct out_row *r = out_row_new(c->out);
    const struct nhi_grant *g = &s->g;

    out_state(r, "session", "session", s->handle);
    out_state(r, "agent", "agent", g->ticket.agent);
    out_state(r, "task", "task", g->ticket.task);
    out_text(r, "account", "account", g->subject);
    out_text(r, "service", "service", g->service);
    out_text(r, "from", full ? "from" : NULL, g->rhost[0] != '\0' ? g->rhost : "local");
    out_state(r, "ticket", full ? "ticket" : NULL, g->ticket.jti);
    out_text(r, "rule", full ? "rule" : NULL, g->rule);
    out_time(r, "since", full ? "since" : NULL, g->at);
    if (s->reason == NHI_PERMIT)
        out_time(r, "until", "until", s->until);
    else
        out_text(r, "until", "until", NULL);
    out_state(r, "state", "state", state_of(s));
    if (s->reason != NHI_PERMIT)
        out_text(r, "reason", full ? "reason" : NULL, nhi_reason_name(s->reason));
    return r;
}

static int load(struct ctl *c, struct sessions *s)
{
    enum nhi_err err;
    int code = store_need_root(c);

    if (code != CTL_DONE)
        return code;
    err = sessions_load(s);
    if (err == NHI_OK)
        return CTL_DONE;
    return ctl_fail(c, CTL_SYSTEM, NULL, "could not read %s/%s: %s", NHI_RUN_DIR, NHI_SESSIONS_DIR, nhi_strerror(err));
}

static int session_list(struct ctl *c)
{
    struct sessions s = { .count = 0 };
    int code = load(c, &s);

    if (code == CTL_DONE) {
        out_table(c->out, "sessions", "no sessions");
        for (size_t i = 0; i < s.count; i++)
            out_table_row(c->out, session_row(c, &s.all[i], false));
        code = ctl_answer(c);
    }
    sessions_free(&s);
    return code;
}

/* NULL after reporting that it does not exist. */
static const struct session *find(struct ctl *c, const struct sessions *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->all[i].handle, c->operand[0]) == 0)
            return &s->all[i];
    (void)ctl_fail(c, CTL_REFUSED, "nhictl session list", "there is no session '%s'", c->operand[0]);
    return NULL;
}

static int session_show(struct ctl *c)
{
    const struct session *one = NULL;
    struct sessions s = { .count = 0 };
    int code = load(c, &s);

    if (code == CTL_DONE)
        one = find(c, &s);
    if (code == CTL_DONE && one == NULL)
        code = CTL_REFUSED;
    if (one != NULL) {
        out_record(c->out, "session", session_row(c, one, true));
        code = ctl_answer(c);
    }
    sessions_free(&s);
    return code;
}

/* of: NULL: no session. */
static void note(struct ctl *c, const char *kind, const struct session *of, const char *reason)
{
    struct store_event done = { .kind = kind, .cause = reason };

    if (of != NULL) {
        done.agent = of->g.ticket.agent;
        done.task = of->g.ticket.task;
        done.jti = of->g.ticket.jti;
        done.within = of->g.id;
        done.session = of->handle;
    }
    store_note(c, done, NULL);
}

/* From the host's settings, or the default if these cannot be read. */
static int64_t grace(void)
{
    struct nhi_settings set = { .grace = NHI_GRACE_DEFAULT };
    struct nhi_ledger *l = NULL;

    if (nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l) != NHI_OK || nhi_ledger_settings(l, &set) != NHI_OK)
        set.grace = NHI_GRACE_DEFAULT;
    nhi_ledger_close(l);
    return set.grace;
}

struct kill_args {
    struct look_opts look;
};

static int kill_it(struct ctl *c, struct look *look, void *ctx)
{
    struct ending e = { .phase = END_NEW };
    const struct session *one = NULL;
    struct sessions s = { .count = 0 };
    struct ended ended;
    int code = load(c, &s);

    (void)ctx;
    if (code == CTL_DONE)
        one = find(c, &s);
    if (code == CTL_DONE && one == NULL)
        code = CTL_REFUSED;
    if (one != NULL && look != NULL) {
        look_add_session(look, one);
    } else if (one != NULL) {
        e.s = *one;
        note(c, "session-kill", one, NULL);
        ended = end_these(c, &e, 1, grace());
        ended_show(c, &ended);
        code = ended_answer(c, &ended);
    }
    sessions_free(&s);
    return code;
}

static int session_kill(struct ctl *c)
{
    const struct kill_args *args = c->args;
    char sentence[NHI_TEXT_MAX];

    snprintf(sentence, sizeof(sentence), "end session %s", c->operand[0]);
    return look_first(c, &args->look, &(const struct look_verb){ .sentence = sentence, .run = kill_it });
}

static const struct opt kill_opts[] = {
    LOOK_OPTS(offsetof(struct kill_args, look)),
    { .name = NULL },
};

/* ---- processes without a session ---- */

struct end_args {
    const char *leftovers;
};

/* A session that has ended may still exist because it cannot be ended. */
static int find_session_of(const struct leftover_account *a, const struct sessions *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (!nhi_reason_is_end(s->all[i].reason) &&
            (strcmp(s->all[i].g.subject, a->name) == 0 || (a->own && strcmp(s->all[i].g.ticket.agent, a->name) == 0)))
            return (int)i;
    return -1;
}

static int session_end(struct ctl *c)
{
    const struct end_args *args = c->args;
    const struct leftover_wish wish = { .account = args->leftovers, .named = true };
    const struct leftover_account *a;
    struct sessions s = { .count = 0 };
    size_t left;
    int live = -1, code = load(c, &s);

    a = leftover_account_named(args->leftovers);
    if (code == CTL_DONE && a == NULL)
        code = ctl_fail(c, CTL_REFUSED, NULL, "%s is neither an agent's account nor an account that takes tickets only",
                        args->leftovers);
    else if (code == CTL_DONE)
        live = find_session_of(a, &s);
    if (live >= 0)
        code = ctl_fail(c, CTL_REFUSED, "nhictl session list",
                        "session %s of %s is live: other processes of the account may belong to it", s.all[live].handle,
                        args->leftovers);
    if (code == CTL_DONE) {
        left = leftovers_end(c, &wish, grace());
        code = ctl_answer(c);
        if (code == CTL_DONE && left > 0)
            code = CTL_PART;
    }
    sessions_free(&s);
    return code;
}

static const struct opt end_opts[] = {
    { "leftovers", OPT_NAME, offsetof(struct end_args, leftovers), true, "ACCOUNT",
      "its processes that belong to no session, root or person", nhi_name_is_account, 0 },
    { .name = NULL },
};

/* ---- lockdown ---- */

struct lockdown_args {
    const char *reason;
    struct look_opts look;
};

#define RESERVES NHI_STATE_DIR "/" NHI_RESERVE_FILE " " NHI_RUN_DIR "/" NHI_RESERVE_FILE

/* lasts: as nhi_reserve_lock_down sets it. */
static int set(struct ctl *c, bool on, bool *lasts)
{
    enum nhi_err err;
    int code = store_need_root(c);

    if (code != CTL_DONE)
        return code;
    *lasts = true;
    err =
        on ? nhi_reserve_lock_down(NHI_STATE_DIR, NHI_RUN_DIR, lasts) : nhi_reserve_let_in(NHI_STATE_DIR, NHI_RUN_DIR);
    if (err == NHI_OK)
        return CTL_DONE;
    if (!on)
        return ctl_fail(c, CTL_SYSTEM, "ls -l " RESERVES, "could not write one of " RESERVES ": %s", nhi_strerror(err));
    return ctl_fail(c, CTL_SYSTEM, "nhictl init",
                    "could not write %s/%s: %s; if it cannot be read, agents are denied anyway", NHI_STATE_DIR,
                    NHI_RESERVE_FILE, nhi_strerror(err));
}

static void answer(struct ctl *c, bool on)
{
    struct out_row *r = out_row_new(c->out);

    out_flag(r, "lockdown", NULL, on);
    out_record(c->out, NULL, r);
    out_line(c->out, on ? "lockdown: no agent may log in" : "no lockdown: agents may log in");
}

/* For programs that do not ask PAM, and check an account's shell. hurry: does not wait for another writer. why: what
 * was wrong. */
static bool publish_shells(const struct ctl *c, bool hurry, char *why, size_t size)
{
    struct store s = { .wait = hurry ? STORE_NOW : STORE_WAITS };
    enum nhi_err err = store_connect(&s, c->now);

    if (err == NHI_OK)
        err = store_publish_as_is(&s, c->now);
    if (err != NHI_OK)
        (void)store_error(&s, err, why, size);
    store_close(&s);
    return err == NHI_OK;
}

static int count_active(const struct nhi_agent *a, void *ctx)
{
    *(size_t *)ctx += a->state == NHI_AGENT_ACTIVE;
    return 0;
}

/* Without a ledger, too: then agents and tickets are not counted. */
static int look_at_all(struct ctl *c, struct look *look)
{
    struct nhi_ledger *l = NULL;
    int64_t live = 0;
    size_t active = 0;
    int code = store_need_root(c);

    if (code != CTL_DONE)
        return code;
    if (nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l) != NHI_OK ||
        nhi_agent_each(l, count_active, &active) != NHI_OK || nhi_ticket_count_live(l, c->now, &live) != NHI_OK)
        ctl_note("the ledger cannot be read, so agents and tickets are not counted");
    nhi_ledger_close(l);
    look_add_agents(look, active);
    code = look_add(look, NULL, 0, (uint32_t)live);
    return code == CTL_DONE ? look_add_lockdown(look) : code;
}

static int lock_down(struct ctl *c, struct look *look, void *ctx)
{
    const struct lockdown_args *args = c->args;
    const struct leftover_wish wish = { .lockdown = true };
    struct ended ended;
    char why[256];
    bool lasts;
    int code;

    (void)ctx;
    if (look != NULL)
        return look_at_all(c, look);
    code = set(c, true, &lasts);
    if (code == CTL_SYSTEM) {
        ended = end_unsaid(c, NULL, grace());
        ctl_note("the lockdown is NOT in force; %zu sessions of agents ended, %zu did not", ended.ended, ended.stuck);
        ended.stuck += leftovers_end(c, &wish, grace());
        return ended_finish(c, &ended, code);
    }
    if (code != CTL_DONE)
        return code;
    answer(c, true);
    ended = end_what_is_over(c, grace());
    ended_show(c, &ended);
    ended.stuck += leftovers_end(c, &wish, grace());
    note(c, "lockdown-on", NULL, args->reason);
    if (!publish_shells(c, true, why, sizeof(why)))
        ctl_note("lockdown is on, but agents' accounts still have their shells (%s): nhictl apply changes that", why);
    if (!lasts)
        return ended_finish(c, &ended,
                            ctl_fail(c, CTL_SYSTEM, "make " NHI_STATE_DIR " writable; the next command then keeps it",
                                     "this lockdown holds only until this host is restarted: " NHI_STATE_DIR
                                     "/" NHI_RESERVE_FILE " cannot be written"));
    return ended_answer(c, &ended);
}

static int lockdown_on(struct ctl *c)
{
    const struct lockdown_args *args = c->args;

    return look_first(c, &args->look,
                      &(const struct look_verb){
                          .sentence = "lock this host down", .given = args->reason != NULL, .run = lock_down });
}

static int lockdown_off(struct ctl *c)
{
    const struct lockdown_args *args = c->args;
    char why[256];
    bool lasts;
    int code = set(c, false, &lasts);

    if (code != CTL_DONE)
        return code;
    answer(c, false);
    note(c, "lockdown-off", NULL, args->reason);
    /* Without a shell, agents could still not log in. */
    if (!publish_shells(c, false, why, sizeof(why)))
        return ctl_fail(c, CTL_SYSTEM, "nhictl apply",
                        "lockdown is off, but the accounts of agents have no shell yet: %s", why);
    return ctl_answer(c);
}

static int lockdown_status(struct ctl *c)
{
    static struct nhi_reserve reserve; /* too large for a stack */
    enum nhi_err err;
    int code = store_need_root(c);

    if (code != CTL_DONE)
        return code;
    err = nhi_reserve_load(NHI_STATE_DIR, NHI_RUN_DIR, &reserve);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, "nhictl init", "could not read one of " RESERVES " (%s): agents are denied",
                        nhi_strerror(err));
    answer(c, reserve.lockdown);
    return ctl_answer(c);
}

static const struct opt lock_opts[] = {
    { "reason", OPT_TEXT, offsetof(struct lockdown_args, reason), false, "TEXT", "why", NULL, NHI_TEXT_MAX },
    LOOK_OPTS(offsetof(struct lockdown_args, look)),
    { .name = NULL },
};

static const struct opt lockdown_opts[] = {
    { "reason", OPT_TEXT, offsetof(struct lockdown_args, reason), false, "TEXT", "why", NULL, NHI_TEXT_MAX },
    { .name = NULL },
};

const struct verb session_verbs[] = {
    { "session", "list", session_list, NULL, 0, 0, 0, "", "List the sessions that tickets have opened.",
      "until: when its ticket, task or policy will end it, as things are now.", "nhictl session list" },
    { "session", "show", session_show, NULL, 0, 1, 1, "SESSION", "Show one session.", NULL,
      "nhictl session show a-0f5c21d8-57" },
    { "session", "kill", session_kill, kill_opts, sizeof(struct kill_args), 1, 1, "SESSION [--dry-run]",
      "End one session; its ticket lives on.", "Sends SIGTERM, then SIGKILL after the grace period in nhi.conf.",
      "nhictl session kill a-0f5c21d8-57" },
    { "session", "end", session_end, end_opts, sizeof(struct end_args), 0, 0, "--leftovers ACCOUNT",
      "End processes that run under an account's uid without a session.",
      "Look at them first: ps -o pid,lstart,args -U ACCOUNT. This includes processes that status and\n"
      "doctor only report, because they are older or have an unknown origin.",
      "nhictl session end --leftovers ci-bot" },
    { .verb = NULL },
};

const struct verb lockdown_verbs[] = {
    { "lockdown", "on", lockdown_on, lock_opts, sizeof(struct lockdown_args), 0, 0, "[--reason TEXT] [--dry-run]",
      "Refuse every agent, and end every agent's session.",
      "People are not affected. It works on a full disk, and without the ledger.",
      "nhictl lockdown on --reason 'stolen laptop'" },
    { "lockdown", "off", lockdown_off, lockdown_opts, sizeof(struct lockdown_args), 0, 0, "[--reason TEXT]",
      "Let agents in again.", NULL, "nhictl lockdown off" },
    { "lockdown", "status", lockdown_status, NULL, 0, 0, 0, "", "Show whether agents may log in.", NULL,
      "nhictl lockdown status" },
    { .verb = NULL },
};
