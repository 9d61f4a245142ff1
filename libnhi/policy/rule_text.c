#include "libnhi/policy/rule_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libnhi/ticket/sshopt.h"

struct text {
    char *out;
    size_t len;
};

/* Every part is far shorter than what is left: the longest of each fit together. */
__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->out + t->len, NHI_RULE_TEXT_MAX + 1 - t->len, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n <= NHI_RULE_TEXT_MAX - t->len)
        t->len += (size_t)n;
}

static void add_owners(struct text *t, const struct nhi_rule *r)
{
    const char *at = r->owners;

    while (*at != '\0') {
        size_t n = strcspn(at, "\n");

        add(t, "%s\"%.*s\"", at != r->owners ? " " : r->agents[0] != '\0' ? ", owner " : " owner ", (int)n, at);
        at += n + (at[n] == '\n');
    }
}

static void add_source(struct text *t, const struct nhi_rule *r)
{
    char net[NHI_NET_TEXT_MAX + 1];

    if (r->local || r->unix_socket || r->net_count > 0)
        add(t, ", source");
    if (r->local)
        add(t, " local");
    if (r->unix_socket)
        add(t, " " NHI_NET_UNIX);
    for (uint32_t i = 0; i < r->net_count; i++) {
        nhi_net_format(&r->nets[i], net);
        add(t, " %s", net);
    }
}

static void add_time(struct text *t, const struct nhi_rule *r)
{
    static const char days[][4] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

    if (r->days != 0)
        add(t, ", days");
    for (unsigned i = 0; i < 7; i++)
        if ((r->days & (1u << i)) != 0)
            add(t, " %s", days[i]);
    if (r->hours_count > 0)
        add(t, ", hours");
    for (uint32_t i = 0; i < r->hours_count; i++)
        add(t, " %02u:%02u-%02u:%02u", r->hours[i].from / 60u, r->hours[i].from % 60u, r->hours[i].to / 60u,
            r->hours[i].to % 60u);
    if (r->zone[0] != '\0')
        add(t, " %s", r->zone);
}

static void add_ticket(struct text *t, const struct nhi_rule *r)
{
    if (r->bound != 0)
        add(t, ", bound%s%s%s", (r->bound & NHI_BOUND_KEY) != 0 ? " key" : "",
            (r->bound & NHI_BOUND_TREE) != 0 ? " tree" : "", (r->bound & NHI_BOUND_NOTHING) != 0 ? " nothing" : "");
    if (r->max_lifetime != 0)
        add(t, ", max_lifetime %llds", (long long)r->max_lifetime);
    if (r->max_age != 0)
        add(t, ", max_age %llds", (long long)r->max_age);
    if (r->max_uses != 0)
        add(t, ", max_uses %u", (unsigned)r->max_uses);
    if (r->max_sessions != 0)
        add(t, ", max_sessions %u", (unsigned)r->max_sessions);
    if (r->max_grants != 0)
        add(t, ", max_grants_per_hour %u", (unsigned)r->max_grants);
}

void nhi_rule_format(const struct nhi_rule *r, char out[NHI_RULE_TEXT_MAX + 1])
{
    struct text t = { out, 0 };
    char ssh[NHI_SSHOPT_TEXT_MAX + 1];

    add(&t, "%s %s:", r->forbid ? "forbid" : "permit", r->name);
    if (r->agents[0] != '\0')
        add(&t, " agent %s", r->agents);
    add_owners(&t, r);
    if (r->tasks[0] != '\0')
        add(&t, ", task %s", r->tasks);
    add(&t, ", account %s, service %s", r->accounts, r->services);
    add_source(&t, r);
    add_time(&t, r);
    add_ticket(&t, r);
    nhi_sshopt_format(r->ssh, ' ', ssh);
    if (ssh[0] != '\0')
        add(&t, ", ssh %s", ssh);
}
