/* SPDX-License-Identifier: ISC */
/*
 * The ticket of nhictl run, whose text nobody gets. It works inside the process tree of this process, and ends with it.
 */
#include "nhictl/run/run_ticket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/key/paseto.h"
#include "libnhi/ledger/heartbeat.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_find.h"
#include "libnhi/ticket/ticket_keyring.h"
#include "nhictl/run/run_end.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"
#include "nhictl/task/task.h"
#include "nhictl/ticket/issue.h"
#include "nhictl/ticket/issue_policy.h"
#include "nhictl/ticket/renew.h"

#define TTL_DEFAULT (10 * 60)
#define TTL_MIN 2  /* half of it must pass before the end, in whole seconds */
#define JOB_MAX 40 /* becomes a task ID with a time and a random part */

/* An agent that sudo has made root starts nothing under another name. And like pam_nhi, this opens no session that
 * nothing would end. */
static int check_place(struct ctl *c, const struct store *s)
{
    struct nhi_reserve *reserve = malloc(sizeof(*reserve));
    struct nhi_grant g;
    enum nhi_err err;
    bool open;

    open = reserve != NULL && nhi_reserve_load(NHI_STATE_DIR, NHI_RUN_DIR, reserve) == NHI_OK && !reserve->lockdown;
    free(reserve);
    if (!open)
        return ctl_fail(c, CTL_REFUSED, "nhictl status", "this host is in lockdown for agents");
    if (!s->set.unsupervised && !nhi_heartbeat_is_live(NHI_RUN_DIR))
        return ctl_fail(c, CTL_REFUSED, "systemctl start nhi-watch",
                        "nhictl watch is not running, and agents are denied without it");
    err = nhi_session_find(NHI_RUN_DIR, getpid(), &g);
    if (err == NHI_ERR_NOT_FOUND)
        return CTL_DONE;
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not find out whether this is an agent's session: %s",
                        nhi_strerror(err));
    return ctl_fail(c, CTL_REFUSED, NULL, "this is a session of agent %s, for task %s, and cannot become another",
                    g.ticket.agent, g.ticket.task);
}

static int mint_task_id(struct ctl *c, const char *job, char id[NHI_TASK_MAX + 1])
{
    char unique[NHI_JTI_LEN + 1], moment[20] = "";
    time_t now = (time_t)c->now;
    struct tm tm;

    if (!nhi_name_is_task(job) || strlen(job) > JOB_MAX)
        return ctl_fail(c, CTL_USAGE, NULL,
                        "--job '%s' is not the beginning of a task ID: at most %d printable ASCII "
                        "characters without space, quote or backslash",
                        job, JOB_MAX);
    if (gmtime_r(&now, &tm) == NULL || strftime(moment, sizeof(moment), "%Y%m%dT%H%M%SZ", &tm) == 0 ||
        nhi_id_new(unique) != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "no random numbers: %s", strerror(errno));
    snprintf(id, NHI_TASK_MAX + 1, "%s-%s-%.6s", job, moment, unique);
    return CTL_DONE;
}

/* opened: the task belongs to this run, and ends with it. */
static int find_task(struct ctl *c, struct store *s, const struct run_args *args, struct run *r, bool *opened)
{
    struct nhi_task t = { .state = NHI_TASK_OPEN, .opened = c->now };
    enum nhi_err err = NHI_ERR_NOT_FOUND;
    int code = CTL_DONE;

    if (args->task == NULL && args->job == NULL)
        return ctl_fail(c, CTL_USAGE, "--job NAME", "no task was given: --job NAME opens one, or --task ID");
    if (args->task != NULL) {
        err = nhi_task_get(s->l, args->task, &t);
        snprintf(t.id, sizeof(t.id), "%s", args->task);
    } else {
        code = mint_task_id(c, args->job, t.id);
    }
    *opened = err == NHI_ERR_NOT_FOUND;
    if (code == CTL_DONE && *opened) {
        snprintf(t.agent, sizeof(t.agent), "%s", args->agent);
        t.deadline = args->until != 0 ? args->until : c->now + TASK_UNTIL_DEFAULT;
        code = task_open_in(c, s, &t, args->concurrent);
    } else if (code == CTL_DONE && err != NHI_OK) {
        code = store_fail(c, s, err, "read the task");
    } else if (code == CTL_DONE && args->until != 0 && args->until < t.deadline) {
        t.deadline = args->until;
    }
    memcpy(r->task, t.id, sizeof(r->task));
    snprintf(r->job, sizeof(r->job), "%s", args->job != NULL ? args->job : t.id);
    r->deadline = t.deadline;
    return code;
}

