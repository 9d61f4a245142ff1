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

#define NHI_ANY "*" /* all of a kind, written by a person */
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

/* Minutes of a day; from above to: over midnight. */
struct nhi_hours {
    uint16_t from, to;
};

/* Lists of names are as in a ticket; words of agents and tasks may hold * and ?, which stand for any characters
 * and for one; accounts and services may be NHI_ANY alone. A condition that is empty or 0 is none, but a rule
 * without agents and owners, without accounts or without services matches nobody. */
struct nhi_rule {
    char name[NHI_TASK_MAX + 1];
    bool forbid;
    char agents[NHI_LIST_MAX + 1];
    char owners[NHI_RULE_OWNERS_MAX + 1]; /* one a line */
    char tasks[NHI_LIST_MAX + 1];
    char accounts[NHI_LIST_MAX + 1], services[NHI_LIST_MAX + 1];
    struct nhi_net nets[NHI_RULE_NETS_MAX]; /* where the login comes from */
    uint32_t net_count;
    bool local;       /* or from no network at all */
    bool unix_socket; /* or from where sshd has no address: NHI_NET_UNIX */
    uint8_t days;     /* bit 0: Sunday … bit 6: Saturday, on which hours begin; 0: every day */
    struct nhi_hours hours[NHI_RULE_HOURS_MAX];
    uint32_t hours_count;
    char zone[NHI_ZONE_MAX + 1]; /* of the tz database, for days and hours */
    uint32_t bound;              /* any of these; 0: none is asked for */
    int64_t max_lifetime;        /* seconds from iat to exp */
    int64_t max_age;             /* seconds since iat */
    uint32_t max_uses;           /* a ticket that counts, and gives no more than these */
    uint32_t max_sessions;       /* that it may have opened at once, for all that it permits together */
    uint32_t max_grants;         /* in 3,600 seconds, the same */
    uint32_t ssh;                /* what it takes from sessions by key: sshopt.h */
    /* As of the request's time, by whoever loads it: */
    bool offset_known; /* false: this host does not know the zone so far ahead */
    int32_t offset;    /* seconds that the zone is ahead of UTC */
    uint32_t sessions; /* live ones that it opened */
    uint32_t grants;   /* that it gave in the last 3,600 seconds */
};

/* In the order in which they are looked at. Up to USES the ticket alone decides, so that issue refuses a ticket that
 * fails there; from SOURCE on it depends on the use, and from SESSIONS on, on other uses. */
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
    NHI_COND_DAYS,  /* of a rule that has no hours */
    NHI_COND_HOURS, /* with its days, if it has some */
    NHI_COND_AGE,
    NHI_COND_SESSIONS,
    NHI_COND_GRANTS,
    NHI_COND_COUNT
};
/* The first condition that the request does not meet, without what is capped. */
enum nhi_condition nhi_rule_fails(const struct nhi_rule *r, const struct nhi_request *req,
                                  const struct nhi_facts *facts);
/* Whether it could match the request, then or at another time: what fails is no more than the clock. */
bool nhi_rule_could(const struct nhi_rule *r, const struct nhi_request *req, const struct nhi_facts *facts);
/* What the request has where that condition asks for something else, for people: "agent is other-bot". */
#define NHI_RULE_FOUND_MAX (NHI_OWNER_MAX + 40)
void nhi_rule_found(enum nhi_condition failed, const struct nhi_rule *r, const struct nhi_request *req,
                    const struct nhi_facts *facts, char out[NHI_RULE_FOUND_MAX]);
/* The first cap that is reached. */
enum nhi_condition nhi_rule_is_full(const struct nhi_rule *r, const struct nhi_request *req);

/* The rule in one line, the same for the same rule: "permit NAME: agent …, account …". */
#define NHI_RULE_TEXT_MAX 4095

/* Whether word is like pattern, in which * stands for any characters and ? for one. */
bool nhi_glob(const char *pattern, const char *word);
/* Grammar of the words of agents and tasks. */
bool nhi_pattern_is_agent(const char *s);
bool nhi_pattern_is_task(const char *s);

#endif
