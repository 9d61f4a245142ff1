/* SPDX-License-Identifier: ISC */
/*
 * Group membership of one agent, by one look-up. Without this function glibc would read every group's member list at
 * each login.
 *
 * MUST hold: only names that the snapshot has get groups, and only those of that account; gids below 1000 cannot come
 * from here (nhi_account_is_valid). After a failure the list is unchanged.
 */
#include "libnhi/snapshot/snapshot_account.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "nss_nhi/internal.h"
#include "nss_nhi/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

NSS_DECLARE_MODULE_FUNCTIONS(nhi)

/* glibc's array of groups: *start of *size are in use; at most limit, unless that is not positive. */
struct gid_list {
    long int *start, *size, limit;
    gid_t **gids;
};

enum added { ADDED, LIST_FULL, NO_MEMORY };

static enum added gid_add(const struct gid_list *l, gid_t gid)
{
    long int size = *l->size;
    gid_t *grown;

    if (*l->start >= size) {
        if (l->limit > 0 && size >= l->limit)
            return LIST_FULL;
        size = size < 16 ? 32 : size * 2;
        if (l->limit > 0 && size > l->limit)
            size = l->limit;
        grown = realloc(*l->gids, (size_t)size * sizeof(gid_t));
        if (grown == NULL)
            return NO_MEMORY;
        *l->gids = grown;
        *l->size = size;
    }
    (*l->gids)[(*l->start)++] = gid;
    return ADDED;
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_initgroups_dyn(const char *user, gid_t group, long int *start, long int *size,
                                                       gid_t **groupsp, long int limit, int *errnop)
{
    const struct gid_list list = { start, size, limit, groupsp };
    enum nhi_err err = NHI_ERR_NOT_FOUND;
    const long int before = *start;
    enum added added = ADDED;
    enum nss_status status;
    struct nhi_snapshot_record a = { .uid = 0 };
    struct nss_snapshot s;
    gid_t agents = 0;
    int saved = errno, why = 0;

    if (nhi_name_is_agent(user) && !nss_is_agents_group(user))
        err = kept_take(&s);
    if (err == NHI_OK) {
        err = nhi_snapshot_record_by_name(s.s, user, &a);
        agents = s.s->uid_min;
        kept_give(&s);
    }
    status = nss_status_of(err, &why);
    if (status != NSS_STATUS_SUCCESS)
        goto out;
    /* Its own group is not added: the caller has it, unless it deliberately chose another one. */
    if (agents != group)
        added = gid_add(&list, agents);
    for (uint32_t i = 0; i < a.group_count && added == ADDED; i++)
        if (a.groups[i] != group)
            added = gid_add(&list, a.groups[i]);
    if (added == NO_MEMORY) {
        *start = before;
        why = ENOMEM;
        status = NSS_STATUS_TRYAGAIN;
    }
out:
    return nss_finish(status, saved, why, errnop);
}
