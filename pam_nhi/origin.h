/* SPDX-License-Identifier: ISC */
/*
 * The place of a caller, to which a bearer ticket is pinned.
 */
#ifndef PAM_NHI_ORIGIN_H
#define PAM_NHI_ORIGIN_H

#include "libnhi/base/names.h"
#include "pam_nhi/caller.h"

/* Where the login comes from, as in struct nhi_request; NULL: not over a network. */
const char *pnhi_origin_from(const struct pnhi_caller *c);
/* Whether PAM_RHOST is a numeric address. With sshd's UseDNS it may be a name, which anybody can choose. */
bool pnhi_origin_is_address(const struct pnhi_caller *c);
/* The address, or the local session as in struct nhi_grant. false: it is not known. */
bool pnhi_origin_find(const struct pnhi_caller *c, char place[NHI_PLACE_MAX + 1]);

#endif
