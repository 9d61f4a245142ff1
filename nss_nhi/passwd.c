/* SPDX-License-Identifier: ISC */
/*
 * The passwd database: every agent, and nobody else.
 *
 * MUST hold: a name or uid that cannot be an agent's is a miss before any file is looked at, so that
 * lookups of system users cost nothing and never depend on us.
 */
#include "libnhi/snapshot/snapshot_account.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "nss_nhi/internal.h"
#include "nss_nhi/kept.h"

#include <errno.h>
#include <string.h>

NSS_DECLARE_MODULE_FUNCTIONS(nhi)

static nss_cursor next_entry;

/* The texts of a record follow each other, so they are copied as one. */
static enum nss_status passwd_pack(const struct nhi_snapshot_record *a, const struct nss_buf *b, struct passwd *result,
                                   int *why)
{
    /* No password, yet accepted by pam_unix's account check. "x" would need a shadow line. */
    static const char none[] = "*";
    char *const at = b->at;

    if (b->left < a->text_len + sizeof(none))
        return nss_too_small(why);
    memcpy(at, a->name, a->text_len);
    memcpy(at + a->text_len, none, sizeof(none));
    result->pw_name = at;
    result->pw_passwd = at + a->text_len;
    result->pw_uid = result->pw_gid = a->uid;
    result->pw_gecos = at + (a->gecos - a->name);
    result->pw_dir = at + (a->home - a->name);
    result->pw_shell = at + (a->shell - a->name);
    return NSS_STATUS_SUCCESS;
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_getpwnam_r(const char *name, struct passwd *result, char *buffer, size_t buflen,
                                                   int *errnop)
{
    const struct nss_buf b = { buffer, buflen };
    enum nhi_err err = NHI_ERR_NOT_FOUND;
    struct nhi_snapshot_record a;
    struct nss_snapshot s;
    enum nss_status status;
    int saved = errno, why = 0;

    if (nhi_name_is_agent(name) && !nss_is_agents_group(name))
        err = kept_take(&s);
    if (err != NHI_OK) {
        status = nss_status_of(err, &why);
        goto out;
    }
    status = nss_status_of(nhi_snapshot_record_by_name(s.s, name, &a), &why);
    if (status == NSS_STATUS_SUCCESS)
        status = passwd_pack(&a, &b, result, &why);
    kept_give(&s);
out:
    return nss_finish(status, saved, why, errnop);
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t buflen,
                                                   int *errnop)
{
    const struct nss_buf b = { buffer, buflen };
    enum nhi_err err = NHI_ERR_NOT_FOUND;
    struct nhi_snapshot_record a;
    struct nss_snapshot s;
    enum nss_status status;
    int saved = errno, why = 0;

    if (nhi_id_is_ours(uid))
        err = kept_take(&s);
    if (err != NHI_OK) {
        status = nss_status_of(err, &why);
        goto out;
    }
    status = nss_status_of(nhi_snapshot_record_by_uid(s.s, uid, &a), &why);
    if (status == NSS_STATUS_SUCCESS)
        status = passwd_pack(&a, &b, result, &why);
    kept_give(&s);
out:
    return nss_finish(status, saved, why, errnop);
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_setpwent(int stayopen)
{
    (void)stayopen; /* what stays between calls does not depend on it */
    atomic_store(&next_entry, 0);
    return NSS_STATUS_SUCCESS;
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_endpwent(void)
{
    atomic_store(&next_entry, 0);
    return NSS_STATUS_SUCCESS;
}

NSS_NHI_EXPORT enum nss_status _nss_nhi_getpwent_r(struct passwd *result, char *buffer, size_t buflen, int *errnop)
{
    const struct nss_buf b = { buffer, buflen };
    struct nhi_snapshot_record a;
    struct nss_snapshot s;
    enum nss_status status;
    enum nhi_err err;
    uint32_t entry;
    int saved = errno, why = 0;

    err = kept_take(&s);
    status = nss_status_of(err, &why);
    if (err != NHI_OK)
        goto out;
    entry = atomic_load(&next_entry);
    do {
        status = nss_status_of(nhi_snapshot_record_by_index(s.s, entry, &a), &why);
        if (status == NSS_STATUS_SUCCESS)
            status = passwd_pack(&a, &b, result, &why);
        /* Only an answer advances the position. If another thread took this entry meanwhile, take the next. */
    } while (status == NSS_STATUS_SUCCESS && !atomic_compare_exchange_strong(&next_entry, &entry, entry + 1));
    kept_give(&s);
out:
    return nss_finish(status, saved, why, errnop);
}
