/* SPDX-License-Identifier: ISC */
/*
 * What the files of agents share.
 */
#ifndef NHICTL_AGENT_H
#define NHICTL_AGENT_H

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_agent.h"

#define AGENTS_PATH NHI_CONF_DIR "/" NHI_AGENTS_DIR

struct ctl;
struct store;

/* These return CTL_DONE, or another exit code after saying what is wrong. */
/* The agent that the first operand names. */
int agent_get(struct ctl *c, struct store *s, struct nhi_agent *a);
/* That it may come into that state: what is retired stays so. */
int agent_need(struct ctl *c, const struct nhi_agent *a, enum nhi_agent_state state);

/* Where a file declares the agent: a remark that names it. */
void agent_note_file(const struct nhi_agent *a, const char *what);

#endif
