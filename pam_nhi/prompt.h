/* SPDX-License-Identifier: ISC */
#ifndef PAM_NHI_PROMPT_H
#define PAM_NHI_PROMPT_H

#include "pam_nhi/caller.h"

/* Gets the reply of the conversation. A reply that is meant for us is returned in text (the caller wipes and frees it
 * with nhi_text_free) and wiped from PAM_AUTHTOK; so is any reply of a caller who is ours. Otherwise text is NULL and
 * the reply stays in PAM_AUTHTOK for later modules. During the conversation the caller's own limits are in force.
 * PAM_SUCCESS, PAM_BUF_ERR. No reply at all is PAM_SUCCESS with text NULL. */
int pnhi_prompt(pam_handle_t *pamh, const struct pnhi_options *o, struct pnhi_caller *c, char **text);

#endif
