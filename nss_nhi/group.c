/* SPDX-License-Identifier: ISC */
/*
 * The group database: each agent's own group, which is the primary group of exactly that agent, and NHI_AGENTS_GROUP.
 * None of them lists a member: with a list, every look-up of NHI_AGENTS_GROUP, as by id for its name, would take as
 * long as there are agents. Who is in it is the answer of initgroups.c.
 *
 * MUST hold: as in passwd.c.
 */
#include "libnhi/snapshot/snapshot_account.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "nss_nhi/internal.h"
#include "nss_nhi/kept.h"

#include <errno.h>
#include <string.h>

NSS_DECLARE_MODULE_FUNCTIONS(nhi)

static nss_cursor next_entry; /* 0: NHI_AGENTS_GROUP; then the groups of the agents */

static enum nss_status group_pack(const char *name, gid_t gid, struct nss_buf b, struct group *result, int *why)
{
    struct group gr = { .gr_gid = gid };

    gr.gr_mem = nss_buf_pointers(&b, 1);
    if (gr.gr_mem == NULL || !nss_buf_text(&b, name, &gr.gr_name) || !nss_buf_text(&b, "*", &gr.gr_passwd))
        return nss_too_small(why);
    gr.gr_mem[0] = NULL;
    *result = gr;
    return NSS_STATUS_SUCCESS;
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_getgrnam_r(const char *name, struct group *result, char *buffer, size_t buflen,
                                                   int *errnop)
{
    struct nss_buf b = { buffer, buflen };
    enum nss_status status;
    enum nhi_err err;
    struct nhi_snapshot_record a = { .uid = 0 };
    struct nss_snapshot s = { .slot = -1 };
    int saved = errno, why = 0;

    /* NHI_AGENTS_GROUP has the form of an agent's name, so it is compared first. */
    err = nhi_name_is_agent(name) ? kept_take(&s) : NHI_ERR_NOT_FOUND;
    status = nss_status_of(err, &why);
    if (err != NHI_OK)
        goto out;
    if (nss_is_agents_group(name)) {
        status = group_pack(NHI_AGENTS_GROUP, s.s->uid_min, b, result, &why);
    } else {
        status = nss_status_of(nhi_snapshot_record_by_name(s.s, name, &a), &why);
        if (status == NSS_STATUS_SUCCESS)
            status = group_pack(a.name, a.uid, b, result, &why);
    }
    kept_give(&s);
out:
    return nss_finish(status, saved, why, errnop);
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_getgrgid_r(gid_t gid, struct group *result, char *buffer, size_t buflen,
                                                   int *errnop)
{
    struct nss_buf b = { buffer, buflen };
    enum nss_status status;
    enum nhi_err err;
    struct nhi_snapshot_record a = { .uid = 0 };
    struct nss_snapshot s = { .slot = -1 };
    int saved = errno, why = 0;

    err = nhi_id_is_ours(gid) ? kept_take(&s) : NHI_ERR_NOT_FOUND;
    status = nss_status_of(err, &why);
    if (err != NHI_OK)
        goto out;
    if (gid == s.s->uid_min) {
        status = group_pack(NHI_AGENTS_GROUP, s.s->uid_min, b, result, &why);
    } else {
        status = nss_status_of(nhi_snapshot_record_by_uid(s.s, gid, &a), &why);
        if (status == NSS_STATUS_SUCCESS)
            status = group_pack(a.name, a.uid, b, result, &why);
    }
    kept_give(&s);
out:
    return nss_finish(status, saved, why, errnop);
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_setgrent(int stayopen)
{
    (void)stayopen; /* what stays between calls does not depend on it */
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
    struct nhi_snapshot_record a = { .uid = 0 };
    struct nss_snapshot s = { .slot = -1 };
    uint32_t entry;
    int saved = errno, why = 0;

    status = nss_status_of(kept_take(&s), &why);
    if (status != NSS_STATUS_SUCCESS)
        goto out;
    entry = atomic_load(&next_entry);
    do {
        if (entry == 0) {
            status = group_pack(NHI_AGENTS_GROUP, s.s->uid_min, b, result, &why);
            continue;
        }
        status = nss_status_of(nhi_snapshot_record_by_index(s.s, entry - 1, &a), &why);
        if (status == NSS_STATUS_SUCCESS)
            status = group_pack(a.name, a.uid, b, result, &why);
        /* Only an answer advances the position. If another thread took this entry meanwhile, take the next. */
    } while (status == NSS_STATUS_SUCCESS && !atomic_compare_exchange_strong(&next_entry, &entry, entry + 1));
    kept_give(&s);
out:
    return nss_finish(status, saved, why, errnop);
}
