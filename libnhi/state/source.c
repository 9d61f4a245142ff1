/* SPDX-License-Identifier: ISC */
#include "libnhi/state/source.h"

#include "libnhi/key/paseto.h"

struct nhi_fact_key nhi_fact_key_pair(enum nhi_fact kind, const char *a, const char *b)
{
    struct nhi_fact_key k = nhi_fact_key(kind, a);
    size_t len = strnlen(b, sizeof(k.bytes) - k.len - 1u);

    k.bytes[k.len++] = '\0';
    memcpy(k.bytes + k.len, b, len);
    k.len = (uint8_t)(k.len + len);
    return k;
}

struct nhi_fact_key nhi_fact_key_pk(enum nhi_fact kind, const uint8_t *pk)
{
    struct nhi_fact_key k = { .kind = (uint8_t)kind, .len = NHI_PK_LEN };

    memcpy(k.bytes, pk, NHI_PK_LEN);
    return k;
}

struct nhi_fact_key nhi_fact_key_revoked(unsigned kind, const char *id)
{
    const char first[] = { (char)('0' + kind), '\0' };

    return nhi_fact_key_pair(NHI_FACT_REVOKED, first, id);
}
