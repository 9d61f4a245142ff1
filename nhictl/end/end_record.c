/* SPDX-License-Identifier: ISC */
/*
 * Recording how sessions ended: as files, then in the ledger.
 */
#include "nhictl/end/end_record.h"

#include <stdio.h>
#include <string.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/fold_session.h"
#include "libnhi/ledger/grant_event.h"
#include "libnhi/session/cgroup.h"
#include "libnhi/session/cgroup_end.h"
#include "libnhi/session/session_end.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"
#include "nhictl/trail/trail.h"

/* Recorded once for each attempt. */
static enum nhi_err record_stuck(struct ctl *c, struct store *s, struct ending *e)
{
    struct out_row *detail = out_row_new(c->out);
    const struct nhi_grant *g = &e->s.g;
    struct nhi_event ev;

    e->recorded = true;
    nhi_grant_event(g, &ev);
    snprintf(ev.kind, sizeof(ev.kind), "session-stuck");
    snprintf(ev.session, sizeof(ev.session), "%s", e->s.handle);
    memcpy(ev.within, ev.record, sizeof(ev.within));
    ev.record[0] = ev.owner[0] = ev.decision[0] = ev.proof[0] = '\0';
    snprintf(ev.reason, sizeof(ev.reason), "%s", ending_reason(e));
    out_number(detail, "left", NULL, (int64_t)e->m.count);
    return store_add_event(c, s, &ev, detail);
}

static bool is_news(const struct ending *e)
{
    return e->phase == END_DONE || (e->phase == END_STUCK && !e->recorded);
}

/* Files first, which need no ledger: a later process takes them in if the ledger cannot be written now. */
void endings_record(struct ctl *c, struct ending *all, size_t count, bool hurry)
{
    struct store s = { .wait = hurry ? STORE_NOW : STORE_SOON };
    enum nhi_err err;
    size_t news = 0;

    for (size_t i = 0; i < count; i++) {
        news += is_news(&all[i]);
        if (all[i].phase == END_DONE)
            (void)!nhi_session_end(NHI_RUN_DIR, all[i].s.handle, all[i].s.g.id, ending_reason(&all[i]));
    }
    if (news == 0)
        return;
    nhi_cgroup_sweep();
    err = store_open(&s, nhi_now());
    for (size_t i = 0; i < count && err == NHI_OK; i++)
        if (all[i].phase == END_STUCK && is_news(&all[i]))
            err = record_stuck(c, &s, &all[i]);
    if (err == NHI_OK) {
        err = nhi_ledger_commit(s.l);
        s.writing = err != NHI_OK;
    }
    if (err == NHI_OK)
        err = nhi_fold_sessions(NHI_RUN_DIR, s.l, s.now, systemd_is_stopping, NULL);
    if (err == NHI_OK)
        trail_send(s.l);
    if (err != NHI_OK && !hurry)
        ctl_note("how sessions ended is not in the ledger yet: %s", nhi_strerror(err));
    store_close(&s);
}
