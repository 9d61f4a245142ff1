/* SPDX-License-Identifier: ISC */
/*
 * init --new-host: a machine that was copied with its ledger becomes one of its own.
 *
 * MUST: nothing that was issued for the original machine opens anything here, and nothing that is signed here is
 * believed there.
 */
#include "nhictl/ledger/new_host.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_restore.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/ledger/restore.h"
#include "nhictl/audit/signed_head.h"
#include "nhictl/end/end.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/keys/keyfile.h"
#include "nhictl/keys/own_keys.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

static int take_over(struct ctl *c, struct store *s, const char *host, struct nhi_issuer *made)
{
    struct out_row *detail = out_row_new(c->out);
    enum nhi_err err = nhi_ledger_take_over(s->l, host, c->now);
    int code;

    out_text(detail, "host", NULL, host);
    out_text(detail, "was", NULL, s->set.host);
    out_number(detail, "epoch", NULL, s->set.epoch + 1);
    if (err == NHI_OK)
        err = store_event(c, s, (struct store_event){ .kind = "new-host" }, detail);
    else
        out_row_free(detail);
    code = err == NHI_OK ? own_keys_settle(c, s, true, made) : store_fail(c, s, err, "take the ledger over");
    return code == CTL_DONE ? store_commit(c, s) : code;
}

/* What a rolled-back ledger does not know would be active again, and uids would be given twice. */
static int need_newest(struct ctl *c, const struct store *s)
{
    if (!nhi_ledger_is_behind(s->l, &s->set, &s->seen))
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, "nhictl restore FILE, with the newest backup, then nhictl init --new-host", "%s",
                    nhi_fit_text(NHI_FIT_BEHIND));
}

/* From now on this host signs its trail itself. */
static void forget_heads(void)
{
    if (keyfile_remove(HEAD_KEY) != NHI_OK)
        ctl_note("could not remove the key of the trail: remove %s/%s/%s.secret", NHI_STATE_DIR, NHI_KEYS_DIR,
                 HEAD_KEY);
    (void)unlink(NHI_STATE_DIR "/" HEAD_FILE);
}

int new_host(struct ctl *c, const char *host)
{
    struct nhi_issuer made = { .kid = "" };
    struct store s = { 0 };
    struct ended ended;
    struct out_row *r;
    int code = store_write(c, &s);

    if (code == CTL_DONE)
        code = need_newest(c, &s);
    if (code == CTL_DONE && nhi_ledger_withdraw(s.l) != NHI_OK)
        code = ctl_fail(c, CTL_SYSTEM, "ls -la " NHI_RUN_DIR,
                        "could not withdraw what was published: %s cannot be written", NHI_RUN_DIR);
    if (code == CTL_DONE) {
        code = take_over(c, &s, host, &made);
        if (code != CTL_DONE && made.kid[0] != '\0')
            (void)!keyfile_remove(made.kid);
    }
    if (code == CTL_DONE) {
        own_keys_forget(&s);
        forget_heads();
        store_last_seen_anew(&s);
        r = out_row_new(c->out);
        out_state(r, "host", "host", host);
        out_text(r, "was", "was", s.set.host);
        out_number(r, "epoch", "epoch", s.set.epoch + 1);
        out_state(r, "kid", "signing key", made.kid);
        out_record(c->out, NULL, r);
        out_line(c->out, "all earlier tickets and open tasks have ended; agents stay");
        ended = end_what_is_over(c, s.set.grace);
        ended_show(c, &ended);
        code = ended_answer(c, &ended);
    }
    store_close(&s);
    return code;
}
