#include "nhictl/out_text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libnhi/names.h"
#include "nhictl/out.h"

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
    t.colour = isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') && term != NULL &&
               strcmp(term, "dumb") != 0;
    return t;
}

void out_span(int64_t seconds, char buf[OUT_AGO_LEN])
{
    long long s = seconds;

    if (s < 60)
        snprintf(buf, OUT_AGO_LEN, "%llds", s);
    else if (s < 3600)
        snprintf(buf, OUT_AGO_LEN, s % 60 != 0 && s < 600 ? "%lldm%llds" : "%lldm", s / 60, s % 60);
    else if (s < 86400)
        snprintf(buf, OUT_AGO_LEN, s / 60 % 60 != 0 ? "%lldh%lldm" : "%lldh", s / 3600,
                 s / 60 % 60);
    else
        snprintf(buf, OUT_AGO_LEN, s / 3600 % 24 != 0 && s < 864000 ? "%lldd%lldh" : "%lldd",
                 s / 86400, s / 3600 % 24);
}

void out_ago(int64_t t, int64_t now, char buf[OUT_AGO_LEN])
{
    char span[OUT_AGO_LEN];

    out_span(t > now ? t - now : now - t, span);
    if (t == now)
        snprintf(buf, OUT_AGO_LEN, "now");
    else if (t > now)
        snprintf(buf, OUT_AGO_LEN, "in %.20s", span);
    else
        snprintf(buf, OUT_AGO_LEN, "%.19s ago", span);
}

static const char *colour_of(const char *word)
{
    static const struct {
        const char *word, *colour;
    } words[] = {
        { "active", "\033[32m" },  { "open", "\033[32m" },      { "live", "\033[32m" },
        { "permit", "\033[32m" },  { "suspended", "\033[33m" }, { "ended", "\033[33m" },
        { "expired", "\033[33m" }, { "rotated", "\033[33m" },   { "retired", "\033[31m" },
        { "revoked", "\033[31m" }, { "closed", "\033[31m" },    { "denied", "\033[31m" },
        { "hand-off", "\033[33m" }, { "cut off", "\033[33m" }, { "opened", "\033[32m" },
        { "issued", "\033[32m" },  { "renewed", "\033[32m" }, { "lockdown", "\033[31m" },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].colour;
    return "";
}

/* How a character is written that may not stand in text: "\\x1b", "\\u202e". */
static size_t spell(uint32_t c, char buf[12])
{
    return (size_t)snprintf(buf, 12, c <= 0xff ? "\\x%02x" : "\\u%04x", c);
}

/* Characters, not bytes, and what is escaped as it is written. */
static size_t width_of(const char *s)
{
    size_t n = 0, len;
    char buf[12];
    uint32_t c;

    for (; *s != '\0'; s += len > 0 ? len : 1) {
        len = nhi_text_next(s, &c);
        n += len > 0 && nhi_text_is_plain(c) ? 1 : spell(c, buf);
    }
    return n;
}

void out_escape(FILE *f, const char *text)
{
    char buf[12] = "";
    uint32_t c;
    size_t len;

    for (; *text != '\0'; text += len > 0 ? len : 1) {
        len = nhi_text_next(text, &c);
        if (len > 0 && nhi_text_is_plain(c))
            fwrite(text, 1, len, f);
        else
            fwrite(buf, 1, spell(c, buf), f);
    }
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
        if (c->cell[i].label != NULL && strlen(c->cell[i].label) > widest)
            widest = strlen(c->cell[i].label);
    for (size_t i = 0; i < c->count; i++) {
        const struct out_cell *cell = &c->cell[i];

        if (cell->label == NULL)
            continue;
        fputs(cell->label, f);
        pad(f, widest - strlen(cell->label) + GAP);
        put_cell(f, t, cell);
        putc('\n', f);
    }
}

/* Cuts text to width columns, the last of them an ellipsis. */
static void cut(char *text, size_t width)
{
    size_t seen = 0;

    if (width_of(text) <= width)
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
        if (rows[0]->cell[i].label == NULL)
            continue;
        col->width[i] = strlen(rows[0]->cell[i].label);
        for (size_t r = 0; r < count; r++) {
            size_t w = width_of(rows[r]->cell[i].text);

            if (w > col->width[i])
                col->width[i] = w;
        }
        col->total += col->width[i];
        shown++;
    }
    col->total += shown > 0 ? (shown - 1) * GAP : 0;
}

/* First the "(in 14m)" of moments goes, then free text is cut. Names are never cut: a name that
 * cannot be typed again is worth nothing. */
static void shrink(struct columns *col, struct out_cells *const *rows, size_t count, size_t width)
{
    size_t columns = rows[0]->count;

    for (size_t i = columns; i-- > 0 && col->total > width;)
        if (rows[0]->cell[i].look == OUT_MOMENT && rows[0]->cell[i].label != NULL) {
            for (size_t r = 0; r < count; r++) {
                char *second = strstr(rows[r]->cell[i].text, " (");

                if (second != NULL)
                    *second = '\0';
            }
            measure(col, rows, count);
        }
    for (size_t i = columns; i-- > 0 && col->total > width;)
        if (rows[0]->cell[i].look == OUT_FREE && rows[0]->cell[i].label != NULL) {
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

void out_text_table(FILE *f, const struct out_terminal *t, struct out_cells *const *rows,
                    size_t count)
{
    struct columns col;

    measure(&col, rows, count);
    if (t->width > 0 && col.total > t->width)
        shrink(&col, rows, count, t->width);
    for (size_t r = 0; r <= count; r++) {
        size_t owed = 0; /* spaces that only a further cell makes visible */

        for (size_t i = 0; i < rows[0]->count; i++) {
            const struct out_cell *cell = &rows[r > 0 ? r - 1 : 0]->cell[i];

            if (rows[0]->cell[i].label == NULL)
                continue;
            pad(f, owed);
            if (r == 0)
                put_heading(f, cell->label);
            else
                put_cell(f, t, cell);
            owed = col.width[i] + GAP - (r == 0 ? strlen(cell->label) : width_of(cell->text));
        }
        putc('\n', f);
    }
}
