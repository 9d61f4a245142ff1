/* SPDX-License-Identifier: ISC */
/*
 * MUST: no turn goes on for longer because there is more to do: a revocation may be waiting.
 */
#include "nhictl/store/turn.h"

#include <signal.h>
#include <time.h>

#include "libnhi/base/proc.h"
#include "libnhi/ledger/publish.h"
#include "nhictl/say/fail.h"

#define TURN_MS 60  /* of a tenth of a second: committing and publishing take the rest */
#define OTHERS_MS 3 /* another command looks every millisecond whether it may write */

static int64_t monotonic_ms(void)
{
    struct timespec ts = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void turn_begin(struct turn *t)
{
    t->until = monotonic_ms() + TURN_MS;
}

bool turn_is_over(const struct turn *t)
{
    return monotonic_ms() >= t->until;
}

/* Under nohup some of them do not end it. */
bool turn_is_stopped(void)
{
    static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    struct sigaction action;
    sigset_t waiting;

    if (sigpending(&waiting) != 0)
        return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (sigismember(&waiting, ends[i]) == 1 && sigaction(ends[i], NULL, &action) == 0 &&
            action.sa_handler != SIG_IGN)
            return true;
    return false;
}

enum nhi_err turn_commit(struct store *s)
{
    enum nhi_err err = nhi_ledger_commit(s->l);

    s->writing = err != NHI_OK;
    s->committed = s->committed || err == NHI_OK;
    if (err == NHI_OK && nhi_ledger_unpublished(s->l) != NHI_OK)
        ctl_note("the ledger was changed, but this could not be published (%s), so that logins do not see it yet: "
                 "nhictl publish",
                 nhi_strerror(nhi_ledger_unpublished(s->l)));
    return err;
}

/* The file is opened anew, since a restore may have put another one in its place. */
enum nhi_err turn_next(struct ctl *c, struct store *s, struct turn *t)
{
    const struct timespec pause = { .tv_nsec = OTHERS_MS * 1000000L };
    int64_t now = nhi_now();
    enum nhi_err err;

    nhi_ledger_close(s->l);
    s->l = NULL;
    (void)nanosleep(&pause, NULL);
    c->now = now > c->now ? now : c->now;
    err = store_open(s, c->now);
    turn_begin(t);
    return err;
}
