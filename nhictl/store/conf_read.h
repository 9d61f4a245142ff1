/* SPDX-License-Identifier: ISC */
/*
 * Directories of configuration: every file whose name ends in .conf, in the order of names.
 */
#ifndef NHICTL_CONF_READ_H
#define NHICTL_CONF_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/policy_conf.h"

struct ctl;

/* Takes one file: len bytes and a NUL, under its name without the directory. NHI_ERR_FORMAT: error says where. */
typedef enum nhi_err conf_take(void *to, const char *name, const char *text, size_t len, struct nhi_conf_error *error);

enum conf_trust {
    CONF_ROOTS,    /* only files that nobody but root could have written */
    CONF_MAY_MISS, /* the same; if the directory is missing, *missing is set, without an error */
    CONF_ANYBODYS, /* any files, only to inspect them */
};

struct conf_dir {
    const char *path;
    enum conf_trust trust;
    conf_take *take;
    void *to;
};
/* Returns CTL_DONE, or another exit code after saying what is wrong. missing: NULL except for CONF_MAY_MISS. */
int conf_read_dir(struct ctl *c, const struct conf_dir *d, bool *missing);

/* Report what is wrong with a directory, with a file, and in a file. */
int conf_dir_failed(struct ctl *c, const char *path, enum nhi_err err);
int conf_read_failed(struct ctl *c, const char *dir, const char *name, enum nhi_err err);
int conf_not_understood(struct ctl *c, const char *dir, const char *name, const struct nhi_conf_error *error);

#endif
