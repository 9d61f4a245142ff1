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

/* Returns the bytes that it takes, with its NUL. */
static size_t put_text(unsigned char *at, const char *s)
{
    size_t len = strlen(s) + 1;

    memcpy(at, s, len);
    return len;
}

size_t nhi_account_encode(const struct nhi_account *a, uint32_t index, unsigned char *record)
{
    const char *const texts[] = { a->name, a->gecos, a->home, a->shell };
    size_t len = NHI_SNAPSHOT_FIXED_LEN, whole;

    for (uint32_t i = 0; i < a->group_count; i++, len += 4)
        nhi_snapshot_put(record + len, a->groups[i], 4);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t n = put_text(record + len, texts[i]);

        nhi_snapshot_put(record + NHI_SNAPSHOT_AT_TEXT_LENS + 2 * i, n, 2);
        len += n;
    }
    nhi_snapshot_put(record + NHI_SNAPSHOT_AT_UID, a->uid, 4);
    nhi_snapshot_put(record + NHI_SNAPSHOT_AT_INDEX, index, 4);
    nhi_snapshot_put(record + NHI_SNAPSHOT_AT_LEN, len, 2);
    nhi_snapshot_put(record + NHI_SNAPSHOT_AT_GROUP_COUNT, a->group_count, 2);
    whole = nhi_snapshot_align(len);
    memset(record + len, 0, whole - len);
    nhi_snapshot_put(record, nhi_snapshot_sum(record + NHI_SNAPSHOT_SUM_LEN, whole - NHI_SNAPSHOT_SUM_LEN),
                     NHI_SNAPSHOT_SUM_LEN);
    return whole;
}

/* Lets r point to the texts, if each of them ends where it should, and the last with the record. */
static bool take_texts(const unsigned char *bytes, size_t at, size_t len, struct nhi_snapshot_record *r)
{
    const unsigned char *lens = bytes + NHI_SNAPSHOT_AT_TEXT_LENS;
    const size_t name = nhi_snapshot_get16(lens), gecos = nhi_snapshot_get16(lens + 2);
    const size_t home = nhi_snapshot_get16(lens + 4), shell = nhi_snapshot_get16(lens + 6);

    if (name < 2 || name > NHI_AGENT_MAX + 1 || gecos < 1 || gecos > NHI_TEXT_MAX + 1 || home < 2 ||
        home > NHI_PATH_MAX + 1 || shell < 2 || shell > NHI_PATH_MAX + 1 || name + gecos + home + shell != len - at)
        return false;
    r->name = (const char *)bytes + at;
    r->gecos = r->name + name;
    r->home = r->gecos + gecos;
    r->shell = r->home + home;
    r->text_len = len - at;
    return r->gecos[-1] == '\0' && r->home[-1] == '\0' && r->shell[-1] == '\0' && r->shell[shell - 1] == '\0' &&
           r->name[0] != '\0' && r->home[0] == '/' && r->shell[0] == '/';
}

enum nhi_err nhi_account_decode(const unsigned char *bytes, size_t room, uint32_t uid_min, uint32_t uid_max,
                                struct nhi_snapshot_record *r)
{
    const size_t len = nhi_snapshot_get16(bytes + NHI_SNAPSHOT_AT_LEN), whole = nhi_snapshot_align(len);
    size_t at = NHI_SNAPSHOT_FIXED_LEN;

    if (len < at || whole > room ||
        nhi_snapshot_get64(bytes) != nhi_snapshot_sum(bytes + NHI_SNAPSHOT_SUM_LEN, whole - NHI_SNAPSHOT_SUM_LEN))
        return NHI_ERR_CORRUPT;
    r->uid = nhi_snapshot_get32(bytes + NHI_SNAPSHOT_AT_UID);
    r->index = nhi_snapshot_get32(bytes + NHI_SNAPSHOT_AT_INDEX);
    r->group_count = nhi_snapshot_get16(bytes + NHI_SNAPSHOT_AT_GROUP_COUNT);
    if (r->group_count > NHI_GROUPS_MAX || (len - at) / 4 < r->group_count)
        return NHI_ERR_CORRUPT;
    for (uint32_t i = 0; i < r->group_count; i++, at += 4)
        r->groups[i] = nhi_snapshot_get32(bytes + at);
    if (!take_texts(bytes, at, len, r) || !numbers_are_valid(r->uid, r->groups, r->group_count, uid_min, uid_max))
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
