/* SPDX-License-Identifier: ISC */
/*
 * setup: saving files, and replacing them.
 */
#ifndef NHICTL_SETUP_WRITE_H
#define NHICTL_SETUP_WRITE_H

#include "nhictl/setup/setup.h"

/* Those that return an int return CTL_DONE, or another exit code after saying what was wrong. */

/* Where that of a file is. */
void setup_backup_path(const struct setup_file *f, char path[128]);
/* Whether there is one, and as the file is without us. */
bool setup_has_backup(const struct setup_file *f, bool *same);
/* Whether there is one when all is done; and whether because without us the file is not what it was before us. */
bool setup_keeps_backup(const struct setup *s, const struct setup_file *f);
bool setup_is_edited(const struct setup *s, const struct setup_file *f);
/* Puts it into force. */
int setup_write(struct setup *s, struct setup_file *f);
/* After all of it was undone: what was kept of it has gone home, unless the file was edited since. */
void setup_settle(const struct setup_file *f);
/* Back to what it was before. */
int setup_restore(struct setup *s, const struct setup_file *f);

#endif
