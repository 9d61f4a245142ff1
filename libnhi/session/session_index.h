/* SPDX-License-Identifier: ISC */
/*
 * The index of registered sessions: which of them belong to a ticket, a task, an agent, an issuer or a rule, without
 * opening the others.
 *
 *   NHI_RUN_DIR/index/RULE/JTI.PARENT.ROOT.TASK.AGENT.KID.ID.HANDLE
 *
 * Each is another name of the session's file. RULE, TASK, AGENT and KID are sums of the names, so what is found by them
 * is confirmed by the record. NHI_RUN_DIR/index/whole exists once every session had such a name: sessions that an older
 * release registered have none until they are swept.
 */
#ifndef NHI_SESSION_INDEX_H
#define NHI_SESSION_INDEX_H

#include "libnhi/grant/grant.h"

#define NHI_SESSION_INDEX_DIR "index"

/* Opens a directory of root's alone, 0700, which is made if it is missing. NHI_ERR_UNSAFE: it is not root's. */
NHI_CHECK enum nhi_err nhi_session_dir(int dirfd, const char *name, int *fd);

/* Gives the record in fd, which the session with that handle has or is about to get, a name in the index. dirfd: the
 * directory of the sessions. NHI_ERR_EXISTS: it has that name. Nothing is allocated. */
NHI_CHECK enum nhi_err nhi_session_index_add(int dirfd, int fd, const struct nhi_grant *g, const char *handle);
/* Removes that name, if it exists. */
void nhi_session_index_drop(int dirfd, const struct nhi_grant *g, const char *handle);

/* What sessions are looked for by; NULL: not by this. A session is meant if one of them is its own. */
struct nhi_session_about {
    const char *ticket;  /* the jti of its ticket, of that one's parent, or of the first of its lineage */
    const char *lineage; /* another such jti */
    const char *task, *agent, *issuer, *rule;
};

/* A session in the index. */
struct nhi_session_indexed {
    uint64_t inode;                                     /* of its file */
    char handle[NHI_TREE_MAX + 1], id[NHI_JTI_LEN + 1]; /* id: of its grant */
    bool meant;
};
/* Reads the index, by inode. dirfd: the directory of the sessions. The caller frees all, which may be NULL. A session
 * that is not in it may be registered all the same. */
NHI_CHECK enum nhi_err nhi_session_index_read(int dirfd, const struct nhi_session_about *about,
                                              struct nhi_session_indexed **all, size_t *count);
/* The one with that file and handle; NULL: none. */
const struct nhi_session_indexed *nhi_session_index_find(const struct nhi_session_indexed *all, size_t count,
                                                         uint64_t inode, const char *handle);

/* How many sessions that rule has let in, at most: some of them may have ended. Nothing is allocated. NHI_ERR_STATE:
 * sessions may be missing in the index. */
NHI_CHECK enum nhi_err nhi_session_index_count(const char *run_dir, const char *rule, uint32_t *n);

/* Adds the session with that handle. NHI_ERR_NOT_FOUND: it has ended. */
NHI_CHECK enum nhi_err nhi_session_index_adopt(int dirfd, const char *handle);
/* Records that every session has a name in the index. */
void nhi_session_index_is_whole(int dirfd);
/* Removes what killed processes have left. */
void nhi_session_index_sweep(int dirfd);

#endif
