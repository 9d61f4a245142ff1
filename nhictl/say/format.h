/* SPDX-License-Identifier: ISC */
/*
 * Values as text for people.
 */
#ifndef NHICTL_FORMAT_H
#define NHICTL_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OUT_AGO_LEN 24
/* "in 14m", "3h ago", "now". */
void out_ago(int64_t t, int64_t now, char buf[OUT_AGO_LEN]);
/* "15m", "1h30m". */
void out_span(int64_t seconds, char buf[OUT_AGO_LEN]);

/* Prints text with special characters, such as control characters, as \xHH or \uHHHH. */
void out_escape(FILE *f, const char *text);
/* How many columns that needs: of characters, not bytes, in their escaped form. */
size_t out_width(const char *text);

#endif
