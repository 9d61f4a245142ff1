/* SPDX-License-Identifier: ISC */
/*
 * The findings of review: each with its evidence, the entry of the OWASP Non-Human Identities Top 10 (2025) that it
 * belongs to, and the command that resolves it.
 */
#ifndef NHICTL_REVIEW_JUDGE_H
#define NHICTL_REVIEW_JUDGE_H

#include "nhictl/review/review.h"

void review_judge(struct review *r);

#endif
