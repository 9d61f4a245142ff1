/* SPDX-License-Identifier: ISC */
/*
 * One account: what makes it valid, and its form in the snapshot.
 *
 * MUST hold: decode returns nothing that the writer would refuse, since its result goes into every process that
 * resolves a name.
 */
#include "libnhi/snapshot/snapshot_account.h"

#include "libnhi/snapshot/snapshot_format.h"

#include <cdb.h>
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

bool nhi_account_is_valid(const struct nhi_account *a, uint32_t uid_min, uint32_t uid_max)
{
    if (!nhi_name_is_agent(a->name) || strcmp(a->name, NHI_AGENTS_GROUP) == 0)
        return false;
    if (!nhi_id_is_ours(a->uid) || a->uid <= uid_min || a->uid > uid_max)
        return false;
    if (a->gecos[0] != '\0' && (!nhi_name_is_text(a->gecos, NHI_TEXT_MAX) || strchr(a->gecos, ':') != NULL))
        return false;
    if (!path_is_valid(a->home) || !path_is_valid(a->shell) || a->group_count > NHI_GROUPS_MAX)
        return false;
    /* Gids below 1000 are those of root, adm, shadow, sudo, disk, docker: no snapshot can put an agent there. */
    for (uint32_t i = 0; i < a->group_count; i++)
        if (!nhi_id_is_ours(a->groups[i]) || a->groups[i] == uid_min || a->groups[i] == a->uid)
            return false;
    return true;
}

void nhi_snapshot_key(char kind, uint32_t number, char *key)
{
    char digits[10];
    size_t n = 0;

    do
        digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    *key++ = kind;
    while (n > 0)
        *key++ = digits[--n];
    *key = '\0';
}

/* Not cdb_pack: that would link all of tinycdb's writer into nss_nhi. */
static unsigned char *put_number(unsigned char *at, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        *at++ = (unsigned char)(n >> 8 * i);
    return at;
}

static unsigned char *put_text(unsigned char *at, const char *s)
{
    size_t len = strlen(s) + 1;

    memcpy(at, s, len);
    return at + len;
}

size_t nhi_account_encode(const struct nhi_account *a, unsigned char *value)
{
    unsigned char *at = value;

    at = put_number(at, NHI_SNAPSHOT_VERSION);
    at = put_number(at, a->uid);
    at = put_number(at, a->group_count);
    for (uint32_t i = 0; i < a->group_count; i++)
        at = put_number(at, a->groups[i]);
    at = put_text(at, a->name);
    at = put_text(at, a->gecos);
    at = put_text(at, a->home);
    at = put_text(at, a->shell);
    return (size_t)(at - value);
}

static bool take_number(const unsigned char **at, size_t *left, uint32_t *out)
{
    if (*left < 4)
        return false;
    *out = cdb_unpack(*at);
    *at += 4;
    *left -= 4;
    return true;
}

static bool take_text(const unsigned char **at, size_t *left, char *out, size_t cap)
{
    size_t len = strnlen((const char *)*at, *left);

    if (len == *left || len >= cap)
        return false;
    memcpy(out, *at, len + 1);
    *at += len + 1;
    *left -= len + 1;
    return true;
}

enum nhi_err nhi_account_decode(const unsigned char *value, size_t len, uint32_t uid_min, uint32_t uid_max,
                                struct nhi_account *out)
{
    const unsigned char *at = value;
    size_t left = len;
    struct nhi_account a;
    uint32_t version;

    memset(&a, 0, sizeof(a));
    if (!take_number(&at, &left, &version) || version != NHI_SNAPSHOT_VERSION)
        return NHI_ERR_CORRUPT;
    if (!take_number(&at, &left, &a.uid) || !take_number(&at, &left, &a.group_count) || a.group_count > NHI_GROUPS_MAX)
        return NHI_ERR_CORRUPT;
    for (uint32_t i = 0; i < a.group_count; i++)
        if (!take_number(&at, &left, &a.groups[i]))
            return NHI_ERR_CORRUPT;
    if (!take_text(&at, &left, a.name, sizeof(a.name)) || !take_text(&at, &left, a.gecos, sizeof(a.gecos)) ||
        !take_text(&at, &left, a.home, sizeof(a.home)) || !take_text(&at, &left, a.shell, sizeof(a.shell)) || left != 0)
        return NHI_ERR_CORRUPT;
    if (!nhi_account_is_valid(&a, uid_min, uid_max))
        return NHI_ERR_CORRUPT;
    *out = a;
    return NHI_OK;
}