static int record(struct ctl *c, struct store *s, const struct run *r, const struct nhi_ticket *t, bool opened)
{
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err = nhi_ticket_record(s->l, t, NHI_ORIGIN_ISSUED, c->now);

    if (err == NHI_OK)
        err = nhi_ticket_bind_tree(s->l, t, r->tree, opened);
    if (err == NHI_OK)
        err = nhi_ticket_set_terms(s->l, t->jti, r->deadline, false);
    if (err == NHI_OK)
        err = issue_event(c, s, "issue", t, NULL);
    out_text(detail, "job", NULL, r->job);
    out_text(detail, "command", NULL, c->command[0]);
    out_text(detail, "tree", NULL, r->tree);
    if (err == NHI_OK)
        err = store_event(
            c, s, (struct store_event){ .kind = "run", .agent = t->agent, .task = t->task, .jti = t->jti }, detail);
    else
        out_row_free(detail);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "record the ticket");
}

/* A ticket as text that the agent holds, for hosts that do not know the process tree: a child of the run's own ticket,
 * so that here it ends with that. It is signed when the ledger is no longer locked. */
static int issue_second(struct ctl *c, struct store *s, struct run *r, const struct nhi_ticket *own,
                        struct issue_made *second)
{
    const struct run_args *args = c->args;
    struct issue_args issue = {
        .agent = args->agent, .task = r->task, .host = args->host, .parent = own->jti, .ttl = own->exp - own->iat
    };
    struct nhi_ticket *t = &second->t;
    enum nhi_err err;
    int code;

    snprintf(issue.accounts, sizeof(issue.accounts), "%s", args->account != NULL ? args->account : args->agent);
    if (snprintf(issue.services, sizeof(issue.services), "%s%s", nhi_list_has(own->services, "sshd") ? "" : "sshd ",
                 own->services) >= (int)sizeof(issue.services))
        return ctl_fail(c, CTL_USAGE, NULL, "--service has no room to add sshd");
    code = issue_fill(c, s, &issue, t, &second->key);
    if (code == CTL_DONE)
        code = issue_allowed(c, t, &second->key);
    if (code == CTL_DONE)
        code = issue_fits(c, s, t);
    if (code == CTL_DONE)
        code = issue_policy(c, s, t);
    if (code != CTL_DONE)
        return code;
    err = nhi_ticket_record(s->l, t, NHI_ORIGIN_ISSUED, c->now);
    if (err == NHI_OK)
        err = nhi_ticket_set_terms(s->l, t->jti, r->deadline, false);
    if (err == NHI_OK)
        err = issue_event(c, s, "issue", t, NULL);
    memcpy(r->keyring, t->jti, sizeof(r->keyring));
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "record the ticket");
}

static int put_second(struct ctl *c, struct run *r, const struct issue_made *second)
{
    char *text = NULL;
    int code = signer_sign(c, &r->signer, &second->t, &second->key, &text);
    enum nhi_err err;

    if (code != CTL_DONE)
        return code;
    err = nhi_keyring_put(text, r->exp - c->now);
    nhi_text_free(text);
    return err == NHI_OK ? CTL_DONE
                         : ctl_fail(c, CTL_SYSTEM, "keyctl show @s",
                                    "could not put the ticket into the session keyring: %s", strerror(errno));
}

/* Another account with the agent's name, which comes first in nsswitch.conf, is not the agent's. */
static int check_uid(struct ctl *c, struct store *s, const struct run *r)
{
    struct nhi_agent a;
    enum nhi_err err = nhi_agent_get(s->l, r->agent, &a);

    if (err != NHI_OK)
        return store_fail(c, s, err, "read the agent");
    if (a.account.uid == r->uid)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "getent passwd %s", r->agent),
                    "account %s of this host has uid %u, but the agent has uid %u", r->agent, r->uid, a.account.uid);
}

static int in_ledger(struct ctl *c, const struct run_args *args, struct run *r, struct nhi_ticket *t,
                     struct issue_made *second)
{
    struct issue_args issue = { .agent = args->agent, .task = r->task };
    struct nhi_issuer key;
    struct store s = { 0 };
    bool opened = false;
    int code = store_write(c, &s);

    if (code == CTL_DONE)
        code = store_need_sound(c, &s);
    if (code == CTL_DONE)
        code = check_place(c, &s);
    if (code == CTL_DONE)
        code = task_end_lost(c, &s);
    if (code == CTL_DONE)
        code = find_task(c, &s, args, r, &opened);
    r->ttl = args->ttl != 0 ? args->ttl : TTL_DEFAULT;
    issue.ttl = r->ttl < r->deadline - c->now ? r->ttl : r->deadline - c->now;
    snprintf(issue.accounts, sizeof(issue.accounts), "%s", args->agent);
    snprintf(issue.services, sizeof(issue.services), "%s", args->services[0] != '\0' ? args->services : "sudo");
    if (code == CTL_DONE)
        code = issue_fill(c, &s, &issue, t, &key);
    if (code == CTL_DONE)
        code = issue_allowed(c, t, &key);
    if (code == CTL_DONE)
        code = check_uid(c, &s, r);
    if (code == CTL_DONE)
        code = record(c, &s, r, t, opened);
    /* After that: a rule may demand that the ticket is bound to a tree. */
    if (code == CTL_DONE)
        code = issue_policy(c, &s, t);
    if (code == CTL_DONE && args->keyring)
        code = issue_second(c, &s, r, t, second);
    if (code == CTL_DONE)
        code = store_commit(c, &s);
    store_close(&s);
    return code;
}

