/* SPDX-License-Identifier: ISC */
/*
 * The page of review.
 */
#ifndef NHICTL_REVIEW_HTML_H
#define NHICTL_REVIEW_HTML_H

#include "nhictl/review/review.h"

/* Writes the page to FILE or "-". */
int review_page(const struct review *r, const char *file);

#endif
