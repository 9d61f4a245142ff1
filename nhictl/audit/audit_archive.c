/* SPDX-License-Identifier: ISC */
/*
 * audit archive: moves old events from the ledger into a file that can be verified in the same way.
 *
 * MUST: no event is removed from the ledger before it is on disk in the file and was verified from there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/time.h"
#include "libnhi/ledger/chain.h"
#include "libnhi/ledger/ledger_archive.h"
#include "libnhi/ledger/ledger_event.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/hold.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store.h"
#include "nhictl/store/store_event.h"
#include "nhictl/trail/trail.h"

struct archive_args {
    int64_t before;
    const char *out;
};

struct archive {
    const char *file, *name; /* name: in dir */
    int dir;
    struct nhi_new_file made;
    struct nhi_chain from; /* the event before its first one */
    struct nhi_chain to;   /* its last event, as verified */
    int64_t until;
    FILE *f;
    bool nothing; /* no event is that old */
    bool failed;
};

/* ---- its content ---- */

static int choose(struct ctl *c, struct store *s, struct archive *a)
{
    const struct archive_args *args = c->args;
    int64_t sent = trail_sent();
    enum nhi_err err = nhi_archive_cut(s->l, args->before, &a->until);
    char at[NHI_TIME_LEN + 1];

    if (err != NHI_OK)
        return store_fail(c, s, err, "read the events");
    if (nhi_time_format(args->before, at) != NHI_OK)
        snprintf(at, sizeof(at), "then");
    a->from.seq = s->set.archived;
    memcpy(a->from.hash, s->set.archived_hash, sizeof(a->from.hash));
    /* On a young host a monthly job has nothing to do, which is not an error. */
    if (a->until == 0) {
        a->nothing = true;
        out_line(c->out, "no event is older than %s: nothing was archived, and no file was written", at);
        return CTL_DONE;
    }
    if (sent < a->until)
        a->until = sent;
    if (a->until > a->from.seq)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, NULL, "no event before %s has reached the system log yet, and it accepts none now",
                    at);
}

static int write_event(const struct nhi_event *e, void *ctx)
{
    struct archive *a = ctx;
    char *line;

    if (e->seq > a->until)
        return 1;
    line = nhi_event_line(e);
    a->failed = line == NULL || fputs(line, a->f) < 0 || putc('\n', a->f) == EOF;
    free(line);
    return a->failed;
}

/* ---- the file ---- */

