/* SPDX-License-Identifier: ISC */
/*
 * Recording how sessions ended: as files, then in the ledger.
 */
#ifndef NHICTL_END_RECORD_H
#define NHICTL_END_RECORD_H

#include "nhictl/end/end.h"

/* Records the result for each that is done or stuck, as one event if the ledger can be written. hurry: does not wait
 * for another writer; else no longer than a tenth of a second. The next call records it then. */
void endings_record(struct ctl *c, struct ending *all, size_t count, bool hurry);

#endif
