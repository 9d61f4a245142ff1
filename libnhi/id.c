#include <sodium.h>

#include "libnhi/ticket.h"

enum nhi_err nhi_id_new(char id[NHI_JTI_LEN + 1])
{
    uint8_t bits[16];

    if (sodium_init() < 0)
        return NHI_ERR_SYS;
    /* One in 64 would look like an option where it is typed. */
    do {
        randombytes_buf(bits, sizeof bits);
        (void)sodium_bin2base64(id, NHI_JTI_LEN + 1, bits, sizeof bits,
                                sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    } while (id[0] == '-');
    return NHI_OK;
}
