/*
 * The result of reading one of the marks that identify our callers (pam_nhi/standing.h). "Could not be read" is an
 * answer of its own, and it matters who can cause it.
 */
#ifndef NHI_SIGHT_H
#define NHI_SIGHT_H

#include "libnhi/base/err.h"

enum nhi_sight {
    NHI_SEEN_NOT,    /* read, and not there */
    NHI_SEEN,        /* read, and there */
    NHI_BLIND_STATE, /* the state of the files: root alone can bring that about */
    NHI_BLIND_LIMIT, /* a limit that a caller of su and sudo can choose: open files, memory, processes */
};

/* Of a look whose NHI_OK says that it is there, and NHI_ERR_NOT_FOUND that it is not. cause: errno after it. */
enum nhi_sight nhi_sight_of(enum nhi_err err, int cause);

#endif
