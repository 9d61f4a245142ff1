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

/* Its first bytes tell it from a file of another release; the rest is zeros at first. */
struct nhi_counter_file {
    const char *name;
    const void *head;
    size_t head_len, size;
};

/* mem: its pages, of size bytes. fd: of the file. make: where the file is missing it is made, with all its space
 * allocated, so that a full disk cannot take a page away later; run_dir, which each boot empties, is made as well.
 * NHI_ERR_NOT_FOUND; NHI_ERR_FORMAT: something else has its name, or it is of another release. */
NHI_CHECK enum nhi_err nhi_counter_file_open(const char *run_dir, const struct nhi_counter_file *c, bool make, int *fd,
                                             void **mem);
void nhi_counter_file_close(const struct nhi_counter_file *c, int fd, void *mem);
/* Takes the turn to report what was counted, until fd is closed. NHI_ERR_BUSY: another process has it, and may be
 * stopped. */
NHI_CHECK enum nhi_err nhi_counter_file_turn(int fd);
/* Removes the file, or whatever has its name. */
void nhi_counter_file_remove(const char *run_dir, const struct nhi_counter_file *c);

#endif
