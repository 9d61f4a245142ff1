/*
 * A verb that has ended tickets waits until their sessions are gone, and says how many were.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "nhictl/ctl.h"
#include "nhictl/end.h"

/* What ended these sessions has been done, and whoever waits for them may stop waiting: the supervisor goes on. */
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

struct ended end_these(struct ctl *c, struct ending *all, size_t count, int64_t grace)
{
    struct ended result = { .ended = 0 };
    int wait;

    let_interrupt();
    while ((wait = endings_step(all, count, grace * 1000)) >= 0) {
        const struct timespec ts = { .tv_nsec = wait * 1000000L };

        (void)nanosleep(&ts, NULL);
    }
    endings_record(c, all, count, false);
    for (size_t i = 0; i < count; i++) {
        if (all[i].phase == END_DONE)
            result.ended++;
        else
            result.stuck++;
        ending_free(&all[i]);
    }
    return result;
}

struct ended end_what_is_over(struct ctl *c, int64_t grace)
{
    struct ended result = { .ended = 0 };
    struct sessions s = { .count = 0 };
    struct ending *all = NULL;
    size_t count = 0;

    result.failed = sessions_load(&s) != NHI_OK;
    if (!result.failed && s.count > 0)
        all = calloc(s.count, sizeof(*all));
    for (size_t i = 0; all != NULL && i < s.count; i++)
        if (nhi_reason_is_end(s.all[i].reason))
            all[count++].s = s.all[i];
    if (count > 0)
        result = end_these(c, all, count, grace);
    free(all);
    sessions_free(&s);
    return result;
}

void ended_show(struct ctl *c, const struct ended *e)
{
    struct out_row *row = out_row_new(c->out);

    out_number(row, "ended", NULL, (int64_t)e->ended);
    out_number(row, "left", NULL, (int64_t)e->stuck);
    out_member(c->out, "sessions", row);
    if (e->ended > 0)
        out_line(c->out, "%zu session%s ended", e->ended, e->ended == 1 ? " has" : "s have");
    if (e->stuck > 0)
        out_line(c->out, "%zu session%s not: see nhictl session list", e->stuck,
                 e->stuck == 1 ? " has" : "s have");
    if (e->failed)
        ctl_note("the sessions could not be looked at: see nhictl session list");
}
