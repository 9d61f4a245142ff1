/* SPDX-License-Identifier: ISC */
/*
 * Time as text.
 */
#ifndef NHI_TIME_H
#define NHI_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "libnhi/base/err.h"

/* RFC 3339, UTC, whole seconds: 2026-11-23T22:05:00Z, exactly 20 characters, years 1970 to 9999.
 * No leap second: POSIX time cannot hold one. NHI_ERR_FORMAT: out of range, or not this form. */
#define NHI_TIME_LEN 20
#define NHI_TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
NHI_CHECK enum nhi_err nhi_time_format(int64_t t, char out[NHI_TIME_LEN + 1]);
NHI_CHECK enum nhi_err nhi_time_parse(const char *s, int64_t *t);
/* "90s", "15m", "1h30m", "2d": 1 second to NHI_SPAN_MAX. false: anything else. */
#define NHI_SPAN_MAX (INT64_C(366) * 86400)
bool nhi_span_parse(const char *s, int64_t *seconds);

#endif
