/* SPDX-License-Identifier: ISC */
/*
 * MUST: --dry-run changes nothing. MUST: what is asked is answered on the terminal that asked, and anything but y or
 * yes is no.
 */
#include "nhictl/end/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/time.h"
#include "libnhi/policy/reason.h"
#include "nhictl/end/other_hosts.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/out.h"
#include "nhictl/store/store.h"

struct look {
    struct ctl *c;
    struct session *sessions;
    size_t session_count, session_room;
    size_t agents;
    uint64_t tickets;
    struct other_hosts others;
};

void look_add_session(struct look *look, const struct session *s)
{
    look->sessions = out_grow(look->sessions, &look->session_room, look->session_count + 1, sizeof(*look->sessions));
    look->sessions[look->session_count++] = *s;
}

static int add_found(struct look *look, struct sessions *s)
{
    enum nhi_err err = sessions_find(s);

    sessions_let_be(s);
    for (size_t i = 0; err == NHI_OK && i < s->count; i++)
        if (nhi_reason_is_end(s->all[i].reason))
            look_add_session(look, &s->all[i]);
    if (err == NHI_OK)
        return CTL_DONE;
    return ctl_fail(look->c, CTL_SYSTEM, "nhictl session list", "could not look for the sessions that would end: %s",
                    nhi_strerror(err));
}

int look_add(struct look *look, const struct revocation *all, size_t count, uint32_t tickets)
{
    int code = CTL_DONE;

    look->tickets += tickets;
    while (code == CTL_DONE && count > 0) {
        struct sessions s = { .unsaid = all, .unsaid_count = count };

        code = add_found(look, &s);
        all = s.unsaid;
        count = s.unsaid_count;
        sessions_free(&s);
    }
    return code;
}

int look_add_lockdown(struct look *look)
{
    struct sessions s = { .unsaid_lockdown = true };
    int code = add_found(look, &s);

    sessions_free(&s);
    return code;
}

void look_add_others(struct look *look, struct nhi_ledger *l, const struct revocation *r)
{
    if (look->others.c == NULL)
        other_hosts_begin(&look->others, look->c);
    other_hosts_add(&look->others, l, r->kind, r->id, NULL);
}

void look_add_agents(struct look *look, size_t count)
{
    look->agents += count;
}

/* ---- what is shown ---- */

static const char *counted(char *buf, size_t size, uint64_t n, const char *what)
{
    snprintf(buf, size, "%llu %s%s", (unsigned long long)n, what, n == 1 ? "" : "s");
    return buf;
}

/* "1 agent is denied, 2 live tickets and 1 session end", allocated. would: it is not done yet. */
static char *sum_of(const struct look *look, bool would)
{
    char tickets[48], sessions[48], agents[48];

    counted(tickets, sizeof(tickets), look->tickets, "live ticket");
    counted(sessions, sizeof(sessions), look->session_count, "session");
    counted(agents, sizeof(agents), look->agents, "agent");
    if (look->agents == 0)
        return out_say("%s and %s%s end", tickets, sessions, would ? " would" : "");
    return out_say("%s %s denied, %s and %s%s end", agents,
                   would               ? "would be"
                   : look->agents == 1 ? "is"
                                       : "are",
                   tickets, sessions, would ? " would" : "");
}

static void show_sessions(struct ctl *c, const struct look *look)
{
    out_table(c->out, "ends", NULL);
    for (size_t i = 0; i < look->session_count; i++) {
        const struct session *s = &look->sessions[i];
        struct out_row *r = out_row_new(c->out);

        out_state(r, "session", "session", s->handle);
        out_text(r, "agent", "agent", s->g.ticket.agent);
        out_text(r, "task", "task", s->g.ticket.task);
        out_text(r, "account", "account", s->g.subject);
        out_text(r, "service", "service", s->g.service);
        out_time(r, "since", "since", s->g.at);
        out_table_row(c->out, r);
    }
}

static int answer_dry(struct ctl *c, const struct look *look, const struct look_verb *v)
{
    struct out_row *r = out_row_new(c->out), *would = out_row_new(c->out);
    char *sum = sum_of(look, true);

    out_flag(r, "dry_run", NULL, true);
    out_record(c->out, NULL, r);
    out_number(would, "agents", NULL, (int64_t)look->agents);
    out_number(would, "tickets", NULL, (int64_t)look->tickets);
    out_number(would, "sessions", NULL, (int64_t)look->session_count);
    out_member(c->out, "would_end", would);
    show_sessions(c, look);
    if (look->others.c != NULL)
        other_hosts_end(&look->others);
    out_line(c->out, "would %s: %s; nothing was changed", v->sentence, sum);
    free(sum);
    return ctl_answer(c);
}

/* On a terminal that is there for both, the question and the answer. look NULL: it is not known what would end. */
static int ask(struct ctl *c, const struct look *look, const struct look_verb *v)
{
    char *sum = look != NULL ? sum_of(look, false) : out_say("what ends could not be counted");
    char line[16] = "";

    fprintf(stderr, "nhictl: %s: %s%s. Go on? [y/N] ", v->sentence, sum,
            look != NULL && look->others.count > 0 ? ", and tickets for other hosts do not" : "");
    fflush(stderr);
    free(sum);
    if (fgets(line, sizeof(line), stdin) == NULL || (strcasecmp(line, "y\n") != 0 && strcasecmp(line, "yes\n") != 0))
        return ctl_fail(c, CTL_REFUSED, NULL, "nothing was changed");
    /* It ends now, and not when the question was asked. */
    c->now = nhi_now();
    return CTL_DONE;
}

int look_first(struct ctl *c, const struct look_opts *opts, const struct look_verb *v)
{
    const bool asks =
        !opts->dry_run && !opts->yes && !v->given && !c->json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    struct look look = { .c = c };
    struct out *answer = c->out;
    int code = CTL_DONE;

    if (opts->dry_run) {
        code = v->run(c, &look, v->ctx);
        if (code == CTL_DONE)
            code = answer_dry(c, &look, v);
    } else if (asks) {
        c->out = out_new(false, c->now);
        code = v->run(c, &look, v->ctx);
        out_free(c->out);
        c->out = answer;
        /* What has to end can end although nothing can be counted. */
        if (code == CTL_DONE || code == CTL_SYSTEM)
            code = ask(c, code == CTL_DONE ? &look : NULL, v);
    }
    free(look.sessions);
    return code == CTL_DONE && !opts->dry_run ? v->run(c, NULL, v->ctx) : code;
}
