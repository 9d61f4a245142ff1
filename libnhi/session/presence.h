/* SPDX-License-Identifier: ISC */
/*
 * Whether one of the marks is present that distinguish an agent from a person (pam_nhi/standing.h). "It could not be
 * read" is a separate answer, and it matters who can cause that.
 */
#ifndef NHI_PRESENCE_H
#define NHI_PRESENCE_H

#include "libnhi/base/err.h"

enum nhi_presence {
    NHI_ABSENT,           /* it was read, and is absent */
    NHI_PRESENT,          /* it was read, and is present */
    NHI_UNREADABLE,       /* the state of the files, which only root can cause */
    NHI_UNREADABLE_LIMIT, /* a limit that a caller of su and sudo can choose: open files, memory, processes */
};

/* Converts a result: NHI_OK means present, NHI_ERR_NOT_FOUND absent. cause: errno after it. */
enum nhi_presence nhi_presence_of(enum nhi_err err, int cause);

#endif
