/* SPDX-License-Identifier: ISC */
#include "libnhi/state/value.h"

#include <string.h>

void nhi_value_put(struct nhi_value *v, const void *data, size_t len)
{
    if (v->full || len > sizeof(v->bytes) - v->len) {
        v->full = true;
        return;
    }
    if (len > 0)
        memcpy(v->bytes + v->len, data, len);
    v->len += len;
}

void nhi_value_put_u8(struct nhi_value *v, uint8_t n)
{
    nhi_value_put(v, &n, sizeof(n));
}

void nhi_value_put_int(struct nhi_value *v, int64_t n)
{
    nhi_value_put(v, &n, sizeof(n));
}

void nhi_value_put_text(struct nhi_value *v, const char *text)
{
    size_t len = strlen(text);
    uint16_t n = (uint16_t)len;

    v->full = v->full || len > UINT16_MAX;
    nhi_value_put(v, &n, sizeof(n));
    nhi_value_put(v, text, len);
}

struct nhi_reader nhi_reader_of(const struct nhi_value *v)
{
    return (struct nhi_reader){ .at = v->bytes, .left = v->len, .bad = v->full };
}

void nhi_reader_get(struct nhi_reader *r, void *out, size_t len)
{
    if (r->bad || len > r->left) {
        r->bad = true;
        memset(out, 0, len);
        return;
    }
    memcpy(out, r->at, len);
    r->at += len;
    r->left -= len;
}

uint8_t nhi_reader_u8(struct nhi_reader *r, uint8_t min, uint8_t max)
{
    uint8_t n;

    nhi_reader_get(r, &n, sizeof(n));
    r->bad = r->bad || n < min || n > max;
    return r->bad ? min : n;
}

bool nhi_reader_flag(struct nhi_reader *r)
{
    return nhi_reader_u8(r, 0, 1) == 1;
}

int64_t nhi_reader_int(struct nhi_reader *r, int64_t min, int64_t max)
{
    int64_t n;

    nhi_reader_get(r, &n, sizeof(n));
    r->bad = r->bad || n < min || n > max;
    return r->bad ? min : n;
}

void nhi_reader_text(struct nhi_reader *r, char *out, size_t size)
{
    uint16_t len;

    nhi_reader_get(r, &len, sizeof(len));
    r->bad = r->bad || len >= size;
    if (r->bad)
        len = 0;
    nhi_reader_get(r, out, len);
    out[len] = '\0';
    r->bad = r->bad || strlen(out) != len;
}

enum nhi_err nhi_reader_end(const struct nhi_reader *r)
{
    return r->bad || r->left != 0 ? NHI_ERR_CORRUPT : NHI_OK;
}
