/* SPDX-License-Identifier: ISC */
/*
 * The event for a decision, as the trail has it.
 */
#ifndef NHI_GRANT_EVENT_H
#define NHI_GRANT_EVENT_H

#include "libnhi/grant/grant.h"

void nhi_grant_event(const struct nhi_grant *g, struct nhi_event *e);

#endif
