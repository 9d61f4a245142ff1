/* SPDX-License-Identifier: ISC */
/*
 * Recording how sessions ended: as files, then in the ledger.
 */
#ifndef NHICTL_END_RECORD_H
#define NHICTL_END_RECORD_H

#include "nhictl/end/end.h"

/* Says what became of each that is done or stuck: one event in the ledger, if that takes any. hurry: not if another is
 * writing; that is for the next time. */
void endings_record(struct ctl *c, struct ending *all, size_t count, bool hurry);

#endif
