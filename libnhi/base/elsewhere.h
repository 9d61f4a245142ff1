/* SPDX-License-Identifier: ISC */
/*
 * Sources of accounts and groups besides the local files and our own, as nsswitch.conf names them: sss, ldap, systemd …
 *
 * They may be slow, frozen or gone. glibc's own functions have no time limit, and do not report that a source gave no
 * answer. So a small program (nss_ask/) asks each of them and has two seconds for all. It is started so that the host
 * process cannot notice: no signal, no child that its wait() would find, no handler, no descriptor that stays open.
 */
#ifndef NHI_ELSEWHERE_H
#define NHI_ELSEWHERE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"

/* For nsswitch.conf: passwd, group and initgroups are the databases that count. */
#define NHI_NSSWITCH "/etc/nsswitch.conf"
/* Calls take in their order for each source of these databases, except files and nhi. Ends at the first result that is
 * not NHI_OK, and returns it. */
enum nhi_database { NHI_PASSWD, NHI_GROUP };
NHI_CHECK enum nhi_err nhi_nsswitch_each(enum nhi_err (*take)(enum nhi_database db, const char *source, void *ctx),
                                         void *ctx);

struct nhi_elsewhere {
    bool found;        /* some source has an account with that name */
    uint32_t uid, gid; /* of the account with the uid that was asked for, if one has it; else of the first account */
    uint32_t *gids;    /* groups of the account; allocated */
    size_t count;
    char privileged[33]; /* a privileged group among these or those that were asked about; empty: none is privileged */
    char blind[64];      /* a source that gave no answer, and why; empty: all answered */
    bool unasked;        /* no source was asked: the program did not run, which the caller may have caused */
};

/* Asks for the groups that list name as a member, and for the names of gids; who: asks for the account, too, for the
 * one with this uid if there are several. Without another source, nothing is started. Release out with
 * nhi_elsewhere_free, whatever is returned. */
NHI_CHECK enum nhi_err nhi_elsewhere_ask(const char *name, const uint32_t *uid, bool who, const uint32_t *gids,
                                         size_t count, struct nhi_elsewhere *out);
/* For a caller that asks about many accounts in a row: once a source has not answered in time, none is asked again
 * until this is turned off, and every result names that source as blind. */
void nhi_elsewhere_once(bool on);
void nhi_elsewhere_free(struct nhi_elsewhere *e);

#endif
