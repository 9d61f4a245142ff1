/* SPDX-License-Identifier: ISC */
/*
 * The group database: each agent's own group, with its name and number and no listed member (it is the primary group of
 * exactly that agent), and NHI_AGENTS_GROUP with every agent.
 *
 * MUST hold: as in passwd.c; and nothing is allocated, so the member list goes from the file straight into the caller's
 * buffer once that is known to be large enough.
 */
#include "libnhi/snapshot/snapshot_account.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "nss_nhi/internal.h"

#include <errno.h>
#include <string.h>

NSS_DECLARE_MODULE_FUNCTIONS(nhi)

static nss_cursor next_entry; /* 0: NHI_AGENTS_GROUP; then the groups of the agents */

static enum nss_status group_own(const struct nhi_account *a, struct nss_buf b, struct group *result, int *why)
{
    struct group gr = { .gr_gid = a->uid };

    gr.gr_mem = nss_buf_pointers(&b, 1);
    if (gr.gr_mem == NULL || !nss_buf_text(&b, a->name, &gr.gr_name) || !nss_buf_text(&b, "*", &gr.gr_passwd))
        return nss_too_small(why);
    gr.gr_mem[0] = NULL;
    *result = gr;
    return NSS_STATUS_SUCCESS;
}

static enum nss_status group_agents(const struct nhi_snapshot *s, struct nss_buf b, struct group *result, int *why)
{
    struct group gr = { .gr_gid = s->uid_min };
    enum nss_status status;

    gr.gr_mem = nss_buf_pointers(&b, (size_t)s->count + 1);
    if (gr.gr_mem == NULL || !nss_buf_text(&b, NHI_AGENTS_GROUP, &gr.gr_name) ||
        !nss_buf_text(&b, "*", &gr.gr_passwd) || b.left < s->members_len)
        return nss_too_small(why);
    status = nss_status_of(nhi_snapshot_members(s, b.at), why);
    if (status != NSS_STATUS_SUCCESS)
        return status;
    for (uint32_t i = 0; i < s->count; i++) {
        gr.gr_mem[i] = b.at;
        b.at += strlen(b.at) + 1;
    }
    gr.gr_mem[s->count] = NULL;
    *result = gr;
    return NSS_STATUS_SUCCESS;
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_getgrnam_r(const char *name, struct group *result, char *buffer, size_t buflen,
                                                   int *errnop)
{
    struct nss_buf b = { buffer, buflen };
    enum nss_status status;
    struct nhi_account a;
    struct nhi_snapshot s = { .fd = -1 };
    int saved = errno, why = 0;

    /* NHI_AGENTS_GROUP has the form of an agent's name, so it is compared first. */
    status =
        nss_status_of(nhi_name_is_agent(name) ? nhi_snapshot_open(NHI_SNAPSHOT_PATH, &s) : NHI_ERR_NOT_FOUND, &why);
    if (status != NSS_STATUS_SUCCESS)
        goto out;
    if (strcmp(name, NHI_AGENTS_GROUP) == 0) {
        status = group_agents(&s, b, result, &why);
    } else {
        status = nss_status_of(nhi_snapshot_by_name(&s, name, &a), &why);
        if (status == NSS_STATUS_SUCCESS)
            status = group_own(&a, b, result, &why);
    }
    nhi_snapshot_close(&s);
out:
    return nss_finish(status, saved, why, errnop);
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_getgrgid_r(gid_t gid, struct group *result, char *buffer, size_t buflen,
                                                   int *errnop)
{
    struct nss_buf b = { buffer, buflen };
    enum nss_status status;
    struct nhi_account a;
    struct nhi_snapshot s = { .fd = -1 };
    int saved = errno, why = 0;

    status = nss_status_of(nhi_id_is_ours(gid) ? nhi_snapshot_open(NHI_SNAPSHOT_PATH, &s) : NHI_ERR_NOT_FOUND, &why);
    if (status != NSS_STATUS_SUCCESS)
        goto out;
    if (gid == s.uid_min) {
        status = group_agents(&s, b, result, &why);
    } else {
        status = nss_status_of(nhi_snapshot_by_uid(&s, gid, &a), &why);
        if (status == NSS_STATUS_SUCCESS)
            status = group_own(&a, b, result, &why);
    }
    nhi_snapshot_close(&s);
out:
    return nss_finish(status, saved, why, errnop);
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_setgrent(int stayopen)
{
    (void)stayopen; /* nothing stays open between calls */
    atomic_store(&next_entry, 0);
    return NSS_STATUS_SUCCESS;
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_endgrent(void)
{
    atomic_store(&next_entry, 0);
    return NSS_STATUS_SUCCESS;
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_getgrent_r(struct group *result, char *buffer, size_t buflen, int *errnop)
{
    struct nss_buf b = { buffer, buflen };
    enum nss_status status;
    struct nhi_account a;
    struct nhi_snapshot s;
    uint32_t entry;
    int saved = errno, why = 0;

    status = nss_status_of(nhi_snapshot_open(NHI_SNAPSHOT_PATH, &s), &why);
    if (status != NSS_STATUS_SUCCESS)
        goto out;
    entry = atomic_load(&next_entry);
    do {
        if (entry == 0) {
            status = group_agents(&s, b, result, &why);
            continue;
        }
        status = nss_status_of(nhi_snapshot_by_index(&s, entry - 1, &a), &why);
        if (status == NSS_STATUS_SUCCESS)
            status = group_own(&a, b, result, &why);
        /* Only an answer advances the position. If another thread took this entry meanwhile, take the next. */
    } while (status == NSS_STATUS_SUCCESS && !atomic_compare_exchange_strong(&next_entry, &entry, entry + 1));
    nhi_snapshot_close(&s);
out:
    return nss_finish(status, saved, why, errnop);
}
