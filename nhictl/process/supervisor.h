/* SPDX-License-Identifier: ISC */
/*
 * The state of the supervisor, in words.
 */
#ifndef NHICTL_SUPERVISOR_H
#define NHICTL_SUPERVISOR_H

#include "libnhi/ledger/heartbeat.h"

#define SUPERVISOR_TEXT_MAX 160

struct supervisor {
    enum nhi_supervisor is;
    enum nhi_err why;
    int64_t age; /* seconds since it last looked; -1: unknown */
};

struct supervisor supervisor_look(void);
/* A word or two: "alive", "not running". */
const char *supervisor_state(const struct supervisor *p);
/* A sentence without its period, for a supervisor that is not alive: returns buf. */
const char *supervisor_text(const struct supervisor *p, char buf[SUPERVISOR_TEXT_MAX]);
/* What to type. */
const char *supervisor_hint(const struct supervisor *p);

#endif
