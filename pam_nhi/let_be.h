/* SPDX-License-Identifier: ISC */
#ifndef PAM_NHI_LET_BE_H
#define PAM_NHI_LET_BE_H

#include "pam_nhi/report.h"

/* The PAM code for a caller who is not ours; what could not be read is logged, once in a transaction. */
int pnhi_let_be(pam_handle_t *pamh, const struct pnhi_caller *c, enum pnhi_phase phase);

#endif
