/* SPDX-License-Identifier: ISC */
/*
 * The end of nhictl run: of its ticket, its task and its session.
 *
 * MUST: the session ends even if nothing can be recorded.
 */
#include "nhictl/run/run_end.h"

#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_write.h"
#include "libnhi/session/session.h"
#include "libnhi/session/session_end.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

static enum nhi_err end_in_ledger(struct ctl *c, struct store *s, const struct run *r, const char *why)
{
    enum nhi_err err = store_open(s, c->now);
    struct out_row *detail;

    if (err == NHI_OK)
        err = nhi_tree_end(s->l, r->tree, why, c->now);
    if (err != NHI_OK)
        return err;
    detail = out_row_new(c->out);
    out_text(detail, "job", NULL, r->job);
    err = store_event(
        c, s,
        (struct store_event){ .kind = "run-end", .agent = r->agent, .task = r->task, .jti = r->jti, .cause = why },
        detail);
    if (err == NHI_OK)
        err = nhi_ledger_commit(s->l);
    s->writing = err != NHI_OK;
    s->committed = err == NHI_OK;
    return err;
}

/* The ticket in the keyring is not bound to a tree: if the ledger cannot record its end, the reserve must. */
void run_close(struct ctl *c, const struct run *r, const char *why)
{
    struct store s = { 0 };
    char text[256];
    enum nhi_err err;

    /* Its ticket ends before its session does, but that is not the reason for the session's end. */
    nhi_session_say_why(NHI_RUN_DIR, r->session.id, NHI_END_CLOSED);
    err = end_in_ledger(c, &s, r, why);
    if (err != NHI_OK) {
        ctl_note("the ledger cannot be written (%s): ticket %s ends with this process, and its task at its deadline or "
                 "when a command can write",
                 store_error(&s, err, text, sizeof(text)), r->jti);
        if (r->keyring[0] != '\0' && nhi_reserve_add(NHI_STATE_DIR, NHI_REVOKE_TICKET, r->keyring, c->now) != NHI_OK)
            ctl_note("ticket %s of --keyring could not be revoked", r->keyring);
    }
    store_close(&s);
}

/* The owner of the job may look only at this host's status: in many crontabs, mail and exit status are lost. If the
 * refusal cannot be recorded, these must be enough. */
void run_refused(struct ctl *c, const struct run_args *args)
{
    struct store s = { .l = NULL };
    struct out_row *detail;
    enum nhi_err err;

    if (geteuid() != 0)
        return;
    c->now = nhi_now();
    err = store_open(&s, c->now);
    if (err == NHI_OK) {
        detail = out_row_new(c->out);
        out_text(detail, "job", NULL, args->job != NULL ? args->job : args->task);
        out_text(detail, "command", NULL, c->command[0]);
        err = store_event(c, &s, (struct store_event){ .kind = "run-refused", .agent = args->agent, .cause = c->said },
                          detail);
    }
    if (err == NHI_OK)
        err = nhi_ledger_commit(s.l);
    s.writing = s.writing && err != NHI_OK;
    s.committed = err == NHI_OK;
    store_close(&s);
}

void run_leave(const struct run *r)
{
    nhi_session_leave(NHI_RUN_DIR, &r->session);
}
