/* SPDX-License-Identifier: ISC */
/*
 * Finding the session that a process is inside.
 */
#ifndef NHI_SESSION_FIND_H
#define NHI_SESSION_FIND_H

#include "libnhi/session/session.h"

/* The innermost registered session that process pid is inside. NHI_ERR_NOT_FOUND: none. Any other error: that could
 * not be found out, errno says how (presence.h); NHI_ERR_TOO_LONG: too many processes lie above it. A session that was
 * found counts, whatever else could not be read. Nothing is allocated before there is a record. */
NHI_CHECK enum nhi_err nhi_session_find(const char *run_dir, pid_t pid, struct nhi_grant *out);

#endif
