/* SPDX-License-Identifier: ISC */
#ifndef PAM_NHI_COUNT_H
#define PAM_NHI_COUNT_H

#include "pam_nhi/report.h"

/* Counts a denial that has no record. */
struct pnhi_times pnhi_count(const struct pnhi_caller *c, const struct nhi_verdict *v);

#endif
