/* SPDX-License-Identifier: ISC */
/*
 * MUST: a process that was found is asked to end, is killed when its grace has passed, and is recorded once, as ended
 * or as stuck.
 */
#include "nhictl/leftover/leftover_sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "libnhi/base/grow.h"
#include "nhictl/leftover/leftover_find.h"
#include "nhictl/leftover/leftover_signal.h"
#include "nhictl/process/log.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

#define LOOK_EVERY 9000 /* milliseconds between two looks of the supervisor, which wakes every 10 seconds */
#define STEP_ASKED 100  /* milliseconds between two looks */
#define STEP_VERB 20
#define STEP_KILLED 5
#define GIVE_UP 5000 /* after the first SIGKILL */

struct leaving {
    char account[NHI_ACCOUNT_MAX + 1];
    uint32_t uid;
    bool own;
    enum { LEAVING_ASKED, LEAVING_KILLED, LEAVING_STUCK, LEAVING_GONE } phase;
    int64_t next, deadline;    /* milliseconds of the monotonic clock */
    size_t count;              /* processes that were asked to end */
    size_t left;               /* at the last look */
    char command[64], why[64]; /* of the first process */
    bool recorded;             /* it is recorded as ended or stuck */
};

/* ---- finding ---- */

static bool is_leaving(const struct leftovers *l, uint32_t uid)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->all[i].uid == uid && l->all[i].phase != LEAVING_GONE)
            return true;
    return false;
}

static struct leaving *add_leaving(struct leftovers *l, const struct leftover_account *a)
{
    struct leaving *more;

    /* An account whose leftovers have gone, but could not be recorded yet, is counted together with those that
     * follow. */
    for (size_t i = 0; i < l->count; i++)
        if (l->all[i].uid == a->uid)
            return &l->all[i];
    more = nhi_grow(l->all, &l->room, l->count + 1, sizeof(*more));
    if (more == NULL)
        return NULL;
    l->all = more;
    more = &l->all[l->count++];
    memset(more, 0, sizeof(*more));
    memcpy(more->account, a->name, sizeof(a->name));
    more->uid = a->uid;
    more->own = a->own;
    return more;
}

/* In a log line, a blank or control character would begin another field. */
static const char *as_word(const struct leaving *one, char out[sizeof(one->command)])
{
    for (size_t i = 0; i < sizeof(one->command); i++) {
        unsigned char c = (unsigned char)one->command[i];

        out[i] = c == '\0' || (c > ' ' && c < 0x7f) ? (char)c : '?';
    }
    return out;
}

static void begin(struct leftovers *l, struct leftover_look *k, const struct leftover_account *a,
                  const struct leftover_found *f, int64_t now)
{
    struct members m = { .count = 0 };
    const struct leftover_one *first = NULL;
    struct leaving *one;
    char word[sizeof(one->command)];

    for (size_t i = 0; i < f->count; i++)
        if (f->all[i].account == a && members_put(&m, &f->all[i].proc) == NHI_OK && first == NULL)
            first = &f->all[i];
    one = first != NULL ? add_leaving(l, a) : NULL;
    if (one != NULL) {
        one->phase = LEAVING_ASKED;
        one->count += m.count;
        one->left = m.count;
        memcpy(one->command, first->command, sizeof(one->command));
        snprintf(one->why, sizeof(one->why), "%s", first->why);
        one->deadline = now + l->grace_ms;
        one->next = now;
        log_say(LOG_AUTHPRIV | LOG_NOTICE, "ends without a session: account=%s processes=%zu command=%s (%s)",
                one->account, one->count, as_word(one, word), one->why);
        leftover_ask(k, a, &l->wish, &m);
    }
    members_free(&m);
}

static void look(struct leftovers *l, int64_t now)
{
    const struct leftover_accounts *in = leftover_accounts();
    struct leftover_look k = { .lockdown = false };
    struct leftover_found f = { .count = 0 };
    bool *chosen;

    leftover_accounts_refresh();
    chosen = calloc(in->count + 1, sizeof(*chosen));
    l->failed = chosen == NULL;
    if (chosen == NULL || !leftover_choose_idle(&l->wish, chosen))
        goto out;
    l->failed = !leftover_find(&l->wish, &k, chosen, NULL, &f) || f.hides;
    /* A login that happened meanwhile is registered as a session by now. */
    if (f.count == 0 || !leftover_drop_live(&l->wish, chosen))
        goto out;
    for (size_t i = 0; i < in->count; i++)
        if (chosen[i] && !is_leaving(l, in->all[i].uid))
            begin(l, &k, &in->all[i], &f, now);
out:
    leftover_look_end(&k);
    free(f.all);
    free(chosen);
}

/* ---- ending ---- */

/* How many are left; 1 if they cannot be looked for. */
static size_t count_left(const struct leftovers *l, const struct leftover_account *a)
{
    struct leftover_look k = { .lockdown = false };
    struct leftover_found f = { .count = 0 };
    size_t left = 0;

    if (leftover_runs_anything(a->uid))
        left = leftover_find(&l->wish, &k, NULL, a, &f) ? f.count + f.hides : 1;
    leftover_look_end(&k);
    free(f.all);
    return left;
}

