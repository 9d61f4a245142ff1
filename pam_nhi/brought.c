/* SPDX-License-Identifier: ISC */
#include "pam_nhi/brought.h"

#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/grant.h"

#define DATA_OPENED "pam_nhi:opened"

static bool has_data(pam_handle_t *pamh, const char *name)
{
    const void *data = NULL;

    return pam_get_data(pamh, name, &data) == PAM_SUCCESS;
}

const char *pnhi_brought(pam_handle_t *pamh)
{
    /* Later modules let users write it. */
    return has_data(pamh, DATA_OPENED) ? NULL : pam_getenv(pamh, PNHI_GRANT_VARIABLE);
}

void pnhi_brought_clear(pam_handle_t *pamh)
{
    if (pam_getenv(pamh, PNHI_GRANT_VARIABLE) != NULL)
        (void)pam_putenv(pamh, PNHI_GRANT_VARIABLE);
}

void pnhi_brought_end(pam_handle_t *pamh)
{
    static const char opened[] = "opened";
    union {
        const char *in;
        void *out;
    } w = { opened };

    pnhi_brought_clear(pamh);
    (void)pam_set_data(pamh, DATA_OPENED, w.out, NULL);
}

bool pnhi_brought_kept(pam_handle_t *pamh)
{
    return has_data(pamh, PNHI_DATA_GRANT);
}

bool pnhi_brought_any(pam_handle_t *pamh, const struct pnhi_caller *c)
{
    struct nhi_proc self;
    pid_t parent;

    if (pnhi_brought_kept(pamh))
        return true;
    /* Only root's own programs decide in a child: a caller of su or sudo could otherwise choose its own pid, and find
     * what an earlier call left there. */
    if (c->program != PNHI_LOGIN)
        return false;
    if (pnhi_brought(pamh) != NULL)
        return true;
    return nhi_proc_read(getpid(), &self, &parent) == NHI_OK && nhi_grant_has_child(NHI_STATE_DIR, &self);
}
