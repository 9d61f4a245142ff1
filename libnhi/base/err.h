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
    NHI_ERR_ARG,       /* the caller passed something that is never allowed */
    NHI_ERR_NOMEM,     /* out of memory */
    NHI_ERR_SYS,       /* a system call failed: see errno */
    NHI_ERR_FORMAT,    /* text or bytes without the required form */
    NHI_ERR_TOO_LONG,  /* longer than the format allows */
    NHI_ERR_SIGNATURE, /* well-formed, but not signed by this key */
    NHI_ERR_NOT_FOUND, /* it does not exist */
    NHI_ERR_EXISTS,    /* one exists already, and stays */
    NHI_ERR_STATE,     /* the thing exists, but its state forbids this */
    NHI_ERR_UNSAFE,    /* users other than root can change this file or directory */
    NHI_ERR_CORRUPT,   /* one of our own files has wrong content */
    NHI_ERR_VERSION,   /* made by a newer release of this software */
    NHI_ERR_BUSY,      /* another process is writing, and did not finish in time */
    NHI_ERR_FULL,      /* no space left where it should be written */
};

/* A static English phrase without a final period. Never NULL. */
const char *nhi_strerror(enum nhi_err err);

#endif
