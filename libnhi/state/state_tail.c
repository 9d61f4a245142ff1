/* SPDX-License-Identifier: ISC */
#include "libnhi/state/state_tail.h"

#include <string.h>

enum nhi_err state_tail_next(const uint8_t *tail, size_t size, size_t *at, bool check, struct state_at *out)
{
    struct state_record *r = &out->head;
    size_t len;

    if (size - *at < sizeof(*r))
        return NHI_ERR_NOT_FOUND;
    memcpy(r, tail + *at, sizeof(*r));
    if (r->committed == 0)
        return NHI_ERR_NOT_FOUND;
    len = STATE_RECORD_SIZE(r->key_len, r->value_len);
    if (r->committed != STATE_COMMITTED || len > size - *at || r->key_len > NHI_FACT_KEY_MAX ||
        r->value_len > NHI_VALUE_MAX)
        return NHI_ERR_CORRUPT;
    out->key = tail + *at + sizeof(*r);
    out->value = out->key + r->key_len;
    if (check && state_record_sum(r, out->key, len - sizeof(*r)) != r->sum)
        return NHI_ERR_CORRUPT;
    *at += len;
    return NHI_OK;
}

bool state_key_is(const struct nhi_fact_key *key, uint8_t kind, const uint8_t *bytes, size_t len)
{
    return key->kind == kind && key->len == len && memcmp(key->bytes, bytes, len) == 0;
}
