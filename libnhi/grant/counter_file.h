/* SPDX-License-Identifier: ISC */
/*
 * A file of fixed size under NHI_RUN_DIR in which every process counts, by additions in shared memory: no lock, no
 * waiting, and nothing that a stopped or killed process could leave half done. Inside libnhi only.
 */
#ifndef NHI_COUNTER_FILE_H
#define NHI_COUNTER_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "libnhi/base/err.h"

/* What it begins with is what tells it from one of another release; the rest is zeros at first. */
struct nhi_counter_file {
    const char *name;
    const void *head;
    size_t head_len, size;
};

/* mem: its pages, of size bytes. fd: of the file. make: it is made where it is missing, all of it, so that a full
 * disk cannot take a page away later; and so is run_dir, which each boot empties. NHI_ERR_NOT_FOUND;
 * NHI_ERR_FORMAT: something else is in its place, or one of another release. */
NHI_CHECK enum nhi_err nhi_counter_file_open(const char *run_dir, const struct nhi_counter_file *c, bool make, int *fd,
                                             void **mem);
void nhi_counter_file_close(const struct nhi_counter_file *c, int fd, void *mem);
/* The turn of one who tells what was counted, until fd is closed. NHI_ERR_BUSY: another has it, and may be stopped. */
NHI_CHECK enum nhi_err nhi_counter_file_turn(int fd);
/* Takes away what is in its place. */
void nhi_counter_file_remove(const char *run_dir, const struct nhi_counter_file *c);

#endif
