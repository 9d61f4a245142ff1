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
    const char *label; /* NULL: not shown in text */
    char *text;
    enum out_look look; /* OUT_MOMENT may lose its second part, OUT_FREE its end, to make a table fit */
};

struct out_cells {
    struct out_cell cell[OUT_CELLS_MAX];
    size_t count;
};

/* What the terminal can show. width 0: no limit. */
struct out_terminal {
    bool colour;
    size_t width;
};
struct out_terminal out_terminal(void);

void out_text_record(FILE *f, const struct out_terminal *t, const struct out_cells *c);
void out_text_table(FILE *f, const struct out_terminal *t, struct out_cells *const *rows, size_t count);

#endif
