/* SPDX-License-Identifier: ISC */
/*
 * setup: saving files, and replacing them.
 */
#ifndef NHICTL_SETUP_WRITE_H
#define NHICTL_SETUP_WRITE_H

#include "nhictl/setup/setup.h"

/* Functions that return an int return CTL_DONE, or another exit code after reporting what was wrong. */

/* The path of a file's backup. */
void setup_backup_path(const struct setup_file *f, char path[128]);
/* Whether a backup exists, and whether it equals the file without us. */
bool setup_has_backup(const struct setup_file *f, bool *same);
/* Whether a backup will exist when everything is done; and whether that is because the file without us is not what it
 * was before us. */
bool setup_keeps_backup(const struct setup *s, const struct setup_file *f);
bool setup_is_edited(const struct setup *s, const struct setup_file *f);
/* Puts it into force. */
int setup_write(struct setup *s, struct setup_file *f);
/* After everything was undone: the backup has been restored, unless the file was edited meanwhile. */
void setup_settle(const struct setup_file *f);
/* Restores the earlier file. */
int setup_restore(struct setup *s, const struct setup_file *f);

#endif
