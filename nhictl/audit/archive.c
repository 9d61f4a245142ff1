/* SPDX-License-Identifier: ISC */
/*
 * An archive: old events, moved from the ledger into a file that can be verified in the same way.
 *
 * MUST: no event is removed from the ledger before it is on disk in the file and was verified from there.
 */
#include "nhictl/audit/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/ledger/ledger_archive.h"
#include "libnhi/ledger/ledger_event.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/text_file.h"
#include "nhictl/store/store_event.h"
#include "nhictl/trail/trail.h"

/* ---- its content ---- */

enum nhi_err archive_choose(struct store *s, int64_t before, struct archive *a)
{
    int64_t sent = trail_sent();
    enum nhi_err err = nhi_archive_cut(s->l, before, &a->until);

    if (err != NHI_OK)
        return err;
    a->from.seq = s->set.archived;
    memcpy(a->from.hash, s->set.archived_hash, sizeof(a->from.hash));
    a->nothing = a->until == 0;
    a->unsent = !a->nothing && sent <= a->from.seq;
    if (sent < a->until)
        a->until = sent;
    return NHI_OK;
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
int archive_prove(struct ctl *c, struct archive *a)
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

int archive_write(struct ctl *c, struct store *s, struct archive *a)
{
    int code = begin_file(c, a);

    if (code == CTL_DONE) {
        code = write_file(c, s, a);
        if (code == CTL_DONE)
            code = archive_prove(c, a);
        if (code == CTL_DONE)
            code = name_file(c, a);
        fclose(a->f);
        a->f = NULL;
    }
    nhi_file_drop(a->dir, &a->made);
    return code;
}

/* ---- removing from the ledger ---- */

int archive_take_away(struct ctl *c, struct store *s, const struct archive *a, int64_t before)
{
    struct out_row *detail;
    enum nhi_err err = nhi_archive_remove(s->l, a->until, a->to.hash, before);

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
