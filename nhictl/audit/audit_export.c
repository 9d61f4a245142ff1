/* SPDX-License-Identifier: ISC */
/*
 * audit export, follow: the events as lines of JSON, for programs that ship logs.
 *
 * MUST: a line is an event as it was hashed, byte for byte.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/ledger_event.h"
#include "nhictl/say/fail.h"
#include "nhictl/store/store.h"

#define LOOK_MS 1000 /* for changes that are not reported */

struct export_args {
    int64_t until;
    uint32_t after_number;
};

struct printer {
    int64_t last; /* the last event that was printed */
    int64_t until;
    bool failed;
};

static int print_event(const struct nhi_event *e, void *ctx)
{
    struct printer *p = ctx;
    char *line;

    if (p->until != 0 && e->at >= p->until)
        return 0;
    line = nhi_event_line(e);
    p->failed = line == NULL || fputs(line, stdout) < 0 || putc('\n', stdout) == EOF;
    free(line);
    p->last = e->seq;
    return p->failed;
}

static int print_from(struct ctl *c, struct store *s, struct printer *p)
{
    enum nhi_err err = nhi_event_each(s->l, p->last, INT32_MAX, print_event, p);

    if (fflush(stdout) != 0 || p->failed) {
        ctl_note("could not write the events: %s", strerror(errno));
        return CTL_SYSTEM;
    }
    if (err == NHI_ERR_CORRUPT)
        return ctl_fail(c, CTL_SYSTEM, "nhictl audit verify", "the events after event %lld cannot be read",
                        (long long)p->last);
    return err == NHI_OK ? CTL_DONE : store_fail(c, s, err, "read the events");
}

static void note_archived(const struct store *s, int64_t after)
{
    if (after < s->set.archived)
        ctl_note("events %lld to %lld are in archives", (long long)after + 1, (long long)s->set.archived);
}

static int audit_export(struct ctl *c)
{
    const struct export_args *args = c->args;
    struct printer p = { .last = args->after_number, .until = args->until };
    struct store s = { 0 };
    int code = store_read(c, &s);

    if (code == CTL_DONE) {
        note_archived(&s, p.last);
        code = print_from(c, &s, &p);
    }
    store_close(&s);
    return code;
}

/* ---- follow ---- */

static int start(struct ctl *c, struct pollfd fds[2])
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    fds[0] = (struct pollfd){ .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = signalfd(-1, &ends, SFD_CLOEXEC), .events = POLLIN };
    if (fds[0].fd < 0 || fds[1].fd < 0 ||
        inotify_add_watch(fds[0].fd, NHI_STATE_DIR, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return ctl_fail(c, CTL_SYSTEM, NULL, "could not watch %s: %s", NHI_STATE_DIR, strerror(errno));
    return CTL_DONE;
}

/* Looks without writing: records are folded by the next command that writes, or by the supervisor. */
static int look(struct ctl *c, struct printer *p)
{
    struct store s = { .l = NULL };
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &s.l);
    int code = err == NHI_OK ? print_from(c, &s, p) : CTL_DONE;

    store_close(&s);
    return code;
}

/* Begins after the newest event, unless a number was given. */
static int begin_behind(struct ctl *c, int64_t *seq)
{
    struct store s = { 0 };
    struct nhi_head head = { .seq = 0 };
    enum nhi_err err;
    int code = store_read(c, &s);

    if (code == CTL_DONE) {
        err = nhi_event_head(s.l, &head);
        code = err == NHI_OK ? CTL_DONE : store_fail(c, &s, err, "read the newest event");
    }
    if (*seq == 0)
        *seq = head.seq;
    else if (code == CTL_DONE)
        note_archived(&s, *seq);
    store_close(&s);
    return code;
}

static int audit_follow(struct ctl *c)
{
    const struct export_args *args = c->args;
    struct printer p = { .last = args->after_number };
    struct pollfd fds[2];
    char buf[4096];
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = begin_behind(c, &p.last);
    if (code == CTL_DONE)
        code = start(c, fds);
    while (code == CTL_DONE) {
        code = look(c, &p);
        if (code != CTL_DONE || (poll(fds, 2, LOOK_MS) > 0 && (fds[1].revents & POLLIN) != 0))
            break;
        while (read(fds[0].fd, buf, sizeof(buf)) > 0)
            continue;
    }
    return code;
}

static const struct opt export_opts[] = {
    { "after", OPT_NUMBER, offsetof(struct export_args, after_number), false, "N",
      "events after this number (default: all)", NULL, 0 },
    { "until", OPT_MOMENT, offsetof(struct export_args, until), false, "TIME", "events before this time", NULL, 0 },
    { .name = NULL },
};

static const struct opt follow_opts[] = {
    { "after", OPT_NUMBER, offsetof(struct export_args, after_number), false, "N",
      "start after this number (default: with the next event)", NULL, 0 },
    { .name = NULL },
};

const struct verb audit_export_verbs[] = {
    { "audit", "export", audit_export, export_opts, sizeof(struct export_args), 0, 0, "[--after N] [--until TIME]",
      "Print the events, each as one line of JSON.",
      "Each line has its number, the hash of the line before it and its own: see nhi-trail(5).",
      "nhictl audit export --after 4711" },
    { "audit", "follow", audit_follow, follow_opts, sizeof(struct export_args), 0, 0, "[--after N]",
      "Print each event when it is written, as one line of JSON.",
      "Runs until SIGTERM. To continue later, give the last number with --after.", "nhictl audit follow" },
    { .verb = NULL },
};
