/* SPDX-License-Identifier: ISC */
#include "nhictl/end/account_lookup.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/names.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "nhictl/leftover/leftover_accounts.h"
#include "nhictl/say/ctl.h"

struct known {
    char name[NHI_ACCOUNT_MAX + 1];
    enum nhi_err err; /* NHI_OK or NHI_ERR_NOT_FOUND */
    struct nhi_host_account account;
};

static struct {
    void *tree;
    int64_t now;
} memory;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

static void remember(const struct known *k)
{
    struct known *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return;
    *copy = *k;
    if (tsearch(copy, &memory.tree, by_name) == NULL)
        free(copy);
}

bool account_uid_of_agent(const char *agent, uint32_t *uid)
{
    const struct leftover_account *a;

    if (nhi_snapshot_uid_of(agent, uid) == NHI_OK)
        return true;
    a = leftover_account_named(agent);
    if (a == NULL || !a->own)
        return false;
    *uid = a->uid;
    return true;
}

enum nhi_err account_by_name(const struct ctl *c, const char *name, struct nhi_host_account *out)
{
    struct known k = { .err = NHI_OK };
    struct known *const *found;

    if (strlen(name) > NHI_ACCOUNT_MAX)
        return nhi_host_account_by_name(name, out);
    if (memory.now != c->now) {
        tdestroy(memory.tree, free);
        memory.tree = NULL;
        memory.now = c->now;
    }
    memcpy(k.name, name, strlen(name) + 1);
    found = tfind(&k, &memory.tree, by_name);
    if (found != NULL) {
        k = **found;
    } else {
        k.err = nhi_host_account_by_name(name, &k.account);
        if (k.err == NHI_OK || k.err == NHI_ERR_NOT_FOUND)
            remember(&k);
    }
    if (k.err == NHI_OK)
        *out = k.account;
    return k.err;
}
