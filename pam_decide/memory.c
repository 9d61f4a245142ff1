/* SPDX-License-Identifier: ISC */
#include "pam_decide/memory.h"

#include <stdlib.h>
#include <string.h>

#include "libnhi/base/phase.h"

#define DATA_FACTS "pam_nhi:facts"

struct memory {
    struct nhi_memo facts;
    char boot[37];       /* empty: not known */
    uint64_t init_start; /* 0: not known */
};

static void wipe(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    explicit_bzero(data, sizeof(struct memory));
    free(data);
}

static struct memory *memory_of(pam_handle_t *pamh)
{
    union {
        const void *in;
        struct memory *out;
    } m = { NULL };

    return pam_get_data(pamh, DATA_FACTS, &m.in) == PAM_SUCCESS ? m.out : NULL;
}

struct nhi_memo *pnhi_memory(pam_handle_t *pamh)
{
    struct memory *m = memory_of(pamh);

    if (m != NULL)
        return &m->facts;
    m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    if (pam_set_data(pamh, DATA_FACTS, m, wipe) == PAM_SUCCESS)
        return &m->facts;
    free(m);
    return NULL;
}

void pnhi_memory_begin(pam_handle_t *pamh)
{
    const struct memory *m = memory_of(pamh);

    if (m != NULL && m->boot[0] != '\0')
        nhi_phase_boot_is(m->boot);
    if (m != NULL && m->init_start != 0)
        nhi_phase_init_is(m->init_start);
}

void pnhi_memory_end(pam_handle_t *pamh)
{
    struct memory *m = memory_of(pamh);

    if (m == NULL)
        return;
    (void)nhi_phase_boot(m->boot);
    (void)nhi_phase_init(&m->init_start);
}
