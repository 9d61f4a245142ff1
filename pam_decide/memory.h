/* SPDX-License-Identifier: ISC */
#ifndef PAM_DECIDE_MEMORY_H
#define PAM_DECIDE_MEMORY_H

#include <security/pam_modules.h>

#include "libnhi/check/memo.h"

/* The facts that the phases of this transaction share. It belongs to the handle, which wipes it in the end. NULL: out
 * of memory; each phase then reads for itself. */
struct nhi_memo *pnhi_memory(pam_handle_t *pamh);

#endif
