/* SPDX-License-Identifier: ISC */
/*
 * The bytes of one published fact: put together and taken apart one field after another. They never leave the boot in
 * which they were written, so integers have this machine's byte order.
 */
#ifndef NHI_VALUE_H
#define NHI_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"

#define NHI_VALUE_MAX 4608 /* the line of a rule and the names that it is found by */

/* full: something did not fit. */
struct nhi_value {
    uint8_t bytes[NHI_VALUE_MAX];
    size_t len;
    bool full;
};
/* An empty one. Its bytes are not cleared, which would cost more than most values do. */
static inline void nhi_value_begin(struct nhi_value *v)
{
    v->len = 0;
    v->full = false;
}
void nhi_value_put(struct nhi_value *v, const void *data, size_t len);
void nhi_value_put_u8(struct nhi_value *v, uint8_t n);
void nhi_value_put_int(struct nhi_value *v, int64_t n);
/* Text of at most 65,535 bytes. */
void nhi_value_put_text(struct nhi_value *v, const char *text);

/* bad: something was missing, out of its range, or too long for its place; it stays set, so read all fields, then ask
 * nhi_reader_end. */
struct nhi_reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};
struct nhi_reader nhi_reader_of(const struct nhi_value *v);
void nhi_reader_get(struct nhi_reader *r, void *out, size_t len);
uint8_t nhi_reader_u8(struct nhi_reader *r, uint8_t min, uint8_t max);
bool nhi_reader_flag(struct nhi_reader *r);
int64_t nhi_reader_int(struct nhi_reader *r, int64_t min, int64_t max);
/* out: size bytes; always ends with a NUL. */
void nhi_reader_text(struct nhi_reader *r, char *out, size_t size);
/* NHI_ERR_CORRUPT: a field was bad, or there is more than was read. */
NHI_CHECK enum nhi_err nhi_reader_end(const struct nhi_reader *r);

#endif
