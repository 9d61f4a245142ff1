/* SPDX-License-Identifier: ISC */
/*
 * agent export, import: the same names and uids on several hosts.
 *
 * MUST: import gives a uid only to the name that had it, and gives none twice. MUST: if anything is wrong with one
 * agent, none is imported.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/agent_conf.h"
#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/agent/agent_new.h"
#include "nhictl/agent/agents_apply.h"
#include "nhictl/agent/home.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"
#include "nhictl/say/rows.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

#define FILE_MAX ((size_t)16 << 20)

struct export_args {
    const char *out;
};

struct import_args {
    bool dry_run, no_home;
};

/* ---- export ---- */

/* In the form that libconfig reads back. No name has control characters. */
static void put_text(FILE *f, const char *key, const char *text)
{
    fprintf(f, " %s = \"", key);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', f);
        putc(*text, f);
    }
    fputs("\";", f);
}

static void put_groups(FILE *f, const char *list)
{
    char word[NHI_LIST_MAX + 1];
    const char *between = "";

    if (list[0] == '\0')
        return;
    fputs(" group = [", f);
    for (; (list = nhi_list_next(list, word)) != NULL; between = ", ")
        fprintf(f, "%s\"%s\"", between, word);
    fputs("];", f);
}

struct exporting {
    FILE *f;
    struct out *o; /* rows for programs; NULL: none */
    size_t count;
};

static int put_agent(const struct nhi_agent *a, void *ctx)
{
    struct exporting *to = ctx;
    char day[NHI_TIME_LEN + 1] = "";

    if (nhi_time_format(a->review_by, day) != NHI_OK)
        return 1;
    day[10] = '\0';
    fprintf(to->f, "%s  { name = \"%s\"; uid = %u;", to->count++ > 0 ? ",\n" : "", a->account.name, a->account.uid);
    put_text(to->f, "state", agent_state_name(a->state));
    put_text(to->f, "owner", a->owner);
    put_text(to->f, "purpose", a->purpose);
    put_text(to->f, "review_by", day);
    put_text(to->f, "home", a->account.home);
    put_text(to->f, "shell", a->account.shell);
    put_groups(to->f, a->group_names);
    fputs(" }", to->f);
    if (to->o != NULL)
        out_table_row(to->o, agent_row(to->o, a, false));
    return 0;
}

/* text: allocated, without the newline at its end. */
static enum nhi_err write_registry(struct ctl *c, struct store *s, char **text)
{
    struct exporting to = { .o = c->json ? c->out : NULL };
    size_t len = 0;
    enum nhi_err err;

    *text = NULL;
    to.f = out_must(open_memstream(text, &len));
    fprintf(to.f, "# Agents of %s, for nhictl agent import on another host.\nagents = (\n", s->set.host);
    err = nhi_agent_each(s->l, put_agent, &to);
    fprintf(to.f, "%s);", to.count > 0 ? "\n" : "");
    if (fclose(to.f) != 0)
        out_must(NULL);
    return err;
}

static int agent_export(struct ctl *c)
{
    const struct export_args *args = c->args;
    struct store s = { 0 };
    char *text = NULL;
    enum nhi_err err;
    int code = store_read(c, &s);

    if (code == CTL_DONE) {
        if (c->json)
            out_table(c->out, "agents", NULL);
        err = write_registry(c, &s, &text);
        code = err == NHI_OK ? CTL_DONE : store_fail(c, &s, err, "read the agents");
    }
    if (code == CTL_DONE && args->out != NULL)
        code = text_write(c, args->out, text, 0644);
    if (code == CTL_DONE) {
        if (args->out == NULL)
            out_raw(c->out, "registry", text);
        code = ctl_answer(c);
    }
    free(text);
    store_close(&s);
    return code;
}

/* ---- import ---- */

/* text: new. */
static int read_file(struct ctl *c, const char *file, char **text, size_t *len)
{
    bool is_file = strcmp(file, "-") != 0;
    FILE *f = is_file ? fopen(file, "re") : stdin;
    size_t room = 0;
    ssize_t n = -1;
    int code = CTL_DONE;

    errno = 0;
    if (f != NULL)
        n = getdelim(text, &room, '\0', f);
    if (f == NULL || ferror(f))
        code = ctl_fail(c, CTL_SYSTEM, NULL, "cannot read %s: %s", file, strerror(errno));
    else if (n < 0)
        code = ctl_fail(c, CTL_REFUSED, "nhictl agent export", "%s is empty", file);
    else if ((size_t)n > FILE_MAX || strlen(*text) != (size_t)n)
        code = ctl_fail(c, CTL_REFUSED, NULL, "%s is not a registry of agents", file);
    *len = n > 0 ? (size_t)n : 0;
    if (f != NULL && is_file)
        fclose(f);
    return code;
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

static int import_one(struct ctl *c, struct store *s, const struct nhi_agent_entry *e, bool *added)
{
    const struct import_args *args = c->args;
    struct agent_new n = agents_new_of(e);
    struct nhi_agent a = { .held = 0 };
    enum nhi_err err = nhi_agent_get(s->l, e->name, &a);
    int code;

    *added = err == NHI_ERR_NOT_FOUND;
    if (err == NHI_OK)
        return a.account.uid == e->uid ? CTL_DONE
                                       : ctl_fail(c, CTL_REFUSED, "nhictl agent show NAME",
                                                  "agent %s has uid %u on this host, not %u, and a uid never changes",
                                                  e->name, a.account.uid, e->uid);
    if (err != NHI_ERR_NOT_FOUND)
        return store_fail(c, s, err, "read the agents");
    memset(&a, 0, sizeof(a));
    n.file = NULL;
    n.no_home = args->no_home || e->state == NHI_AGENT_RETIRED;
    code = check_uid(c, s, e);
    if (code == CTL_DONE)
        code = agent_new_prepare(c, s, &n, &a);
    if (code != CTL_DONE)
        return code == CTL_USAGE ? CTL_REFUSED : code;
    s->set.next_uid = a.account.uid + 1;
    err = put(c, s, e, &a);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "register the agent");
}

