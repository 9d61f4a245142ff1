/* SPDX-License-Identifier: ISC */
/*
 * Private to the configuration compiler: turns text that people write into libconfig's tree.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <libconfig.h>

#include "conf/policy_conf.h"
#include "libnhi/base/err.h"

/* Returns NHI_ERR_FORMAT with this message. */
__attribute__((format(printf, 3, 4))) NHI_CHECK enum nhi_err nhi_conf_bad(struct nhi_conf_error *error, unsigned line,
                                                                          const char *fmt, ...);
/* Parses len bytes and a NUL. The caller destroys out, whatever the result. */
NHI_CHECK enum nhi_err nhi_conf_parse(const char *text, size_t len, config_t *out, struct nhi_conf_error *error);

/* Values. Each function below reports what it expected. */
/* One of words, which ends with NULL: its index. */
NHI_CHECK enum nhi_err nhi_conf_word(const config_setting_t *s, const char *const *words, unsigned *out,
                                     struct nhi_conf_error *error);
/* "90s", "15m", "1h30m", "2d": in seconds. */
NHI_CHECK enum nhi_err nhi_conf_span(const config_setting_t *s, int64_t *out, struct nhi_conf_error *error);
/* min to max. */
NHI_CHECK enum nhi_err nhi_conf_count(const config_setting_t *s, uint32_t min, uint32_t max, uint32_t *out,
                                      struct nhi_conf_error *error);
/* Calls take for a text, or for each text of an array that is not empty. */
NHI_CHECK enum nhi_err nhi_conf_each(const config_setting_t *s,
                                     enum nhi_err (*take)(const char *word, void *to, struct nhi_conf_error *error),
                                     void *to, struct nhi_conf_error *error);

/* The list with that name, which is the only one that a file may have; NULL: a file of comments. */
NHI_CHECK enum nhi_err nhi_conf_only_list(const config_t *parsed, const char *name, const config_setting_t **out,
                                          struct nhi_conf_error *error);

#endif
