/* SPDX-License-Identifier: ISC */
/*
 * Lists and words in the findings of review.
 */
#ifndef NHICTL_REVIEW_LIST_H
#define NHICTL_REVIEW_LIST_H

#include "nhictl/review/review.h"

const char *review_level_name(enum review_level level);
/* "Improper Offboarding", as in the OWASP Non-Human Identities Top 10 (2025). */
const char *review_owasp_title(const char *owasp);
/* "a, b, c and 4 more", in order; the caller frees it. */
char *review_listed(struct text_set *w);
/* Returns buf. */
const char *review_day(int64_t t, char buf[NHI_TIME_LEN + 1]);

#endif
