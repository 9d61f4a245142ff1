/* SPDX-License-Identifier: ISC */
/*
 * One account: what makes it valid, and its form in the snapshot.
 *
 * MUST hold: a record whose sum is right but which its writer would have refused (numbers outside of the range, groups
 * of the system, texts that do not end) gives no account.
 */
#include "libnhi/snapshot/snapshot_account.h"

#include "libnhi/snapshot/snapshot_format.h"

#include <string.h>

bool nhi_id_is_ours(uint32_t id)
{
    return id >= 1000 && id <= INT32_MAX && id != 65534 && id != 65535;
}

bool nhi_range_is_valid(uint32_t uid_min, uint32_t uid_max)
{
    return nhi_id_is_ours(uid_min) && nhi_id_is_ours(uid_max) && uid_min < uid_max;
}

static bool path_is_valid(const char *s)
{
    return s[0] == '/' && nhi_name_is_text(s, NHI_PATH_MAX) && strchr(s, ':') == NULL;
}

/* Gids below 1000 are those of root, adm, shadow, sudo, disk, docker: no snapshot can put an agent there. */
static bool numbers_are_valid(uint32_t uid, const uint32_t *groups, uint32_t group_count, uint32_t uid_min,
                              uint32_t uid_max)
{
    if (!nhi_id_is_ours(uid) || uid <= uid_min || uid > uid_max || group_count > NHI_GROUPS_MAX)
        return false;
    for (uint32_t i = 0; i < group_count; i++)
        if (!nhi_id_is_ours(groups[i]) || groups[i] == uid_min || groups[i] == uid)
            return false;
    return true;
}

bool nhi_account_is_valid(const struct nhi_account *a, uint32_t uid_min, uint32_t uid_max)
{
    if (!nhi_name_is_agent(a->name) || strcmp(a->name, NHI_AGENTS_GROUP) == 0 ||
        !numbers_are_valid(a->uid, a->groups, a->group_count, uid_min, uid_max))
        return false;
    if (a->gecos[0] != '\0' && (!nhi_name_is_text(a->gecos, NHI_TEXT_MAX) || strchr(a->gecos, ':') != NULL))
        return false;
    return path_is_valid(a->home) && path_is_valid(a->shell);
}

static unsigned char *put_text(unsigned char *at, const char *s)
{
    size_t len = strlen(s) + 1;

    memcpy(at, s, len);
    return at + len;
}

size_t nhi_account_encode(const struct nhi_account *a, uint32_t index, unsigned char *record)
{
    unsigned char *at = record + NHI_SNAPSHOT_FIXED_LEN;
    size_t len;

    for (uint32_t i = 0; i < a->group_count; i++, at += 4)
        nhi_snapshot_put(at, a->groups[i], 4);
    at = put_text(at, a->name);
    at = put_text(at, a->gecos);
    at = put_text(at, a->home);
    at = put_text(at, a->shell);
    len = (size_t)(at - record);
    nhi_snapshot_put(record + NHI_SNAPSHOT_AT_UID, a->uid, 4);
    nhi_snapshot_put(record + NHI_SNAPSHOT_AT_INDEX, index, 4);
    nhi_snapshot_put(record + NHI_SNAPSHOT_AT_LEN, len, 2);
    nhi_snapshot_put(record + NHI_SNAPSHOT_AT_GROUP_COUNT, a->group_count, 2);
    nhi_snapshot_put(record, nhi_snapshot_sum(record + NHI_SNAPSHOT_SUM_LEN, len - NHI_SNAPSHOT_SUM_LEN),
                     NHI_SNAPSHOT_SUM_LEN);
    return len;
}

static bool take_text(const unsigned char **at, size_t *left, const char **out, size_t max)
{
    size_t len = strnlen((const char *)*at, *left);

    if (len == *left || len > max)
        return false;
    *out = (const char *)*at;
    *at += len + 1;
    *left -= len + 1;
    return true;
}

enum nhi_err nhi_account_decode(const unsigned char *bytes, size_t len, uint32_t uid_min, uint32_t uid_max,
                                struct nhi_snapshot_record *r)
{
    const unsigned char *at = bytes + NHI_SNAPSHOT_FIXED_LEN;
    size_t left = len - NHI_SNAPSHOT_FIXED_LEN;

    r->uid = nhi_snapshot_get32(bytes + NHI_SNAPSHOT_AT_UID);
    r->group_count = nhi_snapshot_get16(bytes + NHI_SNAPSHOT_AT_GROUP_COUNT);
    if (r->group_count > NHI_GROUPS_MAX || left / 4 < r->group_count)
        return NHI_ERR_CORRUPT;
    for (uint32_t i = 0; i < r->group_count; i++, at += 4, left -= 4)
        r->groups[i] = nhi_snapshot_get32(at);
    if (!take_text(&at, &left, &r->name, NHI_AGENT_MAX) || !take_text(&at, &left, &r->gecos, NHI_TEXT_MAX) ||
        !take_text(&at, &left, &r->home, NHI_PATH_MAX) || !take_text(&at, &left, &r->shell, NHI_PATH_MAX) || left != 0)
        return NHI_ERR_CORRUPT;
    if (!numbers_are_valid(r->uid, r->groups, r->group_count, uid_min, uid_max) || r->name[0] == '\0' ||
        r->home[0] != '/' || r->shell[0] != '/')
        return NHI_ERR_CORRUPT;
    return NHI_OK;
}

void nhi_account_of_record(const struct nhi_snapshot_record *r, struct nhi_account *out)
{
    out->uid = r->uid;
    out->group_count = r->group_count;
    memcpy(out->groups, r->groups, r->group_count * sizeof(r->groups[0]));
    (void)put_text((unsigned char *)out->name, r->name);
    (void)put_text((unsigned char *)out->gecos, r->gecos);
    (void)put_text((unsigned char *)out->home, r->home);
    (void)put_text((unsigned char *)out->shell, r->shell);
}
