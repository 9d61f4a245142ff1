/* SPDX-License-Identifier: ISC */
/*
 * adopt: an account that automation uses today, and what would replace it. It changes nothing.
 */
#include "nhictl/adopt/adopt.h"

#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/ledger/ledger_agent.h"
#include "nhictl/adopt/adopt_log.h"
#include "nhictl/adopt/adopt_plan.h"
#include "nhictl/adopt/adopt_read.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

#define GROUPS_MAX 64

struct adopt_args {
    const char *agent, *owner;
};

/* ---- the account ---- */

static int find_account(struct ctl *c, struct adopt *a)
{
    const char *name = c->operand[0];
    const struct passwd *pw = nhi_name_is_account(name) ? getpwnam(name) : NULL;
    enum nhi_err err;
    char hint[160];

    if (pw == NULL)
        return ctl_fail(c, CTL_REFUSED, "getent passwd", "there is no account '%s' on this host", name);
    a->home = out_must(strdup(pw->pw_dir));
    err = nhi_host_account_by_name(name, &a->account);
    if (err != NHI_OK)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not look up account %s: %s", name, nhi_strerror(err));
    snprintf(hint, sizeof(hint), "id %s; gpasswd -d %s %s if it can leave the group", name, name, a->account.because);
    if (a->account.privileged && strcmp(a->account.because, "uid 0") == 0)
        return ctl_fail(c, CTL_REFUSED, NULL, "account %s is root: no ticket may name it", name);
    if (a->account.privileged)
        return ctl_fail(c, CTL_REFUSED, hint, "account %s leads to root (%s): no ticket may name it", name,
                        a->account.because);
    return CTL_DONE;
}

/* A group that agent add accepts. */
static bool is_ordinary(const struct store *s, const struct group *g)
{
    return g->gr_gid >= 1000 && (g->gr_gid < s->set.uid_min || g->gr_gid > s->set.uid_max) &&
           strncmp(g->gr_name, "nhi-", 4) != 0 && nhi_name_is_account(g->gr_name) &&
           !nhi_group_is_privileged(g->gr_name, g->gr_gid);
}

static void find_groups(struct adopt *a, const struct store *s)
{
    gid_t gid[GROUPS_MAX];
    int n = GROUPS_MAX;
    size_t len = 0;
    FILE *f = out_must(open_memstream(&a->groups, &len));
    const char *between = "";

    if (getgrouplist(a->account.name, a->account.gid, gid, &n) < 0)
        n = 0;
    for (int i = 0; i < n; i++) {
        const struct group *g = getgrgid(gid[i]);

        if (g == NULL || !is_ordinary(s, g))
            continue;
        fprintf(f, "%s%s", between, g->gr_name);
        between = ",";
    }
    if (fclose(f) != 0)
        out_must(NULL);
}

/* deploy-bot, unless another name was given. */
static int name_agent(struct ctl *c, struct adopt *a, struct store *s, char *name, size_t size)
{
    const struct adopt_args *args = c->args;
    struct nhi_agent had;
    enum nhi_err err;

    a->agent = args->agent;
    if (a->agent == NULL) {
        snprintf(name, size, "%s-bot", a->account.name);
        a->agent = name;
    }
    if (!nhi_name_is_agent(a->agent))
        return ctl_fail(c, CTL_REFUSED, "--agent NAME", "'%s' is not an agent name", a->agent);
    if (a->account.uid >= s->set.uid_min && a->account.uid <= s->set.uid_max)
        return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl agent show %s", a->account.name),
                        "account %s already belongs to an agent", a->account.name);
    err = nhi_agent_get(s->l, a->agent, &had);
    if (err == NHI_OK)
        return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl agent show %s, or --agent with another name", a->agent),
                        "agent %s already exists", a->agent);
    return err == NHI_ERR_NOT_FOUND ? CTL_DONE : store_fail(c, s, err, "read the agents");
}

/* ---- what was found ---- */

static void heading(struct ctl *c, const char *text)
{
    out_line(c->out, "%s", "");
    out_line(c->out, "%s", text);
}

static void show_account(const struct adopt *a)
{
    struct out_row *r = out_row_new(a->c->out);

    out_text(r, "account", "account", a->account.name);
    out_number(r, "uid", "uid", a->account.uid);
    out_text(r, "home", "home", a->home);
    out_text(r, "agent", "as agent", a->agent);
    out_text(r, "logs", "logins from", a->logs);
    out_record(a->c->out, NULL, r);
}

static void show_keys(const struct adopt *a)
{
    heading(a->c, "keys that open it");
    out_table(a->c->out, "keys", "  none");
    for (size_t i = 0; i < a->key_count; i++) {
        const struct adopt_key *k = &a->key[i];
        struct out_row *r = out_row_new(a->c->out);

        out_text(r, "type", "type", k->type);
        out_text(r, "comment", "comment", k->comment);
        out_text(r, "options", "options", k->options);
        out_number(r, "logins", "logins", k->logins);
        out_text(r, "last", "last", k->last);
        out_flag(r, "can_be_bound", NULL, k->base64[0] != '\0');
        out_text(r, "fingerprint", NULL, k->print);
        out_text(r, "file", NULL, k->file);
        out_table_row(a->c->out, r);
    }
}

