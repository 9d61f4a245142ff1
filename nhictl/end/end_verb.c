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

#include "libnhi/base/paths.h"
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

    let_interrupt();
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
    end_all(c, all, count, &result);
    return result;
}

static bool is_own(const struct ended *e, const struct session *s)
{
    return e->own != NULL && strcmp(e->own->s.handle, s->handle) == 0;
}

/* Ends the sessions in s that were judged to end. */
static void end_found(struct ctl *c, const struct sessions *s, struct ended *e)
{
    struct ending *all = s->count > 0 ? calloc(s->count, sizeof(*all)) : NULL;
    size_t count = 0;

    e->failed = e->failed || (s->count > 0 && all == NULL);
    for (size_t i = 0; all != NULL && i < s->count; i++)
        if (nhi_reason_is_end(s->all[i].reason) && !is_own(e, &s->all[i]))
            all[count++].s = s->all[i];
    count = set_own_aside(all, count, e);
    if (count > 0)
        end_all(c, all, count, e);
    free(all);
}

static struct ended end_by(struct ctl *c, struct sessions *s, int64_t grace)
{
    struct ended result = { .grace = grace };

    result.failed = sessions_find(s) != NHI_OK;
    sessions_let_be(s);
    if (!result.failed)
        end_found(c, s, &result);
    sessions_free(s);
    return result;
}

struct ended end_what_is_over(struct ctl *c, int64_t grace)
{
    struct sessions s = { .count = 0 };

    return end_by(c, &s, grace);
}

struct ended end_unsaid(struct ctl *c, const struct revocation *r, int64_t grace)
{
    struct sessions s = { .unsaid = r, .unsaid_lockdown = r == NULL };

    return end_by(c, &s, grace);
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
