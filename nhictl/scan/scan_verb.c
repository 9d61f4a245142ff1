/* SPDX-License-Identifier: ISC */
/*
 * scan: tickets and keys of this host where they should not be.
 *
 * MUST NOT print any of them. MUST NOT keep a transaction open while another program decides how long the stream is.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/key/paserk.h"
#include "nhictl/end/end_verb.h"
#include "nhictl/say/fail.h"
#include "nhictl/say/format.h"
#include "nhictl/say/out.h"
#include "nhictl/scan/scan_end.h"
#include "nhictl/scan/scan_find.h"
#include "nhictl/scan/scan_judge.h"
#include "nhictl/scan/scan_walk.h"

#define READ_SIZE ((size_t)256 * 1024)
#define LIMIT 10000
#define HINTS_MAX 10

struct scan_args {
    bool revoke;
    uint32_t limit;
    const char *reason;
};

struct scanning {
    struct finder f;
    struct nhi_scan *scanner;
    uint8_t *buf;
    uint64_t bytes;
    size_t live, live_keys; /* findings */
    size_t revoked;         /* tickets, revoked by --revoke */
    struct ended ended;     /* the sessions that these had opened */
};

/* ---- reading ---- */

/* A pipe that was given as an operand is waited for. */
static ssize_t read_some(int fd, uint8_t *buf)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ssize_t n;

    while ((n = read(fd, buf, READ_SIZE)) < 0 && (errno == EINTR || errno == EAGAIN))
        if (errno == EAGAIN)
            (void)poll(&p, 1, -1);
    return n;
}

static bool read_file(int fd, const char *path, void *ctx)
{
    struct scanning *sc = ctx;
    ssize_t n;
    int why;

    sc->f.file = path;
    while ((n = read_some(fd, sc->buf)) > 0) {
        nhi_scan_feed(sc->scanner, sc->buf, (size_t)n);
        sc->bytes += (uint64_t)n;
    }
    why = errno;
    nhi_scan_end(sc->scanner);
    sc->f.file = NULL;
    errno = why;
    return n == 0;
}

static int read_all(struct ctl *c, struct scanning *sc, struct walk *w)
{
    if (c->operand_count == 0 && isatty(STDIN_FILENO))
        return ctl_fail(c, CTL_USAGE, "git log -p | nhictl scan",
                        "there is nothing to scan: name a file or a directory, or pipe data in");
    for (int i = 0; i < c->operand_count; i++) {
        if (strcmp(c->command[i], "-") != 0)
            walk_path(w, c->command[i]);
        else if (read_file(STDIN_FILENO, NULL, sc))
            w->files++;
        else
            walk_failed(w, "standard input", strerror(errno));
    }
    if (c->operand_count == 0) {
        if (read_file(STDIN_FILENO, NULL, sc))
            w->files++;
        else
            walk_failed(w, "standard input", strerror(errno));
    }
    return CTL_DONE;
}

/* ---- the answer ---- */

/* The name of a file may have any bytes. */
static char *printable(const char *name)
{
    char *text = NULL;
    size_t len;
    FILE *f = out_must(open_memstream(&text, &len));

    out_escape(f, name);
    fclose(f);
    return out_must(text);
}

static void answer_location(struct ctl *c, const struct find *one, const struct find_location *p)
{
    char *file = p->file != NULL ? printable(p->file) : NULL, *where = NULL;
    const struct nhi_ticket *t = &one->t;
    struct out_row *r = out_row_new(c->out);
    bool is_ticket = one->kind != FIND_KEY;

    if (asprintf(&where, "%s:%llu", file != NULL ? file : "-", (unsigned long long)p->line) < 0)
        where = NULL;
    out_state(r, "state", "state", one->state);
    out_state(r, "kind", "what", find_kind_name(one));
    out_state(r, NULL, "where", out_must(where));
    out_text(r, "file", NULL, file);
    out_number(r, "line", NULL, (int64_t)p->line);
    out_number(r, "offset", NULL, (int64_t)p->offset);
    out_number(r, "times", NULL, (int64_t)one->times);
    out_state(r, "agent", "agent", is_ticket ? t->agent : NULL);
    out_state(r, "task", "task", is_ticket ? t->task : NULL);
    out_text(r, "owner", "owner", one->owner[0] != '\0' ? one->owner : NULL);
    out_text(r, "jti", NULL, is_ticket ? t->jti : NULL);
    out_text(r, "host", NULL, is_ticket ? t->host : NULL);
    out_time(r, "exp", NULL, is_ticket ? t->exp : 0);
    out_flag(r, "key_bound", NULL, is_ticket && t->has_cnf);
    out_text(r, "kid", NULL, t->kid);
    out_table_row(c->out, r);
    free(where);
    free(file);
}