static void show_uses(const struct adopt *a, const char *title, const char *key, const char *label,
                      const struct adopt_uses *uses)
{
    heading(a->c, title);
    out_table(a->c->out, key, "  none seen");
    for (size_t i = 0; i < uses->count; i++) {
        const struct adopt_use *u = &uses->all[i];
        struct out_row *r = out_row_new(a->c->out);

        out_text(r, label, label, u->how);
        if (strcmp(key, "logins") == 0)
            out_text(r, "from", "from", u->from);
        out_number(r, "count", "count", u->count);
        out_text(r, "last", "last", u->last);
        out_table_row(a->c->out, r);
    }
}

static void show_jobs(const struct adopt *a)
{
    heading(a->c, "jobs that run as it");
    out_table(a->c->out, "jobs", "  none");
    for (size_t i = 0; i < a->job_count; i++) {
        struct out_row *r = out_row_new(a->c->out);

        out_text(r, "when", "when", a->job[i].when);
        out_text(r, "command", "command", a->job[i].command);
        out_text(r, "file", "file", a->job[i].file);
        out_text(r, "job", NULL, a->job[i].name);
        out_table_row(a->c->out, r);
    }
}

static void show_list(const struct adopt *a, const char *key, const char *title, const struct adopt_list *l)
{
    out_line(a->c->out, "%s", "");
    out_strings(a->c->out, key, title);
    for (size_t i = 0; i < l->count; i++)
        out_string(a->c->out, "%s", l->text[i]);
}

static void show(struct adopt *a)
{
    show_account(a);
    show_keys(a);
    show_uses(a, "logins", "logins", "how", &a->logins);
    show_uses(a, "commands that it ran with sudo", "sudo_runs", "command", &a->commands);
    show_list(a, "sudo", "commands that sudo allows it", &a->sudo);
    show_jobs(a);
    show_list(a, "units", "units that run as it", &a->units);
    show_list(a, "as_root", "places where root switches to it, which still works without a ticket", &a->as_root);
    heading(a->c, "what would replace this; nothing was changed");
    adopt_plan(a);
}

static void free_uses(struct adopt_uses *uses)
{
    for (size_t i = 0; i < uses->count; i++) {
        free(uses->all[i].how);
        free(uses->all[i].from);
        free(uses->all[i].last);
    }
    free(uses->all);
}

static void free_all(struct adopt *a)
{
    for (size_t i = 0; i < a->key_count; i++) {
        free(a->key[i].file);
        free(a->key[i].type);
        free(a->key[i].comment);
        free(a->key[i].options);
        free(a->key[i].last);
    }
    for (size_t i = 0; i < a->job_count; i++) {
        free(a->job[i].file);
        free(a->job[i].when);
        free(a->job[i].command);
        free(a->job[i].env);
    }
    for (size_t i = 0; i < a->sudo.count; i++)
        free(a->sudo.text[i]);
    for (size_t i = 0; i < a->units.count; i++)
        free(a->units.text[i]);
    free_uses(&a->logins);
    free_uses(&a->commands);
    free(a->key);
    free(a->job);
    free(a->sudo.text);
    free(a->units.text);
    for (size_t i = 0; i < a->as_root.count; i++)
        free(a->as_root.text[i]);
    free(a->as_root.text);
    free(a->groups);
    free(a->owner);
    free(a->home);
}

static int adopt(struct ctl *c)
{
    const struct adopt_args *args = c->args;
    char name[NHI_ACCOUNT_MAX + 8], actor[NHI_OWNER_MAX + 1];
    struct adopt a = { .c = c };
    struct store s = { 0 };
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = store_read(c, &s);
    if (code == CTL_DONE)
        code = find_account(c, &a);
    if (code == CTL_DONE)
        code = name_agent(c, &a, &s, name, sizeof(name));
    if (code == CTL_DONE)
        find_groups(&a, &s);
    store_close(&s);
    if (code == CTL_DONE) {
        store_actor(c, actor);
        a.owner = out_must(strdup(args->owner != NULL ? args->owner : actor));
        adopt_keys(&a);
        adopt_sudo(&a);
        adopt_jobs(&a);
        adopt_logs(&a);
        show(&a);
        code = ctl_answer(c);
    }
    free_all(&a);
    return code;
}

#define AT(field) offsetof(struct adopt_args, field)

static const struct opt adopt_opts[] = {
    { "agent", OPT_NAME, AT(agent), false, "NAME", "its name as an agent (ACCOUNT-bot)", nhi_name_is_agent, 0 },
    { "owner", OPT_TEXT, AT(owner), false, "OWNER", "the person or team that will be responsible for it (you)",
      nhi_name_is_owner, NHI_OWNER_MAX },
    { .name = NULL },
};

const struct verb adopt_verbs[] = {
    { NULL, "adopt", adopt, adopt_opts, sizeof(struct adopt_args), 1, 1, "ACCOUNT [--agent NAME] [--owner OWNER]",
      "Show how automation uses an account, and what would replace it.",
      "Looks at its keys, its lines in sudoers and crontabs and, where logs show them, its logins, and prints\n"
      "the agent, policy and commands that would replace them, with observe mode first. It changes nothing.",
      "nhictl adopt deploy --owner ops@example.org" },
    { .verb = NULL },
};
