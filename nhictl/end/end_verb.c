/* SPDX-License-Identifier: ISC */
/*
 * A verb that has ended tickets waits until their sessions have ended, and reports how many.
 */
#include "nhictl/end/end_verb.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/policy/reason.h"
#include "libnhi/session/session_find.h"
#include "nhictl/end/end_record.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"

/* The tickets have ended, so the user may stop waiting for the sessions: the supervisor goes on. */
static void let_interrupt(void)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGQUIT);
    sigaddset(&ends, SIGTSTP);
    (void)sigprocmask(SIG_UNBLOCK, &ends, NULL);
}

static void sum_up(struct ended *e, struct ending *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i].phase == END_DONE)
            e->ended++;
        else if (e->stuck++ < ENDED_NAMED)
            memcpy(e->left[e->stuck - 1], all[i].s.handle, sizeof(e->left[0]));
        ending_free(&all[i]);
    }
}

static void end_all(struct ctl *c, struct ending *all, size_t count, struct ended *e)
{
    int wait;

    while ((wait = endings_step(all, count, e->grace * 1000)) >= 0) {
        const struct timespec ts = { .tv_nsec = wait * 1000000L };

        (void)nanosleep(&ts, NULL);
    }
    endings_record(c, all, count, false);
    sum_up(e, all, count);
}

/* Sets the session that we were called from aside, and keeps the others. */
static size_t set_own_aside(struct ending *all, size_t count, struct ended *e)
{
    struct nhi_grant own;
    size_t kept = 0;

    if (nhi_session_find(NHI_RUN_DIR, getpid(), &own) != NHI_OK)
        return count;
    for (size_t i = 0; i < count; i++) {
        if (e->own == NULL && strcmp(all[i].s.g.id, own.id) == 0 && (e->own = malloc(sizeof(*e->own))) != NULL)
            *e->own = all[i];
        else
            all[kept++] = all[i];
    }
    return kept;
}

struct ended end_these(struct ctl *c, struct ending *all, size_t count, int64_t grace)
{
    struct ended result = { .grace = grace };

    count = set_own_aside(all, count, &result);
    let_interrupt();
    end_all(c, all, count, &result);
    return result;
}

static bool is_own(const struct ended *e, const struct session *s)
{
    return e->own != NULL && strcmp(e->own->s.handle, s->handle) == 0;
}

/* Sessions that are to end; to be zeroed. */
struct endings {
    struct ending *all;
    size_t count, room;
};

static bool has(const struct endings *to, const char *handle)
{
    for (size_t i = 0; i < to->count; i++)
        if (strcmp(to->all[i].s.handle, handle) == 0)
            return true;
    return false;
}

/* Adds the sessions in s that were judged to end. */
static void take_found(struct endings *to, const struct sessions *s, struct ended *e)
{
    const size_t had = to->count;
    struct ending *more;

    for (size_t i = 0; i < s->count; i++) {
        if (!nhi_reason_is_end(s->all[i].reason) || is_own(e, &s->all[i]) || (had > 0 && has(to, s->all[i].handle)))
            continue;
        more = nhi_grow(to->all, &to->room, to->count + 1, sizeof(*more));
        e->failed = e->failed || more == NULL;
        if (more == NULL)
            break;
        to->all = more;
        more = &to->all[to->count++];
        memset(more, 0, sizeof(*more));
        more->s = s->all[i];
    }
    to->count = had + set_own_aside(to->all + had, to->count - had, e);
}

static void end_taken(struct ctl *c, struct endings *to, struct ended *e)
{
    if (to->count > 0) {
        let_interrupt();
        end_all(c, to->all, to->count, e);
    }
    free(to->all);
}

static void end_found(struct ctl *c, const struct sessions *s, struct ended *e)
{
    struct endings to = { .count = 0 };

    take_found(&to, s, e);
    end_taken(c, &to, e);
}

/* Finds the sessions that have ended, and closes what that needed. The caller frees s. */
static void take_over(struct endings *to, struct sessions *s, struct ended *e)
{
    bool found = sessions_find(s) == NHI_OK;

    sessions_let_be(s);
    if (found)
        take_found(to, s, e);
    e->failed = e->failed || !found;
}

/* Whose sessions a revocation names. */
static struct nhi_session_about about(struct nhi_ledger *l, const struct revocation *r, char root[NHI_JTI_LEN + 1])
{
    struct nhi_session_about a = { .ticket = NULL };

    switch (r->kind) {
    case NHI_REVOKE_TICKET:
        a.ticket = r->id;
        a.lineage = l != NULL && nhi_ticket_root(l, r->id, root) == NHI_OK ? root : NULL;
        break;
    case NHI_REVOKE_TASK:
        a.task = r->id;
        break;
    case NHI_REVOKE_AGENT:
        a.agent = r->id;
        break;
    case NHI_REVOKE_ISSUER:
        a.issuer = r->id;
        break;
    }
    return a;
}

