/* SPDX-License-Identifier: ISC */
/*
 * Calling the decision function, as pam_nhi does, without a login.
 */
#ifndef NHICTL_PREVIEW_H
#define NHICTL_PREVIEW_H

#include "libnhi/check/gather.h"
#include "libnhi/policy/decide.h"

struct ctl;
struct store;

enum preview_of {
    PREVIEW_NOW, /* with the present places, counts and supervisor */
    PREVIEW_EVER /* without anything that may change in the next moment */
};

struct preview {
    struct ctl *c;
    struct store *s;
    struct nhi_moment *m;
    struct nhi_gathering g;
};
/* Based on what the store has read. Ends with preview_end, also after a failure. */
int preview_begin(struct ctl *c, struct store *s, enum preview_of of, struct preview *p);
void preview_end(struct preview *p);

/* Everything that this host knows about t, including the reserve, but no rules. Free it with nhi_facts_free. */
int preview_ticket(struct preview *p, const struct nhi_ticket *t, struct nhi_facts *facts);
/* Adds the rules in force that could match t to its facts. */
int preview_rules(struct preview *p, const struct nhi_ticket *t, struct nhi_facts *facts);
/* A use of a ticket. */
struct preview_case {
    const struct nhi_ticket *ticket;
    const struct nhi_facts *facts;
    const char *account, *service;
};
/* Fills in the account, and a request by somebody who has the key that the ticket is bound to, from any place. */
NHI_CHECK enum nhi_err preview_request(const struct preview *p, const struct preview_case *of, struct nhi_request *out);
/* Fills in what is known about that use, with the rules in the facts. NHI_PERMIT: it can be decided; else the answer.
 */
enum nhi_reason preview_use(struct preview *p, struct nhi_request *req, struct nhi_facts *facts);

enum preview_as {
    PREVIEW_ANYWHERE, /* from any place */
    PREVIEW_INSIDE,   /* the same, inside the process tree that it is bound to */
    PREVIEW_PERMITTED /* as if policy permitted it */
};
/* Whether the ticket would open account through service now, for somebody who has the key that it is bound to. */
enum nhi_reason preview_decide(struct preview *p, const struct preview_case *of, enum preview_as as);

#endif
