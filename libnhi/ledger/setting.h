/* SPDX-License-Identifier: ISC */
/*
 * The settings of setting_list.h as a table to walk, and the line in which the ledger keeps them.
 */
#ifndef NHI_SETTING_H
#define NHI_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"

struct nhi_settings; /* ledger.h */

enum nhi_setting_kind { NHI_SETTING_SPAN, NHI_SETTING_NUMBER, NHI_SETTING_FLAG };

struct nhi_setting {
    const char *key;
    enum nhi_setting_kind kind;
    size_t at; /* offset in struct nhi_settings: of a bool for a flag, else of an int64_t */
    int64_t max, unwritten;
    const char *words[3]; /* for a flag: no, yes, NULL */
};

/* In the order of the list. The last one has no key. */
extern const struct nhi_setting nhi_setting_table[];

/* The value; for a flag 0 or 1. */
int64_t nhi_setting_get(const struct nhi_settings *s, const struct nhi_setting *one);
void nhi_setting_put(struct nhi_settings *s, const struct nhi_setting *one, int64_t n);

/* Sets each setting as if nhi.conf were empty. Nothing else in *s changes. */
void nhi_settings_unwritten(struct nhi_settings *s);
/* KEY=VALUE for each setting that differs from an empty nhi.conf, separated by spaces. */
#define NHI_SETTING_LINE_MAX 511
void nhi_setting_line_format(const struct nhi_settings *s, char out[NHI_SETTING_LINE_MAX + 1]);
/* Reads that line. NHI_ERR_CORRUPT: this release would not have written it; *s is undefined. */
NHI_CHECK enum nhi_err nhi_setting_line_parse(const char *line, struct nhi_settings *s);

#endif