static enum nhi_err describe(struct nhi_grant *g)
{
    enum nhi_err err;
    pid_t parent;

    err = nhi_id_new(g->id);
    if (err == NHI_OK)
        err = nhi_boot_id(g->boot);
    if (err == NHI_OK)
        err = nhi_proc_read(getpid(), &g->self, &parent);
    g->ns = nhi_proc_namespace();
    return err;
}

int run_open(struct ctl *c, const struct run_args *args, struct run *r)
{
    struct nhi_grant *g = &r->session;
    struct issue_made second = { .t = { .nbf = 0 } };
    enum nhi_err err;
    int code;

    *g = (struct nhi_grant){ .at = c->now, .up = nhi_uptime(), .reason = NHI_PERMIT, .source = NHI_FROM_LEDGER };
    err = describe(g);
    if (!args->keyring && (args->host != NULL || args->account != NULL))
        return ctl_fail(c, CTL_USAGE, "--keyring --host NAME --account NAME",
                        "--host and --account are for the ticket of --keyring");
    if (args->ttl != 0 && args->ttl < TTL_MIN)
        return ctl_fail(c, CTL_USAGE, "--ttl 10m", "--ttl is too short to renew the ticket in time");
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not read /proc: %s", nhi_strerror(err));
    nhi_session_tree(g, r->tree);
    snprintf(r->agent, sizeof(r->agent), "%s", args->agent);
    code = in_ledger(c, args, r, &g->ticket, &second);
    r->exp = g->ticket.exp;
    if (code == CTL_DONE && args->keyring) {
        code = nhi_keyring_join() == NHI_OK ? put_second(c, r, &second)
                                            : ctl_fail(c, CTL_SYSTEM, NULL, "no session keyring: %s", strerror(errno));
        if (code != CTL_DONE)
            run_close(c, r, "no ticket for the session keyring could be made");
    }
    if (code != CTL_DONE)
        return code;
    memcpy(r->jti, g->ticket.jti, sizeof(r->jti));
    memcpy(g->root, g->ticket.jti, sizeof(g->root));
    snprintf(g->service, sizeof(g->service), "%s", "nhictl-run");
    snprintf(g->subject, sizeof(g->subject), "%s", args->agent);
    /* Processes that this one leaves behind when it is killed stay in the session, wherever they go. */
    err = nhi_session_register(NHI_RUN_DIR, NHI_STATE_DIR, g, NHI_OF_CALL, r->uid);
    if (err == NHI_OK)
        return CTL_DONE;
    run_close(c, r, "its session could not be registered");
    return ctl_fail(c, CTL_SYSTEM, NULL, "could not register the session in %s: %s", NHI_RUN_DIR, nhi_strerror(err));
}

static int renew_one(struct ctl *c, struct store *s, const char *jti, int64_t ttl, struct issue_made *made)
{
    struct nhi_ticket_row old = { .origin = NHI_ORIGIN_ISSUED };
    enum nhi_err err = nhi_ticket_last(s->l, jti, &old);

    if (err != NHI_OK)
        return store_fail(c, s, err, "read the ticket");
    return renew_in(c, s, &old, ttl, made);
}

int run_renew(struct ctl *c, struct run *r)
{
    struct issue_made own = { .t = { .exp = 0 } }, second = own;
    struct store s = { 0 };
    int code = store_write(c, &s);

    /* If the clock was set back, the ticket does not end: the clock may be corrected. */
    if (code == CTL_DONE && store_need_sound(c, &s) != CTL_DONE)
        code = CTL_SYSTEM;
    if (code == CTL_DONE)
        code = renew_one(c, &s, r->jti, r->ttl, &own);
    if (code == CTL_DONE && r->keyring[0] != '\0')
        code = renew_one(c, &s, r->keyring, r->ttl, &second);
    if (code == CTL_DONE)
        code = store_commit(c, &s);
    store_close(&s);
    if (code == CTL_DONE)
        r->exp = r->keyring[0] != '\0' ? second.t.exp : own.t.exp;
    /* If it cannot be signed now, it may be later: that does not end the command. */
    if (code == CTL_DONE && r->keyring[0] != '\0' && put_second(c, r, &second) != CTL_DONE)
        code = CTL_SYSTEM;
    return code;
}
