/* SPDX-License-Identifier: ISC */
/*
 * MUST: no name and no uid that a local account or group has, or that an agent ever had. MUST: no group that leads to
 * root, and none that belongs to another agent.
 */
#include "nhictl/agent/agent_new.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/check/privileged.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_watched.h"
#include "libnhi/snapshot/snapshot_account.h"
#include "nhictl/agent/home.h"
#include "nhictl/agent/owner.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

#define SHELL_DEFAULT "/bin/sh"

static int check_name(struct ctl *c, const char *name)
{
    if (!nhi_name_is_agent(name))
        return ctl_fail(c, CTL_USAGE, NULL,
                        "'%s' is not an agent name: 1 to %d characters, a lower-case letter, then "
                        "lower-case letters, digits, _ and -",
                        name, NHI_AGENT_MAX);
    if (strcmp(name, NHI_AGENTS_GROUP) == 0)
        return ctl_fail(c, CTL_REFUSED, NULL, "%s is the group of all agents", name);
    /* Its own group has its name, so a program that looks for a privileged group of that name would find it. */
    if (nhi_group_is_privileged(name, UINT32_MAX))
        return ctl_fail(c, CTL_REFUSED, ctl_hint(c, "nhictl agent add %s-bot", name),
                        "the group %s leads to root, and an agent's own group would have the same name", name);
    return CTL_DONE;
}

/* The ledger first: where nss_nhi is installed, it would also find our own names. */
static int check_unused(struct ctl *c, struct store *s, const char *name)
{
    char hint[HOME_HINT_MAX];
    struct nhi_agent had;
    enum nhi_err err = nhi_agent_get(s->l, name, &had);

    snprintf(hint, sizeof(hint), "nhictl agent show %s", name);
    if (err == NHI_OK && had.state == NHI_AGENT_ACTIVE && home_is_missing(&had.account))
        home_hint(&had.account, hint);
    if (err == NHI_OK)
        return ctl_fail(c, CTL_REFUSED, hint, "agent %s already exists (%s), and names are never used again", name,
                        agent_state_name(had.state));
    if (err != NHI_ERR_NOT_FOUND)
        return store_fail(c, s, err, "read the agents");
    errno = 0;
    if (getpwnam(name) != NULL)
        return ctl_fail(c, CTL_REFUSED, NULL, "this host already has an account %s", name);
    if (errno == 0 && getgrnam(name) != NULL)
        return ctl_fail(c, CTL_REFUSED, NULL, "this host already has a group %s", name);
    if (errno != 0 && errno != ENOENT && errno != ESRCH)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not find out whether this host has an account or a group %s: %s",
                        name, strerror(errno));
    if (strcmp(name, "nhi-observe") == 0)
        return ctl_fail(c, CTL_REFUSED, NULL, "nhi-observe is the group of accounts that will take tickets only");
    if (strcmp(name, "nhi-only") == 0)
        return ctl_fail(c, CTL_REFUSED, NULL, "nhi-only is the group of accounts that take tickets only");
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
            return ctl_fail(c, CTL_REFUSED, NULL, "uid %u is outside the agent range %u to %u", wanted,
                            s->set.uid_min + 1, s->set.uid_max);
        if (wanted < s->set.next_uid)
            return ctl_fail(c, CTL_REFUSED, NULL, "uid %u is below %u: uids are never used again", wanted,
                            s->set.next_uid);
        if (!id_is_free(wanted))
            return ctl_fail(c, CTL_REFUSED, NULL, "uid or gid %u is taken on this host", wanted);
        *uid = wanted;
        return CTL_DONE;
    }
    while (id <= s->set.uid_max && !id_is_free(id))
        id++;
    if (id > s->set.uid_max)
        return ctl_fail(c, CTL_REFUSED, NULL, "every uid in the agent range %u to %u has been used", s->set.uid_min + 1,
                        s->set.uid_max);
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
            return ctl_fail(c, CTL_REFUSED, NULL, "group %s leads to root: no agent may be in it", name);
        if (!nhi_id_is_ours(g->gr_gid))
            return ctl_fail(c, CTL_REFUSED, NULL,
                            "group %s (gid %u) is a system group: the groups of an agent start at gid 1000", name,
                            g->gr_gid);
        if (g->gr_gid >= s->set.uid_min && g->gr_gid <= s->set.uid_max)
            return ctl_fail(c, CTL_REFUSED, NULL, "group %s is in the agent range, and no agent can be added to it",
                            name);
        if (a->account.group_count == NHI_GROUPS_MAX)
            return ctl_fail(c, CTL_REFUSED, NULL, "an agent may be in %d groups at most", NHI_GROUPS_MAX);
        a->account.groups[a->account.group_count++] = g->gr_gid;
    }
    snprintf(a->group_names, sizeof(a->group_names), "%s", list);
    return CTL_DONE;
}

