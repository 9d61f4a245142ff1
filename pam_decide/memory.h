/* SPDX-License-Identifier: ISC */
#ifndef PAM_DECIDE_MEMORY_H
#define PAM_DECIDE_MEMORY_H

#include <security/pam_modules.h>

#include "libnhi/check/memo.h"

/* The facts that the phases of this transaction share. They belong to the handle, which wipes them in the end. NULL:
 * out of memory; each phase then reads for itself. */
struct nhi_memo *pnhi_memory(pam_handle_t *pamh);
/* What no process outlives, the boot ID and the start time of process 1: for the phase that begins, and from the one
 * that ends. */
void pnhi_memory_begin(pam_handle_t *pamh);
void pnhi_memory_end(pam_handle_t *pamh);

#endif
