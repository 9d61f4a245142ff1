/* SPDX-License-Identifier: ISC */
/*
 * The effect of a new policy on live tickets.
 */
#ifndef NHICTL_APPLY_TICKETS_H
#define NHICTL_APPLY_TICKETS_H

#include "libnhi/base/names.h"
#include "nhictl/policy/apply.h"

/* A change of policy. */
struct apply_change {
    const struct apply_side *had, *want;
    const struct apply_touched *touched;
};
/* A login that a ticket loses. */
struct apply_login {
    char jti[NHI_JTI_LEN + 1], root[NHI_JTI_LEN + 1];
    char account[NHI_ACCOUNT_MAX + 1], service[NHI_SERVICE_MAX + 1];
};
/* Its effect; to be zeroed, and lost is freed by the caller. */
struct apply_effect {
    struct apply_login *lost;
    size_t lost_count, lost_room;
    size_t live, shut; /* live tickets of this host, and those of them that opened something and then open nothing */
};

/* Adds every login that a live ticket would lose or gain to c's answer: keys "loses" and "gains". */
int apply_show_tickets(struct ctl *c, struct store *s, const struct apply_change *change, struct apply_effect *effect);

#endif
