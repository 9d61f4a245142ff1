/* SPDX-License-Identifier: ISC */
/*
 * Finding a ticket that nobody showed, by what is known instead: the account, the key, or an earlier ticket.
 */
#ifndef NHI_FIND_H
#define NHI_FIND_H

#include "libnhi/policy/decide.h"
#include "libnhi/state/fact.h"

/* The one live ticket without key binding for account and service on this host; if none is live, the newest one that
 * was ended before its time, so that the decision can show how. NHI_ERR_NOT_FOUND: neither; NHI_ERR_EXISTS: more than
 * one live. */
NHI_CHECK enum nhi_err nhi_find_for(const struct nhi_fact_source *from, const char *account, const char *service,
                                    int64_t now, struct nhi_ticket *out);
/* The same for the subject and service of the request, among the tickets that are bound to its key. */
NHI_CHECK enum nhi_err nhi_find_for_key(const struct nhi_fact_source *from, const struct nhi_request *asked,
                                        int64_t now, struct nhi_ticket *out);
/* Every live ticket for the request's subject and service on this host that is bound to some key. fn: returns 0 to
 * continue. */
NHI_CHECK enum nhi_err nhi_find_each_key(const struct nhi_fact_source *from, const struct nhi_request *asked,
                                         int64_t now, int (*fn)(const struct nhi_ticket *, void *), void *ctx);
/* The ticket that a key was last bound to, dead or alive: one that names the account, if there is one among the few
 * that end last. NHI_ERR_NOT_FOUND: none is known. */
NHI_CHECK enum nhi_err nhi_find_last_of_key(const struct nhi_fact_source *from, const uint8_t key[NHI_PK_LEN],
                                            const char *account, struct nhi_ticket *out);
NHI_CHECK enum nhi_err nhi_find_issuer(const struct nhi_fact_source *from, const char *kid, struct nhi_issuer *out);
/* What is recorded of a ticket. */
NHI_CHECK enum nhi_err nhi_find_ticket(const struct nhi_fact_source *from, const char *jti,
                                       struct nhi_fact_ticket *out);
/* The last ticket of a lineage. */
NHI_CHECK enum nhi_err nhi_find_newest(const struct nhi_fact_source *from, const char *root,
                                       struct nhi_fact_ticket *out);
/* Every issuer whose secret key is not on this host. fn: returns 0 to continue. */
NHI_CHECK enum nhi_err nhi_find_each_other(const struct nhi_fact_source *from,
                                           int (*fn)(const struct nhi_issuer *, void *), void *ctx);

#endif
