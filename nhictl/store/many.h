/* SPDX-License-Identifier: ISC */
/*
 * One verb for each line of a file: what is done for many is committed and published in turns, and each line has an
 * answer of its own.
 */
#ifndef NHICTL_MANY_H
#define NHICTL_MANY_H

#include "nhictl/store/store.h"

struct many;

/* What a verb does for a line. row: as for the verb itself, with the operands and args of the line, which do not
 * outlive one. what: size bytes, zeroed, for the answer; they move: they have no pointer into themselves or to the
 * line. */
struct many_verb {
    const struct verb *verb; /* one option of which is OPT_LINES */
    const char *file;        /* what that option was given; - is standard input */
    size_t size;
    void *ctx;
    /* In each transaction first, and after it. */
    int (*begin)(struct ctl *c, struct store *s, void *ctx);
    void (*end)(void *ctx);
    /* In the transaction. Any code but CTL_DONE refuses the line, for which nothing was written; CTL_SYSTEM ends
     * everything, and the transaction is rolled back. */
    int (*one)(struct ctl *row, struct store *s, void *ctx, void *what);
    /* After the commit: prints the answer by many_answer. Any code but CTL_DONE ends everything. */
    int (*answer)(struct many *m, struct store *s, void *ctx, void *what);
    /* If the answer could not be given out. NULL: what was done stands without it, and the lines go on. */
    void (*lost)(struct ctl *c, struct store *s, void *ctx, void *what);
    /* Instead of one, while the ledger cannot be written; why: NHI_OK if one has found that. NULL: there is no other
     * way, and that ends everything. */
    int (*otherwise)(struct ctl *row, struct store *s, enum nhi_err why, void *ctx, void *what);
};

struct many_result {
    size_t lines, done, refused;
    bool cut; /* something ended it before all lines were done or refused */
};

/* Blank lines and those that begin with # are left out. Answers are printed when they are true: with --json an object
 * for each line. Returns CTL_DONE, CTL_REFUSED if a line was refused, or another exit code after reporting what was
 * wrong and how to go on. s: zeroed; the caller closes it. */
int many_run(struct ctl *c, struct store *s, const struct many_verb *how, struct many_result *result);
/* The last answer, unless it was cut. worse: what the answer is negative for, rather than for lines that were refused,
 * and hint: what to type; or NULL. */
void many_sum_up(struct ctl *c, const struct many_result *r, const char *worse, const char *hint);

/* The answer of one line. row: under key, or its members if that is NULL; taken over. text: what is printed without
 * --json, a line. text_key: the member that has it as well, or NULL. */
void many_answer(struct many *m, const char *key, struct out_row *row, const char *text_key, const char *text);
struct ctl *many_ctl(struct many *m);

#endif
