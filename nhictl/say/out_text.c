/* SPDX-License-Identifier: ISC */
#include "nhictl/say/out_text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libnhi/base/names.h"
#include "nhictl/say/format.h"

#define GAP 2
#define FREE_MIN 8 /* a column of free text is not cut shorter than this */

struct out_terminal out_terminal(void)
{
    struct out_terminal t = { false, 0 };
    const char *columns = getenv("COLUMNS"), *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    struct winsize size;

    if (columns != NULL && atoi(columns) > 0)
        t.width = (size_t)atoi(columns);
    else if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        t.width = size.ws_col;
    t.colour =
        isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') && term != NULL && strcmp(term, "dumb") != 0;
    return t;
}

static const char *colour_of(const char *word)
{
    static const struct {
        const char *word, *colour;
    } words[] = {
        { "active", "\033[32m" },    { "open", "\033[32m" },     { "live", "\033[32m" },    { "permit", "\033[32m" },
        { "suspended", "\033[33m" }, { "ended", "\033[33m" },    { "expired", "\033[33m" }, { "rotated", "\033[33m" },
        { "retired", "\033[31m" },   { "revoked", "\033[31m" },  { "closed", "\033[31m" },  { "denied", "\033[31m" },
        { "hand-off", "\033[33m" },  { "cut off", "\033[33m" },  { "opened", "\033[32m" },  { "issued", "\033[32m" },
        { "renewed", "\033[32m" },   { "lockdown", "\033[31m" },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].colour;
    return "";
}

static void pad(FILE *f, size_t n)
{
    while (n-- > 0)
        putc(' ', f);
}

static void put_cell(FILE *f, const struct out_terminal *t, const struct out_cell *c)
{
    const char *colour = t->colour && c->look == OUT_WORD ? colour_of(c->text) : "";

    fputs(colour, f);
    out_escape(f, c->text);
    if (*colour != '\0')
        fputs("\033[0m", f);
}

void out_text_record(FILE *f, const struct out_terminal *t, const struct out_cells *c)
{
    size_t widest = 0;

    for (size_t i = 0; i < c->count; i++)
        if (strlen(c->cell[i].label) > widest)
            widest = strlen(c->cell[i].label);
    for (size_t i = 0; i < c->count; i++) {
        const struct out_cell *cell = &c->cell[i];

        fputs(cell->label, f);
        pad(f, widest - strlen(cell->label) + GAP);
        put_cell(f, t, cell);
        putc('\n', f);
    }
}

/* Cuts text to width columns, the last of which is an ellipsis. */
static void cut(char *text, size_t width)
{
    size_t seen = 0;

    if (out_width(text) <= width)
        return;
    for (char *p = text; *p != '\0'; p++) {
        if (((unsigned char)*p & 0xc0) == 0x80)
            continue;
        if (++seen == width) {
            /* What was cut away is at least one character and the NUL; the ellipsis is three bytes.
             */
            if (strlen(p) >= 3)
                memcpy(p, "…", sizeof("…"));
            else
                *p = '\0';
            return;
        }
    }
}

struct columns {
    size_t width[OUT_CELLS_MAX];
    size_t total;
};

static void measure(struct columns *col, struct out_cells *const *rows, size_t count)
{
    size_t shown = 0;

    memset(col, 0, sizeof(*col));
    for (size_t i = 0; i < rows[0]->count; i++) {
        col->width[i] = strlen(rows[0]->cell[i].label);
        for (size_t r = 0; r < count; r++) {
            size_t w = out_width(rows[r]->cell[i].text);

            if (w > col->width[i])
                col->width[i] = w;
        }
        col->total += col->width[i];
        shown++;
    }
    col->total += shown > 0 ? (shown - 1) * GAP : 0;
}

/* First the "(in 14m)" of moments is removed, then free text is cut. Names are never cut: a name that cannot be typed
 * again is useless. */
static void shrink(struct columns *col, struct out_cells *const *rows, size_t count, size_t width)
{
    size_t columns = rows[0]->count;

    for (size_t i = columns; i-- > 0 && col->total > width;)
        if (rows[0]->cell[i].look == OUT_MOMENT) {
            for (size_t r = 0; r < count; r++) {
                char *second = strstr(rows[r]->cell[i].text, " (");

                if (second != NULL)
                    *second = '\0';
            }
            measure(col, rows, count);
        }
    for (size_t i = columns; i-- > 0 && col->total > width;)
        if (rows[0]->cell[i].look == OUT_FREE) {
            size_t over = col->total - width, to = col->width[i];

            to = to > over + FREE_MIN ? to - over : FREE_MIN;
            for (size_t r = 0; r < count; r++)
                cut(rows[r]->cell[i].text, to);
            measure(col, rows, count);
        }
}

static void put_heading(FILE *f, const char *label)
{
    for (; *label != '\0'; label++)
        putc(*label >= 'a' && *label <= 'z' ? *label - 'a' + 'A' : *label, f);
}

/* The heading, or the cells. */
static void put_line(FILE *f, const struct out_terminal *t, const struct out_cells *c, const size_t *width, bool head)
{
    size_t owed = 0; /* spaces that are needed only before another cell */

    for (size_t i = 0; i < c->count; i++) {
        const struct out_cell *cell = &c->cell[i];

        pad(f, owed);
        if (head)
            put_heading(f, cell->label);
        else
            put_cell(f, t, cell);
        if (i + 1 < c->count)
            owed = width[i] + GAP - (head ? strlen(cell->label) : out_width(cell->text));
    }
    putc('\n', f);
}

void out_text_table(FILE *f, const struct out_terminal *t, struct out_cells *const *rows, size_t count)
{
    struct columns col;

    measure(&col, rows, count);
    if (t->width > 0 && col.total > t->width)
        shrink(&col, rows, count, t->width);
    put_line(f, t, rows[0], col.width, true);
    for (size_t r = 0; r < count; r++)
        put_line(f, t, rows[r], col.width, false);
}

void out_text_row(FILE *f, const struct out_terminal *t, struct out_cells *c, const size_t *width, bool first)
{
    const size_t last = c->count - 1;
    size_t used = 0;

    if (first)
        put_line(f, t, c, width, true);
    for (size_t i = 0; i < last; i++)
        used += width[i] + GAP;
    if (t->width > 0 && c->cell[last].look == OUT_FREE)
        cut(c->cell[last].text, t->width > used + FREE_MIN ? t->width - used : FREE_MIN);
    put_line(f, t, c, width, false);
}
