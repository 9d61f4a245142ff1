/* SPDX-License-Identifier: ISC */
/*
 * JSON as text that grows, for out.c only. Running out of memory ends the program.
 */
#ifndef NHICTL_OUT_JSON_H
#define NHICTL_OUT_JSON_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed at first. data: len bytes, without a NUL; the owner frees it. */
struct out_json {
    char *data;
    size_t len, room;
};

/* Adds bytes as they are. */
void out_json_add(struct out_json *j, const char *data, size_t len);
/* Adds a string with its quotes; NULL is null. What is no UTF-8 becomes "?". */
void out_json_text(struct out_json *j, const char *text);
void out_json_number(struct out_json *j, int64_t n);
/* Begins a member: a comma after the one before, the name and a colon. key: a name of our own, which needs no escape.
 */
void out_json_key(struct out_json *j, const char *key);
/* Begins an element: a comma after the one before. */
void out_json_next(struct out_json *j);
/* The members as one object in ASCII, ended by a NUL; the caller frees it. */
char *out_json_ascii(const struct out_json *j);

#endif
