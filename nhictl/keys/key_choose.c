/* SPDX-License-Identifier: ISC */
#include "nhictl/keys/key_choose.h"

#include <string.h>

#include "libnhi/ledger/ledger_issuer.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/rows.h"
#include "nhictl/store/unknown.h"

/* Of several, the newest: rotation leaves one active, but a restore may not. */
static int newest_own(const struct nhi_issuer *i, void *ctx)
{
    struct nhi_issuer *best = ctx;

    if (i->own && i->state == NHI_ISSUER_ACTIVE && i->added >= best->added)
        *best = *i;
    return 0;
}

int key_choose(struct ctl *c, struct store *s, const char *kid, struct nhi_issuer *key)
{
    enum nhi_err err;

    memset(key, 0, sizeof(*key));
    if (kid != NULL)
        err = nhi_issuer_get(s->l, kid, key);
    else
        err = nhi_issuer_each(s->l, newest_own, key);
    if (err == NHI_ERR_NOT_FOUND)
        return unknown_key(c, s, kid);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the keys");
    if (key->kid[0] == '\0')
        return ctl_fail(c, CTL_REFUSED, "nhictl key rotate", "this host has no active key of its own");
    if (!key->own)
        return ctl_fail(c, CTL_REFUSED, "nhictl key list", "key %s is not one of this host's own keys", key->kid);
    if (key->state != NHI_ISSUER_ACTIVE)
        return ctl_fail(c, CTL_REFUSED, "nhictl key list", "key %s is %s", key->kid, issuer_state_name(key->state));
    return CTL_DONE;
}
