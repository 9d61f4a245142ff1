/* SPDX-License-Identifier: ISC */
/*
 * One step of a story in words.
 */
#include "nhictl/trace/trace_step.h"

#include <jansson.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/time.h"
#include "libnhi/policy/reason.h"
#include "nhictl/say/format.h"
#include "nhictl/trace/trace_sessions.h"

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

void trace_short(const char *jti, char out[TRACE_SHORT_LEN])
{
    snprintf(out, TRACE_SHORT_LEN, strlen(jti) > 8 ? "%.8s…" : "%.8s", jti);
}

const char *trace_reason(const char *name)
{
    static const struct {
        const char *name, *text;
    } ends[] = {
        { "closed", "closed by itself" },
        { "gone", "its processes had ended" },
        { "reboot", "the host was restarted" },
        { "by-hand", "ended by hand" },
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (is(ends[i].name, name))
            return ends[i].text;
    for (int r = NHI_PERMIT + 1; r < NHI_REASON_COUNT; r++)
        if (is(nhi_reason_name((enum nhi_reason)r), name))
            return nhi_reason_text((enum nhi_reason)r);
    return name;
}

/* ---- who ---- */

static void look_up(int64_t uid, char *out, size_t size)
{
    const struct passwd *pw = uid >= 0 ? getpwuid((uid_t)uid) : NULL;

    if (pw != NULL)
        snprintf(out, size, "%s", pw->pw_name);
    else
        snprintf(out, size, "uid %lld", (long long)uid);
}

/* Most steps are about a few people. */
static void name_of(int64_t uid, char *out, size_t size)
{
    static struct {
        int64_t uid;
        bool known;
        char name[TRACE_WHO_MAX - 10];
    } names[64];
    size_t i = (size_t)uid % (sizeof(names) / sizeof(names[0]));

    if (!names[i].known || names[i].uid != uid) {
        look_up(uid, names[i].name, sizeof(names[i].name));
        names[i].uid = uid;
        names[i].known = true;
    }
    snprintf(out, size, "%s", names[i].name);
}

/* Names the person behind root, if login or sudo recorded who that is. */
static void describe_who(struct trace_told *s)
{
    char name[TRACE_WHO_MAX - 10];
    int64_t person = s->loginuid > 0 ? s->loginuid : s->sudo_uid > 0 ? s->sudo_uid : -1;

    /* Public keys are public: the sender of one need not be its owner. */
    if (is(s->e.kind, "refused") && is(s->e.source, "key")) {
        snprintf(s->who, sizeof(s->who), "not proven");
    } else if (s->e.decision[0] != '\0' || is(s->e.reason, "closed") || is(s->e.kind, "unused")) {
        snprintf(s->who, sizeof(s->who), "%s", s->e.agent);
    } else if (is(s->e.kind, "become")) {
        snprintf(s->who, sizeof(s->who), s->e.agent[0] != '\0' ? "%s as root" : "root", s->e.agent);
    } else if (s->uid < 0) {
        snprintf(s->who, sizeof(s->who), "nhi");
    } else if (person > 0 && person != s->uid) {
        name_of(person, name, sizeof(name));
        snprintf(s->who, sizeof(s->who), s->uid == 0 ? "%s as root" : "%s", name);
    } else {
        name_of(s->uid, name, sizeof(name));
        snprintf(s->who, sizeof(s->who), "%s", name);
    }
}

/* ---- the event and its reason ---- */

struct text {
    struct trace_told *s;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *x, const char *fmt, ...)
{
    size_t room = sizeof(x->s->text) - x->len;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(x->s->text + x->len, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        x->len += (size_t)n < room ? (size_t)n : room - 1;
}

static const char *string_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text != NULL ? text : "";
}

/* Adds a moment of an event, without the day. */
static void add_moment(struct text *x, const char *before, const char *moment)
{
    int64_t t;

    if (nhi_time_parse(moment, &t) == NHI_OK)
        add(x, "%s%.8s", before, moment + 11);
}

static void add_list(struct text *x, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));

        add(x, "%s%s", i > 0 ? ", " : "", word != NULL ? word : "");
    }
}

static bool is_alone(const json_t *list, const char *word)
{
    const char *first = json_string_value(json_array_get(list, 0));

    return json_array_size(list) == 1 && first != NULL && is(first, word);
}

static void add_cause(struct text *x, const json_t *o)
{
    const char *cause = x->s->e.cause[0] != '\0' ? x->s->e.cause : string_of(o, "reason");

    if (cause[0] != '\0')
        add(x, ": %s", cause);
}

/* Describes the login. The agent is in another column; the account is named only if it differs. */
static void describe_door(struct text *x, const char *account, const char *service, const char *from)
{
    add(x, "%s", service);
    if (from[0] != '\0' && !is(from, "local"))
        add(x, " from %s", from);
    if (!is(account, x->s->e.agent) && account[0] != '\0')
        add(x, " as %s", account);
}

