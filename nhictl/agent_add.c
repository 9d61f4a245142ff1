/*
 * agent add.
 *
 * MUST: no name and no uid that a local account or group has, or that an agent ever had. MUST: no
 * group that leads to root, and none of another agent's. The home directory comes last, when the
 * account exists, so that nothing is left behind that belongs to nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/paths.h"
#include "libnhi/privileged.h"
#include "nhictl/ctl.h"
#include "nhictl/home.h"
#include "nhictl/names.h"
#include "nhictl/store.h"

#define SHELL_DEFAULT "/bin/sh"

struct add_args {
    const char *owner, *purpose, *home, *shell;
    int64_t review_by;
    char groups[NHI_LIST_MAX + 1];
    bool no_home;
    uint32_t uid;
};

static int check_name(struct ctl *c)
{
    const char *name = c->operand[0];

    if (!nhi_name_is_agent(name))
        return ctl_fail(c, CTL_USAGE, NULL,
                        "'%s' is not an agent name: 1 to %d characters, a lower-case letter, then "
                        "lower-case letters, digits, _ and -",
                        name, NHI_AGENT_MAX);
    if (strcmp(name, NHI_AGENTS_GROUP) == 0)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s is the group of all agents", name);
    return CTL_DONE;
}

/* The ledger first: where nss_nhi is installed, it would answer for our own names too. */
static int check_unused(struct ctl *c, struct store *s, const char *name)
{
    struct nhi_agent had;
    enum nhi_err err = nhi_agent_get(s->l, name, &had);

    if (err == NHI_OK)
        return ctl_fail(c, CTL_REFUSED, "nhictl agent show NAME",
                        "agent %s exists (%s), and no name is used twice", name,
                        agent_state_name(had.state));
    if (err != NHI_ERR_NOT_FOUND)
        return store_fail(c, s, err, "read the agents");
    errno = 0;
    if (getpwnam(name) != NULL)
        return ctl_fail(c, CTL_REFUSED, NULL, "this host has an account %s already", name);
    if (getgrnam(name) != NULL)
        return ctl_fail(c, CTL_REFUSED, NULL, "this host has a group %s already", name);
    if (strcmp(name, "nhi-observe") == 0)
        return ctl_fail(c, CTL_REFUSED, NULL,
                        "nhi-observe is the group of the accounts that are to take tickets only");
    if (strcmp(name, "nhi-only") == 0)
        return ctl_fail(c, CTL_REFUSED, NULL,
                        "nhi-only is the group of the accounts that take tickets only");
    return CTL_DONE;
}

static bool id_is_free(uint32_t id)
{
    return nhi_id_is_ours(id) && getpwuid(id) == NULL && getgrgid(id) == NULL;
}

static int choose_uid(struct ctl *c, const struct store *s, uint32_t wanted, uint32_t *uid)
{
    uint32_t id = s->set.next_uid;

    if (wanted != 0) {
        if (wanted <= s->set.uid_min || wanted > s->set.uid_max)
            return ctl_fail(c, CTL_REFUSED, NULL, "uid %u is outside of the agent range %u to %u",
                            wanted, s->set.uid_min + 1, s->set.uid_max);
        if (wanted < s->set.next_uid)
            return ctl_fail(c, CTL_REFUSED, NULL,
                            "uid %u is below %u: numbers are never given again", wanted,
                            s->set.next_uid);
        if (!id_is_free(wanted))
            return ctl_fail(c, CTL_REFUSED, NULL, "uid or gid %u is taken on this host", wanted);
        *uid = wanted;
        return CTL_DONE;
    }
    while (id <= s->set.uid_max && !id_is_free(id))
        id++;
    if (id > s->set.uid_max)
        return ctl_fail(c, CTL_REFUSED, NULL, "every uid of the agent range %u to %u was given",
                        s->set.uid_min + 1, s->set.uid_max);
    *uid = id;
    return CTL_DONE;
}

static int add_groups(struct ctl *c, const struct store *s, const char *list, struct nhi_agent *a)
{
    char name[NHI_LIST_MAX + 1];
    const char *at = list;

    while ((at = nhi_list_next(at, name)) != NULL) {
        const struct group *g = getgrnam(name);

        if (g == NULL)
            return ctl_fail(c, CTL_REFUSED, NULL, "there is no group %s on this host", name);
        if (nhi_group_is_privileged(name, g->gr_gid))
            return ctl_fail(c, CTL_REFUSED, NULL, "group %s leads to root: no agent may be in it",
                            name);
        if (!nhi_id_is_ours(g->gr_gid))
            return ctl_fail(
                c, CTL_REFUSED, NULL,
                "group %s (gid %u) is the system's: an agent's groups start at gid 1000", name,
                g->gr_gid);
        if (g->gr_gid >= s->set.uid_min && g->gr_gid <= s->set.uid_max)
            return ctl_fail(c, CTL_REFUSED, NULL,
                            "group %s is in the agent range: it is not given out", name);
        if (a->account.group_count == NHI_GROUPS_MAX)
            return ctl_fail(c, CTL_REFUSED, NULL, "an agent may be in %d groups at most",
                            NHI_GROUPS_MAX);
        a->account.groups[a->account.group_count++] = g->gr_gid;
    }
    snprintf(a->group_names, sizeof(a->group_names), "%s", list);
    return CTL_DONE;
}

/* A passwd line has no way to quote these. */
static void fill_gecos(char *to, size_t size, const char *purpose)
{
    snprintf(to, size, "%s", purpose);
    for (; *to != '\0'; to++)
        if (*to == ':' || *to == ',' || *to == '\n')
            *to = ' ';
}