static void hint_one(struct ctl *c, const struct find *one)
{
    if (one->kind == FIND_KEY)
        out_string(c->out, "nhictl key revoke %s --reason leaked    (ends all its tickets)", one->t.kid);
    else if (strcmp(one->state, "elsewhere") == 0)
        out_string(c->out, "on %s: nhictl revoke --ticket %s --reason leaked", one->t.host, one->t.jti);
    else
        out_string(c->out, "nhictl revoke --ticket %s --reason leaked", one->t.jti);
}

static void answer_hints(struct ctl *c, const struct scanning *sc)
{
    size_t said = 0;

    out_strings(c->out, "to_end", "to end the live ones:");
    for (size_t i = 0; i < sc->f.count && said < HINTS_MAX; i++)
        if (find_is_live(sc->f.all[i]->state)) {
            hint_one(c, sc->f.all[i]);
            said++;
        }
    if (sc->live > said)
        out_line(c->out, "  and so on for %zu more, or at once: nhictl scan --revoke", sc->live - said);
}

static void answer_counts(struct ctl *c, const struct scanning *sc, const struct walk *w)
{
    struct out_row *r = out_row_new(c->out);

    out_number(r, "ours", NULL, (int64_t)sc->f.count);
    out_number(r, "live", NULL, (int64_t)sc->live);
    out_number(r, "revoked_now", NULL, (int64_t)sc->revoked);
    out_flag(r, "more", NULL, sc->f.full);
    out_number(r, "others", NULL, (int64_t)sc->f.others);
    out_number(r, "encrypted_keys", NULL, (int64_t)sc->f.encrypted);
    out_number(r, "files", NULL, (int64_t)w->files);
    out_number(r, "bytes", NULL, (int64_t)sc->bytes);
    out_number(r, "skipped", NULL, (int64_t)w->skipped);
    out_number(r, "unreadable", NULL, (int64_t)w->unreadable);
    out_member(c->out, "counts", r);
    out_line(c->out, "found %zu of ours, %zu live; read %llu file%s, %llu bytes", sc->f.count, sc->live,
             (unsigned long long)w->files, w->files == 1 ? "" : "s", (unsigned long long)sc->bytes);
    if (sc->revoked > 0)
        out_line(c->out, "revoked %zu ticket%s", sc->revoked, sc->revoked == 1 ? "" : "s");
    if (sc->f.full)
        out_line(c->out, "there are more: only the first %zu were checked; scan again, or raise --limit", sc->f.limit);
    if (sc->f.others > 0)
        out_line(c->out, "not ours, or cut off: %llu that look like a ticket", (unsigned long long)sc->f.others);
    if (sc->f.encrypted > 0)
        out_line(c->out, "%llu key%s with a password, which cannot be checked without it",
                 (unsigned long long)sc->f.encrypted, sc->f.encrypted == 1 ? "" : "s");
    if (w->unreadable > 0 || w->skipped > 0)
        out_line(c->out, "not read: %llu unreadable, %llu not regular files", (unsigned long long)w->unreadable,
                 (unsigned long long)w->skipped);
}