static void describe_decision(struct text *x)
{
    const struct nhi_event *e = &x->s->e;
    bool permit = is(e->decision, "permit"), moved = is(e->kind, "hand-off");

    x->s->word = moved ? "hand-off" : permit ? "permit" : "denied";
    x->s->tone = moved && permit ? TONE_WARN : permit ? TONE_GOOD : TONE_BAD;
    describe_door(x, e->account, e->service, e->from);
    if (moved && permit)
        add(x, ", although the ticket was first used elsewhere");
    if (!permit)
        add(x, ": %s", trace_reason(e->reason));
    if (e->rule[0] != '\0')
        add(x, ", rule %s", e->rule);
}

/* Describes refusals that were counted: how often, and from when to when. */
static void describe_refused(struct text *x, const json_t *o)
{
    const char *first = string_of(o, "first"), *last = string_of(o, "last"), *key = string_of(o, "key");
    long long count = (long long)json_integer_value(json_object_get(o, "count"));

    describe_decision(x);
    x->s->word = "refused";
    if (count > 1)
        add(x, ", %lld times", count);
    if (count > 1 && !is(first, last)) {
        add_moment(x, " from ", first);
        add_moment(x, " to ", last);
    }
    if (json_array_size(json_object_get(o, "from")) > 1) {
        add(x, ", from ");
        add_list(x, json_object_get(o, "from"));
    }
    if (string_of(o, "claims_issuer")[0] != '\0')
        add(x, ", naming the issuer %s", string_of(o, "claims_issuer"));
    if (key[0] != '\0')
        add(x, ", with the public key %s", key);
}

static void describe_unused(struct text *x)
{
    const struct nhi_event *e = &x->s->e;

    x->s->word = "not used";
    x->s->tone = TONE_WARN;
    describe_door(x, e->account, e->service, "");
    add(x, ": permitted, but %s itself refused it, or ran nothing", e->service);
}

static void describe_ticket(struct text *x, const json_t *o)
{
    struct nhi_event *e = &x->s->e;
    char jti[TRACE_SHORT_LEN], old[TRACE_SHORT_LEN];

    x->s->word = is(e->kind, "issue") ? "issued" : is(e->kind, "renew") ? "renewed" : "imported";
    x->s->tone = TONE_GOOD;
    trace_short(e->jti, jti);
    trace_short(string_of(o, "renews"), old);
    add(x, "ticket %s for ", jti);
    add_list(x, json_object_get(o, "services"));
    if (!is_alone(json_object_get(o, "accounts"), e->agent)) {
        add(x, " as ");
        add_list(x, json_object_get(o, "accounts"));
    }
    add_moment(x, " until ", string_of(o, "exp"));
    if (old[0] != '\0')
        add(x, ", renews %s", old);
}

static void describe_become(struct text *x)
{
    const struct nhi_event *e = &x->s->e;

    x->s->word = "became";
    x->s->tone = TONE_WARN;
    add(x, "%s by %s", e->account, e->service);
}

static void describe_revoke(struct text *x, const json_t *o)
{
    char jti[TRACE_SHORT_LEN];
    const char *kind = string_of(o, "kind");

    x->s->word = "revoked";
    x->s->tone = TONE_BAD;
    trace_short(x->s->e.jti, jti);
    if (is(kind, "ticket") || kind[0] == '\0')
        add(x, "ticket %s", jti);
    else
        add(x, "%s %s", kind, string_of(o, "id"));
    add_cause(x, o);
}

static void describe_end(struct text *x, struct trace *t)
{
    struct nhi_event *e = &x->s->e;
    struct trace_session s;
    char lasted[OUT_AGO_LEN];

    trace_read_end(e, &s);
    x->s->began = trace_began(t, e);
    out_span(s.ended - x->s->began, lasted);
    x->s->word = "ended";
    x->s->tone = s.cut ? TONE_WARN : TONE_PLAIN;
    describe_door(x, s.account, s.service, "");
    add(x, " after %s: %s", lasted, trace_reason(s.reason));
}

static void describe_run(struct text *x, const json_t *o)
{
    const struct nhi_event *e = &x->s->e;

    x->s->word = is(e->kind, "run") ? "run" : is(e->kind, "run-end") ? "run over" : "not run";
    if (is(e->kind, "run"))
        add(x, "%s", string_of(o, "command"));
    else if (is(e->kind, "run-refused"))
        add(x, "job %s: %s", string_of(o, "job"), e->cause);
    else
        add(x, "%s", e->cause[0] != '\0' ? e->cause : string_of(o, "reason"));
    if (is(e->kind, "run-refused"))
        x->s->tone = TONE_BAD;
}