static int fill_paths(struct ctl *c, const struct add_args *args, struct nhi_agent *a)
{
    const char *shell = args->shell != NULL ? args->shell : SHELL_DEFAULT;
    int n;

    if (shell[0] != '/' || strlen(shell) > NHI_PATH_MAX || access(shell, X_OK) != 0)
        return ctl_fail(c, CTL_REFUSED, NULL, "shell '%s' is not an executable file here", shell);
    snprintf(a->account.shell, sizeof(a->account.shell), "%s", shell);
    if (args->home != NULL)
        n = snprintf(a->account.home, sizeof(a->account.home), "%s", args->home);
    else
        n = snprintf(a->account.home, sizeof(a->account.home), "/home/%s", a->account.name);
    if (n > NHI_PATH_MAX || !home_path_ok(a->account.home))
        return ctl_fail(c, CTL_USAGE, NULL,
                        "home '%s' is not an absolute path of at most %d bytes without . and ..",
                        a->account.home, NHI_PATH_MAX);
    return CTL_DONE;
}

static int prepare(struct ctl *c, struct store *s, struct nhi_agent *a)
{
    const struct add_args *args = c->args;
    int code = check_unused(c, s, c->operand[0]);

    snprintf(a->account.name, sizeof(a->account.name), "%s", c->operand[0]);
    snprintf(a->owner, sizeof(a->owner), "%s", args->owner);
    snprintf(a->purpose, sizeof(a->purpose), "%s", args->purpose);
    fill_gecos(a->account.gecos, sizeof(a->account.gecos), args->purpose);
    a->review_by = args->review_by;
    a->state = NHI_AGENT_ACTIVE;
    a->created = a->changed = c->now;
    if (code == CTL_DONE)
        code = choose_uid(c, s, args->uid, &a->account.uid);
    if (code == CTL_DONE)
        code = add_groups(c, s, args->groups, a);
    if (code == CTL_DONE)
        code = fill_paths(c, args, a);
    if (code == CTL_DONE && !args->no_home)
        code = home_check(c, &a->account);
    if (code == CTL_DONE && !nhi_account_is_valid(&a->account, s->set.uid_min, s->set.uid_max))
        code = ctl_fail(c, CTL_REFUSED, NULL,
                        "home and shell may hold no colon and no control character");
    return code;
}

static int record(struct ctl *c, struct store *s, const struct nhi_agent *a)
{
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err = nhi_agent_add(s->l, a, c->now);

    out_number(detail, "agent_uid", NULL, a->account.uid);
    out_text(detail, "owner", NULL, a->owner);
    out_text(detail, "purpose", NULL, a->purpose);
    out_day(detail, "review_by", NULL, a->review_by);
    out_list(detail, "groups", NULL, a->group_names);
    if (err == NHI_OK)
        err = store_event(c, s, "agent-add", a->account.name, NULL, NULL, NULL, detail);
    else
        out_row_free(detail);
    if (err != NHI_OK)
        return store_fail(c, s, err, "register the agent");
    return store_commit(c, s);
}

static int agent_add(struct ctl *c)
{
    const struct add_args *args = c->args;
    struct store s = { 0 };
    struct nhi_agent a = { 0 };
    int code = check_name(c);

    if (code == CTL_DONE)
        code = store_write(c, &s);
    if (code == CTL_DONE)
        code = store_need_clock(c, &s);
    if (code == CTL_DONE)
        code = prepare(c, &s, &a);
    if (code == CTL_DONE)
        code = record(c, &s, &a);
    if (code == CTL_DONE)
        code = store_publish(c, &s);
    if (code == CTL_DONE && !args->no_home)
        code = home_make(c, &a.account);
    if (code == CTL_DONE) {
        out_record(c->out, "agent", agent_row(c->out, &a, true));
        code = ctl_answer(c);
    }
    store_close(&s);
    return code;
}

#define AT(field) offsetof(struct add_args, field)

static const struct opt add_opts[] = {
    { "owner", OPT_TEXT, AT(owner), true, "OWNER", "the person or team that answers for it", NULL,
      NHI_OWNER_MAX },
    { "purpose", OPT_TEXT, AT(purpose), true, "TEXT", "what it is for", NULL, NHI_TEXT_MAX },
    { "review-by", OPT_DATE, AT(review_by), true, "DATE",
      "the day to ask whether it is still needed", NULL, 0 },
    { "group", OPT_LIST, AT(groups), false, "GROUP", "an ordinary local group (repeatable)",
      nhi_name_is_account, 0 },
    { "home", OPT_PATH, AT(home), false, "DIR", "home directory (default /home/NAME)", NULL, 0 },
    { "no-home", OPT_FLAG, AT(no_home), false, NULL, "do not make the home directory", NULL, 0 },
    { "shell", OPT_PATH, AT(shell), false, "FILE", "login shell (default " SHELL_DEFAULT ")", NULL,
      0 },
    { "uid", OPT_NUMBER, AT(uid), false, "N", "this uid, not the next free one", NULL, 0 },
    { .name = NULL },
};

const struct verb agent_add_verbs[] = {
    { "agent", "add", agent_add, add_opts, sizeof(struct add_args), 1, 1,
      "NAME --owner OWNER --purpose TEXT --review-by DATE [options]", "Register an agent.",
      "Its account resolves at once, and takes tickets only.",
      "nhictl agent add ci-bot --owner ops@example.org --purpose 'builds and deploys' "
      "--review-by 2027-06-30" },
    { .verb = NULL },
};
