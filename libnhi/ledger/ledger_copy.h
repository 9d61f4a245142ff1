/* SPDX-License-Identifier: ISC */
/*
 * Copies of the ledger in memory: nobody can change one between its check and its use, and they need no space on a
 * disk, which may be full.
 */
#ifndef NHI_LEDGER_COPY_H
#define NHI_LEDGER_COPY_H

#include "libnhi/ledger/restore.h"

/* The ledger as it is at this moment, even while another process writes; allocated, release with nhi_ledger_image_free.
 */
NHI_CHECK enum nhi_err nhi_ledger_image(struct nhi_ledger *l, unsigned char **image, size_t *len);
void nhi_ledger_image_free(unsigned char *image);
/* Reads and checks all of it. NHI_ERR_CORRUPT: part of it cannot be read. */
NHI_CHECK enum nhi_err nhi_ledger_look(struct nhi_ledger *l);
/* Opens a copy in memory, checks all of it and upgrades it. NHI_ERR_CORRUPT, NHI_ERR_VERSION. */
NHI_CHECK enum nhi_err nhi_copy_open(const unsigned char *image, size_t len, struct nhi_ledger **out);
/* Changes the copy for an agent that this host cannot take under its name: it gets another name, which nobody there
 * has, and is retired. Its uid, its tasks and its tickets stay known. NHI_ERR_NOT_FOUND; NHI_ERR_EXISTS: the other name
 * is taken. */
NHI_CHECK enum nhi_err nhi_copy_leave_out(struct nhi_ledger *copy, const char *name, const char *as, int64_t now);
/* Attaches the copy's data to the ledger, for the functions below. Call it outside of a transaction. */
NHI_CHECK enum nhi_err nhi_restore_attach(struct nhi_ledger *l, struct nhi_ledger *copy);

#endif
