/* SPDX-License-Identifier: ISC */
#include "nhictl/process/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/elsewhere.h"
#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/base/time.h"
#include "libnhi/check/privileged.h"
#include "libnhi/policy/reason.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/session/session_list.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_read.h"

struct collection {
    struct sessions *s;
    bool full;
};

static int collect(const char *handle, const struct nhi_grant *g, bool alive, void *ctx)
{
    struct collection *to = ctx;
    struct sessions *s = to->s;
    struct session *more;

    /* The processes in a session of another PID namespace cannot be seen from here. */
    if (!alive && (g->ns == 0 || g->ns == nhi_proc_namespace()))
        s->gone++;
    if (!alive || strlen(handle) > SESSION_HANDLE_MAX)
        return 0;
    more = nhi_grow(s->all, &s->room, s->count + 1, sizeof(*more));
    if (more == NULL) {
        to->full = true;
        return 1;
    }
    s->all = more;
    memset(&s->all[s->count], 0, sizeof(*s->all));
    snprintf(s->all[s->count].handle, sizeof(s->all->handle), "%s", handle);
    s->all[s->count++].g = *g;
    return 0;
}

static void ask_record(const struct nhi_moment *m, struct session *s)
{
    const struct nhi_shown what = { .asked = { .source = s->g.source, .ticket = &s->g.ticket }, .since = &s->g };
    struct nhi_verdict v;

    nhi_check_over(m, &what, &v);
    s->reason = v.reason;
    s->until = v.over_at;
}

/* Decides as pam_nhi would inside the session, by the present ledger. */
static void decide(const struct nhi_moment *m, struct session *s, int64_t ahead)
{
    struct nhi_verdict v;

    nhi_check_session(m, &s->g, ahead, &v);
    s->reason = v.reason;
    if (v.reason == NHI_PERMIT)
        s->until = v.until < s->until || s->until == 0 ? v.until : s->until;
    s->then = v.then;
    s->why = v.why;
}

static enum nhi_err each(const struct sessions *s, struct collection *to)
{
    if (s->handles != NULL)
        return nhi_session_each_of(NHI_RUN_DIR, s->handles, s->handle_count, collect, to);
    if (s->about != NULL)
        return nhi_session_each_about(NHI_RUN_DIR, s->about, collect, to);
    return nhi_session_each(NHI_RUN_DIR, collect, to);
}

/* As many as there is room for, and at least one. */
static enum nhi_err take_unsaid(struct sessions *s)
{
    enum nhi_err err = NHI_OK;
    size_t taken = 0;

    while (err == NHI_OK && s->m != NULL && taken < s->unsaid_count) {
        err = nhi_moment_revoke(s->m, s->unsaid[taken].kind, s->unsaid[taken].id);
        taken += err == NHI_OK;
    }
    if (err == NHI_ERR_FULL && taken > 0)
        err = NHI_OK;
    if (s->m == NULL) /* no session, or all of them end */
        taken = s->unsaid_count;
    s->unsaid += taken;
    s->unsaid_count -= taken;
    return err;
}

enum nhi_err sessions_find(struct sessions *s)
{
    struct collection to = { .s = s };
    bool locked = s->unsaid_lockdown || nhi_reserve_is_locked_down(NHI_STATE_DIR, NHI_RUN_DIR);
    enum nhi_err err;

    s->count = s->gone = 0;
    err = each(s, &to);
    if (err == NHI_OK && to.full)
        err = NHI_ERR_NOMEM;
    if (err == NHI_OK && s->count > 0 && !locked && (s->m = nhi_moment_begin()) == NULL)
        err = NHI_ERR_NOMEM;
    if (err == NHI_OK)
        err = take_unsaid(s);
    for (size_t i = 0; err == NHI_OK && i < s->count; i++) {
        if (locked)
            s->all[i].reason = NHI_DENY_LOCKDOWN;
        else
            ask_record(s->m, &s->all[i]);
    }
    return err;
}

void sessions_judge(struct sessions *s)
{
    nhi_elsewhere_once(true);
    for (size_t i = 0; s->m != NULL && i < s->count; i++)
        if (s->all[i].reason == NHI_PERMIT)
            decide(s->m, &s->all[i], s->ahead);
    nhi_elsewhere_once(false);
    sessions_let_be(s);
}

void sessions_let_be(struct sessions *s)
{
    nhi_moment_end(s->m);
    s->m = NULL;
}

enum nhi_err sessions_load(struct sessions *s)
{
    enum nhi_err err = sessions_find(s);

    if (err == NHI_OK)
        sessions_judge(s);
    return err;
}

void sessions_free(struct sessions *s)
{
    sessions_let_be(s);
    free(s->all);
    memset(s, 0, sizeof(*s));
}

/* The end in words for people, with the reason's name to search for. */
static const char *ending_text(enum nhi_reason why, char *buf, size_t size)
{
    if (why == NHI_PERMIT)
        return "was ended (by-hand)";
    if (why == NHI_DENY_EXPIRED)
        return nhi_reason_name(why);
    snprintf(buf, size, "ended (%s: %s)", nhi_reason_name(why), nhi_reason_text(why));
    return buf;
}

void session_farewell(const struct session *s, char line[SESSION_LINE_MAX])
{
    char buf[120];

    snprintf(line, SESSION_LINE_MAX, "session ended: ticket %s of task %s %s", s->g.ticket.jti, s->g.ticket.task,
             ending_text(s->reason, buf, sizeof(buf)));
}

void session_warning(const struct session *s, char line[SESSION_LINE_MAX])
{
    char at[NHI_TIME_LEN + 1];

    if (nhi_time_format(s->then, at) != NHI_OK)
        snprintf(at, sizeof(at), "soon");
    snprintf(line, SESSION_LINE_MAX, "session ends at %s: ticket %s of task %s (%s)", at, s->g.ticket.jti,
             s->g.ticket.task, nhi_reason_name(s->why));
}
