/* SPDX-License-Identifier: ISC */
#include "nhictl/say/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/names.h"
#include "libnhi/base/time.h"
#include "libnhi/ticket/ticket.h"
#include "nhictl/say/format.h"
#include "nhictl/say/out_json.h"
#include "nhictl/say/out_text.h"
#include "nhictl/say/progress.h"

struct out_row {
    int64_t now;
    bool text_only; /* the row of a table, for people: nothing asks for its JSON */
    bool json_only;
    struct out_cells cells;
    struct out_json members;
};

struct out {
    bool json;
    int64_t now;
    bool negative;
    struct out_json root; /* the members after "ok" */
    FILE *text;           /* the text to print */
    char *buf;
    size_t len;
    const char *array; /* of the table or the list of words that is being filled; NULL: none */
    struct out_json elements;
    bool streams;        /* the rows of this table are printed at once */
    bool begun;          /* something was printed */
    const size_t *width; /* of a table in text that streams */
    bool headed;
    struct out_cells **rows;
    size_t row_count, row_room;
    const char *when_empty, *heading;
    struct out_terminal terminal;
};

void *out_must(void *p)
{
    if (p == NULL) {
        fputs("nhictl: out of memory\n", stderr);
        exit(3);
    }
    return p;
}

void *out_grow(void *all, size_t *room, size_t need, size_t size)
{
    return out_must(nhi_grow(all, room, need, size));
}

static void member(struct out_json *to, const char *key, const struct out_json *object)
{
    out_json_key(to, key);
    out_json_add(to, "{", 1);
    out_json_add(to, object->data, object->len);
    out_json_add(to, "}", 1);
}

static void add_list(struct out_json *to, const char *list)
{
    struct out_json words = { .len = 0 };
    char word[NHI_LIST_MAX + 1];

    while ((list = nhi_list_next(list, word)) != NULL) {
        out_json_next(&words);
        out_json_text(&words, word);
    }
    out_json_add(to, "[", 1);
    out_json_add(to, words.data, words.len);
    out_json_add(to, "]", 1);
    free(words.data);
}

struct out *out_new(bool json, int64_t now)
{
    struct out *o = out_must(calloc(1, sizeof(*o)));

    o->json = json;
    o->now = now;
    o->terminal = out_terminal();
    o->text = out_must(open_memstream(&o->buf, &o->len));
    return o;
}

static void cells_free(struct out_cells *c)
{
    for (size_t i = 0; c != NULL && i < c->count; i++)
        free(c->cell[i].text);
}

static void wipe(void *data, size_t len)
{
    if (data != NULL)
        explicit_bzero(data, len);
    free(data);
}

void out_free(struct out *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; i < o->row_count; i++) {
        cells_free(o->rows[i]);
        free(o->rows[i]);
    }
    free(o->rows);
    free(o->elements.data);
    if (o->text != stdout)
        fclose(o->text);
    /* They may have held a ticket. */
    wipe(o->root.data, o->root.len);
    wipe(o->buf, o->len);
    free(o);
}

struct out_row *out_row_new(const struct out *o)
{
    struct out_row *r = out_must(calloc(1, sizeof(*r)));

    r->now = o->now;
    return r;
}

struct out_row *out_table_row_new(const struct out *o)
{
    struct out_row *r = out_row_new(o);

    r->text_only = !o->json;
    r->json_only = o->json;
    return r;
}

void out_row_free(struct out_row *r)
{
    if (r == NULL)
        return;
    cells_free(&r->cells);
    wipe(r->members.data, r->members.len);
    free(r);
}

/* Where the value of a member goes. NULL: nowhere. */
static struct out_json *put(struct out_row *r, const char *key)
{
    if (key == NULL || r->text_only)
        return NULL;
    out_json_key(&r->members, key);
    return &r->members;
}

static void put_text(struct out_row *r, const char *key, const char *value)
{
    struct out_json *to = put(r, key);

    if (to != NULL)
        out_json_text(to, value);
}

static void put_number(struct out_row *r, const char *key, int64_t n)
{
    struct out_json *to = put(r, key);

    if (to != NULL)
        out_json_number(to, n);
}

static void cell(struct out_row *r, const char *label, const char *text, enum out_look look)
{
    if (label == NULL || r->json_only || r->cells.count == OUT_CELLS_MAX)
        return;
    r->cells.cell[r->cells.count++] =
        (struct out_cell){ label, out_must(strdup(text == NULL || *text == '\0' ? "-" : text)), look };
}