/* What is named is asked first. The others are looked at all the same: they may descend from it. */
struct ended end_named(struct ctl *c, struct nhi_ledger *l, const struct revocation *r, int64_t grace)
{
    char root[NHI_JTI_LEN + 1];
    const struct nhi_session_about of = about(l, r, root);
    struct sessions named = { .about = &of }, all = { .count = 0 };
    struct ended result = { .grace = grace };
    struct endings to = { .count = 0 };

    take_over(&to, &named, &result);
    result.failed = false; /* what could not be found is found below */
    let_interrupt();
    endings_begin(to.all, to.count, grace * 1000);
    take_over(&to, &all, &result);
    end_taken(c, &to, &result);
    sessions_free(&named);
    sessions_free(&all);
    return result;
}

static struct ended end_by(struct ctl *c, struct sessions *s, int64_t grace)
{
    struct ended result = { .grace = grace };
    struct endings to = { .count = 0 };

    take_over(&to, s, &result);
    sessions_free(s);
    end_taken(c, &to, &result);
    return result;
}

struct ended end_what_is_over(struct ctl *c, int64_t grace)
{
    struct sessions s = { .count = 0 };

    return end_by(c, &s, grace);
}

struct ended end_unsaid(struct ctl *c, const struct revocation *r, int64_t grace)
{
    struct sessions s = { .unsaid_lockdown = true };

    return r != NULL ? end_all_unsaid(c, r, 1, grace) : end_by(c, &s, grace);
}

struct ended end_all_unsaid(struct ctl *c, const struct revocation *all, size_t count, int64_t grace)
{
    struct sessions by_record = { .count = 0 };
    struct ended result = { .grace = grace };
    struct endings to = { .count = 0 };

    do {
        struct sessions s = { .unsaid = all, .unsaid_count = count };

        take_over(&to, &s, &result);
        all = s.unsaid;
        count = s.unsaid_count;
        sessions_free(&s);
    } while (count > 0 && !result.failed);
    /* If not even one fits in, those that end by the record do so all the same. */
    if (result.failed)
        take_over(&to, &by_record, &result);
    sessions_free(&by_record);
    end_taken(c, &to, &result);
    return result;
}

/* Sessions that end by the record do not wait for lookups of accounts. */
struct ended end_what_is_denied(struct ctl *c, int64_t grace)
{
    struct ended result = end_what_is_over(c, grace);
    struct sessions s = { .count = 0 };
    bool found = sessions_load(&s) == NHI_OK;
    size_t stuck = result.stuck;

    result.failed = result.failed || !found;
    for (size_t i = 0; found && i < s.count; i++)
        for (size_t k = 0; k < stuck && k < ENDED_NAMED; k++)
            if (strcmp(s.all[i].handle, result.left[k]) == 0)
                s.all[i].reason = NHI_PERMIT; /* it was tried already */
    if (found)
        end_found(c, &s, &result);
    sessions_free(&s);
    return result;
}

void ended_show(struct ctl *c, const struct ended *e)
{
    char list[ENDED_NAMED * (SESSION_HANDLE_MAX + 2)] = "";
    struct out_row *row = out_row_new(c->out);
    size_t len = 0;

    for (size_t i = 0; i < e->stuck && i < ENDED_NAMED; i++)
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? " " : "", e->left[i]);
    out_number(row, "ended", NULL, (int64_t)e->ended);
    out_number(row, "left", NULL, (int64_t)e->stuck);
    out_list(row, "left_sessions", NULL, list);
    out_member(c->out, "sessions", row);
    if (e->ended > 0)
        out_line(c->out, "%zu session%s ended", e->ended, e->ended == 1 ? " has" : "s have");
    if (e->stuck > 0)
        out_line(c->out, "%zu session%s NOT ended: %s%s; see nhictl session list, and try nhictl session kill",
                 e->stuck, e->stuck == 1 ? " has" : "s have", list, e->stuck > ENDED_NAMED ? " ..." : "");
    if (e->own != NULL)
        out_line(c->out, "your own session %s ends now", e->own->s.handle);
    if (e->failed)
        ctl_note("the sessions could not be read, and may still be running: see nhictl session list");
}

int ended_finish(struct ctl *c, struct ended *e, int code)
{
    struct ended own = { .grace = e->grace };

    if (e->own != NULL)
        end_all(c, e->own, 1, &own);
    free(e->own);
    e->own = NULL;
    if (e->stuck + own.stuck == 0 && !e->failed)
        return code;
    return code == CTL_DONE || code == CTL_REFUSED ? CTL_PART : code;
}

int ended_answer(struct ctl *c, struct ended *e)
{
    return ended_finish(c, e, ctl_answer(c));
}
