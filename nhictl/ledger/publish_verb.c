/* SPDX-License-Identifier: ISC */
/*
 * publish: makes what logins read anew from the ledger.
 */
#include "libnhi/ledger/publish.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"

static int publish(struct ctl *c)
{
    struct store s = { .l = NULL };
    struct out_row *row;
    enum nhi_err err;
    int code = store_need_root(c);

    if (code != CTL_DONE)
        return code;
    hold_begin(&s.held);
    err = store_connect(&s, c->now);
    code = err == NHI_OK ? CTL_DONE : store_open_failed(c, &s, err);
    if (code == CTL_DONE) {
        err = nhi_ledger_publish(s.l, c->now);
        s.committed = true;
        code = err == NHI_OK ? store_publish(c, &s) : store_fail(c, &s, err, "publish the ledger");
    }
    store_close(&s);
    if (code != CTL_DONE)
        return code;
    row = out_row_new(c->out);
    out_flag(row, "published", NULL, true);
    out_record(c->out, NULL, row);
    out_line(c->out, "published the ledger: logins read it as it is now");
    return ctl_answer(c);
}

const struct verb publish_verbs[] = {
    { NULL, "publish", publish, NULL, 0, 0, 0, "", "Publish the ledger anew, for logins to read.",
      "Every command that changes the ledger publishes that by itself. This is for the start of a host\n"
      "or a container, and for a published state that was lost or damaged. It does not change what the\n"
      "ledger has.",
      "nhictl publish" },
    { .verb = NULL },
};
