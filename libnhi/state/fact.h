/* SPDX-License-Identifier: ISC */
/*
 * The facts that are published, each as its fields. Encoding and decoding are beside each other here, so that the
 * writer and the reader cannot differ.
 */
#ifndef NHI_FACT_H
#define NHI_FACT_H

#include "libnhi/policy/decide.h"
#include "libnhi/state/source.h"

enum nhi_revoke_kind { NHI_REVOKE_TICKET = 1, NHI_REVOKE_TASK, NHI_REVOKE_AGENT, NHI_REVOKE_ISSUER };

struct nhi_fact_host {
    char host[NHI_HOST_MAX + 1];
    int64_t latest; /* latest time that the ledger has seen */
    int64_t epoch, epoch_at;
    int64_t epoch_ticket; /* tickets up to this row belong to an epoch that has ended */
    int64_t max_lifetime;
    bool pin_records, overdue_denies, unsupervised, unflushed;
    char policy[NHI_POLICY_LEN + 1]; /* empty: no policy yet */
    uint8_t fit;                     /* enum nhi_fit, as it was when this was published */
};

struct nhi_fact_agent {
    uint32_t uid;
    enum nhi_agent_state state;
    char owner[NHI_OWNER_MAX + 1];
    int64_t review_by, revoked_until;
};

struct nhi_fact_task {
    char agent[NHI_AGENT_MAX + 1];
    enum nhi_task_state state;
    int64_t deadline;
};

struct nhi_fact_ticket {
    struct nhi_ticket ticket;
    int64_t row; /* tickets are numbered in the order in which they were recorded */
    int64_t recorded;
    char root[NHI_JTI_LEN + 1];
    char renews[NHI_JTI_LEN + 1], successor[NHI_JTI_LEN + 1]; /* empty: none */
    char tree[NHI_TREE_MAX + 1];                              /* empty: not bound to one */
    bool superseded, no_pin;
};

/* A rule is kept as its line, and found by these names. */
struct nhi_fact_rule {
    char pattern[NHI_LIST_MAX + 1]; /* of agents; empty: found by an agent's name */
    char zone[NHI_ZONE_MAX + 1];
    const char *line; /* in the value, or the caller's */
};

/* A zone is ahead of UTC by this from that moment on. */
struct nhi_fact_offset {
    int64_t at;
    bool known;
    int32_t ahead; /* seconds */
};

void nhi_fact_put_host(struct nhi_value *v, const struct nhi_fact_host *h);
void nhi_fact_put_issuer(struct nhi_value *v, const struct nhi_issuer *i);
void nhi_fact_put_agent(struct nhi_value *v, const struct nhi_fact_agent *a);
void nhi_fact_put_task(struct nhi_value *v, const struct nhi_fact_task *t);
void nhi_fact_put_ticket(struct nhi_value *v, const struct nhi_fact_ticket *t);
void nhi_fact_put_rule(struct nhi_value *v, const struct nhi_fact_rule *r);
/* Adds one more; they are in ascending order of at. */
void nhi_fact_put_offset(struct nhi_value *v, const struct nhi_fact_offset *o);
/* A name alone: of NHI_FACT_NEWEST, and of lists. */
void nhi_fact_put_name(struct nhi_value *v, const char *name);

/* NHI_ERR_CORRUPT: nhictl would not have written this. */
NHI_CHECK enum nhi_err nhi_fact_get_host(const struct nhi_value *v, struct nhi_fact_host *out);
NHI_CHECK enum nhi_err nhi_fact_get_issuer(const struct nhi_value *v, struct nhi_issuer *out);
NHI_CHECK enum nhi_err nhi_fact_get_agent(const struct nhi_value *v, struct nhi_fact_agent *out);
NHI_CHECK enum nhi_err nhi_fact_get_task(const struct nhi_value *v, struct nhi_fact_task *out);
NHI_CHECK enum nhi_err nhi_fact_get_ticket(const struct nhi_value *v, struct nhi_fact_ticket *out);
/* v: changed; out->line is valid as long as v. */
NHI_CHECK enum nhi_err nhi_fact_get_rule(struct nhi_value *v, struct nhi_fact_rule *out);
/* The offset in force at now: unknown before the first one. */
NHI_CHECK enum nhi_err nhi_fact_get_offset(const struct nhi_value *v, int64_t now, struct nhi_fact_offset *out);
NHI_CHECK enum nhi_err nhi_fact_get_name(const struct nhi_value *v, char *out, size_t size);

#endif
