/* SPDX-License-Identifier: ISC */
/*
 * MUST: no answer of a line before that line's change is in force. MUST: a line that is refused, or a transaction that
 * fails, changes nothing that was answered. MUST: the ledger is not locked while input is read.
 */
#include "nhictl/store/many.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nhictl/say/fail.h"
#include "nhictl/say/format.h"
#include "nhictl/say/opts.h"
#include "nhictl/say/shell.h"
#include "nhictl/say/whole_file.h"
#include "nhictl/say/words.h"
#include "nhictl/store/turn.h"

#define FILE_MAX ((size_t)256 << 20)
#define LINE_MAX_LEN 4096
#define WORDS_MAX 64
#define BUSY_LINES 16

struct line {
    const char *text;
    size_t no; /* in the file, from 1 */
};

/* A line of the present turn. */
struct pending {
    const struct line *line;
    bool refused;
    char *said, *hint; /* if it was refused */
};

struct many {
    struct ctl *c;
    struct store *s;
    const struct verb *v;
    const struct many_verb *how;
    struct many_result *r;
    const char *file;
    char *text, *args, where[300], go_on[400];
    struct line *lines;
    size_t count, room;
    struct pending *pending;
    size_t pending_count, pending_room;
    char *what; /* of the pending lines */
    size_t what_room;
    size_t no; /* of the line that is answered */
    struct turn turn;
    bool mute; /* an answer could not be printed */
};

struct ctl *many_ctl(struct many *m)
{
    return m->c;
}

/* ---- input ---- */

static int read_file(struct many *m)
{
    size_t len;
    int code = whole_file_read(m->c, m->file, FILE_MAX, &m->text, &len);

    if (code == CTL_DONE && (len > FILE_MAX || strlen(m->text) != len))
        return ctl_fail(m->c, CTL_REFUSED, NULL, "%s is not text, or more than %zu MiB", m->file, FILE_MAX >> 20);
    return code;
}

static void split_lines(struct many *m)
{
    char *at = m->text, *line;
    size_t no = 0;

    while ((line = strsep(&at, "\n")) != NULL) {
        no++;
        line += strspn(line, " \t\r");
        if (*line == '\0' || *line == '#')
            continue;
        m->lines = out_grow(m->lines, &m->room, m->count + 1, sizeof(*m->lines));
        m->lines[m->count++] = (struct line){ line, no };
    }
}

static const char *place(struct many *m, size_t no)
{
    snprintf(m->where, sizeof(m->where), "%.200s:%zu", strcmp(m->file, "-") == 0 ? "standard input" : m->file, no);
    return m->where;
}

/* How far it came, and what to type to go on, for a failure. */
static void note_progress(struct many *m)
{
    size_t done = m->r->done + m->r->refused, next = done < m->count ? m->lines[done].no : 0;
    const struct verb *v = m->v;
    char *file = shell_quote(m->file);

    snprintf(m->c->so_far, sizeof(m->c->so_far), "%zu of %zu lines are done, %zu were refused", m->r->done, m->count,
             m->r->refused);
    if (strcmp(m->file, "-") == 0)
        snprintf(m->go_on, sizeof(m->go_on), "the same with the lines from number %zu on", next);
    else
        snprintf(m->go_on, sizeof(m->go_on), "tail -n +%zu %s | nhictl %s%s%s --from -, with the same options", next,
                 file, v->noun != NULL ? v->noun : "", v->noun != NULL ? " " : "", v->verb);
    m->c->go_on = next > 0 ? m->go_on : NULL;
    free(file);
}

/* ---- one line ---- */

static const char **lines_of(const struct verb *v, void *args)
{
    const struct opt *o = v->opts;

    while (o->kind != OPT_LINES)
        o++;
    return (const char **)(void *)((char *)args + o->at);
}

static int parse(struct many *m, struct ctl *row, char *text)
{
    char name[] = "nhictl", *words[WORDS_MAX] = { name };
    size_t count = 0;
    int code;

    if (!words_split(text, words, 1, WORDS_MAX, &count))
        return ctl_fail(row, CTL_USAGE, NULL, "a quote is not closed, or the line has too many words");
    for (size_t i = 1; i < count; i++)
        if (strncmp(words[i], "--from", strlen("--from")) == 0)
            return ctl_fail(row, CTL_USAGE, NULL, "--from cannot be in a line");
    memcpy(m->args, m->c->args, m->v->args_size);
    *lines_of(m->v, m->args) = NULL;
    code = opts_parse(row, m->v, (int)count, words, m->args);
    return code == CTL_DONE && row->help ? ctl_fail(row, CTL_USAGE, NULL, "--help cannot be in a line") : code;
}