static enum nhi_err record(struct ctl *c, const struct leaving *one, bool hurry)
{
    struct store s = { .wait = hurry ? STORE_NOW : STORE_SOON };
    struct out_row *detail = out_row_new(c->out);
    const struct store_event ended = { .kind = one->phase == LEAVING_GONE ? "leftovers-end" : "leftovers-stuck",
                                       .agent = one->own ? one->account : NULL,
                                       .account = one->account,
                                       .cause = one->why };
    enum nhi_err err = store_open(&s, nhi_now());

    out_number(detail, "processes", NULL, (int64_t)one->count);
    out_number(detail, "left", NULL, (int64_t)one->left);
    out_text(detail, "command", NULL, one->command);
    if (err == NHI_OK)
        err = store_event(c, &s, ended, detail);
    else
        out_row_free(detail);
    if (err == NHI_OK) {
        err = nhi_ledger_commit(s.l);
        s.writing = err != NHI_OK;
        s.committed = err == NHI_OK;
    }
    store_close(&s);
    return err;
}

static void step(struct leftovers *l, struct leaving *one, int64_t now)
{
    const struct leftover_account *a = leftover_account_of(one->uid);
    char word[sizeof(one->command)];

    if (one->phase == LEAVING_GONE || now < one->next)
        return;
    one->left = a != NULL ? count_left(l, a) : 0;
    if (one->left == 0) {
        l->ended += one->count;
        one->phase = LEAVING_GONE;
        one->recorded = false;
        return;
    }
    one->next = now + STEP_ASKED;
    if (one->phase == LEAVING_ASKED && now >= one->deadline) {
        one->phase = LEAVING_KILLED;
        one->deadline = now + GIVE_UP;
    }
    /* While a session is live, the account may have its manager again. */
    if (one->phase == LEAVING_ASKED || leftover_is_live(&l->wish, one->uid))
        return;
    leftover_kill(a, &l->wish);
    one->next = now + STEP_KILLED;
    if (one->phase == LEAVING_KILLED && now >= one->deadline) {
        one->phase = LEAVING_STUCK;
        log_say(LOG_AUTHPRIV | LOG_ERR, "cannot be ended: account=%s processes=%zu command=%s", one->account, one->left,
                as_word(one, word));
    }
    if (one->phase == LEAVING_STUCK)
        one->next = now + GIVE_UP;
}

int leftovers_step(struct ctl *c, struct leftovers *l, int64_t now, bool looks)
{
    size_t kept = 0;
    int wait = -1;

    /* The supervisor never waits for the ledger, and tries whenever it wakes. */
    if (l->hurry)
        leftover_accounts_watch(nhi_now());
    if (looks && l->hurry) {
        looks = l->looked == 0 || now - l->looked >= LOOK_EVERY;
        l->looked = looks ? now : l->looked;
    }
    if (looks)
        look(l, now);
    l->stuck = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct leaving *one = &l->all[i];

        step(l, one, now);
        if (one->phase >= LEAVING_STUCK && !one->recorded)
            one->recorded = record(c, one, l->hurry) == NHI_OK;
        if (one->phase == LEAVING_STUCK)
            l->stuck += one->left;
        else if (one->phase < LEAVING_STUCK && (wait < 0 || one->next - now < wait))
            wait = one->next > now ? (int)(one->next - now) : 0;
        if (one->phase != LEAVING_GONE || !one->recorded)
            l->all[kept++] = *one;
    }
    l->count = kept;
    return wait;
}

void leftovers_free(struct leftovers *l)
{
    free(l->all);
    memset(l, 0, sizeof(*l));
}

/* ---- for verbs ---- */

static void show(struct ctl *c, const struct leftovers *l)
{
    struct out_row *row = out_row_new(c->out);

    out_number(row, "ended", NULL, (int64_t)l->ended);
    out_number(row, "left", NULL, (int64_t)l->stuck);
    out_member(c->out, "leftovers", row);
    if (l->ended > 0)
        out_line(c->out, "%zu process%s without a session %s ended", l->ended, l->ended == 1 ? "" : "es",
                 l->ended == 1 ? "has" : "have");
    if (l->stuck > 0)
        out_line(c->out, "%zu process%s without a session %s NOT ended: see nhictl doctor", l->stuck,
                 l->stuck == 1 ? "" : "es", l->stuck == 1 ? "has" : "have");
    if (l->failed)
        ctl_note("could not look for processes without a session");
}

size_t leftovers_end(struct ctl *c, const struct leftover_wish *wish, int64_t grace)
{
    struct leftovers l = { .wish = *wish, .grace_ms = grace * 1000 };
    size_t left;
    int wait = leftovers_step(c, &l, nhi_clock_ms(CLOCK_MONOTONIC), true);

    while (wait >= 0) {
        const struct timespec ts = { .tv_nsec = (wait < STEP_VERB ? wait : STEP_VERB) * 1000000L };

        (void)nanosleep(&ts, NULL);
        wait = leftovers_step(c, &l, nhi_clock_ms(CLOCK_MONOTONIC), false);
    }
    show(c, &l);
    left = l.failed ? l.stuck + 1 : l.stuck;
    leftovers_free(&l);
    return left;
}
