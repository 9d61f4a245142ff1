/* SPDX-License-Identifier: ISC */
/*
 * The destinations of lines of the trail: /dev/log, and the journal by its own protocol with a field for each member of
 * the event. If the journal also serves /dev/log, it gets each line once.
 */
#ifndef NHICTL_LOG_SOCKETS_H
#define NHICTL_LOG_SOCKETS_H

#include <stdbool.h>

#include "libnhi/ledger/event.h"

struct log_sockets {
    int journal, log; /* connected sockets; -1: none */
};

/* false: neither exists. Close it in any case. */
bool log_sockets_open(struct log_sockets *s);
/* line: printable ASCII. e: NULL, or the event whose members become fields. false: one of them does not accept it
 * now. */
bool log_sockets_send(struct log_sockets *s, int priority, const char *line, const struct nhi_event *e);
void log_sockets_close(struct log_sockets *s);

#endif
