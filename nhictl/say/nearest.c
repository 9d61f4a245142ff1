/* SPDX-License-Identifier: ISC */
/*
 * The distance is that of optimal string alignment: Levenshtein's, and two neighbours that are exchanged count as one.
 */
#include "nhictl/say/nearest.h"

#include <stdint.h>
#include <string.h>

#define FAR SIZE_MAX

static size_t least(size_t a, size_t b, size_t c)
{
    size_t min = a < b ? a : b;

    return min < c ? min : c;
}

size_t nearest_edits(const char *a, const char *b)
{
    size_t rows[3][NEAREST_WORD_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2];
    size_t la = strlen(a), lb = strlen(b);

    if (la > NEAREST_WORD_MAX || lb > NEAREST_WORD_MAX)
        return FAR;
    for (size_t j = 0; j <= lb; j++)
        last[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *free_row = before;

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            row[j] = least(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1, FAR);
        }
        before = last;
        last = row;
        row = free_row;
    }
    return last[lb];
}

void nearest_offer(struct nearest *n, const char *word)
{
    size_t len = strlen(n->typed), edits = FAR;

    if (len > 1 && strncmp(n->typed, word, len) == 0 && strlen(word) <= NEAREST_WORD_MAX)
        edits = 0;
    else if (len > 0 && nearest_edits(n->typed, word) <= (len + 3) / 4)
        edits = nearest_edits(n->typed, word);
    if (edits == FAR || (n->count > 0 && edits > n->edits))
        return;
    if (edits < n->edits)
        n->count = 0;
    n->edits = edits;
    if (n->count < NEAREST_MAX)
        memcpy(n->word[n->count], word, strlen(word) + 1);
    n->count++;
}
