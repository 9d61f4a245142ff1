/* SPDX-License-Identifier: ISC */
/*
 * libFuzzer harness for the reader of records. The first byte says what the rest is:
 *
 *   even  the bytes of a file, as they are
 *   odd   the same with the length and sum that its writer would have put there
 *
 * What is read must be written again in the same bytes.
 */
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/grant/record_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AT_LENGTH 6
#define HEAD 8
#define SUM 8

/* A property that does not hold ends the run. */
#define MUST(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

static void seal(uint8_t *bytes, size_t len)
{
    uint16_t length = htole16((uint16_t)len);
    uint64_t sum;

    memcpy(bytes, "nhir\2", 6);
    memcpy(bytes + AT_LENGTH, &length, sizeof(length));
    sum = htole64(nhi_record_sum(bytes, len - SUM));
    memcpy(bytes + len - SUM, &sum, sizeof(sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[NHI_RECORD_MAX], *bytes;
    struct nhi_grant g;
    size_t len = 0;

    if (size < 1)
        return 0;
    size--;
    bytes = malloc(size + 1);
    MUST(bytes != NULL);
    memcpy(bytes, data + 1, size);
    if (data[0] % 2 == 1 && size >= HEAD + SUM)
        seal(bytes, size);
    if (nhi_record_decode(bytes, size, &g) == NHI_OK) {
        MUST(nhi_record_encode(&g, again, &len) == NHI_OK);
        MUST(len == size && memcmp(again, bytes, len) == 0);
    }
    free(bytes);
    return 0;
}