/* A passwd line cannot quote these. */
static void fill_gecos(char *to, size_t size, const char *purpose)
{
    snprintf(to, size, "%s", purpose);
    for (; *to != '\0'; to++)
        if (*to == ':' || *to == ',' || *to == '\n')
            *to = ' ';
}

static int fill_shell(struct ctl *c, const struct agent_new *n, struct nhi_agent *a)
{
    const char *shell = n->shell != NULL ? n->shell : SHELL_DEFAULT;

    if (shell[0] != '/' || strlen(shell) > NHI_PATH_MAX || access(shell, X_OK) != 0)
        return ctl_fail(c, CTL_REFUSED, NULL, "shell '%s' is not an executable file here", shell);
    snprintf(a->account.shell, sizeof(a->account.shell), "%s", shell);
    return CTL_DONE;
}

static int fill_home(struct ctl *c, const struct agent_new *n, struct nhi_agent *a)
{
    int len;

    if (n->home != NULL)
        len = snprintf(a->account.home, sizeof(a->account.home), "%s", n->home);
    else
        len = snprintf(a->account.home, sizeof(a->account.home), "/home/%s", a->account.name);
    if (len > NHI_PATH_MAX || !home_path_ok(a->account.home))
        return ctl_fail(c, CTL_USAGE, NULL, "home '%s' is not an absolute path of at most %d bytes without . and ..",
                        a->account.home, NHI_PATH_MAX);
    return CTL_DONE;
}

static int check_account(struct ctl *c, const struct store *s, const struct nhi_account *a)
{
    if (nhi_account_is_valid(a, s->set.uid_min, s->set.uid_max))
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, NULL, "home and shell may hold no colon and no control character");
}

int agent_new_fill(struct ctl *c, const struct store *s, const struct agent_new *n, struct nhi_agent *a)
{
    int code;

    snprintf(a->purpose, sizeof(a->purpose), "%s", n->purpose);
    fill_gecos(a->account.gecos, sizeof(a->account.gecos), n->purpose);
    a->account.group_count = 0;
    code = add_groups(c, s, n->groups, a);
    if (code == CTL_DONE)
        code = fill_shell(c, n, a);
    return code == CTL_DONE ? check_account(c, s, &a->account) : code;
}

int agent_new_prepare(struct ctl *c, struct store *s, const struct agent_new *n, struct nhi_agent *a)
{
    int code = check_name(c, n->name);

    if (code == CTL_DONE)
        code = check_unused(c, s, n->name);
    if (code == CTL_DONE)
        code = owner_need(c, s, NULL, n->owner);
    if (code != CTL_DONE)
        return code;
    snprintf(a->account.name, sizeof(a->account.name), "%s", n->name);
    snprintf(a->owner, sizeof(a->owner), "%s", n->owner);
    snprintf(a->file, sizeof(a->file), "%s", n->file != NULL ? n->file : "");
    a->review_by = n->review_by;
    a->file_review = n->file != NULL ? n->review_by : 0;
    a->daemons = n->daemons;
    a->state = NHI_AGENT_ACTIVE;
    a->created = a->changed = c->now;
    code = choose_uid(c, s, n->uid, &a->account.uid);
    if (code == CTL_DONE)
        code = fill_home(c, n, a);
    if (code == CTL_DONE)
        code = agent_new_fill(c, s, n, a);
    return code == CTL_DONE && !n->no_home ? home_check(c, &a->account) : code;
}

enum nhi_err agent_new_record(struct ctl *c, struct store *s, const struct nhi_agent *a)
{
    static struct nhi_watched since; /* machine and boot stay the same */
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err = nhi_agent_add(s->l, a, c->now);

    /* Processes that run with that uid already belong to somebody else. */
    since.uid = a->account.uid;
    memcpy(since.account, a->account.name, sizeof(a->account.name));
    if (err == NHI_OK)
        err = since.boot[0] != '\0' ? nhi_watched_later(&since) : nhi_watched_now(&since);
    if (err == NHI_OK)
        err = nhi_watched_put(s->l, &since);

    out_number(detail, "agent_uid", NULL, a->account.uid);
    out_text(detail, "owner", NULL, a->owner);
    out_text(detail, "purpose", NULL, a->purpose);
    out_day(detail, "review_by", NULL, a->review_by);
    out_list(detail, "groups", NULL, a->group_names);
    if (a->file[0] != '\0')
        out_text(detail, "file", NULL, a->file);
    if (err == NHI_OK)
        return store_event(c, s, (struct store_event){ .kind = "agent-add", .agent = a->account.name }, detail);
    out_row_free(detail);
    return err;
}
