/*
 * Record files: written complete and unnamed, then linked. Inside libnhi only.
 */
#ifndef NHI_RECORD_H
#define NHI_RECORD_H

#include "libnhi/grant.h"

#define NHI_RECORD_MAX 8192
#define NHI_HOUR 3600 /* seconds: of what is told once in it */

/* An unnamed file in dirfd that holds the record, 0600. */
NHI_CHECK enum nhi_err nhi_record_make(int dirfd, const struct nhi_grant *g, bool sync, int *fd);
/* The commit. NHI_ERR_EXISTS: that name is taken. */
NHI_CHECK enum nhi_err nhi_record_link(int fd, int dirfd, const char *name);
/* Whether the ledger has a record that stays, so that nobody need read it before a moment that is still to come: then
 * its name is on the disk as well. */
bool nhi_record_rests(int dirfd, const char *name, int64_t now);
/* Takes a place among the grants that g's rule gives in an hour. NHI_ERR_BUSY: there is none. */
NHI_CHECK enum nhi_err nhi_record_take_hour(int fd, int dirfd, const struct nhi_grant *g);
/* Whether a place of that name still counts. */
bool nhi_record_is_in_hour(const char *name, int64_t now);
/* The names of handles: of an audit session, and of a process with what descends from it. */
void nhi_session_audit_name(char *name, size_t size, const char *boot, uint32_t id);
void nhi_session_proc_name(char *name, size_t size, const char *boot, const struct nhi_proc *p);
/* What a session is called that g opened in an audit session; at least NHI_TREE_MAX + 1 bytes. */
void nhi_session_audit_handle(const struct nhi_grant *g, uint32_t audit, char *out);
/* Whether there may be somebody inside after the process that registered it, so that it has to stay when that has
 * closed it. */
bool nhi_session_outlives(const struct nhi_grant *g, const char *handle);
/* Gives a handle that nobody is inside of its mark. boot: this one's ID. false: there is none any more. */
bool nhi_session_bury(int dirfd, const char *handle, const char *boot);
NHI_CHECK enum nhi_err nhi_record_read(int dirfd, const char *name, struct nhi_grant *out);

#endif