void out_text(struct out_row *r, const char *key, const char *label, const char *value)
{
    put_text(r, key, value);
    cell(r, label, value, OUT_FREE);
}

void out_state(struct out_row *r, const char *key, const char *label, const char *value)
{
    put_text(r, key, value);
    cell(r, label, value, OUT_WORD);
}

void out_list(struct out_row *r, const char *key, const char *label, const char *list)
{
    struct out_json *to = put(r, key);

    if (to != NULL)
        add_list(to, list);
    cell(r, label, list, OUT_FREE);
}

void out_number(struct out_row *r, const char *key, const char *label, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)n);
    put_number(r, key, n);
    cell(r, label, text, OUT_PLAIN);
}

void out_flag(struct out_row *r, const char *key, const char *label, bool b)
{
    struct out_json *to = put(r, key);

    if (to != NULL)
        out_json_add(to, b ? "true" : "false", b ? 4 : 5);
    cell(r, label, b ? "yes" : "no", OUT_PLAIN);
}

void out_time(struct out_row *r, const char *key, const char *label, int64_t t)
{
    char moment[NHI_TIME_LEN + 1], ago[OUT_AGO_LEN], text[NHI_TIME_LEN + OUT_AGO_LEN + 4];

    if (label == NULL && r->text_only)
        return;
    if (t == 0 || nhi_time_format(t, moment) != NHI_OK) {
        put_text(r, key, NULL);
        cell(r, label, "never", OUT_PLAIN);
        return;
    }
    out_ago(t, r->now, ago);
    snprintf(text, sizeof(text), "%s (%s)", moment, ago);
    put_text(r, key, moment);
    cell(r, label, text, OUT_MOMENT);
}

void out_day(struct out_row *r, const char *key, const char *label, int64_t t)
{
    char moment[NHI_TIME_LEN + 1];

    if (nhi_time_format(t, moment) != NHI_OK)
        moment[0] = '\0';
    moment[moment[0] != '\0' ? 10 : 0] = '\0';
    put_text(r, key, moment);
    cell(r, label, moment, OUT_PLAIN);
}

void out_duration(struct out_row *r, const char *key, const char *label, int64_t seconds)
{
    char text[OUT_AGO_LEN];

    out_span(seconds, text);
    put_number(r, key, seconds);
    cell(r, label, text, OUT_PLAIN);
}

char *out_row_json(const struct out_row *r)
{
    return out_json_ascii(&r->members);
}

/* What is complete goes out. */
static void flush(struct out *o)
{
    progress_end();
    if (o->json) {
        if (!o->begun)
            fputs("{\"ok\":true", stdout);
        if (o->root.len > 0)
            putchar(',');
        fwrite(o->root.data, 1, o->root.len, stdout);
        o->root.len = 0;
    } else if (o->text != stdout) {
        if (fflush(o->text) != 0)
            out_must(NULL);
        fwrite(o->buf, 1, o->len, stdout);
        fclose(o->text);
        o->text = stdout;
    }
    o->begun = true;
}

static void array_begin(struct out *o, const char *key)
{
    o->array = key;
    o->elements.len = 0;
    o->streams = false;
    o->width = NULL;
    o->headed = false;
}

static void array_end(struct out *o)
{
    if (o->array == NULL)
        return;
    if (o->streams && o->json) {
        putchar(']');
    } else {
        out_json_key(&o->root, o->array);
        out_json_add(&o->root, "[", 1);
        out_json_add(&o->root, o->elements.data, o->elements.len);
        out_json_add(&o->root, "]", 1);
    }
    array_begin(o, NULL);
}

/* Prints the table that was being filled. */
static void table_end(struct out *o)
{
    if (o->when_empty != NULL && o->row_count == 0 && !o->headed)
        fprintf(o->text, "%s\n", o->when_empty);
    if (o->row_count > 0)
        out_text_table(o->text, &o->terminal, o->rows, o->row_count);
    for (size_t i = 0; i < o->row_count; i++) {
        cells_free(o->rows[i]);
        free(o->rows[i]);
    }
    o->row_count = 0;
    o->when_empty = NULL;
    o->heading = NULL;
    array_end(o);
}

