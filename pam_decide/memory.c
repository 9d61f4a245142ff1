/* SPDX-License-Identifier: ISC */
#include "pam_decide/memory.h"

#include <stdlib.h>
#include <string.h>

#define DATA_FACTS "pam_nhi:facts"

static void wipe(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    explicit_bzero(data, sizeof(struct nhi_memo));
    free(data);
}

struct nhi_memo *pnhi_memory(pam_handle_t *pamh)
{
    union {
        const void *in;
        struct nhi_memo *out;
    } m = { NULL };

    if (pam_get_data(pamh, DATA_FACTS, &m.in) == PAM_SUCCESS)
        return m.out;
    m.out = calloc(1, sizeof(*m.out));
    if (m.out != NULL && pam_set_data(pamh, DATA_FACTS, m.out, wipe) != PAM_SUCCESS) {
        free(m.out);
        m.out = NULL;
    }
    return m.out;
}
