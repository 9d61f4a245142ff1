/* SPDX-License-Identifier: ISC */
#include "nhictl/agent/range.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>

#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_account.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"

#define HINT "nhictl init --uid-min N --uid-max N"

/* Whether every number is mapped. A range may be in several lines of the map, so the search for each number continues
 * after the last line found. */
static bool is_mapped(const char *map, uint32_t min, uint32_t max)
{
    uint64_t at = min, was;

    do {
        FILE *f = fopen(map, "re");
        unsigned long inside, outside, count;

        was = at;
        if (f == NULL)
            return false;
        while (fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3)
            if (at >= inside && at < inside + (uint64_t)count)
                at = inside + (uint64_t)count;
        fclose(f);
    } while (at <= max && at > was);
    return at > max;
}

bool range_is_mapped(uint32_t uid_min, uint32_t uid_max)
{
    return is_mapped("/proc/self/uid_map", uid_min, uid_max) && is_mapped("/proc/self/gid_map", uid_min, uid_max);
}

/* From the files and not NSS: a directory service may have a million accounts, and cannot be asked for all of them. Its
 * uids in the range are skipped when a uid is given to an agent. */
static int check_users(struct ctl *c, uint32_t min, uint32_t max)
{
    FILE *f = fopen("/etc/passwd", "re");
    const struct passwd *pw;
    int code = CTL_DONE;

    while (code == CTL_DONE && f != NULL && (pw = fgetpwent(f)) != NULL)
        if ((pw->pw_uid >= min && pw->pw_uid <= max) || (pw->pw_gid >= min && pw->pw_gid <= max))
            code = ctl_fail(c, CTL_REFUSED, HINT, "account %s (uid %u, gid %u) is in the range %u to %u", pw->pw_name,
                            pw->pw_uid, pw->pw_gid, min, max);
    if (f != NULL)
        fclose(f);
    return code;
}

static int check_groups(struct ctl *c, uint32_t min, uint32_t max)
{
    FILE *f = fopen("/etc/group", "re");
    const struct group *gr;
    int code = CTL_DONE;

    while (code == CTL_DONE && f != NULL && (gr = fgetgrent(f)) != NULL)
        if (gr->gr_gid >= min && gr->gr_gid <= max)
            code = ctl_fail(c, CTL_REFUSED, HINT, "group %s (gid %u) is in the range %u to %u", gr->gr_name, gr->gr_gid,
                            min, max);
    if (f != NULL)
        fclose(f);
    if (code == CTL_DONE && getgrnam(NHI_AGENTS_GROUP) != NULL)
        code = ctl_fail(c, CTL_REFUSED, "groupmod --new-name OTHER " NHI_AGENTS_GROUP,
                        "this host already has a group %s", NHI_AGENTS_GROUP);
    return code;
}

int range_check(struct ctl *c, uint32_t uid_min, uint32_t uid_max)
{
    int code;

    if (!nhi_range_is_valid(uid_min, uid_max))
        return ctl_fail(c, CTL_USAGE, HINT,
                        "%u to %u cannot be the agent range: it starts at 1000 or above and ends at "
                        "2147483647 or below",
                        uid_min, uid_max);
    if (!range_is_mapped(uid_min, uid_max))
        return ctl_fail(c, CTL_REFUSED, HINT, "%u to %u is not mapped in this user namespace (see /proc/self/uid_map)",
                        uid_min, uid_max);
    code = check_users(c, uid_min, uid_max);
    return code == CTL_DONE ? check_groups(c, uid_min, uid_max) : code;
}
