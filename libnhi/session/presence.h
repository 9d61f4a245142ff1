/* SPDX-License-Identifier: ISC */
/*
 * Whether one of the marks is present that distinguish an agent from a person (pam_nhi/standing.h). That it could not
 * be read is an answer of its own, and it matters who can cause that.
 */
#ifndef NHI_PRESENCE_H
#define NHI_PRESENCE_H

#include "libnhi/base/err.h"

enum nhi_presence {
    NHI_ABSENT,           /* read, and not there */
    NHI_PRESENT,          /* read, and there */
    NHI_UNREADABLE,       /* the state of the files: root alone can bring that about */
    NHI_UNREADABLE_LIMIT, /* a limit that a caller of su and sudo can choose: open files, memory, processes */
};

/* Of a look whose NHI_OK says that it is there, and NHI_ERR_NOT_FOUND that it is not. cause: errno after it. */
enum nhi_presence nhi_presence_of(enum nhi_err err, int cause);

#endif