static int begin_file(struct ctl *c, struct archive *a)
{
    int fd;

    a->dir = text_directory(a->file, &a->name);
    if (a->dir < 0)
        return text_write_failed(c, a->file, errno);
    if (a->name[0] == '\0')
        return text_write_failed(c, a->file, EISDIR);
    if (faccessat(a->dir, a->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return ctl_fail(c, CTL_REFUSED,
                        "another name; if nhictl audit verify --archive FILE reports its events as repeated, all of "
                        "them are still in the ledger, and the file can be removed",
                        "%s already exists", a->file);
    if (nhi_file_begin(a->dir, a->name, &a->made) != NHI_OK)
        return text_write_failed(c, a->file, errno);
    /* A separate descriptor, which the stream closes. */
    fd = fcntl(a->made.fd, F_DUPFD_CLOEXEC, 0);
    a->f = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (a->f != NULL)
        return CTL_DONE;
    if (fd >= 0)
        close(fd);
    return ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
}

static int write_file(struct ctl *c, struct store *s, struct archive *a)
{
    enum nhi_err err = nhi_event_each(s->l, 0, INT32_MAX, write_event, a);

    if (err == NHI_ERR_CORRUPT)
        return ctl_fail(c, CTL_REFUSED, "nhictl audit verify", "an event cannot be read");
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the events");
    if (a->failed || fflush(a->f) != 0 || fsync(fileno(a->f)) != 0)
        return text_write_failed(c, a->file, errno);
    return CTL_DONE;
}

/* From what is in the file, and not from what should be in it. */
static int prove_file(struct ctl *c, struct archive *a)
{
    enum nhi_link link = NHI_LINK_GOOD;
    int64_t seq = a->from.seq;
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    a->to = a->from;
    if (fseek(a->f, 0, SEEK_SET) != 0)
        link = NHI_LINK_UNREADABLE;
    while (link == NHI_LINK_GOOD && (len = getline(&line, &room, a->f)) > 0)
        link = line[len - 1] == '\n' ? nhi_chain_add(&a->to, line, (size_t)len - 1, &seq) : NHI_LINK_UNREADABLE;
    free(line);
    if (link == NHI_LINK_GOOD && !ferror(a->f) && a->to.seq == a->until)
        return CTL_DONE;
    return ctl_fail(c, CTL_REFUSED, "nhictl audit verify",
                    "the written file fails verification at event %lld (%s); nothing was archived",
                    (long long)(link == NHI_LINK_GOOD ? a->to.seq + 1 : seq), nhi_link_name(link));
}

static int name_file(struct ctl *c, struct archive *a)
{
    int failed = 0, dir = openat(a->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    /* The file that was verified, whatever has its name here; and not in the place of another that appeared meanwhile.
     */
    if (dir < 0 || nhi_file_link(a->made.fd, a->dir, a->name) != NHI_OK)
        failed = errno;
    nhi_file_drop(a->dir, &a->made);
    if (failed == 0 && fsync(dir) != 0)
        failed = errno;
    if (dir >= 0)
        close(dir);
    return failed == 0 ? CTL_DONE : text_write_failed(c, a->file, failed);
}

/* ---- removing from the ledger ---- */

static int take_away(struct ctl *c, struct store *s, const struct archive *a, int64_t before)
{
    struct out_row *detail;
    enum nhi_err err = nhi_archive_remove(s->l, NHI_STATE_DIR, a->until, a->to.hash, before);

    if (err == NHI_ERR_STATE)
        return ctl_fail(c, CTL_REFUSED, "nhictl audit archive",
                        "another command has archived event %lld in the meantime", (long long)a->until);
    if (err != NHI_OK)
        return store_fail(c, s, err, "remove the events from the ledger");
    /* audit verify reads the first two. */
    detail = out_row_new(c->out);
    out_number(detail, "until", NULL, a->until);
    out_text(detail, "hash", NULL, a->to.hash);
    out_number(detail, "first", NULL, a->from.seq + 1);
    out_text(detail, "file", NULL, a->file);
    err = store_event(c, s, (struct store_event){ .kind = "archive" }, detail);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "add the event");
}

static int make_file(struct ctl *c, struct archive *a)
{
    struct store s = { 0 };
    int code = store_read(c, &s);

    if (code == CTL_DONE)
        code = choose(c, &s, a);
    if (code == CTL_DONE && !a->nothing)
        code = begin_file(c, a);
    if (code == CTL_DONE && !a->nothing) {
        code = write_file(c, &s, a);
        if (code == CTL_DONE)
            code = prove_file(c, a);
        if (code == CTL_DONE)
            code = name_file(c, a);
        fclose(a->f);
    }
    nhi_file_drop(a->dir, &a->made);
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

static int audit_archive(struct ctl *c)
{
    const struct archive_args *args = c->args;
    struct archive a = { .file = args->out, .dir = -1, .made = { .fd = -1 } };
    struct hold held = { .on = false };
    struct store s = { 0 };
    int code = store_need_root(c);

    if (code == CTL_DONE && args->before > c->now)
        code = ctl_fail(c, CTL_USAGE, "nhictl audit archive --help", "--before takes a time in the past");
    /* Ctrl-C leaves all of it done or nothing. */
    hold_begin(&held);
    if (code == CTL_DONE)
        code = make_file(c, &a);
    if (code == CTL_DONE && !a.nothing) {
        code = store_write(c, &s);
        if (code == CTL_DONE)
            code = take_away(c, &s, &a, args->before);
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
    { .name = NULL },
};

const struct verb audit_archive_verbs[] = {
    { "audit", "archive", audit_archive, archive_opts, sizeof(struct archive_args), 0, 0, "--before TIME --out FILE",
      "Move old events from the ledger into a file.",
      "The chain continues across the files: audit verify --archive FILE proves both. Keep the file.",
      "nhictl audit archive --before $(date -ud '1 year ago' +%FT%TZ) --out trail-until-last-year" },
    { .verb = NULL },
};
