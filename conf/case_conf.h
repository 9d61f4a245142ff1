/* SPDX-License-Identifier: ISC */
/*
 * Requests with expected results, as people write them.
 */
#ifndef CONF_CASE_CONF_H
#define CONF_CASE_CONF_H

#include "conf/policy_conf.h"

/* A request and its expected result, for nhictl policy test. */
struct nhi_policy_case {
    char agent[NHI_AGENT_MAX + 1], owner[NHI_OWNER_MAX + 1], task[NHI_TASK_MAX + 1];
    char account[NHI_ACCOUNT_MAX + 1], service[NHI_SERVICE_MAX + 1];
    char from[NHI_PLACE_MAX + 1]; /* numeric or "unix"; empty: local */
    int64_t at;                   /* 0: now */
    int64_t lifetime, age;        /* seconds; 0: 15 minutes, and no age */
    uint32_t uses;                /* 0: not counted */
    uint32_t bound;               /* NHI_BOUND_KEY, NHI_BOUND_TREE or 0 */
    bool permit;
    char rule[NHI_TASK_MAX + 1]; /* the rule that should decide; empty: any */
    unsigned line;
};

/* cases: allocated, the caller frees them. */
NHI_CHECK enum nhi_err nhi_policy_cases_read(const char *text, size_t len, struct nhi_policy_case **cases,
                                             size_t *count, struct nhi_conf_error *error);

#endif
