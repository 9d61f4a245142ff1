/* SPDX-License-Identifier: ISC */
/*
 * The lines of /etc/passwd and /etc/group, as the C library reads them: lines without the needed fields, comments and
 * what follows a NUL are left out. In a file of ten thousand lines, those that cannot matter cost next to nothing.
 */
#ifndef NHI_LOCAL_LINES_H
#define NHI_LOCAL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"

/* Not NUL-terminated. */
struct nhi_line {
    const char *at, *end;
};

/* Which lines are wanted: those that contain word, and those that begin with one of letters after any blanks. */
struct nhi_lines {
    const char *file;
    const char *word;    /* NULL: every line */
    const char *letters; /* may be empty */
};

/* Passes each of them to fn, in order; anything but NHI_OK from it ends the reading, and is returned. NHI_ERR_SYS: the
 * file cannot be read, or is no regular file; errno says why. NHI_ERR_TOO_LONG: a line is longer than 1 MiB. */
NHI_CHECK enum nhi_err nhi_lines_each(const struct nhi_lines *which, enum nhi_err (*fn)(struct nhi_line, void *),
                                      void *ctx);

struct nhi_local_group {
    struct nhi_line name, members;
    uint32_t gid;
};
bool nhi_line_is_group(struct nhi_line line, struct nhi_local_group *out);
bool nhi_local_group_lists(const struct nhi_local_group *g, const char *member);
/* An account with that name. */
bool nhi_line_is_account(struct nhi_line line, const char *name, uint32_t *uid, uint32_t *gid);
bool nhi_line_equals(struct nhi_line line, const char *text);

#endif
