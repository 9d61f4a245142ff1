/* SPDX-License-Identifier: ISC */
/*
 * An answer as text for people, for out.c only.
 */
#ifndef NHICTL_OUT_TEXT_H
#define NHICTL_OUT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define OUT_CELLS_MAX 32

enum out_look { OUT_PLAIN, OUT_WORD, OUT_MOMENT, OUT_FREE };

struct out_cell {
    const char *label;
    char *text;
    enum out_look look; /* OUT_MOMENT may lose its second part, OUT_FREE its end, to make a table fit */
};

/* Those that are shown. Where it is kept, it ends after its last cell. */
struct out_cells {
    size_t count;
    struct out_cell cell[OUT_CELLS_MAX];
};

/* What the terminal can show. width 0: no limit. */
struct out_terminal {
    bool colour;
    size_t width;
};
struct out_terminal out_terminal(void);

void out_text_record(FILE *f, const struct out_terminal *t, const struct out_cells *c);
void out_text_table(FILE *f, const struct out_terminal *t, struct out_cells *const *rows, size_t count);
/* One line of a table of which the others are not known, and with first its heading. width: of each column; free text
 * in the last one is cut as far as the terminal needs. */
void out_text_row(FILE *f, const struct out_terminal *t, struct out_cells *c, const size_t *width, bool first);

#endif
