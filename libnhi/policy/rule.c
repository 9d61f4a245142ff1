/* SPDX-License-Identifier: ISC */
/*
 * MUST: depend on its arguments alone. An unknown fact fails a rule that permits, and meets a rule that forbids.
 */
#include "libnhi/policy/rule.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/policy/decide.h"

#define MINUTE 60
#define DAY (NHI_DAY_MINUTES * MINUTE)

bool nhi_glob(const char *pattern, const char *word)
{
    const char *star = NULL, *from = word;

    /* Only the last star needs another try: it can take all that an earlier one could. */
    while (*word != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            from = word;
        } else if (*pattern != '\0' && (*pattern == '?' || *pattern == *word)) {
            pattern++;
            word++;
        } else if (star != NULL) {
            pattern = star + 1;
            word = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool is_pattern(const char *s, bool (*ok)(const char *), char stands_for)
{
    char copy[NHI_TASK_MAX + 1];
    size_t len = strlen(s), i;

    if (len >= sizeof(copy))
        return false;
    for (i = 0; i <= len; i++)
        copy[i] = s[i] == '*' || s[i] == '?' ? stands_for : s[i];
    return ok(copy);
}

bool nhi_pattern_is_agent(const char *s)
{
    return is_pattern(s, nhi_name_is_agent, 'a');
}

bool nhi_pattern_is_task(const char *s)
{
    return is_pattern(s, nhi_name_is_task, 'a');
}

static bool any_like(const char *patterns, const char *word)
{
    char pattern[NHI_LIST_MAX + 1];

    while ((patterns = nhi_list_next(patterns, pattern)) != NULL)
        if (word[0] != '\0' && nhi_glob(pattern, word))
            return true;
    return false;
}

static bool names(const char *list, const char *word)
{
    return word[0] != '\0' && (strcmp(list, NHI_ANY) == 0 || nhi_list_has(list, word));
}

static bool has_line(const char *lines, const char *line)
{
    size_t len = strlen(line);

    if (len == 0)
        return false;
    while (*lines != '\0') {
        size_t n = strcspn(lines, "\n");

        if (n == len && memcmp(lines, line, len) == 0)
            return true;
        lines += n + (lines[n] == '\n');
    }
    return false;
}

static bool comes_from(const struct nhi_rule *r, const struct nhi_request *req)
{
    if (r->net_count == 0 && !r->local && !r->unix_socket)
        return true;
    if (req->from_unknown)
        return !r->forbid;
    if (req->from == NULL && req->is_local)
        return r->local;
    if (req->from != NULL && strcmp(req->from, NHI_NET_UNIX) == 0)
        return r->unix_socket;
    /* An unknown address could be in any of those networks. */
    if (req->from == NULL || strcmp(req->from, NHI_NET_UNKNOWN) == 0)
        return r->forbid && r->net_count > 0;
    for (uint32_t i = 0; i < r->net_count; i++)
        if (nhi_net_has(&r->nets[i], req->from))
            return true;
    return false;
}

static bool on_day(const struct nhi_rule *r, int day)
{
    return r->days == 0 || (r->days & (1u << day)) != 0;
}

/* By the local time of that zone: an hour that is skipped in spring never comes, one that comes twice in autumn counts
 * twice. */
static bool in_time(const struct nhi_rule *r, int64_t now)
{
    int64_t there = now + r->offset, days;
    int minute, day, yesterday;

    if (r->days == 0 && r->hours_count == 0)
        return true;
    if (!r->offset_known || there < 0)
        return r->forbid;
    days = there / DAY;
    minute = (int)(there % DAY / MINUTE);
    day = (int)((days + 4) % 7); /* 1970-01-01 was a Thursday */
    yesterday = (day + 6) % 7;
    if (r->hours_count == 0)
        return on_day(r, day);
    for (uint32_t i = 0; i < r->hours_count; i++) {
        const struct nhi_hours *h = &r->hours[i];

        if (h->from <= h->to ? on_day(r, day) && minute >= h->from && minute < h->to
                             : (on_day(r, day) && minute >= h->from) || (on_day(r, yesterday) && minute < h->to))
            return true;
    }
    return false;
}

static bool is_bound(const struct nhi_rule *r, const struct nhi_ticket *t, const struct nhi_facts *f)
{
    uint32_t to = (t->has_cnf ? (uint32_t)NHI_BOUND_KEY : 0) | (f->tree[0] != '\0' ? (uint32_t)NHI_BOUND_TREE : 0);

    return r->bound == 0 || (r->bound & (to != 0 ? to : (uint32_t)NHI_BOUND_NOTHING)) != 0;
}

enum nhi_condition nhi_rule_fails(const struct nhi_rule *r, const struct nhi_request *req, const struct nhi_facts *f)
{
    const struct nhi_ticket *t = req->ticket;

    if ((r->agents[0] == '\0' && r->owners[0] == '\0') || (r->agents[0] != '\0' && !any_like(r->agents, t->agent)))
        return NHI_COND_AGENT;
    if (r->owners[0] != '\0' && !has_line(r->owners, f->agent_owner))
        return NHI_COND_OWNER;
    if (r->tasks[0] != '\0' && !any_like(r->tasks, t->task))
        return NHI_COND_TASK;
    if (!names(r->accounts, req->subject))
        return NHI_COND_ACCOUNT;
    if (!names(r->services, req->service))
        return NHI_COND_SERVICE;
    if (!is_bound(r, t, f))
        return NHI_COND_BOUND;
    if (r->max_lifetime != 0 && t->exp - t->iat > r->max_lifetime)
        return NHI_COND_LIFETIME;
    if (r->max_uses != 0 && (t->uses == 0 || t->uses > r->max_uses))
        return NHI_COND_USES;
    if (!comes_from(r, req))
        return NHI_COND_SOURCE;
    if (!in_time(r, req->now))
        return r->hours_count > 0 ? NHI_COND_HOURS : NHI_COND_DAYS;
    if (r->max_age != 0 && req->now - t->iat > r->max_age)
        return NHI_COND_AGE;
    return NHI_COND_MET;
}

bool nhi_rule_could(const struct nhi_rule *r, const struct nhi_request *req, const struct nhi_facts *f)
{
    enum nhi_condition failed = nhi_rule_fails(r, req, f);

    return failed == NHI_COND_MET || failed == NHI_COND_DAYS || failed == NHI_COND_HOURS || failed == NHI_COND_AGE;
}

enum nhi_condition nhi_rule_is_full(const struct nhi_rule *r, const struct nhi_request *req)
{
    /* A request from inside a session opens no further one. */
    if (r->max_sessions != 0 && req->tree == NULL && r->sessions + (req->registered ? 0 : 1) > r->max_sessions)
        return NHI_COND_SESSIONS;
    if (r->max_grants != 0 && !req->granted && r->grants >= r->max_grants)
        return NHI_COND_GRANTS;
    return NHI_COND_MET;
}

void nhi_rule_found(enum nhi_condition failed, const struct nhi_rule *r, const struct nhi_request *req,
                    const struct nhi_facts *f, char out[NHI_RULE_FOUND_MAX])
{
    const struct nhi_ticket *t = req->ticket;
    char at[NHI_TIME_LEN + 1] = "";

    out[0] = '\0';
    switch (failed) {
    case NHI_COND_AGENT:
        snprintf(out, NHI_RULE_FOUND_MAX, "agent is %s", t->agent);
        break;
    case NHI_COND_OWNER:
        snprintf(out, NHI_RULE_FOUND_MAX, "owner is %s", f->agent_owner);
        break;
    case NHI_COND_TASK:
        snprintf(out, NHI_RULE_FOUND_MAX, "task is %s", t->task);
        break;
    case NHI_COND_ACCOUNT:
        snprintf(out, NHI_RULE_FOUND_MAX, "account is %s", req->subject);
        break;
    case NHI_COND_SERVICE:
        snprintf(out, NHI_RULE_FOUND_MAX, "service is %s", req->service);
        break;
    case NHI_COND_BOUND:
        snprintf(out, NHI_RULE_FOUND_MAX, "bound to %s",
                 t->has_cnf           ? "a key"
                 : f->tree[0] != '\0' ? "a process tree"
                                      : "nothing");
        break;
    case NHI_COND_LIFETIME:
        snprintf(out, NHI_RULE_FOUND_MAX, "its lifetime is %llds", (long long)(t->exp - t->iat));
        break;
    case NHI_COND_USES:
        if (t->uses == 0)
            snprintf(out, NHI_RULE_FOUND_MAX, "it does not count its uses");
        else
            snprintf(out, NHI_RULE_FOUND_MAX, "it allows %u uses", (unsigned)t->uses);
        break;
    case NHI_COND_SOURCE:
        snprintf(out, NHI_RULE_FOUND_MAX, "source is %s",
                 req->from != NULL && strcmp(req->from, NHI_NET_UNKNOWN) != 0 ? req->from
                 : req->is_local                                              ? "local"
                                                                              : "not known");
        break;
    case NHI_COND_DAYS:
    case NHI_COND_HOURS:
        if (nhi_time_format(req->now + r->offset, at) != NHI_OK || !r->offset_known)
            snprintf(out, NHI_RULE_FOUND_MAX, "the time in %s is not known", r->zone);
        else
            snprintf(out, NHI_RULE_FOUND_MAX, "it is %.10s %.5s in %s", at, at + 11, r->zone);
        break;
    case NHI_COND_AGE:
        snprintf(out, NHI_RULE_FOUND_MAX, "it was issued %llds earlier", (long long)(req->now - t->iat));
        break;
    case NHI_COND_SESSIONS:
        snprintf(out, NHI_RULE_FOUND_MAX, "%u sessions live", (unsigned)r->sessions);
        break;
    case NHI_COND_GRANTS:
        snprintf(out, NHI_RULE_FOUND_MAX, "%u grants in the last hour", (unsigned)r->grants);
        break;
    case NHI_COND_MET:
    case NHI_COND_COUNT:
        break;
    }
}
