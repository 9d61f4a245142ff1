/* SPDX-License-Identifier: ISC */
/*
 * What the entry points of nss_nhi share: from the library's errors to glibc's, and packing an
 * answer into the caller's buffer.
 *
 * The convention with glibc: NSS_STATUS_TRYAGAIN with ERANGE asks for a larger buffer, and nothing
 * else may say ERANGE. errno is the host's and stays as it was; only *errnop, which in glibc is
 * often the same variable, is set, and only when there is no answer.
 */
#ifndef NSS_NHI_INTERNAL_H
#define NSS_NHI_INTERNAL_H

#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "libnhi/snapshot/snapshot.h"

#define NSS_NHI_EXPORT __attribute__((visibility("default")))

/* The caller's buffer while an answer is packed into it. */
struct nss_buf {
    char *at;
    size_t left;
};

/* Copies s to b and points *out to it. false: no room. */
bool nss_buf_text(struct nss_buf *b, const char *s, char **out);

/* Returns room for n pointers, aligned. NULL: no room. */
char **nss_buf_pointers(struct nss_buf *b, size_t n);

/* Our own result before errno is restored: the status, and the future value of *errnop. */
enum nss_status nss_status_of(enum nhi_err err, int *why);
enum nss_status nss_too_small(int *why);

/* Ends an entry point: restores errno to saved, then sets *errnop. */
static inline enum nss_status nss_finish(enum nss_status status, int saved, int why, int *errnop)
{
    errno = saved;
    if (status != NSS_STATUS_SUCCESS)
        *errnop = why;
    return status;
}

/* The group of all agents has the form of an agent's name, but is none. */
static inline bool nss_is_agents_group(const char *name)
{
    return name[0] == NHI_AGENTS_GROUP[0] && strcmp(name, NHI_AGENTS_GROUP) == 0;
}

/* The position of an enumeration: the number of the next entry and nothing else, so that nothing leaks over fork and
 * exec, and no lock is held in a child that was forked meanwhile. The writer never removes an account and adds new ones
 * at the end, so a number stays right when the file is replaced. */
typedef _Atomic uint32_t nss_cursor;

#endif
