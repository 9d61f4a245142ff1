/* SPDX-License-Identifier: ISC */
#include "nhictl/doctor/doctor_sudo_whom.h"

#include <string.h>

#include "libnhi/base/names.h"
#include "libnhi/ledger/ledger_agent.h"

struct who {
    const char *name, *group; /* a user, a group, or neither */
    json_int_t uid, gid;      /* -1: no number */
    bool agent, member;
};

static int is_who(const struct nhi_agent *a, void *ctx)
{
    char groups[NHI_LIST_MAX + 1], *save = NULL;
    struct who *w = ctx;

    if (a->state == NHI_AGENT_RETIRED)
        return 0;
    w->agent = w->agent || (w->name != NULL && strcmp(w->name, a->account.name) == 0) ||
               (w->group != NULL && strcmp(w->group, a->account.name) == 0);
    memcpy(groups, a->group_names, sizeof(groups));
    for (char *g = strtok_r(groups, " ", &save); g != NULL; g = strtok_r(NULL, " ", &save))
        w->member = w->member || (w->group != NULL && strcmp(w->group, g) == 0);
    for (uint32_t i = 0; i < a->account.group_count; i++)
        w->member = w->member || w->gid == (json_int_t)a->account.groups[i];
    return 0;
}

static json_int_t integer(const json_t *user, const char *key)
{
    const json_t *n = json_object_get(user, key);

    return json_is_integer(n) ? json_integer_value(n) : -1;
}

static enum doctor_sudo_of whom(const struct doctor *d, const json_t *user)
{
    struct who w = { .name = json_string_value(json_object_get(user, "username")),
                     .group = json_string_value(json_object_get(user, "usergroup")),
                     .uid = integer(user, "userid"),
                     .gid = integer(user, "usergid") };
    const struct nhi_settings *set = &d->s.set;

    if (w.name != NULL && strcmp(w.name, "ALL") == 0)
        return SUDOERS_INHERIT;
    if (w.group != NULL && strcmp(w.group, NHI_AGENTS_GROUP) == 0)
        return SUDOERS_AGENTS;
    if (d->s.l == NULL || nhi_agent_each(d->s.l, is_who, &w) != NHI_OK)
        return SUDOERS_OTHERS;
    if (w.agent || (w.uid >= set->uid_min && w.uid <= set->uid_max) || (w.gid >= set->uid_min && w.gid <= set->uid_max))
        return SUDOERS_AGENTS;
    return w.member ? SUDOERS_INHERIT : SUDOERS_OTHERS;
}

static bool is_only(const struct doctor *d, const json_t *user)
{
    const char *name = json_string_value(json_object_get(user, "username")),
               *group = json_string_value(json_object_get(user, "usergroup"));

    return (name != NULL && nhi_list_has(d->only, name)) || (group != NULL && strcmp(group, "nhi-only") == 0);
}

enum doctor_sudo_of doctor_sudo_whom(const struct doctor *d, const json_t *users, const json_t **which)
{
    enum doctor_sudo_of found = SUDOERS_OTHERS;

    *which = NULL;
    for (size_t i = 0; i < json_array_size(users); i++) {
        const json_t *user = json_array_get(users, i);
        enum doctor_sudo_of is = is_only(d, user) ? SUDOERS_ONLY : whom(d, user);

        /* The last one that matches counts. */
        if (is == SUDOERS_OTHERS)
            continue;
        found = json_is_true(json_object_get(user, "negated")) ? SUDOERS_OTHERS : is;
        *which = user;
    }
    return found;
}
