/* SPDX-License-Identifier: ISC */
/*
 * Finding the session that a process is inside.
 */
#ifndef NHI_SESSION_FIND_H
#define NHI_SESSION_FIND_H

#include "libnhi/session/session.h"

/* The innermost registered session that process pid is inside. NHI_ERR_NOT_FOUND: none. Any other error: that is not
 * known, and errno has the details (presence.h); NHI_ERR_TOO_LONG: too many processes are above it. A session that was
 * found counts, whatever else could not be read. Nothing is allocated before a record was found. */
NHI_CHECK enum nhi_err nhi_session_find(const char *run_dir, pid_t pid, struct nhi_grant *out);

#endif
