/* SPDX-License-Identifier: ISC */
/*
 * Agents as people declare them in files: the format of /etc/nhi/agents.d. Used by nhictl only, like policy_conf.h, and
 * as strict.
 *
 *   agents = (
 *     { name = "ci-bot"; owner = "ops@example.org"; purpose = "builds and deploys"; review_by = "2027-06-30";
 *       uid = 70001; group = ["builders"]; home = "/srv/ci-bot"; make_home = false; shell = "/bin/bash"; }
 *   );
 *
 * nhi-agents(5) is the reference.
 */
#ifndef CONF_AGENT_CONF_H
#define CONF_AGENT_CONF_H

#include "conf/policy_conf.h"
#include "libnhi/ledger/ledger.h"
#include "libnhi/ledger/ledger_agent.h"

#define NHI_CONF_AGENTS_MAX 10000 /* in all files together */

/* Empty or 0: not given. */
struct nhi_agent_entry {
    char name[NHI_AGENT_MAX + 1], owner[NHI_OWNER_MAX + 1], purpose[NHI_TEXT_MAX + 1];
    int64_t review_by; /* midnight UTC of the day, which may have passed */
    uint32_t uid;
    char groups[NHI_LIST_MAX + 1];
    char home[NHI_PATH_MAX + 1], shell[NHI_PATH_MAX + 1];
    bool no_home;
    enum nhi_agent_state state; /* as agent export writes it; 0: not given */
    char file[NHI_DECLARED_MAX + 1];
    unsigned line;
};

/* Zeroed by the caller. Release with nhi_agent_conf_free. */
struct nhi_agent_conf {
    struct nhi_agent_entry *all;
    size_t count, room;
};

/* Adds the agents of one file. name: its name without a directory. text: len bytes and a NUL. NHI_ERR_FORMAT: error
 * describes what was expected, and nothing was added; NHI_ERR_NOMEM. */
NHI_CHECK enum nhi_err nhi_agent_conf_add(struct nhi_agent_conf *conf, const char *name, const char *text, size_t len,
                                          struct nhi_conf_error *error);
void nhi_agent_conf_free(struct nhi_agent_conf *conf);

#endif
