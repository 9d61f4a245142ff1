/* SPDX-License-Identifier: ISC */
/*
 * agent import: the same names and uids on several hosts.
 *
 * MUST: a uid is given only to the name that had it, and none twice. MUST: if anything is wrong with one agent, none is
 * imported: all are checked before the first is added. MUST: a revocation does not wait until all are added.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/agent_conf.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/agent/agent_new.h"
#include "nhictl/agent/agents_apply.h"
#include "nhictl/agent/home.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"
#include "nhictl/say/whole_file.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"
#include "nhictl/store/turn.h"

#define FILE_MAX ((size_t)16 << 20)

struct import_args {
    bool dry_run, no_home;
};

/* One agent of the file. */
struct importing {
    const struct nhi_agent_entry *e;
    struct nhi_agent a; /* if it is to be added */
    bool add;
};

struct import {
    struct nhi_agent_conf conf;
    struct importing *all; /* as many as in conf */
    size_t count, to_add, added;
    char go_on[320];
};

/* text: new. */
static int read_file(struct ctl *c, const char *file, char **text, size_t *len)
{
    int code = whole_file_read(c, file, FILE_MAX, text, len);

    if (code != CTL_DONE)
        return code;
    if (*len == 0)
        return ctl_fail(c, CTL_REFUSED, "nhictl agent export", "%s is empty", file);
    if (*len > FILE_MAX || strlen(*text) != *len)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s is not a registry of agents", file);
    return CTL_DONE;
}

static int read_registry(struct ctl *c, const char *file, struct nhi_agent_conf *conf)
{
    struct nhi_conf_error error = { .line = 0 };
    char *text = NULL;
    size_t len = 0;
    enum nhi_err err = NHI_OK;
    int code = read_file(c, file, &text, &len);

    if (code == CTL_DONE)
        err = nhi_agent_conf_add(conf, "registry", text, len, &error);
    free(text);
    if (code != CTL_DONE || err == NHI_OK)
        return code;
    if (err == NHI_ERR_FORMAT)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s:%u: %s; nothing was changed", file, error.line, error.text);
    return ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", file, nhi_strerror(err));
}

/* Checks that the uid belongs to this name on this host, too, and can still be used. */
static int check_uid(struct ctl *c, struct store *s, const struct nhi_agent_entry *e)
{
    char holder[NHI_AGENT_MAX + 1];
    enum nhi_err err;

    if (e->uid == 0)
        return ctl_fail(c, CTL_REFUSED, "nhictl agent export", "agent %s has no uid in this file", e->name);
    err = nhi_agent_with_uid(s->l, e->uid, holder);
    if (err == NHI_ERR_NOT_FOUND)
        return CTL_DONE;
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the agents");
    return ctl_fail(c, CTL_REFUSED, NULL, "uid %u of agent %s belongs to agent %s on this host", e->uid, e->name,
                    holder);
}

static enum nhi_err put(struct ctl *c, struct store *s, const struct nhi_agent_entry *e, const struct nhi_agent *a)
{
    enum nhi_err err = agent_new_record(c, s, a);

    if (err != NHI_OK || e->state == NHI_AGENT_ACTIVE || e->state == 0)
        return err;
    err = nhi_agent_set_state(s->l, e->name, e->state, "imported in this state", c->now);
    if (err != NHI_OK)
        return err;
    return store_event(c, s,
                       (struct store_event){ .kind = e->state == NHI_AGENT_RETIRED ? "agent-retire" : "agent-suspend",
                                             .agent = e->name,
                                             .cause = "imported in this state" },
                       NULL);
}

/* Nothing is written. */
static int check_one(struct ctl *c, struct store *s, struct importing *i)
{
    const struct import_args *args = c->args;
    const struct nhi_agent_entry *e = i->e;
    struct agent_new n = agents_new_of(e);
    enum nhi_err err = nhi_agent_get(s->l, e->name, &i->a);
    int code;

    i->add = err == NHI_ERR_NOT_FOUND;
    if (err == NHI_OK)
        return i->a.account.uid == e->uid
                   ? CTL_DONE
                   : ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl agent show %s", e->name),
                              "agent %s has uid %u on this host, not %u, and a uid never changes", e->name,
                              i->a.account.uid, e->uid);
    if (err != NHI_ERR_NOT_FOUND)
        return store_fail(c, s, err, "read the agents");
    memset(&i->a, 0, sizeof(i->a));
    n.file = NULL;
    n.no_home = args->no_home || e->state == NHI_AGENT_RETIRED;
    code = check_uid(c, s, e);
    if (code == CTL_DONE)
        code = agent_new_prepare(c, s, &n, &i->a);
    if (code == CTL_DONE)
        s->set.next_uid = i->a.account.uid + 1;
    return code == CTL_USAGE ? CTL_REFUSED : code;
}

static int check_all(struct ctl *c, struct store *s, struct import *im)
{
    const char *file = c->operand[0];
    int code = CTL_DONE;

    out_table(c->out, "agents", "no agents in the file");
    for (size_t k = 0; k < im->count && code == CTL_DONE; k++) {
        struct importing *i = &im->all[k];
        struct out_row *r;
        char where[256];

        i->e = &im->conf.all[k];
        snprintf(where, sizeof(where), "%.200s:%u", strcmp(file, "-") == 0 ? "standard input" : file, i->e->line);
        c->where = where;
        code = check_one(c, s, i);
        c->where = NULL;
        im->to_add += i->add;
        r = out_row_new(c->out);
        out_state(r, "name", "agent", i->e->name);
        out_number(r, "uid", "uid", i->e->uid);
        out_text(r, "change", "change", i->add ? "added" : "there already");
        out_table_row(c->out, r);
    }
    return code;
}

