/* SPDX-License-Identifier: ISC */
/*
 * Certificates, keys and .pub lines. What is accepted is read the same way again; nothing is written otherwise.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/key/sshkey.h"
#include "libnhi/ticket/sshcert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as base64: random characters would rarely be valid. */
static void as_certificate(const uint8_t *data, size_t size)
{
    size_t room = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    uint8_t pk[NHI_PK_LEN];
    struct nhi_sshcert c;

    if (text == NULL)
        return;
    (void)sodium_bin2base64(text, room, data, size, sodium_base64_VARIANT_ORIGINAL);
    if (nhi_sshcert_decode(text, room - 1, &c) == NHI_OK &&
        (strlen(c.ticket) > NHI_TICKET_TEXT_MAX || c.ticket[0] == '\0'))
        abort();
    /* The key is found in every certificate that was read whole, and it is the same. */
    if (nhi_sshcert_decode(text, room - 1, &c) == NHI_OK &&
        (nhi_sshcert_read_key(text, room - 1, pk) != NHI_OK || memcmp(pk, c.pk, sizeof(pk)) != 0))
        abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char back[NHI_SSHKEY_LEN + 1], *line;
    uint8_t pk[NHI_PK_LEN];
    struct nhi_sshcert c;

    as_certificate(data, size);
    line = malloc(size + 1);
    if (line == NULL)
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    (void)!nhi_sshcert_decode(line, size, &c);
    (void)!nhi_sshkey_parse(line, pk);
    if (nhi_sshkey_decode(line, size, pk) == NHI_OK) {
        nhi_sshkey_encode(pk, back);
        if (memcmp(back, line, size) != 0)
            abort();
    }
    free(line);
    return 0;
}