static void describe_policy(struct text *x, const json_t *o)
{
    x->s->word = "policy";
    add(x, "%.8s, rules: %lld, added %lld, removed %lld", string_of(o, "policy"),
        (long long)json_integer_value(json_object_get(o, "rules")),
        (long long)json_integer_value(json_object_get(o, "added")),
        (long long)json_integer_value(json_object_get(o, "removed")));
}

static void describe_task(struct text *x, const json_t *o)
{
    bool opened = is(x->s->e.kind, "task-open");

    x->s->word = opened ? "opened" : "closed";
    x->s->tone = opened ? TONE_GOOD : TONE_WARN;
    add(x, "task %s", x->s->e.task);
    if (opened)
        add_moment(x, " until ", string_of(o, "deadline"));
    add_cause(x, o);
}

/* Describes an event that has a word of its own in the ledger, and no more than a subject and a cause. */
static void describe_other(struct text *x, const json_t *o)
{
    static const struct {
        const char *kind, *word;
        enum trace_tone tone;
    } words[] = {
        { "agent-add", "added", TONE_PLAIN },      { "agent-suspend", "suspended", TONE_BAD },
        { "agent-resume", "resumed", TONE_GOOD },  { "agent-retire", "retired", TONE_BAD },
        { "lockdown-on", "lockdown", TONE_BAD },   { "lockdown-off", "unlocked", TONE_GOOD },
        { "session-kill", "killed", TONE_BAD },    { "session-stuck", "stuck", TONE_BAD },
        { "key-retire", "key retired", TONE_BAD }, { "key-revoke", "key revoked", TONE_BAD },
    };
    const struct nhi_event *e = &x->s->e;
    const char *what = string_of(o, "kid");

    x->s->word = strncmp(e->kind, "agent-", 6) == 0 ? e->kind + 6 : e->kind;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (is(words[i].kind, e->kind)) {
            x->s->word = words[i].word;
            x->s->tone = words[i].tone;
        }
    if (strncmp(e->kind, "agent-", 6) == 0)
        what = e->agent;
    else if (strncmp(e->kind, "session-", 8) == 0)
        what = e->session[0] != '\0' ? e->session : string_of(o, "session");
    else if (strncmp(e->kind, "lockdown", 8) == 0)
        what = "every agent";
    add(x, "%s", what);
    add_cause(x, o);
}

/* The kinds that are told without what is in the detail, which nearly all events have. */
static bool needs_detail(const struct nhi_event *e)
{
    return is(e->kind, "refused") ||
           (e->decision[0] == '\0' && !is(e->kind, "unused") && !is(e->kind, "become") && !is(e->kind, "session-end"));
}

void trace_describe(struct trace *t, struct trace_told *s)
{
    json_t *o = needs_detail(&s->e) ? json_loads(s->e.detail, JSON_REJECT_DUPLICATES, NULL) : NULL;
    struct text x = { .s = s, .len = 0 };
    const char *kind = s->e.kind;

    s->text[0] = '\0';
    s->tone = TONE_PLAIN;
    if (is(kind, "unused"))
        describe_unused(&x);
    else if (is(kind, "refused"))
        describe_refused(&x, o);
    else if (s->e.decision[0] != '\0')
        describe_decision(&x);
    else if (is(kind, "issue") || is(kind, "renew") || is(kind, "import"))
        describe_ticket(&x, o);
    else if (is(kind, "become"))
        describe_become(&x);
    else if (is(kind, "revoke"))
        describe_revoke(&x, o);
    else if (is(kind, "session-end"))
        describe_end(&x, t);
    else if (strncmp(kind, "run", 3) == 0)
        describe_run(&x, o);
    else if (is(kind, "policy-apply"))
        describe_policy(&x, o);
    else if (is(kind, "task-open") || is(kind, "task-close"))
        describe_task(&x, o);
    else
        describe_other(&x, o);
    describe_who(s);
    json_decref(o);
}

/* The detail is one flat object, and in a string a quote has a backslash before it: this finds members only. */
static int64_t number_of(const char *detail, const char *member)
{
    const char *at = strstr(detail, member);
    long long n;
    char *end;

    if (at == NULL)
        return -1;
    at += strlen(member);
    n = strtoll(at, &end, 10);
    return end != at && (*end == ',' || *end == '}') ? n : -1;
}

void trace_read_actor(struct trace_told *s)
{
    s->uid = number_of(s->e.detail, "\"uid\":");
    s->loginuid = number_of(s->e.detail, "\"loginuid\":");
    s->sudo_uid = number_of(s->e.detail, "\"sudo_uid\":");
    s->ms = (int)number_of(s->e.detail, "\"ms\":");
}

const struct trace_told *trace_step_at(struct trace *t, size_t i)
{
    struct trace_told *s = &t->told;

    if (nhi_event_reader_get(t->reader, t->step[i].seq, &s->e) != NHI_OK)
        return NULL;
    s->direct = t->step[i].direct;
    trace_read_actor(s);
    trace_describe(t, s);
    return s;
}