/* It was checked, but others may have written since. */
static int add_one(struct ctl *c, struct store *s, struct importing *i)
{
    enum nhi_err err = put(c, s, i->e, &i->a);
    int code = CTL_DONE;

    if (err == NHI_OK)
        return CTL_DONE;
    if (err == NHI_ERR_EXISTS || err == NHI_ERR_STATE)
        code = check_one(c, s, i);
    return code != CTL_DONE ? code : store_fail(c, s, err, "register the agent");
}

static int end_turn(struct ctl *c, struct store *s, struct import *im, size_t added)
{
    enum nhi_err err = turn_commit(s);

    if (err != NHI_OK)
        return store_fail(c, s, err, "write the ledger");
    im->added = added;
    snprintf(c->so_far, sizeof(c->so_far), "%zu of %zu agents are imported", added, im->to_add);
    return CTL_DONE;
}

static int next_turn(struct ctl *c, struct store *s, struct turn *turn)
{
    enum nhi_err err;

    if (turn_is_stopped())
        return ctl_fail(c, CTL_SYSTEM, NULL, "interrupted");
    err = turn_next(c, s, turn);
    return err == NHI_OK ? store_need_sound(c, s) : store_open_failed(c, s, err);
}

static int add_all(struct ctl *c, struct store *s, struct import *im)
{
    struct turn turn;
    size_t added = 0;
    int code = CTL_DONE;

    turn_begin(&turn);
    for (size_t k = 0; k < im->count && code == CTL_DONE; k++) {
        if (!im->all[k].add)
            continue;
        if (added > im->added && turn_is_over(&turn))
            code = end_turn(c, s, im, added);
        if (code == CTL_DONE && added > 0 && added == im->added)
            code = next_turn(c, s, &turn);
        if (code == CTL_DONE)
            code = add_one(c, s, &im->all[k]);
        added++;
    }
    return code == CTL_DONE ? end_turn(c, s, im, added) : code;
}

static int make_homes(struct ctl *c, const struct import *im)
{
    int code = CTL_DONE;

    for (size_t k = 0; k < im->count; k++)
        if (im->all[k].add && im->all[k].e->state != NHI_AGENT_RETIRED &&
            home_make(c, &im->all[k].a.account) != CTL_DONE)
            code = CTL_SYSTEM;
    return code;
}

/* The accounts of those that were added resolve, even if others could not be added. */
static int publish(struct ctl *c, struct store *s, const struct import *im, int code)
{
    if (im->added == 0)
        return code;
    if (s->writing)
        nhi_ledger_rollback(s->l);
    s->writing = false;
    if (code == CTL_DONE)
        return store_publish(c, s);
    if (s->l == NULL || store_publish_as_is(s, c->now) != NHI_OK)
        ctl_note("the account snapshot could not be written, so that the new accounts do not resolve yet");
    return code;
}

static int import(struct ctl *c, struct store *s, struct import *im)
{
    const struct import_args *args = c->args;
    enum nhi_err err;
    int code = check_all(c, s, im);

    if (code != CTL_DONE || args->dry_run)
        return code;
    snprintf(im->go_on, sizeof(im->go_on), "nhictl agent import%s %.200s, the same file again",
             args->no_home ? " --no-home" : "", c->operand[0]);
    c->go_on = im->go_on;
    err = store_begin(s);
    code = err == NHI_OK ? add_all(c, s, im) : store_open_failed(c, s, err);
    code = publish(c, s, im, code);
    c->so_far[0] = '\0';
    return code == CTL_DONE && !args->no_home ? make_homes(c, im) : code;
}

/* Ctrl-C leaves a turn whole, or nothing of it. The ledger is not locked while all are checked. */
static int open_ledger(struct ctl *c, struct store *s)
{
    enum nhi_err err;

    hold_begin(&s->held);
    err = store_connect(s, c->now);
    return err == NHI_OK ? store_need_sound(c, s) : store_open_failed(c, s, err);
}

static int agent_import(struct ctl *c)
{
    struct import im = { .count = 0 };
    struct store s = { 0 };
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = read_registry(c, c->operand[0], &im.conf);
    if (code == CTL_DONE) {
        im.count = im.conf.count;
        if (im.count > 0)
            qsort(im.conf.all, im.count, sizeof(*im.conf.all), agents_by_uid);
        im.all = out_must(calloc(im.count + 1, sizeof(*im.all)));
        code = open_ledger(c, &s);
    }
    if (code == CTL_DONE)
        code = import(c, &s, &im);
    if (code == CTL_DONE)
        code = ctl_answer(c);
    free(im.all);
    nhi_agent_conf_free(&im.conf);
    store_close(&s);
    return code;
}

static const struct opt import_opts[] = {
    { "dry-run", OPT_FLAG, offsetof(struct import_args, dry_run), false, NULL, "only show what would be added", NULL,
      0 },
    { "no-home", OPT_FLAG, offsetof(struct import_args, no_home), false, NULL,
      "do not make home directories: they are on a file server", NULL, 0 },
    { .name = NULL },
};

const struct verb agent_import_verbs[] = {
    { "agent", "import", agent_import, import_opts, sizeof(struct import_args), 1, 1, "FILE|- [--dry-run] [--no-home]",
      "Register the agents of another host here, under the same uids.",
      "Agents that already exist here with the same uid stay as they are. If anything is wrong with one of\n"
      "them, such as a uid that is taken, none is imported. Retired agents are imported as retired, so that\n"
      "their uids are not used again. If it is cut off, the same command goes on.",
      "nhictl agent import agents.conf" },
    { .verb = NULL },
};
