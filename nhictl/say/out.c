/* SPDX-License-Identifier: ISC */
#include "nhictl/say/out.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/names.h"
#include "libnhi/base/time.h"
#include "libnhi/ticket/ticket.h"
#include "nhictl/say/format.h"
#include "nhictl/say/out_text.h"

struct out_row {
    int64_t now;
    struct out_cells cells;
    json_t *json;
};

struct out {
    bool json;
    int64_t now;
    json_t *root;
    FILE *text; /* the text to print */
    char *buf;
    size_t len;
    json_t *array; /* of the table or the list of words that is being filled */
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

static void member(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, out_must(value)) != 0)
        out_must(NULL);
}

/* No value in the ledger can have invalid UTF-8; if one does, it must not end the command. */
static json_t *json_text(const char *s)
{
    json_t *j = s == NULL ? json_null() : json_string(s);

    return j != NULL ? j : out_must(json_string("?"));
}

static json_t *json_list(const char *list)
{
    json_t *array = out_must(json_array());
    char word[NHI_LIST_MAX + 1];

    while ((list = nhi_list_next(list, word)) != NULL)
        if (json_array_append_new(array, json_text(word)) != 0)
            out_must(NULL);
    return array;
}

struct out *out_new(bool json, int64_t now)
{
    struct out *o = out_must(calloc(1, sizeof(*o)));

    o->json = json;
    o->now = now;
    o->terminal = out_terminal();
    o->root = out_must(json_object());
    member(o->root, "ok", json_true());
    o->text = out_must(open_memstream(&o->buf, &o->len));
    return o;
}

static void cells_free(struct out_cells *c)
{
    for (size_t i = 0; c != NULL && i < c->count; i++)
        free(c->cell[i].text);
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
    json_decref(o->root);
    fclose(o->text);
    /* It may have held a ticket. */
    if (o->buf != NULL)
        explicit_bzero(o->buf, o->len);
    free(o->buf);
    free(o);
}

struct out_row *out_row_new(const struct out *o)
{
    struct out_row *r = out_must(calloc(1, sizeof(*r)));

    r->now = o->now;
    r->json = out_must(json_object());
    return r;
}

void out_row_free(struct out_row *r)
{
    if (r == NULL)
        return;
    cells_free(&r->cells);
    json_decref(r->json);
    free(r);
}

/* Takes json. */
static void put(struct out_row *r, const char *key, json_t *json)
{
    if (key != NULL)
        member(r->json, key, json);
    else
        json_decref(json);
}

static void cell(struct out_row *r, const char *label, const char *text, enum out_look look)
{
    if (r->cells.count == OUT_CELLS_MAX)
        return;
    r->cells.cell[r->cells.count++] =
        (struct out_cell){ label, out_must(strdup(text == NULL || *text == '\0' ? "-" : text)), look };
}

void out_text(struct out_row *r, const char *key, const char *label, const char *value)
{
    put(r, key, json_text(value));
    cell(r, label, value, OUT_FREE);
}

void out_state(struct out_row *r, const char *key, const char *label, const char *value)
{
    put(r, key, json_text(value));
    cell(r, label, value, OUT_WORD);
}

void out_list(struct out_row *r, const char *key, const char *label, const char *list)
{
    put(r, key, json_list(list));
    cell(r, label, list, OUT_FREE);
}

void out_number(struct out_row *r, const char *key, const char *label, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)n);
    put(r, key, json_integer(n));
    cell(r, label, text, OUT_PLAIN);
}

void out_flag(struct out_row *r, const char *key, const char *label, bool b)
{
    put(r, key, json_boolean(b));
    cell(r, label, b ? "yes" : "no", OUT_PLAIN);
}

