/* SPDX-License-Identifier: ISC */
#include "nhictl/watch/trail_timer.h"

#include <stdio.h>
#include <syslog.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/denials.h"
#include "libnhi/grant/refused.h"
#include "libnhi/key/paserk.h"
#include "libnhi/policy/reason.h"
#include "libnhi/session/session.h"
#include "nhictl/audit/signed_head.h"
#include "nhictl/process/log.h"
#include "nhictl/store/store_event.h"
#include "nhictl/trail/trail.h"

void trail_timer_set(struct trail_timer *t, const struct nhi_settings *set)
{
    t->head_every = set->head_every;
    t->denials_every = set->denials_every;
}

static bool is_due(int64_t at, int64_t every, int64_t now)
{
    return at == 0 || now - at >= every * 1000;
}

/* Also as a line of the log, so that it leaves the host with the log. */
static void sign_head(void)
{
    char line[1100], *token = NULL;
    enum nhi_err err = head_publish(nhi_now(), &token);

    if (err == NHI_OK) {
        snprintf(line, sizeof(line), "head=%s", token);
        trail_say(line);
    } else {
        log_say(LOG_DAEMON | LOG_ERR, "watch: the head of the trail could not be signed: %s", nhi_strerror(err));
    }
    nhi_text_free(token);
}

/* ---- denials of unverified tickets ---- */

static void add_counts(struct out_row *detail, const struct nhi_denials *d)
{
    uint64_t by[NHI_DENIAL_SERVICES] = { 0 };

    out_number(detail, "count", NULL, (int64_t)d->total);
    for (unsigned r = 0; r < NHI_REASON_COUNT; r++) {
        uint64_t of = 0;

        for (unsigned s = 0; s < NHI_DENIAL_SERVICES; s++) {
            of += d->count[r][s];
            by[s] += d->count[r][s];
        }
        if (of > 0)
            out_number(detail, nhi_reason_name((enum nhi_reason)r), NULL, (int64_t)of);
    }
    for (unsigned s = 0; s < NHI_DENIAL_SERVICES; s++)
        if (by[s] > 0)
            out_number(detail, nhi_denial_service((enum nhi_denial_of)s), NULL, (int64_t)by[s]);
}

/* Words service/account/from/reason: the first few. */
static void add_samples(struct out_row *detail, const struct nhi_denials *d)
{
    char list[NHI_DENIALS_SAMPLES * 192] = "";
    size_t len = 0;

    for (size_t i = 0; i < d->sample_count; i++) {
        const struct nhi_denial *one = &d->samples[i];

        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s/%s/%s/%s", i > 0 ? " " : "", one->service,
                                one->account, one->from[0] != '\0' ? one->from : "local", nhi_reason_name(one->reason));
    }
    out_list(detail, "samples", NULL, list);
}

static int write_down(const struct nhi_denials *d, void *ctx)
{
    struct store s = { .l = NULL };
    struct ctl *c = ctx;
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err = store_open(&s, nhi_now());

    add_counts(detail, d);
    add_samples(detail, d);
    if (err == NHI_OK)
        err = store_event(c, &s, (struct store_event){ .kind = "denials" }, detail);
    else
        out_row_free(detail);
    if (err == NHI_OK) {
        err = nhi_ledger_commit(s.l);
        s.writing = false;
        s.committed = err == NHI_OK;
    }
    if (err != NHI_OK)
        log_say(LOG_DAEMON | LOG_ERR, "watch: denials could not be recorded: %s", nhi_strerror(err));
    store_close(&s);
    return err != NHI_OK;
}

void trail_timer_step(struct ctl *c, struct trail_timer *t, int64_t now)
{
    if (t->denials_every > 0 && is_due(t->denials_at, t->denials_every, now)) {
        if (t->denials_at == 0)
            nhi_denials_make(NHI_RUN_DIR);
        (void)!nhi_denials_take(NHI_RUN_DIR, write_down, c);
        if (nhi_refused_is_due(NHI_RUN_DIR, nhi_now()))
            (void)store_keep_house(nhi_now(), STORE_NOW, false, NULL);
        t->denials_at = now;
    }
    if (t->head_every > 0 && is_due(t->head_at, t->head_every, now)) {
        sign_head();
        t->head_at = now;
    }
}
