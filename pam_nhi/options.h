/* SPDX-License-Identifier: ISC */
/*
 * The options of pam_nhi.so.
 */
#ifndef PAM_NHI_OPTIONS_H
#define PAM_NHI_OPTIONS_H

#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdint.h>

struct pnhi_options {
    bool use_first_pass; /* only a reply that an earlier module asked for */
    bool try_first_pass; /* that one, or a prompt if there is none */
    bool debug;
    const char *prompt;
    uint32_t uid_min, uid_max; /* the agent range: finding out who is ours must not need the ledger */
};

/* An unknown option is logged and ignored, so that a typing error does not lock anybody out. false: the range is wrong.
 * Then everybody is denied, since agents could pass for people. */
bool pnhi_options_parse(pam_handle_t *pamh, int argc, const char **argv, struct pnhi_options *out);

#endif
