/* SPDX-License-Identifier: ISC */
/*
 * Who revoked something or locked the host down, and why: notes for the ledger, until that can be written.
 *
 * A separate file of fixed size, made with the reserve. No revocation depends on it: if it is full or missing, only the
 * system log has the reason.
 */
#ifndef NHI_RESERVE_NOTES_H
#define NHI_RESERVE_NOTES_H

#include "libnhi/ledger/ledger.h"

#define NHI_RESERVE_NOTES 126
#define NHI_NOTE_LOCKDOWN_ON 5 /* in addition to enum nhi_revoke_kind */
#define NHI_NOTE_LOCKDOWN_OFF 6

struct nhi_reserve_note {
    unsigned kind; /* 0: no note */
    int64_t at;
    int64_t uid, loginuid, sudo_uid; /* who, as in the detail of an event; -1: unknown */
    char id[NHI_TASK_MAX + 1];       /* as in struct nhi_reserve_slot; empty for lockdown */
    char reason[NHI_TEXT_MAX + 1];
};

/* dir: the state directory. Changes nothing if the file exists. */
NHI_CHECK enum nhi_err nhi_reserve_notes_create(const char *dir);
/* On the disk when it returns NHI_OK. Waits for nobody. NHI_ERR_FULL: no room. */
NHI_CHECK enum nhi_err nhi_reserve_note_add(const char *dir, const struct nhi_reserve_note *n);

/* For moving the reserve into the ledger. */
struct nhi_reserve_notes;
/* NHI_ERR_NOT_FOUND: no such file. The caller closes it. Notes that nhi did not write are left out. */
NHI_CHECK enum nhi_err nhi_reserve_notes_open(const char *dir, struct nhi_reserve_notes **out);
/* The next note from number *at on, which is moved past it; NULL: no more. */
const struct nhi_reserve_note *nhi_reserve_notes_next(const struct nhi_reserve_notes *n, size_t *at);
/* Removes the notes that existed when it was opened. */
NHI_CHECK enum nhi_err nhi_reserve_notes_clear(struct nhi_reserve_notes *n);
void nhi_reserve_notes_close(struct nhi_reserve_notes *n);

#endif
