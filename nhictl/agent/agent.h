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

/* These return CTL_DONE, or another exit code after reporting what is wrong. */
/* The agent that the first operand names. */
int agent_get(struct ctl *c, struct store *s, struct nhi_agent *a);
/* Checks that it may change to that state: a retired agent stays retired. */
int agent_need(struct ctl *c, const struct nhi_agent *a, enum nhi_agent_state state);

/* If a file declares the agent: a remark that names the file. */
void agent_note_file(const struct nhi_agent *a, const char *what);

#endif
