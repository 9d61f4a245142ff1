/* SPDX-License-Identifier: ISC */
/*
 * Sources of accounts and groups besides the local files and our own, as nsswitch.conf names them: sss, ldap, systemd …
 *
 * They may be slow, frozen or gone, and glibc's own functions neither end in time nor say that a source gave no answer.
 * So a small program asks them (nss_ask/), each by itself, and has two seconds for all. It is started in a way that
 * the host process cannot notice: no signal, no child that its wait() would find, no handler, no descriptor that stays.
 */
#ifndef NHI_ELSEWHERE_H
#define NHI_ELSEWHERE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libnhi/base/err.h"

/* For nsswitch.conf: passwd, group and initgroups are the databases that count. */
#define NHI_NSSWITCH "/etc/nsswitch.conf"
/* Calls take for each source of these that is neither files nor nhi, in their order. Ends at the first that is not
 * NHI_OK, and returns that. */
enum nhi_database { NHI_PASSWD, NHI_GROUP };
NHI_CHECK enum nhi_err nhi_nsswitch_each(enum nhi_err (*take)(enum nhi_database db, const char *source, void *ctx),
                                         void *ctx);

struct nhi_elsewhere {
    bool found;        /* some source has an account of that name */
    uint32_t uid, gid; /* with the uid that was asked for, where one has that; else of the first */
    uint32_t *gids;    /* what the account is a member of; new */
    size_t count;
    char privileged[33]; /* a privileged group among these or those that were asked about; empty: none */
    char blind[64];      /* a source that gave no answer, and how; empty: all did */
    bool unasked;        /* none was asked: the program did not run, which can be the caller's doing */
};

/* Asks for name, and for the names of its groups and of gids; who: for the account itself, too, with that uid if there
 * are several. Without another source nothing is started. out: for nhi_elsewhere_free, whatever is returned. */
NHI_CHECK enum nhi_err nhi_elsewhere_ask(const char *name, const uint32_t *uid, bool who, const uint32_t *gids,
                                         size_t count, struct nhi_elsewhere *out);
/* For whoever asks about many in a row: as long as it is on, the first answer that does not come in time is the last
 * that is waited for, and then none comes. */
void nhi_elsewhere_once(bool on);
void nhi_elsewhere_free(struct nhi_elsewhere *e);

#endif
