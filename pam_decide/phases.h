/* SPDX-License-Identifier: ISC */
#ifndef PAM_DECIDE_PHASES_H
#define PAM_DECIDE_PHASES_H

#include "pam_nhi/decider.h"

/* Returns a PAM code. */
int pnhi_decide(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c, const struct pnhi_asked *a);

#endif
