/*
 * Policy as people write it: the one place that reads configuration text. nhictl's alone, since
 * libconfig aborts on some inputs; a process that decides reads what the ledger holds.
 *
 *   rules = (
 *     { name = "deploy"; effect = "permit"; agent = "ci-bot"; account = ["deploy"];
 *       service = ["sshd", "sudo"]; ssh = "restrict"; }
 *   );
 *
 * pin = "record";   in one of the files: a bearer ticket that is used elsewhere than at first is
 *                   recorded, not refused ("refuse", the default)
 *
 * agent, account and service: one name or an array of names, exact, none missing. effect: "permit"
 * or "forbid". name: may be left out. ssh: words of sshopt.h, where the rule permits.
 */
#ifndef NHI_POLICY_CONF_H
#define NHI_POLICY_CONF_H

#include <stddef.h>

#include "libnhi/decide.h"

#define NHI_CONF_FILE_MAX (1024UL * 1024)
#define NHI_CONF_DEPTH_MAX 16
#define NHI_CONF_RULES_MAX 10000 /* in all files together */

struct nhi_conf_error {
    unsigned line; /* 0: of the whole file */
    char text[200];
};

/* Zeroed at first. Release with nhi_policy_conf_free. */
struct nhi_policy_conf {
    struct nhi_rule *rules;
    struct where {
        char file[65];
        unsigned line;
    } * where; /* of each rule */
    size_t count, room;
    bool pin_given, pin_records; /* pin = "refuse" (the default) or "record" */
};

/* Adds the rules of one file. name: its name without a directory, for rules without one of their
 * own. text: len bytes and a NUL. NHI_ERR_FORMAT: error says what was expected, and nothing was
 * added; NHI_ERR_NOMEM. */
NHI_CHECK enum nhi_err nhi_policy_conf_add(struct nhi_policy_conf *conf, const char *name,
                                           const char *text, size_t len,
                                           struct nhi_conf_error *error);
void nhi_policy_conf_free(struct nhi_policy_conf *conf);

#endif
