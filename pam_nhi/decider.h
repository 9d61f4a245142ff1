/* SPDX-License-Identifier: ISC */
/*
 * The decider: what decides about agents, in a shared object of its own, which pam_nhi loads for a caller who is ours,
 * and for nobody else. A person's login needs libc and libpam alone, whatever is wrong with the rest.
 */
#ifndef PAM_NHI_DECIDER_H
#define PAM_NHI_DECIDER_H

#include "libnhi/base/object.h"
#include "libnhi/base/phase.h"
#include "pam_nhi/caller.h"

#define PNHI_DECIDER_NAME "nhi-decide.so"
#define PNHI_DECIDER_DIR LIBEXECDIR
#define PNHI_DECIDER_FILE PNHI_DECIDER_DIR "/" PNHI_DECIDER_NAME
#define PNHI_DECIDER_SYMBOL "pnhi_decider"

enum pnhi_call { PNHI_CALL_AUTH, PNHI_CALL_ACCOUNT, PNHI_CALL_CRED, PNHI_CALL_OPEN, PNHI_CALL_CLOSE };

struct pnhi_asked {
    enum pnhi_call call;
    const char *text; /* the reply to a prompt that only a ticket begins like; NULL: nobody was asked yet */
    struct nhi_phase_kept kept;
};

/* What the decider exports. Module and decider are of one build, which version and size confirm. */
struct pnhi_decider {
    struct nhi_object object;
    size_t size; /* of struct pnhi_caller */
    /* Returns a PAM code. */
    int (*decide)(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c, struct pnhi_asked *a);
    /* Root inside a session that a ticket opened: whether it may continue, decided again as its supervisor does.
     * NHI_PERMIT, or why it may not. */
    enum nhi_reason (*within)(const struct nhi_grant *session);
    /* Whether a certificate that sshd has verified belongs to an agent: it has a ticket, or its key was ever bound. */
    enum nhi_presence (*certificate)(pam_handle_t *pamh, const struct pnhi_caller *c);
};

/* Loads it, until this module is unloaded. NULL: it cannot be, and why says so. */
#define PNHI_WHY_MAX NHI_OBJECT_WHY_MAX
const struct pnhi_decider *pnhi_decider_load(char why[PNHI_WHY_MAX]);

#endif
