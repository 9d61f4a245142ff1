/* SPDX-License-Identifier: ISC */
/*
 * One rule of the policy, and whether a request meets its conditions.
 */
#ifndef NHI_RULE_H
#define NHI_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/names.h"
#include "libnhi/base/net.h"

#define NHI_ANY "*" /* all names of a kind, in a list written by a person */
#define NHI_RULE_NETS_MAX 32
#define NHI_RULE_HOURS_MAX 8
#define NHI_RULE_OWNERS_MAX 511
#define NHI_ZONE_MAX 63
#define NHI_CAP_MAX 1000000 /* of max_sessions and max_grants_per_hour */
#define NHI_DAY_MINUTES 1440

struct nhi_request;
struct nhi_facts;

/* What a ticket may be bound to. */
enum { NHI_BOUND_KEY = 1, NHI_BOUND_TREE = 2, NHI_BOUND_NOTHING = 4, NHI_BOUND_ALL = 7 };

/* Minutes of a day; if from is after to, the span crosses midnight. */
struct nhi_hours {
    uint16_t from, to;
};

/* Lists of names are as in a ticket; words of agents and tasks may have * and ?, which stand for any characters and for
 * one; accounts and services may be NHI_ANY alone. A condition that is empty or 0 is not set, but a rule without agents
 * and owners, without accounts or without services matches nobody. */
struct nhi_rule {
    char name[NHI_TASK_MAX + 1];
    bool forbid;
    char agents[NHI_LIST_MAX + 1];
    char owners[NHI_RULE_OWNERS_MAX + 1]; /* one on each line */
    char tasks[NHI_LIST_MAX + 1];
    char accounts[NHI_LIST_MAX + 1], services[NHI_LIST_MAX + 1];
    struct nhi_net nets[NHI_RULE_NETS_MAX]; /* the address that the login comes from */
    uint32_t net_count;
    bool local;       /* or not over a network */
    bool unix_socket; /* or sshd has no address: NHI_NET_UNIX */
    uint8_t days;     /* bit 0: Sunday … bit 6: Saturday; the days on which hours begin; 0: every day */
    struct nhi_hours hours[NHI_RULE_HOURS_MAX];
    uint32_t hours_count;
    char zone[NHI_ZONE_MAX + 1]; /* from the tz database, for days and hours */
    uint32_t bound;              /* any one of these is enough; 0: no condition */
    int64_t max_lifetime;        /* seconds from iat to exp */
    int64_t max_age;             /* seconds since iat */
    uint32_t max_uses;           /* only a ticket with a limit of uses, which is at most this */
    uint32_t max_sessions;       /* live sessions that it permits at once, over all tickets */
    uint32_t max_grants;         /* grants in 3,600 seconds, over all tickets */
    uint32_t ssh;                /* options that it takes away from sessions by key: sshopt.h */
    /* These are as of the request's time, and are set when the rule is loaded: */
    bool offset_known; /* false: this host does not know the zone at that time */
    int32_t offset;    /* seconds that the zone is ahead of UTC */
    uint32_t sessions; /* its live sessions */
    uint32_t grants;   /* its grants of the last 3,600 seconds */
};

/* In the order in which they are checked. Before SOURCE they depend on the ticket alone, so that issue refuses a ticket
 * that fails there; from SOURCE on they depend on the use, and from SESSIONS on also on other uses. */
enum nhi_condition {
    NHI_COND_MET = 0,
    NHI_COND_AGENT,
    NHI_COND_OWNER,
    NHI_COND_TASK,
    NHI_COND_ACCOUNT,
    NHI_COND_SERVICE,
    NHI_COND_BOUND,
    NHI_COND_LIFETIME,
    NHI_COND_USES,
    NHI_COND_SOURCE,
    NHI_COND_DAYS,  /* in a rule without hours */
    NHI_COND_HOURS, /* with the rule's days, if it has any */
    NHI_COND_AGE,
    NHI_COND_SESSIONS,
    NHI_COND_GRANTS,
    NHI_COND_COUNT
};
/* The first condition, except caps, that the request does not meet. */
enum nhi_condition nhi_rule_fails(const struct nhi_rule *r, const struct nhi_request *req,
                                  const struct nhi_facts *facts);
/* Whether the rule matches the request, or would at another time. */
bool nhi_rule_could(const struct nhi_rule *r, const struct nhi_request *req, const struct nhi_facts *facts);
/* Why the request does not meet that condition, for people: "agent is other-bot". */
#define NHI_RULE_FOUND_MAX (NHI_OWNER_MAX + 40)
void nhi_rule_found(enum nhi_condition failed, const struct nhi_rule *r, const struct nhi_request *req,
                    const struct nhi_facts *facts, char out[NHI_RULE_FOUND_MAX]);
/* The first cap that is reached. */
enum nhi_condition nhi_rule_is_full(const struct nhi_rule *r, const struct nhi_request *req);

/* The rule in one line, the same for the same rule: "permit NAME: agent …, account …". */
#define NHI_RULE_TEXT_MAX 4095

/* Whether word matches pattern, in which * stands for any characters and ? for one. */
bool nhi_glob(const char *pattern, const char *word);
/* Grammar of the words of agents and tasks. */
bool nhi_pattern_is_agent(const char *s);
bool nhi_pattern_is_task(const char *s);

#endif
