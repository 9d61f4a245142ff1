/* SPDX-License-Identifier: ISC */
/*
 * Policy and settings as people write them: the one place that reads configuration text. nhictl's alone,
 * since libconfig aborts on some inputs; a process that decides reads what the ledger holds.
 *
 *   rules = (
 *     { name = "deploy"; effect = "permit"; agent = "ci-*"; task = "CHG-*"; account = ["deploy"];
 *       service = ["sshd", "sudo"]; source = "10.0.0.0/8"; days = "mon-fri"; hours = "08:00-18:00";
 *       zone = "Europe/Berlin"; bound = "key"; max_lifetime = "1h"; ssh = "restrict"; }
 *   );
 *
 * nhi-policy(5) and nhi.conf(5) are the reference.
 */
#ifndef CONF_POLICY_CONF_H
#define CONF_POLICY_CONF_H

#include <stddef.h>

#include "libnhi/policy/decide.h"

#define NHI_CONF_FILE_MAX (1024UL * 1024)
#define NHI_CONF_DEPTH_MAX 16
#define NHI_CONF_RULES_MAX 10000 /* in all files together */

struct nhi_settings; /* libnhi/ledger/ledger.h */

struct nhi_conf_error {
    unsigned line; /* 0: about the whole file */
    char text[240];
};

/* The file and line of a rule. */
struct nhi_rule_origin {
    char file[65];
    unsigned line;
};

/* Zeroed at first. Release with nhi_policy_conf_free. */
struct nhi_policy_conf {
    struct nhi_rule *rules;
    struct nhi_rule_origin *where; /* of each rule */
    size_t *by_name;               /* indexes of the rules, in the order of their names */
    size_t count, room;
};

/* Adds the rules of one file. name: the file's name without its directory, for rules without a name of their own. text:
 * len bytes and a NUL. NHI_ERR_FORMAT: error says what was expected, and nothing was added; NHI_ERR_NOMEM. */
NHI_CHECK enum nhi_err nhi_policy_conf_add(struct nhi_policy_conf *conf, const char *name, const char *text, size_t len,
                                           struct nhi_conf_error *error);
void nhi_policy_conf_free(struct nhi_policy_conf *conf);

/* Reads nhi.conf: the settings, and host, uid_min and uid_max if they are written (else empty or 0); no other member of
 * *out changes. NHI_ERR_FORMAT: error says what was expected, and *out is unchanged; NHI_ERR_NOMEM. */
NHI_CHECK enum nhi_err nhi_settings_conf_read(const char *text, size_t len, struct nhi_settings *out,
                                              struct nhi_conf_error *error);

#endif
