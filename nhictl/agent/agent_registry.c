/* SPDX-License-Identifier: ISC */
/*
 * agent export: the same names and uids on several hosts.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/out.h"
#include "nhictl/say/rows.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"

struct export_args {
    const char *out;
    bool force;
};

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
    int code = text_need_new(c, args->out, args->force);

    if (code == CTL_DONE)
        code = store_read(c, &s);
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

static const struct opt export_opts[] = {
    { "out", OPT_PATH, offsetof(struct export_args, out), false, "FILE", "write to this file", NULL, 0 },
    TEXT_FORCE_OPT(offsetof(struct export_args, force)),
    { .name = NULL },
};

const struct verb agent_registry_verbs[] = {
    { "agent", "export", agent_export, export_opts, sizeof(struct export_args), 0, 0, "[--out FILE]",
      "Print every agent with its uid, for other hosts.", NULL, "nhictl agent export --out agents.conf" },
    { .verb = NULL },
};
