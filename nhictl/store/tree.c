/* SPDX-License-Identifier: ISC */
#include "nhictl/store/tree.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_list.h"

#define KILLED "its nhictl run was killed"
#define GONE_MAX 256 /* in one transaction; the next command ends the rest */

struct gone {
    char tree[GONE_MAX][NHI_TREE_MAX + 1];
    size_t count;
};

static int collect(const char *tree, void *ctx)
{
    struct gone *gone = ctx;

    if (!nhi_session_is_alive(tree))
        memcpy(gone->tree[gone->count++], tree, strlen(tree) + 1);
    return gone->count == GONE_MAX;
}

static enum nhi_err end_one(struct nhi_ledger *l, const char *tree, int64_t now)
{
    struct nhi_event e = { .at = now, .kind = "run-lost", .cause = KILLED };
    enum nhi_err err = nhi_tree_owner(l, tree, &e);

    if (err == NHI_OK)
        err = nhi_tree_end(l, tree, KILLED, now);
    return err == NHI_OK ? nhi_event_add(l, &e) : err;
}

static enum nhi_err end_all(struct nhi_ledger *l, const struct gone *gone, int64_t now)
{
    enum nhi_err err = NHI_OK;

    for (size_t i = 0; i < gone->count && err == NHI_OK; i++)
        err = end_one(l, gone->tree[i], now);
    return err;
}

void tree_sweep(struct nhi_ledger *l, int64_t now)
{
    struct gone *gone = calloc(1, sizeof(*gone));
    enum nhi_err err;

    if (gone == NULL)
        return;
    err = nhi_tree_each(l, now, collect, gone);
    if (err == NHI_OK && gone->count > 0)
        err = nhi_ledger_begin(l, now);
    if (err == NHI_OK && gone->count > 0) {
        err = end_all(l, gone, now);
        if (err == NHI_OK)
            err = nhi_ledger_commit(l);
        if (err != NHI_OK)
            nhi_ledger_rollback(l);
    }
    free(gone);
}

enum nhi_err tree_end_gone(struct nhi_ledger *l, int64_t now)
{
    struct gone *gone = calloc(1, sizeof(*gone));
    enum nhi_err err = gone != NULL ? nhi_tree_each(l, now, collect, gone) : NHI_ERR_NOMEM;

    if (err == NHI_OK)
        err = end_all(l, gone, now);
    free(gone);
    return err;
}
