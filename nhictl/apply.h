/*
 * What a change of policy does to the tickets that live.
 */
#ifndef NHICTL_APPLY_H
#define NHICTL_APPLY_H

#include "libnhi/decide.h"

struct ctl;
struct store;

/* Every door that a live ticket would lose or gain, into c's answer: keys "loses" and "gains". */
int apply_show_tickets(struct ctl *c, struct store *s, struct nhi_rule *had, size_t had_count,
                       struct nhi_rule *want, size_t want_count);

#endif
