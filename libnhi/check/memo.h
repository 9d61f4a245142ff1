/* SPDX-License-Identifier: ISC */
/*
 * The facts about one ticket, kept between the phases of one login: they are used again only if nothing at all was
 * published in between. Never the verdict: every phase decides anew, and looks at the time, the reserve, the account,
 * the sessions and the records of use as they are.
 */
#ifndef NHI_MEMO_H
#define NHI_MEMO_H

#include "libnhi/check/moment.h"

/* Zeroed: nothing is kept. */
struct nhi_memo {
    bool has;
    struct nhi_state_mark mark;
    struct nhi_ticket ticket;
    struct nhi_facts facts; /* without rules */
};

/* true: out has the facts about t, as they would be read from m's state now. */
bool nhi_memo_get(const struct nhi_memo *memo, const struct nhi_moment *m, const struct nhi_ticket *t,
                  struct nhi_facts *out);
/* Keeps what was read from m's state; nothing, while a writer is at work or has not finished. */
void nhi_memo_put(struct nhi_memo *memo, const struct nhi_moment *m, const struct nhi_ticket *t,
                  const struct nhi_facts *f);

#endif
