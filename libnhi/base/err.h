/* SPDX-License-Identifier: ISC */
/*
 * Error codes of libnhi.
 *
 * Every function that can fail returns enum nhi_err. Success is 0. Outputs come
 * last in the parameter list and are written only on success.
 */
#ifndef NHI_ERR_H
#define NHI_ERR_H

#define NHI_CHECK __attribute__((warn_unused_result))

enum nhi_err {
    NHI_OK = 0,
    NHI_ERR_ARG,       /* the caller passed something that no caller may pass */
    NHI_ERR_NOMEM,     /* out of memory */
    NHI_ERR_SYS,       /* a system call failed: errno says which way */
    NHI_ERR_FORMAT,    /* text or bytes that do not have the form they must have */
    NHI_ERR_TOO_LONG,  /* longer than the format allows */
    NHI_ERR_SIGNATURE, /* well-formed, but not signed by that key */
    NHI_ERR_NOT_FOUND, /* no such thing */
    NHI_ERR_EXISTS,    /* there is one already, and it stays */
    NHI_ERR_STATE,     /* the thing exists, but its state forbids this */
    NHI_ERR_UNSAFE,    /* a file or directory that others than root can change */
    NHI_ERR_CORRUPT,   /* a file of ours that does not hold what it must */
    NHI_ERR_VERSION,   /* made by a newer release of this software */
    NHI_ERR_BUSY,      /* somebody else is writing, and stayed at it too long */
    NHI_ERR_FULL,      /* no space left where it had to be written */
};

/* A static English phrase without a final period. Never NULL. */
const char *nhi_strerror(enum nhi_err err);

#endif
