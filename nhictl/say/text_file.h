/* SPDX-License-Identifier: ISC */
/*
 * Reading and writing the text of tickets, which never comes from the command line.
 */
#ifndef NHICTL_TEXT_FILE_H
#define NHICTL_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "libnhi/ledger/ledger.h"

struct ctl;
struct store;

/* Reads a ticket from FILE, or from standard input for "-". text is allocated; free it with nhi_text_free. */
int text_read(struct ctl *c, const char *file, char **text, size_t *len);

/* Writes text to FILE with this mode, whole or not at all. Links in its path are followed if root made them; FILE
 * itself must not be one. */
int text_write(struct ctl *c, const char *file, const char *text, mode_t mode);
int text_write_bytes(struct ctl *c, const char *file, const void *data, size_t len, mode_t mode);
/* Refuses a FILE that exists, unless force: --force was given. NULL and "-" are none. To be asked before anything is
 * changed; who else writes there at the same moment is not its matter. An exit code. */
int text_need_new(struct ctl *c, const char *file, bool force);
/* The option of a verb that writes a file. at: of its bool. */
#define TEXT_FORCE_OPT(at) \
    { \
        "force", OPT_FLAG, at, false, NULL, "replace FILE if it exists", NULL, 0 \
    }
/* Whether FILE is text that begins as a ticket. */
bool text_holds_ticket(const char *file);
/* Refuses to print a ticket if standard output is the system's journal, which users other than root can read. hint:
 * where to put it instead. An exit code. */
int text_may_print(struct ctl *c, const char *hint);
void text_remove(const char *file);
/* The directory for FILE, by its path, as a descriptor for the functions whose names end in "at". name: the rest of the
 * path. -1: errno says why. */
int text_directory(const char *file, const char **name);
/* Reports that FILE cannot be written; why: a value of errno. Returns an exit code. */
int text_write_failed(struct ctl *c, const char *file, int why);

#endif
