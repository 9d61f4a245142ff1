/* SPDX-License-Identifier: ISC */
/*
 * audit archive: moves old events from the ledger into a file.
 */
#include <stddef.h>
#include <unistd.h>

#include "libnhi/base/time.h"
#include "libnhi/ledger/ledger_archive.h"
#include "nhictl/audit/archive.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"

struct archive_args {
    int64_t before;
    const char *out;
    bool dry_run;
};

static int choose(struct ctl *c, struct store *s, struct archive *a)
{
    const struct archive_args *args = c->args;
    enum nhi_err err = archive_choose(s, args->before, a);
    char at[NHI_TIME_LEN + 1];

    if (err != NHI_OK)
        return store_fail(c, s, err, "read the events");
    if (nhi_time_format(args->before, at) != NHI_OK)
        snprintf(at, sizeof(at), "then");
    /* On a young host a monthly job has nothing to do, which is not an error. */
    if (a->nothing)
        out_line(c->out, "no event is older than %s: nothing was archived, and no file was written", at);
    if (!a->unsent)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, NULL, "no event before %s has reached the system log yet, and it accepts none now",
                    at);
}

static int make_file(struct ctl *c, struct archive *a)
{
    struct store s = { 0 };
    int code = store_read(c, &s);

    if (code == CTL_DONE)
        code = choose(c, &s, a);
    if (code == CTL_DONE && !a->nothing)
        code = archive_write(c, &s, a);
    store_close(&s);
    return code;
}

static int answer(struct ctl *c, const struct archive *a)
{
    struct out_row *r = out_row_new(c->out);
    int64_t count = a->to.seq - a->from.seq;

    out_number(r, "events", NULL, count);
    if (a->nothing) {
        out_text(r, "first", NULL, NULL);
        out_text(r, "last", NULL, NULL);
    } else {
        out_number(r, "first", NULL, a->from.seq + 1);
        out_number(r, "last", NULL, a->to.seq);
    }
    out_text(r, "hash", NULL, a->nothing ? NULL : a->to.hash);
    out_text(r, "file", NULL, a->nothing ? NULL : a->file);
    out_record(c->out, NULL, r);
    if (!a->nothing)
        out_line(c->out, "events %lld to %lld are in %s, and no longer in the ledger", (long long)a->from.seq + 1,
                 (long long)a->to.seq, a->file);
    return ctl_answer(c);
}

/* --dry-run: which events would go. */
static int show_choice(struct ctl *c, struct archive *a)
{
    struct out_row *r = out_row_new(c->out);
    struct store s = { 0 };
    int code = store_read(c, &s);
    int64_t count;

    if (code == CTL_DONE)
        code = choose(c, &s, a);
    store_close(&s);
    if (code != CTL_DONE) {
        out_row_free(r);
        return code;
    }
    count = a->nothing ? 0 : a->until - a->from.seq;
    out_flag(r, "dry_run", NULL, true);
    out_number(r, "events", NULL, count);
    out_record(c->out, NULL, r);
    if (!a->nothing)
        out_line(c->out, "events %lld to %lld would go to %s, and no longer be in the ledger; nothing was changed",
                 (long long)a->from.seq + 1, (long long)a->until, a->file);
    return ctl_answer(c);
}

static int take_away(struct ctl *c, struct store *s, const struct archive *a)
{
    const struct archive_args *args = c->args;
    enum nhi_err err = store_connect(s, c->now);

    if (err == NHI_OK)
        err = nhi_archive_note_records(s->l, NHI_STATE_DIR);
    if (err == NHI_OK)
        err = store_begin(s);
    if (err != NHI_OK)
        return store_open_failed(c, s, err);
    return archive_take_away(c, s, a, args->before);
}

static int audit_archive(struct ctl *c)
{
    const struct archive_args *args = c->args;
    struct archive a = { .file = args->out, .dir = -1, .made = { .fd = -1 } };
    struct hold held = { .on = false };
    struct store s = { 0 };
    int code = store_need_root(c);

    if (code == CTL_DONE && args->before > c->now)
        code = ctl_fail(c, CTL_USAGE, "nhictl help audit archive", "--before takes a time in the past");
    if (code == CTL_DONE && args->dry_run)
        return show_choice(c, &a);
    /* Ctrl-C leaves all of it done or nothing. */
    hold_begin(&held);
    if (code == CTL_DONE)
        code = make_file(c, &a);
    if (code == CTL_DONE && !a.nothing) {
        code = take_away(c, &s, &a);
        if (code != CTL_DONE)
            (void)unlinkat(a.dir, a.name, 0);
        else /* if the commit fails, it is not known whether they are still in the ledger: keep the file, too */
            code = store_commit(c, &s);
        store_close(&s);
    }
    if (code == CTL_DONE)
        code = answer(c, &a);
    if (a.dir >= 0)
        close(a.dir);
    hold_end(&held);
    return code;
}

static const struct opt archive_opts[] = {
    { "before", OPT_MOMENT, offsetof(struct archive_args, before), true, "TIME", "events before this time", NULL, 0 },
    { "out", OPT_PATH, offsetof(struct archive_args, out), true, "FILE", "a new file for them, one line of JSON each",
      NULL, 0 },
    { "dry-run", OPT_FLAG, offsetof(struct archive_args, dry_run), false, NULL, "only say which events would go", NULL,
      0 },
    { .name = NULL },
};

const struct verb audit_archive_verbs[] = {
    { "audit", "archive", audit_archive, archive_opts, sizeof(struct archive_args), 0, 0,
      "--before TIME --out FILE [--dry-run]", "Move old events from the ledger into a file.",
      "The chain continues across the files: audit verify --archive FILE proves both. Keep the file.",
      "nhictl audit archive --before $(date -ud '1 year ago' +%FT%TZ) --out trail-until-last-year" },
    { .verb = NULL },
};
