/* SPDX-License-Identifier: ISC */
#include "libnhi/check/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/last_seen.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"

void nhi_moment_say(const struct nhi_moment *m, enum nhi_err err, char out[NHI_MESSAGE_MAX])
{
    const char *detail = m->ledger != NULL ? nhi_ledger_message(m->ledger) : "";

    snprintf(out, NHI_MESSAGE_MAX, "%s%s%s", nhi_strerror(err), detail[0] != '\0' ? ": " : "", detail);
}

static enum nhi_reason load_reserve(struct nhi_moment *m)
{
    enum nhi_err err;

    m->reserve = calloc(1, sizeof(*m->reserve));
    if (m->reserve == NULL)
        return NHI_DENY_INTERNAL;
    err = nhi_reserve_load(NHI_STATE_DIR, m->reserve);
    if (err == NHI_OK)
        return NHI_PERMIT;
    snprintf(m->message, sizeof(m->message), "reserve: %s", nhi_strerror(err));
    return err == NHI_ERR_UNSAFE || err == NHI_ERR_NOT_FOUND ? NHI_DENY_LEDGER : NHI_DENY_LOCKDOWN;
}

static enum nhi_err open_ledger(struct nhi_moment *m)
{
    struct nhi_settings settings;
    struct nhi_last_seen_answer seen;
    enum nhi_err err;

    nhi_last_seen_ask(NHI_STATE_DIR, NHI_RUN_DIR, &seen);
    err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &m->ledger);
    if (err == NHI_OK)
        err = nhi_ledger_begin(m->ledger, m->now);
    if (err == NHI_OK)
        err = nhi_ledger_settings(m->ledger, &settings);
    if (err == NHI_OK)
        m->fit = nhi_ledger_fit(m->ledger, &settings, &seen, m->now);
    return err;
}

void nhi_moment_open(struct nhi_moment *m)
{
    enum nhi_err err;

    m->now = nhi_now();
    m->reason = load_reserve(m);
    if (m->reserve == NULL)
        return;
    err = open_ledger(m);
    m->readable = err == NHI_OK;
    if (m->readable || m->reason != NHI_PERMIT)
        return;
    nhi_moment_say(m, err, m->message);
    m->reason = NHI_DENY_LEDGER;
}

void nhi_moment_close(struct nhi_moment *m)
{
    if (!m->borrowed)
        nhi_ledger_close(m->ledger);
    free(m->reserve);
}

struct nhi_moment *nhi_moment_begin(void)
{
    struct nhi_moment *m = calloc(1, sizeof(*m));

    if (m != NULL)
        nhi_moment_open(m);
    return m;
}

struct nhi_moment *nhi_moment_over(struct nhi_ledger *l, const struct nhi_settings *settings,
                                   const struct nhi_last_seen_answer *seen, int64_t now)
{
    struct nhi_moment *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->now = now;
    m->ledger = l;
    m->borrowed = m->readable = true;
    m->fit = nhi_ledger_fit(l, settings, seen, now);
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