void out_record(struct out *o, const char *key, struct out_row *r)
{
    table_end(o);
    out_text_record(o->text, &o->terminal, &r->cells);
    if (key != NULL) {
        member(&o->root, key, &r->members);
    } else if (r->members.len > 0) {
        out_json_next(&o->root);
        out_json_add(&o->root, r->members.data, r->members.len);
    }
    out_row_free(r);
}

void out_member(struct out *o, const char *key, struct out_row *r)
{
    member(&o->root, key, &r->members);
    out_row_free(r);
}

void out_table(struct out *o, const char *key, const char *when_empty)
{
    table_end(o);
    array_begin(o, key);
    o->when_empty = when_empty;
}

void out_stream(struct out *o, const size_t *width)
{
    if (!o->json && width == NULL)
        return;
    flush(o);
    o->streams = true;
    o->width = width;
    if (o->json)
        printf(",\"%s\":[", o->array);
}

bool out_has_begun(const struct out *o)
{
    return o->begun;
}

static void stream_row(struct out *o, struct out_row *r)
{
    if (!o->json) {
        out_text_row(o->text, &o->terminal, &r->cells, o->width, !o->headed);
    } else {
        fputs(o->headed ? ",{" : "{", stdout);
        fwrite(r->members.data, 1, r->members.len, stdout);
        putchar('}');
    }
    o->headed = true;
    out_row_free(r);
}

void out_table_row(struct out *o, struct out_row *r)
{
    struct out_cells *c;

    if (o->streams) {
        stream_row(o, r);
        return;
    }
    if (o->json) {
        out_json_next(&o->elements);
        out_json_add(&o->elements, "{", 1);
        out_json_add(&o->elements, r->members.data, r->members.len);
        out_json_add(&o->elements, "}", 1);
    } else {
        c = out_must(malloc(offsetof(struct out_cells, cell) + r->cells.count * sizeof(r->cells.cell[0])));
        memcpy(c, &r->cells, offsetof(struct out_cells, cell) + r->cells.count * sizeof(r->cells.cell[0]));
        r->cells.count = 0;
        o->rows = out_grow(o->rows, &o->row_room, o->row_count + 1, sizeof(*o->rows));
        o->rows[o->row_count++] = c;
    }
    out_row_free(r);
}

__attribute__((format(printf, 1, 0))) static char *format(const char *fmt, va_list ap)
{
    char *text = NULL;

    if (vasprintf(&text, fmt, ap) < 0)
        out_must(NULL);
    return text;
}

char *out_say(const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = format(fmt, ap);
    va_end(ap);
    return text;
}

void out_line(struct out *o, const char *fmt, ...)
{
    va_list ap;
    char *text;

    table_end(o);
    va_start(ap, fmt);
    text = format(fmt, ap);
    va_end(ap);
    out_escape(o->text, text);
    putc('\n', o->text);
    free(text);
}

void out_raw(struct out *o, const char *key, const char *value)
{
    table_end(o);
    out_json_key(&o->root, key);
    out_json_text(&o->root, value);
    fprintf(o->text, "%s\n", value);
}

void out_strings(struct out *o, const char *key, const char *heading)
{
    table_end(o);
    array_begin(o, key);
    o->heading = heading;
}

void out_string(struct out *o, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = format(fmt, ap);
    va_end(ap);
    out_json_next(&o->elements);
    out_json_text(&o->elements, text);
    if (o->heading != NULL && !o->headed)
        fprintf(o->text, "%s\n", o->heading);
    o->headed = true;
    fputs(o->heading != NULL ? "  " : "", o->text);
    out_escape(o->text, text);
    putc('\n', o->text);
    free(text);
}

void out_negative(struct out *o, const char *error, const char *hint)
{
    o->negative = true;
    out_json_key(&o->root, "error");
    out_json_text(&o->root, error);
    out_json_key(&o->root, "hint");
    out_json_text(&o->root, hint);
}

bool out_finish(struct out *o)
{
    progress_end();
    table_end(o);
    if (!o->json && fflush(o->text) != 0 && o->text != stdout)
        out_must(NULL);
    errno = 0;
    if (!o->json) {
        if (o->text != stdout && o->len > 0)
            fwrite(o->buf, 1, o->len, stdout);
    } else {
        if (!o->begun)
            fputs(o->negative ? "{\"ok\":false" : "{\"ok\":true", stdout);
        if (o->root.len > 0)
            putchar(',');
        fwrite(o->root.data, 1, o->root.len, stdout);
        fputs("}\n", stdout);
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}