static int do_line(struct many *m, struct ctl *row, const struct line *l, enum nhi_err *otherwise, void *what)
{
    char text[LINE_MAX_LEN];
    int code;

    if (strlen(l->text) >= sizeof(text))
        return ctl_fail(row, CTL_REFUSED, NULL, "the line is longer than %d characters", LINE_MAX_LEN - 1);
    memcpy(text, l->text, strlen(l->text) + 1);
    code = parse(m, row, text);
    if (code != CTL_DONE)
        return code;
    return otherwise != NULL ? m->how->otherwise(row, m->s, *otherwise, m->how->ctx, what)
                             : m->how->one(row, m->s, m->how->ctx, what);
}

static void *what_of(struct many *m, size_t i)
{
    return m->what + i * m->how->size;
}

/* otherwise: why the ledger cannot be written, or NULL. CTL_SYSTEM was reported only if nothing else can be done. */
static int take_line(struct many *m, size_t i, enum nhi_err *otherwise)
{
    struct pending *p;
    struct ctl row = *m->c;
    int code;

    m->pending = out_grow(m->pending, &m->pending_room, m->pending_count + 1, sizeof(*m->pending));
    m->what = out_grow(m->what, &m->what_room, m->pending_count + 1, m->how->size);
    p = &m->pending[m->pending_count];
    *p = (struct pending){ .line = &m->lines[i] };
    memset(what_of(m, m->pending_count), 0, m->how->size);
    row.of_line = true;
    row.args = m->args;
    row.operand_count = 0;
    code = do_line(m, &row, p->line, otherwise, what_of(m, m->pending_count));
    if (code == CTL_SYSTEM && otherwise == NULL && m->how->otherwise == NULL)
        return ctl_fail(m->c, code, NULL, "%s: %s", place(m, p->line->no), row.said);
    if (code == CTL_SYSTEM && otherwise == NULL)
        return code;
    if (code != CTL_DONE) {
        p->refused = true;
        p->said = out_must(strdup(row.said));
        p->hint = out_must(strdup(row.hint));
    }
    m->pending_count++;
    return CTL_DONE;
}

/* ---- answers ---- */

void many_answer(struct many *m, const char *key, struct out_row *row, const char *text_key, const char *text)
{
    if (m->c->json) {
        char *json = out_row_json(row);

        printf("{\"line\":%zu,\"ok\":true", m->no);
        if (key != NULL)
            printf(",\"%s\":%s", key, json);
        else if (strcmp(json, "{}") != 0)
            printf(",%.*s", (int)strlen(json) - 2, json + 1);
        if (text_key != NULL)
            printf(",\"%s\":\"%s\"", text_key, text);
        puts("}");
        free(json);
    } else {
        out_escape(stdout, text);
        putchar('\n');
    }
    out_row_free(row);
}

static void answer_refused(struct many *m, const struct pending *p)
{
    struct out_row *row;
    char *json;

    ctl_refused(place(m, p->line->no), p->said, p->hint);
    if (m->c->json) {
        row = out_row_new(m->c->out);
        out_number(row, "line", NULL, (int64_t)p->line->no);
        out_flag(row, "ok", NULL, false);
        out_text(row, "error", NULL, p->said);
        out_text(row, "hint", NULL, p->hint[0] != '\0' ? p->hint : NULL);
        json = out_row_json(row);
        puts(json);
        free(json);
        out_row_free(row);
    }
}

static void forget_pending(struct many *m)
{
    for (size_t i = 0; i < m->pending_count; i++) {
        free(m->pending[i].said);
        free(m->pending[i].hint);
    }
    if (m->what != NULL)
        explicit_bzero(m->what, m->pending_count * m->how->size);
    m->pending_count = 0;
}

/* Those of the turn from this one on, up to that one. */
static void lose(struct many *m, size_t from, size_t end)
{
    for (size_t i = from; m->how->lost != NULL && i < end; i++)
        if (!m->pending[i].refused)
            m->how->lost(m->c, m->s, m->how->ctx, what_of(m, i));
}

/* before: what was done before this turn. answered: how many of its lines were; the others are lost already. */
static int answers_lost(struct many *m, const struct many_result *before, size_t answered, int code)
{
    const int why = errno;

    if (m->mute)
        return code;
    m->mute = true;
    if (m->how->lost == NULL) {
        ctl_note("could not write the answer: %s", strerror(why));
        return code;
    }
    lose(m, 0, answered);
    *m->r = *before;
    note_progress(m);
    return ctl_fail(m->c, CTL_SYSTEM, NULL, "could not write the answer: %s", strerror(why));
}

/* The lines of a turn, after its commit. */
static int answer_turn(struct many *m)
{
    const struct many_result before = *m->r;
    size_t answered = 0;
    int code = CTL_DONE;

    while (code == CTL_DONE && answered < m->pending_count) {
        const struct pending *p = &m->pending[answered];

        m->no = p->line->no;
        if (p->refused)
            answer_refused(m, p);
        else
            code = m->how->answer(m, m->s, m->how->ctx, what_of(m, answered));
        if (code != CTL_DONE)
            break;
        answered++;
        m->r->refused += p->refused;
        m->r->done += !p->refused;
        note_progress(m);
    }
    lose(m, answered, m->pending_count);
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout))
        code = answers_lost(m, &before, answered, code);
    forget_pending(m);
    return code;
}

