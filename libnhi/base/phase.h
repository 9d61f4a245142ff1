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
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"

void nhi_phase_begin(void);
/* What was kept, to go on with in another copy of this code: a phase that another object of this program has. */
#define NHI_PHASE_DIRS 6
#define NHI_PHASE_PATH 64 /* for a path of ours, with the NUL; a longer one is not kept */
struct nhi_phase_kept {
    char boot[37];       /* empty: not known */
    uint64_t init_start; /* 0: not known */
    struct {
        char path[NHI_PHASE_PATH];
        int fd;
    } dirs[NHI_PHASE_DIRS];
    size_t count;
};
/* Ends the phase without closing anything: out has it. */
void nhi_phase_hand_over(struct nhi_phase_kept *out);
/* Begins a phase with it; what cannot be kept is closed. */
void nhi_phase_adopt(const struct nhi_phase_kept *kept);
/* Closes what was kept. Does nothing outside of a phase. */
void nhi_phase_end(void);

/* As nhi_dir_open. The caller gives it back, and does not close it. */
NHI_CHECK enum nhi_err nhi_dir_borrow(const char *path, int *fd);
/* -1: none was borrowed. Does not change errno. */
void nhi_dir_return(int fd);

/* The boot ID that was put here in this phase. false: none. */
bool nhi_phase_boot(char out[37]);
void nhi_phase_boot_is(const char boot[37]);
/* The same for the start time of process 1. */
bool nhi_phase_init(uint64_t *start);
void nhi_phase_init_is(uint64_t start);

#endif
