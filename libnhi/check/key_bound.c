/* SPDX-License-Identifier: ISC */
#include "libnhi/check/key_bound.h"

#include "libnhi/base/paths.h"
#include "libnhi/grant/grant.h"
#include "libnhi/state/bound.h"
#include "libnhi/state/state.h"

enum nhi_err nhi_find_any_of_key(const struct nhi_fact_source *from, const uint8_t key[NHI_PK_LEN], const char *account,
                                 bool *any)
{
    const struct nhi_fact_key bound = nhi_fact_key_pk(NHI_FACT_BOUND, key);
    const struct nhi_fact_key named = nhi_fact_key(NHI_FACT_NAMED, account);
    struct nhi_value v;
    enum nhi_err err = from->get(from->ctx, &bound, &v);

    if (err == NHI_OK)
        err = from->get(from->ctx, &named, &v);
    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return err;
    *any = err == NHI_OK;
    return NHI_OK;
}

static enum nhi_err any_of_key(const struct nhi_fact_source *from, const uint8_t key[NHI_PK_LEN], const char *account,
                               bool *any)
{
    const struct nhi_fact_key bound = nhi_fact_key_pk(NHI_FACT_BOUND, key);
    struct nhi_value v;
    enum nhi_err err;

    if (account != NULL)
        return nhi_find_any_of_key(from, key, account, any);
    err = from->get(from->ctx, &bound, &v);
    *any = err == NHI_OK;
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

/* named: an account that some ticket must have named; NULL: any. */
static enum nhi_err look_up(const uint8_t key[NHI_PK_LEN], const char *account, const char *named)
{
    struct nhi_state *state = NULL;
    struct nhi_fact_source from;
    enum nhi_err err, published;
    bool known = false;

    err = nhi_grant_binds(NHI_STATE_DIR, key, account);
    if (err == NHI_OK)
        return NHI_OK;
    published = nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &state);
    if (published == NHI_OK) {
        from = nhi_state_source(state);
        published = any_of_key(&from, key, named, &known);
    }
    nhi_state_close(state);
    if (published == NHI_OK)
        return known ? NHI_OK : err;
    if (nhi_bound_has(NHI_STATE_DIR, key, account) == NHI_OK)
        return NHI_OK;
    return published != NHI_ERR_NOT_FOUND ? published : err;
}

enum nhi_err nhi_key_was_bound(const uint8_t key[NHI_PK_LEN], const char *account)
{
    return look_up(key, account, account);
}

enum nhi_err nhi_key_is_known(const uint8_t key[NHI_PK_LEN], const char *account)
{
    return look_up(key, account, NULL);
}