static int answer(struct ctl *c, struct scanning *sc, const struct walk *w)
{
    int code;

    out_table(c->out, "found", NULL);
    for (size_t i = 0; i < sc->f.count; i++) {
        sc->live += find_is_live(sc->f.all[i]->state);
        for (size_t p = 0; p < sc->f.all[i]->locations; p++)
            answer_location(c, sc->f.all[i], &sc->f.all[i]->location[p]);
    }
    answer_counts(c, sc, w);
    answer_hints(c, sc);
    if (sc->f.for_now)
        ctl_negative(
            c,
            "the tickets are revoked only until this host is restarted: neither the ledger can be written, nor "
            "the reserve",
            "make " NHI_STATE_DIR " writable; the next command then keeps it");
    else if (sc->f.count > 0)
        out_negative(c->out, "tickets or keys of this host were found", NULL);
    else if (w->unreadable > 0)
        out_negative(c->out, "not everything could be read", NULL);
    code = ctl_answer(c);
    if (code != CTL_DONE)
        return code;
    if (sc->f.for_now)
        return CTL_SYSTEM;
    return sc->f.count > 0 ? CTL_REFUSED : w->unreadable > 0 ? CTL_SYSTEM : CTL_DONE;
}

static int run_scan(struct ctl *c, struct scanning *sc, struct store *s, struct walk *w)
{
    const struct scan_args *args = c->args;
    enum nhi_err err;
    int code = finder_begin(c, &sc->f, s, args->limit != 0 ? args->limit : LIMIT);

    /* From now on each look-up is a transaction of its own. */
    nhi_ledger_rollback(s->l);
    if (code == CTL_DONE)
        code = read_all(c, sc, w);
    if (code == CTL_DONE && sc->f.failed)
        code = ctl_fail(c, CTL_SYSTEM, NULL, "could not look up a key in the ledger");
    if (code != CTL_DONE)
        return code;
    c->now = nhi_now();
    err = nhi_ledger_begin(s->l, c->now);
    if (err != NHI_OK)
        return store_fail(c, s, err, "read the ledger again");
    code = finder_judge(c, &sc->f);
    nhi_ledger_rollback(s->l);
    if (code == CTL_DONE && args->revoke)
        code = finder_end(c, &sc->f, args->reason, &sc->revoked, &sc->ended);
    return ended_finish(c, &sc->ended, code == CTL_DONE ? answer(c, sc, w) : code);
}

static int scan(struct ctl *c)
{
    struct scanning sc = { .bytes = 0 };
    struct walk w = { .file = read_file, .ctx = &sc };
    struct store s = { .l = NULL };
    const struct scan_args *args = c->args;
    int code;

    if (args->reason != NULL && !args->revoke)
        return ctl_fail(c, CTL_USAGE, "nhictl scan --revoke --reason TEXT PATH",
                        "--reason is the reason for a revocation: it needs --revoke");
    code = store_read(c, &s);
    sc.buf = out_must(malloc(READ_SIZE));
    if (code == CTL_DONE && nhi_scan_new(finder_take, &sc.f, &sc.scanner) != NHI_OK)
        code = ctl_fail(c, CTL_SYSTEM, NULL, "out of memory");
    if (code == CTL_DONE)
        code = run_scan(c, &sc, &s, &w);
    nhi_wipe(sc.buf, READ_SIZE);
    free(sc.buf);
    nhi_scan_free(sc.scanner);
    finder_free(&sc.f);
    store_close(&s);
    return code;
}

#define AT(field) offsetof(struct scan_args, field)

static const struct opt scan_opts[] = {
    { "revoke", OPT_FLAG, AT(revoke), false, NULL, "end live tickets that are found, and their sessions", NULL, 0 },
    { "reason", OPT_TEXT, AT(reason), false, "TEXT", "why (\"leaked\", and the place)", NULL, NHI_TEXT_MAX },
    { "limit", OPT_NUMBER, AT(limit), false, "N", "check at most so many tickets and keys (10000)", NULL, 0 },
    { .name = NULL },
};

const struct verb scan_verbs[] = {
    { NULL, "scan", scan, scan_opts, sizeof(struct scan_args), 0, MANY_OPERANDS,
      "[PATH ... | -] [--revoke [--reason TEXT]]", "Find tickets and keys of this host in files or standard input.",
      "Each is verified, and none is printed. Exit status: 0 nothing of ours was found, 1 something was,\n"
      "3 nothing was, but not everything could be read.",
      "nhictl scan /home /srv" },
    { .verb = NULL },
};