static int import_all(struct ctl *c, struct store *s, const struct nhi_agent_conf *conf, bool *added)
{
    const char *file = c->operand[0];
    int code = CTL_DONE;

    out_table(c->out, "agents", "no agents in the file");
    for (size_t i = 0; i < conf->count && code == CTL_DONE; i++) {
        const struct nhi_agent_entry *e = &conf->all[i];
        struct out_row *r;
        char where[256];

        snprintf(where, sizeof(where), "%.200s:%u", strcmp(file, "-") == 0 ? "standard input" : file, e->line);
        c->where = where;
        code = import_one(c, s, e, &added[i]);
        c->where = NULL;
        r = out_row_new(c->out);
        out_state(r, "name", "agent", e->name);
        out_number(r, "uid", "uid", e->uid);
        out_text(r, "change", "change", added[i] ? "added" : "there already");
        out_table_row(c->out, r);
    }
    return code;
}

static int make_homes(struct ctl *c, struct store *s, const struct nhi_agent_conf *conf, const bool *added)
{
    struct nhi_agent a;
    int code = CTL_DONE;

    for (size_t i = 0; i < conf->count; i++)
        if (added[i] && conf->all[i].state != NHI_AGENT_RETIRED &&
            nhi_agent_get(s->l, conf->all[i].name, &a) == NHI_OK && home_make(c, &a.account) != CTL_DONE)
            code = CTL_SYSTEM;
    return code;
}

static int agent_import(struct ctl *c)
{
    const struct import_args *args = c->args;
    struct nhi_agent_conf conf = { .count = 0 };
    struct store s = { 0 };
    bool *added = NULL;
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = read_registry(c, c->operand[0], &conf);
    if (code == CTL_DONE) {
        if (conf.count > 0)
            qsort(conf.all, conf.count, sizeof(*conf.all), agents_by_uid);
        added = out_must(calloc(conf.count + 1, sizeof(*added)));
        code = store_write(c, &s);
    }
    if (code == CTL_DONE)
        code = store_need_sound(c, &s);
    if (code == CTL_DONE)
        code = import_all(c, &s, &conf, added);
    if (code == CTL_DONE && !args->dry_run) {
        code = store_commit(c, &s);
        if (code == CTL_DONE)
            code = store_publish(c, &s);
        if (code == CTL_DONE && !args->no_home)
            code = make_homes(c, &s, &conf, added);
    }
    if (code == CTL_DONE)
        code = ctl_answer(c);
    free(added);
    nhi_agent_conf_free(&conf);
    store_close(&s);
    return code;
}

static const struct opt export_opts[] = {
    { "out", OPT_PATH, offsetof(struct export_args, out), false, "FILE", "write to this file", NULL, 0 },
    { .name = NULL },
};

static const struct opt import_opts[] = {
    { "dry-run", OPT_FLAG, offsetof(struct import_args, dry_run), false, NULL, "only show what would be added", NULL,
      0 },
    { "no-home", OPT_FLAG, offsetof(struct import_args, no_home), false, NULL,
      "do not make home directories: they are on a file server", NULL, 0 },
    { .name = NULL },
};

const struct verb agent_registry_verbs[] = {
    { "agent", "export", agent_export, export_opts, sizeof(struct export_args), 0, 0, "[--out FILE]",
      "Print every agent with its uid, for other hosts.", NULL, "nhictl agent export --out agents.conf" },
    { "agent", "import", agent_import, import_opts, sizeof(struct import_args), 1, 1, "FILE|- [--dry-run] [--no-home]",
      "Register the agents of another host here, under the same uids.",
      "Agents that already exist here with the same uid stay as they are. If anything is wrong with one of\n"
      "them, such as a uid that is taken, none is imported. Retired agents are imported as retired, so that\n"
      "their uids are not used again.",
      "nhictl agent import agents.conf" },
    { .verb = NULL },
};
