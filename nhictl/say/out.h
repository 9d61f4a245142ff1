/* SPDX-License-Identifier: ISC */
/*
 * The one place where results are printed: as text for people, or as one JSON object.
 *
 * A command builds its answer here and nothing is written before out_finish, so that an answer is whole or absent. Only
 * the rows of a table that may have a hundred thousand are written as they come (out_stream): if that fails in the
 * middle, what was printed is no JSON, and the exit status is not 0. The format never depends on the terminal; colour
 * and width do. Control characters of any value are escaped in text. Running out of memory here ends the program (exit
 * status 3): every change is either committed or not begun at that point.
 */
#ifndef NHICTL_OUT_H
#define NHICTL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct out;     /* the answer of one command */
struct out_row; /* one part of it: a record, or a line of a table */

/* Returns p, which is not NULL, or ends the program. */
void *out_must(void *p);
/* nhi_grow (libnhi/base/grow.h), which finds memory, or ends the program. */
void *out_grow(void *all, size_t *room, size_t need, size_t size);
/* Formatted text, allocated; the caller frees it. */
char *out_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct out *out_new(bool json, int64_t now);
void out_free(struct out *o);

/* key NULL: only in text. label NULL: only in JSON. A NULL value is null in JSON, "-" in text. */
struct out_row *out_row_new(const struct out *o);
/* The same for a row that is only printed, as most rows of tables are: out_row_json has nothing of it in text. */
struct out_row *out_table_row_new(const struct out *o);
void out_row_free(struct out_row *r);
void out_text(struct out_row *r, const char *key, const char *label, const char *value);
/* A word such as "active" that may be coloured. */
void out_state(struct out_row *r, const char *key, const char *label, const char *value);
/* A list of words: an array in JSON. */
void out_list(struct out_row *r, const char *key, const char *label, const char *list);
void out_number(struct out_row *r, const char *key, const char *label, int64_t n);
void out_flag(struct out_row *r, const char *key, const char *label, bool b);
/* A moment; 0: null and "never". */
void out_time(struct out_row *r, const char *key, const char *label, int64_t t);
/* The day of a moment. */
void out_day(struct out_row *r, const char *key, const char *label, int64_t t);
/* Seconds: a number in JSON, "15m" in text. */
void out_duration(struct out_row *r, const char *key, const char *label, int64_t seconds);

/* These take ownership of the row. key: its name in the object; NULL: its fields are members of the object itself. */
void out_record(struct out *o, const char *key, struct out_row *r);
/* Only in JSON. */
void out_member(struct out *o, const char *key, struct out_row *r);
/* Rows with the same key make a table and an array. Begin it even if no row will follow. */
void out_table(struct out *o, const char *key, const char *when_empty);
void out_table_row(struct out *o, struct out_row *r);
/* From here on, the rows of this table are printed as they come: for a verb whose answer is not negative, and after
 * which nothing can fail but the writing. width: of each column in text, as out_width counts them, until the table
 * ends; NULL: text is aligned when all rows are known, as otherwise. */
void out_stream(struct out *o, const size_t *width);
/* Something was printed already: no other answer may follow it. */
bool out_has_begun(const struct out *o);
/* A line in text; nothing in JSON. */
void out_line(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line of text that is printed unchanged, and a member of the object: a ticket, a key. */
void out_raw(struct out *o, const char *key, const char *value);
/* Words for people, in order: lines in text, an array of strings in JSON. */
void out_strings(struct out *o, const char *key, const char *heading);
void out_string(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A negative answer: "ok" is false, and error and hint say why. */
void out_negative(struct out *o, const char *error, const char *hint);

/* Prints. false: it could not be written (errno says why). */
bool out_finish(struct out *o);

/* A row as one flat JSON object, for an event; the caller frees it. */
char *out_row_json(const struct out_row *r);

#endif
