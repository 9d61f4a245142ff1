#include "libnhi/policy/rule_line.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/ticket/sshopt.h"

#define LOCAL "local"

void nhi_rule_source_format(const struct nhi_rule *r, char text[NHI_RULE_SOURCE_MAX + 1])
{
    size_t len = 0;

    text[0] = '\0';
    if (r->local)
        len = (size_t)snprintf(text, NHI_RULE_SOURCE_MAX + 1, "%s ", LOCAL);
    if (r->unix_socket)
        len += (size_t)snprintf(text + len, NHI_RULE_SOURCE_MAX + 1 - len, "%s ", NHI_NET_UNIX);
    for (uint32_t i = 0; i < r->net_count; i++) {
        nhi_net_format(&r->nets[i], text + len);
        len = strlen(text);
        text[len++] = ' ';
        text[len] = '\0';
    }
}

static void parse_source(char *text, struct nhi_rule *r, enum nhi_err *err)
{
    char *save = NULL, *word;

    for (word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        if (strcmp(word, LOCAL) == 0)
            r->local = true;
        else if (strcmp(word, NHI_NET_UNIX) == 0)
            r->unix_socket = true;
        else if (r->net_count == NHI_RULE_NETS_MAX || nhi_net_parse(word, &r->nets[r->net_count]) != NHI_OK)
            *err = NHI_ERR_CORRUPT;
        else
            r->net_count++;
    }
}

void nhi_rule_hours_format(const struct nhi_rule *r, char text[NHI_RULE_HOURS_TEXT_MAX + 1])
{
    size_t len = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < r->hours_count; i++)
        len += (size_t)snprintf(text + len, NHI_RULE_HOURS_TEXT_MAX + 1 - len, "%u-%u ", (unsigned)r->hours[i].from,
                                (unsigned)r->hours[i].to);
}

static void parse_hours(const char *text, struct nhi_rule *r, enum nhi_err *err)
{
    unsigned from, to;
    int n;

    for (; *text != '\0'; text += n) {
        if (r->hours_count == NHI_RULE_HOURS_MAX || sscanf(text, "%4u-%4u %n", &from, &to, &n) != 2 ||
            from >= NHI_DAY_MINUTES || to > NHI_DAY_MINUTES) {
            *err = NHI_ERR_CORRUPT;
            return;
        }
        r->hours[r->hours_count].from = (uint16_t)from;
        r->hours[r->hours_count++].to = (uint16_t)to;
    }
}

static void take_text(const char **at, char *out, size_t size, enum nhi_err *err)
{
    size_t len = (size_t)(strchrnul(*at, '\t') - *at);

    if (len >= size) {
        *err = NHI_ERR_CORRUPT;
        len = 0;
    }
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len;
    *at += **at == '\t';
}

static int64_t take_int(const char **at, int64_t max, enum nhi_err *err)
{
    const char *start = *at;
    int64_t n = 0;

    for (; **at >= '0' && **at <= '9' && n <= (INT64_MAX - 9) / 10; (*at)++)
        n = n * 10 + (**at - '0');
    if (*at == start || **at != '\t' || n > max) {
        *err = NHI_ERR_CORRUPT;
        return 0;
    }
    (*at)++;
    return n;
}

enum nhi_err nhi_rule_line_parse(const char *at, struct nhi_rule *r)
{
    char source[NHI_RULE_SOURCE_MAX + 1], hours[NHI_RULE_HOURS_TEXT_MAX + 1];
    enum nhi_err err = NHI_OK;

    take_text(&at, r->name, sizeof(r->name), &err);
    r->forbid = take_int(&at, 1, &err) == 1;
    r->days = (uint8_t)take_int(&at, 127, &err);
    r->bound = (uint32_t)take_int(&at, NHI_BOUND_ALL, &err);
    r->max_lifetime = take_int(&at, INT64_MAX, &err);
    r->max_age = take_int(&at, INT64_MAX, &err);
    r->max_uses = (uint32_t)take_int(&at, UINT32_MAX, &err);
    r->max_sessions = (uint32_t)take_int(&at, UINT32_MAX, &err);
    r->max_grants = (uint32_t)take_int(&at, UINT32_MAX, &err);
    r->ssh = (uint32_t)take_int(&at, NHI_SSHOPT_ALL, &err);
    take_text(&at, r->agents, sizeof(r->agents), &err);
    take_text(&at, r->owners, sizeof(r->owners), &err);
    take_text(&at, r->tasks, sizeof(r->tasks), &err);
    take_text(&at, r->accounts, sizeof(r->accounts), &err);
    take_text(&at, r->services, sizeof(r->services), &err);
    take_text(&at, source, sizeof(source), &err);
    take_text(&at, hours, sizeof(hours), &err);
    take_text(&at, r->zone, sizeof(r->zone), &err);
    if (err == NHI_OK && *at != '\0')
        err = NHI_ERR_CORRUPT;
    if (err == NHI_OK) {
        parse_source(source, r, &err);
        parse_hours(hours, r, &err);
    }
    return err;
}
