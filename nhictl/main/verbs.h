/* SPDX-License-Identifier: ISC */
/*
 * Every table of verbs, in the order of the overview. Each is defined in the room of its verbs, and ends with a NULL
 * verb.
 */
#ifndef NHICTL_VERBS_H
#define NHICTL_VERBS_H

#include "nhictl/say/ctl.h"

#define VERB_TABLES(X) \
    X(init) \
    X(agent_add) \
    X(agent) \
    X(agent_owner) \
    X(agent_registry) \
    X(agent_import) \
    X(setup) \
    X(adopt) \
    X(owner) \
    X(task) \
    X(issue) \
    X(renew) \
    X(run) \
    X(askpass) \
    X(import) \
    X(revoke) \
    X(scan) \
    X(ticket) \
    X(key) \
    X(key_change) \
    X(key_custody) \
    X(apply) \
    X(explain) \
    X(policy) \
    X(session) \
    X(lockdown) \
    X(watch) \
    X(status) \
    X(metrics) \
    X(review) \
    X(trace) \
    X(audit) \
    X(audit_verify) \
    X(audit_export) \
    X(audit_archive) \
    X(complete) \
    X(backup) \
    X(restore) \
    X(publish) \
    X(doctor)

#define VERB_TABLE(name) extern const struct verb name##_verbs[];
VERB_TABLES(VERB_TABLE)
#undef VERB_TABLE

#endif
