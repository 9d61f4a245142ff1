/* SPDX-License-Identifier: ISC */
/*
 * What one call of a host program needs more than once, and asks the kernel for once: checked directories, and the boot
 * ID. Between begin and end, in the thread that called begin; outside of that nothing is kept, as in nhictl, and
 * neither is it while another thread is between them.
 *
 * A directory that is kept is the one of that moment, whatever gets its name later: no call may go on for long. What is
 * in it is looked at anew each time.
 */
#ifndef NHI_PHASE_H
#define NHI_PHASE_H

#include <stdbool.h>

#include "libnhi/base/err.h"

void nhi_phase_begin(void);
/* Closes what was kept. Does nothing outside of a phase. */
void nhi_phase_end(void);

/* As nhi_dir_open. The caller gives it back, and does not close it. */
NHI_CHECK enum nhi_err nhi_dir_borrow(const char *path, int *fd);
/* -1: none was borrowed. Does not change errno. */
void nhi_dir_return(int fd);

/* The boot ID that was put here in this phase. false: none. */
bool nhi_phase_boot(char out[37]);
void nhi_phase_boot_is(const char boot[37]);

#endif
