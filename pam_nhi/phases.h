/* SPDX-License-Identifier: ISC */
#ifndef PAM_NHI_PHASES_H
#define PAM_NHI_PHASES_H

#include "pam_nhi/caller.h"

/* Each returns a PAM code. */
int pnhi_authenticate(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c);
int pnhi_account(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c);
int pnhi_establish(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c);
int pnhi_open(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c);
int pnhi_close(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c);
int pnhi_let_go(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c);
int pnhi_password(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c);

#endif