/* ---- turns ---- */

static int begin_turn(struct many *m)
{
    return m->how->begin != NULL ? m->how->begin(m->c, m->s, m->how->ctx) : CTL_DONE;
}

static void end_turn(struct many *m)
{
    if (m->how->end != NULL)
        m->how->end(m->how->ctx);
}

/* The ledger cannot be written: each line from this one on in another way. If it is only busy, that is tried again
 * after a few: the other way may have little room. */
static int go_otherwise(struct many *m, size_t *from, enum nhi_err why)
{
    const size_t end = why == NHI_ERR_BUSY && m->count - *from > BUSY_LINES ? *from + BUSY_LINES : m->count;
    int code = CTL_DONE;

    forget_pending(m);
    if (m->s->l != NULL)
        nhi_ledger_rollback(m->s->l);
    m->s->writing = false;
    while (code == CTL_DONE && *from < end) {
        code = take_line(m, (*from)++, &why);
        if (code == CTL_DONE)
            code = answer_turn(m);
        if (code == CTL_DONE && *from < end && turn_is_stopped())
            code = ctl_fail(m->c, CTL_SYSTEM, NULL, "interrupted");
    }
    return code;
}

/* The lines from *from on for one turn, in the transaction that is open; moves *from behind them. */
static int take_turn(struct many *m, size_t *from)
{
    size_t i = *from;
    enum nhi_err err;
    int code = begin_turn(m);

    while (code == CTL_DONE && i < m->count && (i == *from || !turn_is_over(&m->turn)))
        code = take_line(m, i++, NULL);
    end_turn(m);
    if (code == CTL_SYSTEM && m->how->otherwise != NULL && m->pending_count < i - *from)
        return go_otherwise(m, from, NHI_OK);
    if (code != CTL_DONE)
        return code;
    err = turn_commit(m->s);
    if (err != NHI_OK && m->how->otherwise != NULL)
        return go_otherwise(m, from, err);
    if (err != NHI_OK)
        return store_fail(m->c, m->s, err, "write the ledger");
    *from = i;
    return answer_turn(m);
}

static int take_all(struct many *m)
{
    enum nhi_err err = store_open(m->s, m->c->now);
    size_t from = 0;
    int code = CTL_DONE;

    turn_begin(&m->turn);
    while (code == CTL_DONE && from < m->count) {
        if (err == NHI_OK)
            code = take_turn(m, &from);
        else if (m->how->otherwise != NULL)
            code = go_otherwise(m, &from, err);
        else
            return store_open_failed(m->c, m->s, err);
        if (code == CTL_DONE && from < m->count && turn_is_stopped())
            code = ctl_fail(m->c, CTL_SYSTEM, NULL, "interrupted");
        if (code == CTL_DONE && from < m->count)
            err = turn_next(m->c, m->s, &m->turn);
    }
    return code;
}

int many_run(struct ctl *c, struct store *s, const struct many_verb *how, struct many_result *result)
{
    struct many m = { .c = c, .s = s, .v = how->verb, .how = how, .r = result, .file = how->file };
    int code = store_need_root(c);

    if (code == CTL_DONE)
        code = read_file(&m);
    if (code == CTL_DONE) {
        split_lines(&m);
        m.args = out_must(calloc(1, m.v->args_size));
        result->lines = m.count;
        note_progress(&m);
        /* Ctrl-C leaves a turn whole, or nothing of it. */
        hold_begin(&s->held);
        code = take_all(&m);
    }
    forget_pending(&m);
    c->so_far[0] = '\0';
    c->go_on = NULL;
    free(m.args);
    free(m.lines);
    free(m.pending);
    free(m.what);
    free(m.text);
    result->cut = code != CTL_DONE;
    if (code == CTL_DONE && m.mute)
        return CTL_SYSTEM;
    return code == CTL_DONE && result->refused > 0 ? CTL_REFUSED : code;
}

void many_sum_up(struct ctl *c, const struct many_result *r, const char *worse, const char *hint)
{
    struct out_row *row = out_row_new(c->out);
    char *error = worse == NULL ? out_say("%zu of %zu lines were refused", r->refused, r->lines) : NULL;

    out_number(row, "lines", NULL, (int64_t)r->lines);
    out_number(row, "done", NULL, (int64_t)r->done);
    out_number(row, "refused", NULL, (int64_t)r->refused);
    out_record(c->out, NULL, row);
    if (worse != NULL || r->refused > 0)
        ctl_negative(c, worse != NULL ? worse : error, hint);
    free(error);
}
