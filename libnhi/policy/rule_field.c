/* SPDX-License-Identifier: ISC */
#include "libnhi/policy/rule_field.h"

#include <string.h>

#include "libnhi/ticket/sshopt.h"
#include "libnhi/ticket/ticket.h"

#define IN(member) offsetof(struct nhi_rule, member), sizeof(((struct nhi_rule *)0)->member)
#define SEVERAL 0, 0

const struct nhi_rule_field nhi_rule_fields[] = {
    { "name", NHI_FIELD_NAME, NHI_COND_MET, IN(name), 0, nhi_name_is_task },
    { "effect", NHI_FIELD_EFFECT, NHI_COND_MET, IN(forbid), 1, NULL },
    { "agent", NHI_FIELD_PATTERNS, NHI_COND_AGENT, IN(agents), 0, nhi_pattern_is_agent },
    { "owner", NHI_FIELD_OWNERS, NHI_COND_OWNER, IN(owners), 0, NULL },
    { "task", NHI_FIELD_PATTERNS, NHI_COND_TASK, IN(tasks), 0, nhi_pattern_is_task },
    { "account", NHI_FIELD_NAMES, NHI_COND_ACCOUNT, IN(accounts), 0, nhi_name_is_account },
    { "service", NHI_FIELD_NAMES, NHI_COND_SERVICE, IN(services), 0, nhi_name_is_service },
    { "source", NHI_FIELD_SOURCE, NHI_COND_SOURCE, SEVERAL, 0, NULL },
    { "days", NHI_FIELD_DAYS, NHI_COND_DAYS, IN(days), 127, NULL },
    { "hours", NHI_FIELD_HOURS, NHI_COND_HOURS, SEVERAL, 0, NULL },
    { "zone", NHI_FIELD_ZONE, NHI_COND_MET, IN(zone), 0, NULL },
    { "bound", NHI_FIELD_BOUND, NHI_COND_BOUND, IN(bound), NHI_BOUND_ALL, NULL },
    { "max_lifetime", NHI_FIELD_SPAN, NHI_COND_LIFETIME, IN(max_lifetime), INT64_MAX, NULL },
    { "max_age", NHI_FIELD_SPAN, NHI_COND_AGE, IN(max_age), INT64_MAX, NULL },
    { "max_uses", NHI_FIELD_USES, NHI_COND_USES, IN(max_uses), NHI_USES_MAX, NULL },
    { "max_sessions", NHI_FIELD_CAP, NHI_COND_SESSIONS, IN(max_sessions), NHI_CAP_MAX, NULL },
    { "max_grants_per_hour", NHI_FIELD_CAP, NHI_COND_GRANTS, IN(max_grants), NHI_CAP_MAX, NULL },
    { "ssh", NHI_FIELD_SSH, NHI_COND_MET, IN(ssh), NHI_SSHOPT_ALL, NULL },
};
const size_t nhi_rule_field_count = sizeof(nhi_rule_fields) / sizeof(nhi_rule_fields[0]);

const struct nhi_rule_field *nhi_rule_field(const char *key)
{
    for (size_t i = 0; i < nhi_rule_field_count; i++)
        if (strcmp(nhi_rule_fields[i].key, key) == 0)
            return &nhi_rule_fields[i];
    return NULL;
}

const char *nhi_condition_name(enum nhi_condition c)
{
    if (c == NHI_COND_MET)
        return "met";
    for (size_t i = 0; i < nhi_rule_field_count; i++)
        if (nhi_rule_fields[i].fails == c)
            return nhi_rule_fields[i].key;
    return "unknown";
}

const char *nhi_rule_field_text(const struct nhi_rule *r, const struct nhi_rule_field *f)
{
    return (const char *)r + f->at;
}

char *nhi_rule_field_text_of(struct nhi_rule *r, const struct nhi_rule_field *f)
{
    return (char *)r + f->at;
}

int64_t nhi_rule_field_number(const struct nhi_rule *r, const struct nhi_rule_field *f)
{
    uint8_t small = 0;
    uint32_t word = 0;
    int64_t n = 0;

    if (f->size == sizeof(small))
        memcpy(&small, (const char *)r + f->at, sizeof(small));
    else if (f->size == sizeof(word))
        memcpy(&word, (const char *)r + f->at, sizeof(word));
    else if (f->size == sizeof(n))
        memcpy(&n, (const char *)r + f->at, sizeof(n));
    return n + (int64_t)word + small;
}

void nhi_rule_field_set(struct nhi_rule *r, const struct nhi_rule_field *f, int64_t n)
{
    uint8_t small = (uint8_t)n;
    uint32_t word = (uint32_t)n;

    if (f->size == sizeof(small))
        memcpy((char *)r + f->at, &small, sizeof(small));
    else if (f->size == sizeof(word))
        memcpy((char *)r + f->at, &word, sizeof(word));
    else if (f->size == sizeof(n))
        memcpy((char *)r + f->at, &n, sizeof(n));
}

bool nhi_rule_field_is_set(const struct nhi_rule *r, const struct nhi_rule_field *f)
{
    switch (f->kind) {
    case NHI_FIELD_SOURCE:
        return r->net_count > 0 || r->local || r->unix_socket;
    case NHI_FIELD_HOURS:
        return r->hours_count > 0;
    case NHI_FIELD_NAME:
    case NHI_FIELD_PATTERNS:
    case NHI_FIELD_NAMES:
    case NHI_FIELD_OWNERS:
    case NHI_FIELD_ZONE:
        return nhi_rule_field_text(r, f)[0] != '\0';
    case NHI_FIELD_EFFECT:
        return true;
    case NHI_FIELD_DAYS:
    case NHI_FIELD_BOUND:
    case NHI_FIELD_SPAN:
    case NHI_FIELD_USES:
    case NHI_FIELD_CAP:
    case NHI_FIELD_SSH:
        return nhi_rule_field_number(r, f) != 0;
    }
    return false;
}
