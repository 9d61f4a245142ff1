/* SPDX-License-Identifier: ISC */
#include "libnhi/check/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/last_seen.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/state/fact.h"

void nhi_moment_say(const struct nhi_moment *m, enum nhi_err err, char out[NHI_MESSAGE_MAX])
{
    const char *text = nhi_strerror(err), *more = m->from.why != NULL ? m->from.why(m->from.ctx) : "";

    if (err == NHI_ERR_STATE)
        text = "it is being changed by another command, or by one that was killed";
    else if (err == NHI_ERR_CORRUPT)
        text = "it is damaged";
    snprintf(out, NHI_MESSAGE_MAX, "%s%s%s", text, more[0] != '\0' ? ": " : "", more);
}

/* ---- opening ---- */

static enum nhi_reason load_reserve(struct nhi_moment *m)
{
    enum nhi_err err;

    m->reserve = malloc(sizeof(*m->reserve)); /* most of it is for what a reserve hardly ever has */
    if (m->reserve == NULL)
        return NHI_DENY_INTERNAL;
    err = nhi_reserve_load(NHI_STATE_DIR, NHI_RUN_DIR, m->reserve);
    if (err == NHI_OK)
        return NHI_PERMIT;
    snprintf(m->message, sizeof(m->message), "reserve: %s", nhi_strerror(err));
    return err == NHI_ERR_UNSAFE || err == NHI_ERR_NOT_FOUND ? NHI_DENY_LEDGER : NHI_DENY_LOCKDOWN;
}

/* What was published, and whether that is all that this host has seen: a state of an earlier epoch is not. */
static enum nhi_err open_state(struct nhi_moment *m)
{
    const struct nhi_fact_key key = nhi_fact_key(NHI_FACT_HOST, "");
    struct nhi_last_seen_answer seen;
    struct nhi_fact_host host;
    struct nhi_value v;
    enum nhi_err err;

    err = nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &m->state);
    if (err != NHI_OK)
        return err;
    m->from = nhi_state_source(m->state);
    err = m->from.get(m->from.ctx, &key, &v);
    if (err == NHI_OK)
        err = nhi_fact_get_host(&v, &host);
    if (err != NHI_OK)
        return err == NHI_ERR_NOT_FOUND ? NHI_ERR_CORRUPT : err;
    nhi_last_seen_ask(NHI_STATE_DIR, NHI_RUN_DIR, &seen);
    m->fit = nhi_state_is_here(m->state) ? (enum nhi_fit)host.fit : NHI_FIT_MACHINE;
    m->latest = nhi_state_latest(m->state);
    if (seen.err == NHI_OK && seen.last.latest > m->latest)
        m->latest = seen.last.latest;
    if (seen.err == NHI_OK ? seen.last.epoch > host.epoch : seen.err != NHI_ERR_NOT_FOUND)
        m->fit = NHI_FIT_BEHIND;
    return NHI_OK;
}

static void say_state(enum nhi_err err, char out[NHI_MESSAGE_MAX])
{
    const char *what = nhi_strerror(err);

    if (err == NHI_ERR_NOT_FOUND)
        what = "nothing was published since this host was started";
    else if (err == NHI_ERR_STATE)
        what = "it was published before this host was started";
    snprintf(out, NHI_MESSAGE_MAX, "published state: %s (to publish it: nhictl publish)", what);
}

void nhi_moment_open(struct nhi_moment *m)
{
    enum nhi_err err;

    m->now = nhi_now();
    m->unreadable = NHI_DENY_STATE;
    m->reason = load_reserve(m);
    if (m->reserve == NULL)
        return;
    err = open_state(m);
    m->readable = err == NHI_OK;
    if (m->readable || m->reason != NHI_PERMIT)
        return;
    say_state(err, m->message);
    m->reason = NHI_DENY_STATE;
}

void nhi_moment_close(struct nhi_moment *m)
{
    nhi_state_close(m->state);
    free(m->reserve);
}

struct nhi_moment *nhi_moment_begin(void)
{
    struct nhi_moment *m = calloc(1, sizeof(*m));

    if (m != NULL)
        nhi_moment_open(m);
    return m;
}

struct nhi_moment *nhi_moment_over(struct nhi_fact_source ledger, enum nhi_fit fit, int64_t now)
{
    struct nhi_moment *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->now = now;
    m->from = ledger;
    m->readable = true;
    m->unreadable = NHI_DENY_LEDGER;
    m->fit = fit;
    m->reason = load_reserve(m);
    if (m->reserve != NULL)
        return m;
    free(m);
    return NULL;
}

void nhi_moment_end(struct nhi_moment *m)
{
    if (m != NULL)
        nhi_moment_close(m);
    free(m);
}

enum nhi_err nhi_moment_revoke(struct nhi_moment *m, enum nhi_revoke_kind kind, const char *id)
{
    struct nhi_reserve_slot *s;

    if (m->reserve == NULL || m->reserve->count == NHI_RESERVE_SLOTS)
        return NHI_ERR_FULL;
    s = &m->reserve->slots[m->reserve->count];
    if (strlen(id) >= sizeof(s->id))
        return NHI_ERR_TOO_LONG;
    memset(s, 0, sizeof(*s));
    s->kind = kind;
    s->at = INT64_MAX / 2; /* what exists now was issued, whatever the clock shows */
    memcpy(s->id, id, strlen(id));
    m->reserve->count++;
    return NHI_OK;
}
