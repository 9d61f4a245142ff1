/* SPDX-License-Identifier: ISC */
/*
 * What pam_nhi gets from the decider.
 */
#include "pam_decide/memory.h"
#include "pam_decide/phases.h"
#include "pam_decide/proof.h"
#include "pam_decide/within.h"

#define EXPORT __attribute__((visibility("default")))

static int decide(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c, struct pnhi_asked *a)
{
    int rc;

    nhi_phase_adopt(&a->kept);
    pnhi_memory_begin(pamh);
    rc = pnhi_decide(pamh, o, c, a);
    pnhi_memory_end(pamh);
    nhi_phase_end();
    return rc;
}

static enum nhi_presence certificate(pam_handle_t *pamh, const struct pnhi_caller *c)
{
    struct pnhi_proof proof;

    pnhi_proof_find(pamh, c, &proof);
    return pnhi_proof_is_agents(&proof, c->subject);
}

extern const struct pnhi_decider pnhi_decider;
EXPORT const struct pnhi_decider pnhi_decider = {
    .object = { NHI_OBJECT_VERSION },
    .size = sizeof(struct pnhi_caller),
    .decide = decide,
    .within = pnhi_within_look,
    .certificate = certificate,
};
