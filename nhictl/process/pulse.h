/*
 * The state of the supervisor, in words.
 */
#ifndef NHICTL_PULSE_H
#define NHICTL_PULSE_H

#include "libnhi/ledger/heartbeat.h"

#define PULSE_TEXT_MAX 160

struct pulse {
    enum nhi_pulse is;
    enum nhi_err why;
    int64_t age; /* seconds since it last looked; -1: unknown */
};

struct pulse pulse_see(void);
/* A word or two: "alive", "not running". */
const char *pulse_word(const struct pulse *p);
/* A sentence without its period, for what is not alive: buf is returned. */
const char *pulse_text(const struct pulse *p, char buf[PULSE_TEXT_MAX]);
/* What to type. */
const char *pulse_hint(const struct pulse *p);

#endif