void out_time(struct out_row *r, const char *key, const char *label, int64_t t)
{
    char moment[NHI_TIME_LEN + 1], ago[OUT_AGO_LEN], text[NHI_TIME_LEN + OUT_AGO_LEN + 4];

    if (t == 0 || nhi_time_format(t, moment) != NHI_OK) {
        put(r, key, json_null());
        cell(r, label, "never", OUT_PLAIN);
        return;
    }
    out_ago(t, r->now, ago);
    snprintf(text, sizeof(text), "%s (%s)", moment, ago);
    put(r, key, json_string(moment));
    cell(r, label, text, OUT_MOMENT);
}

void out_day(struct out_row *r, const char *key, const char *label, int64_t t)
{
    char moment[NHI_TIME_LEN + 1];

    if (nhi_time_format(t, moment) != NHI_OK)
        moment[0] = '\0';
    moment[moment[0] != '\0' ? 10 : 0] = '\0';
    put(r, key, json_string(moment));
    cell(r, label, moment, OUT_PLAIN);
}

void out_duration(struct out_row *r, const char *key, const char *label, int64_t seconds)
{
    char text[OUT_AGO_LEN];

    out_span(seconds, text);
    put(r, key, json_integer(seconds));
    cell(r, label, text, OUT_PLAIN);
}

char *out_row_json(const struct out_row *r)
{
    return out_must(json_dumps(r->json, JSON_COMPACT | JSON_ENSURE_ASCII));
}

/* Prints the table that was being filled. */
static void table_end(struct out *o)
{
    if (o->when_empty != NULL && o->row_count == 0)
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
    o->array = NULL;
}

void out_record(struct out *o, const char *key, struct out_row *r)
{
    table_end(o);
    out_text_record(o->text, &o->terminal, &r->cells);
    if (key != NULL)
        member(o->root, key, json_incref(r->json));
    else if (json_object_update(o->root, r->json) != 0)
        out_must(NULL);
    out_row_free(r);
}

void out_member(struct out *o, const char *key, struct out_row *r)
{
    member(o->root, key, json_incref(r->json));
    out_row_free(r);
}

void out_table(struct out *o, const char *key, const char *when_empty)
{
    table_end(o);
    o->array = out_must(json_array());
    member(o->root, key, o->array);
    o->when_empty = when_empty;
}

void out_table_row(struct out *o, struct out_row *r)
{
    struct out_cells *c = out_must(malloc(sizeof(*c)));

    if (json_array_append(o->array, r->json) != 0)
        out_must(NULL);
    *c = r->cells;
    r->cells.count = 0;
    out_row_free(r);
    o->rows = out_grow(o->rows, &o->row_room, o->row_count + 1, sizeof(*o->rows));
    o->rows[o->row_count++] = c;
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
    member(o->root, key, json_text(value));
    fprintf(o->text, "%s\n", value);
}

void out_strings(struct out *o, const char *key, const char *heading)
{
    table_end(o);
    o->array = out_must(json_array());
    member(o->root, key, o->array);
    o->heading = heading;
}

void out_string(struct out *o, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = format(fmt, ap);
    va_end(ap);
    if (json_array_append_new(o->array, json_text(text)) != 0)
        out_must(NULL);
    if (o->heading != NULL && json_array_size(o->array) == 1)
        fprintf(o->text, "%s\n", o->heading);
    fputs(o->heading != NULL ? "  " : "", o->text);
    out_escape(o->text, text);
    putc('\n', o->text);
    free(text);
}

void out_negative(struct out *o, const char *error, const char *hint)
{
    member(o->root, "ok", json_false());
    member(o->root, "error", json_text(error));
    member(o->root, "hint", json_text(hint));
}

bool out_finish(struct out *o)
{
    bool written;

    table_end(o);
    if (fflush(o->text) != 0)
        out_must(NULL);
    errno = 0;
    if (o->json)
        written = json_dumpf(o->root, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;
    else
        written = o->len == 0 || fwrite(o->buf, 1, o->len, stdout) == o->len;
    return fflush(stdout) == 0 && written;
}
