/* SPDX-License-Identifier: ISC */
/*
 * Root inside a session that a ticket opened.
 */
#ifndef PAM_DECIDE_WITHIN_H
#define PAM_DECIDE_WITHIN_H

#include "libnhi/grant/grant.h"
#include "libnhi/policy/decide.h"

/* Whether the session may continue, decided again as its supervisor does. NHI_PERMIT, or why it may not. */
enum nhi_reason pnhi_within_look(const struct nhi_grant *session);

#endif
