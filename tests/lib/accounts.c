/* SPDX-License-Identifier: ISC */
#include "tests/lib/accounts.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/snapshot/snapshot_write.h"

struct nhi_account accounts_nth(uint32_t i)
{
    struct nhi_account a = { .uid = ACCOUNTS_UID_MIN + 1 + i, .group_count = i % 4 };

    snprintf(a.name, sizeof(a.name), "agent-%05u", i);
    if (i % 3 != 0)
        snprintf(a.gecos, sizeof(a.gecos), "Agent %u,owner", i);
    snprintf(a.home, sizeof(a.home), "/var/lib/agents/%u", i);
    strcpy(a.shell, i % 5 == 4 ? "/usr/sbin/nologin" : "/bin/bash");
    for (uint32_t g = 0; g < a.group_count; g++)
        a.groups[g] = 5000 + g;
    return a;
}

enum nhi_err accounts_publish(const char *to, uint32_t count)
{
    return accounts_publish_range(to, count, ACCOUNTS_UID_MAX);
}

enum nhi_err accounts_publish_range(const char *to, uint32_t count, uint32_t uid_max)
{
    struct nhi_snapshot_writer *w = NULL;
    enum nhi_err err = nhi_snapshot_begin(ACCOUNTS_UID_MIN, uid_max, &w);

    for (uint32_t i = 0; i < count && err == NHI_OK; i++) {
        struct nhi_account a = accounts_nth(i);

        err = nhi_snapshot_add(w, &a);
        if (err != NHI_OK)
            nhi_snapshot_abort(w);
    }
    if (err != NHI_OK)
        return err;
    return to != NULL ? nhi_snapshot_commit(w, to) : nhi_snapshot_publish(w);
}

bool accounts_same(const struct nhi_account *a, const struct nhi_account *b)
{
    return strcmp(a->name, b->name) == 0 && a->uid == b->uid && strcmp(a->gecos, b->gecos) == 0 &&
           strcmp(a->home, b->home) == 0 && strcmp(a->shell, b->shell) == 0 && a->group_count == b->group_count &&
           memcmp(a->groups, b->groups, a->group_count * sizeof(a->groups[0])) == 0;
}
