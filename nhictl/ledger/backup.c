/* SPDX-License-Identifier: ISC */
/*
 * backup: copies the ledger into one file while it is in use.
 *
 * It contains no secret keys: the reader of a backup must not be able to sign tickets. If they are lost, restore makes
 * new ones.
 */
#include <stddef.h>
#include <string.h>

#include "libnhi/ledger/event.h"
#include "libnhi/ledger/ledger_copy.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/restore.h"
#include "nhictl/say/ctl.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"

/* First, so that the copy has it, too. A ledger that cannot be written can still be copied. */
static void record_backup(struct ctl *c, const char *file)
{
    struct out_row *detail = out_row_new(c->out);
    struct store s = { 0 };
    char why[256];
    enum nhi_err err;

    hold_begin(&s.held);
    out_text(detail, "file", NULL, file);
    err = store_open(&s, c->now);
    if (err == NHI_OK)
        err = store_event(c, &s, (struct store_event){ .kind = "backup" }, detail);
    else
        out_row_free(detail);
    if (err == NHI_OK)
        err = nhi_ledger_commit(s.l);
    s.writing = s.writing && err != NHI_OK;
    s.committed = err == NHI_OK;
    if (err != NHI_OK)
        ctl_note("the trail does not record this backup: %s", store_error(&s, err, why, sizeof(why)));
    store_close(&s);
}

static int show(struct ctl *c, struct store *s, const char *file, size_t len)
{
    struct out_row *r = out_row_new(c->out);
    struct nhi_head head;
    enum nhi_err err = nhi_event_head(s->l, &head);

    if (err != NHI_OK) {
        out_row_free(r);
        return store_fail(c, s, err, "read the newest event");
    }
    out_state(r, "file", "file", file);
    out_number(r, "bytes", "bytes", (int64_t)len);
    out_text(r, "host", "host", s->set.host);
    out_number(r, "epoch", NULL, s->set.epoch);
    out_number(r, "event", "last event", head.seq);
    out_text(r, "hash", NULL, head.hash);
    out_record(c->out, NULL, r);
    out_line(c->out, "it contains no secret keys: nhictl restore makes new ones if they are missing");
    return ctl_answer(c);
}

struct backup_args {
    bool force;
};

static int backup(struct ctl *c)
{
    const struct backup_args *args = c->args;
    unsigned char *image = NULL;
    struct store s = { 0 };
    enum nhi_err err;
    size_t len = 0;
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = text_need_new(c, c->operand[0], args->force);
    if (code == CTL_DONE) {
        record_backup(c, c->operand[0]);
        code = store_read(c, &s);
    }
    if (code == CTL_DONE) {
        err = nhi_ledger_image(s.l, &image, &len);
        code = err == NHI_OK ? CTL_DONE : store_fail(c, &s, err, "copy the ledger");
    }
    if (code == CTL_DONE)
        code = text_write_bytes(c, c->operand[0], image, len, 0600);
    if (code == CTL_DONE)
        code = show(c, &s, c->operand[0], len);
    nhi_ledger_image_free(image);
    store_close(&s);
    return code;
}

static const struct opt backup_opts[] = {
    TEXT_FORCE_OPT(offsetof(struct backup_args, force)),
    { .name = NULL },
};

const struct verb backup_verbs[] = {
    { NULL, "backup", backup, backup_opts, sizeof(struct backup_args), 1, 1, "FILE [--force]",
      "Copy the ledger to FILE, while it is in use.",
      "FILE belongs to root, mode 0600, and is complete or does not exist. It contains no secret keys.",
      "nhictl backup nhi.backup" },
    { .verb = NULL },
};
