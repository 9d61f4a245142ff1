/* SPDX-License-Identifier: ISC */
/*
 * An archive: old events, moved from the ledger into a file that can be verified in the same way.
 *
 * In this order: archive_choose, archive_write, and archive_take_away in a transaction. A process that is killed
 * between the last two leaves a file whose events are all in the ledger, too.
 */
#ifndef NHICTL_ARCHIVE_H
#define NHICTL_ARCHIVE_H

#include <stdio.h>

#include "libnhi/base/paths.h"
#include "libnhi/ledger/chain.h"
#include "nhictl/store/store.h"

struct archive {
    const char *file, *name;  /* file: set by the caller; name: in dir */
    int dir;                  /* at first -1; the caller closes it */
    struct nhi_new_file made; /* at first .fd = -1 */
    struct nhi_chain from;    /* the event before its first one */
    struct nhi_chain to;      /* its last event, as verified */
    int64_t until;            /* number of the last event that is meant */
    FILE *f;                  /* for archive_prove */
    bool nothing;             /* no event is that old */
    bool unsent;              /* no event of those has reached the system log, which exists */
    bool failed;
};

/* Sets from, until, nothing and unsent; until may be lowered before archive_write. */
NHI_CHECK enum nhi_err archive_choose(struct store *s, int64_t before, struct archive *a);
/* Makes the file, proves it, and gives it its name. These return an exit code after reporting what was wrong. */
int archive_write(struct ctl *c, struct store *s, struct archive *a);
/* Reads a->f from its start: it has to have the events after from up to until, and sets to. */
int archive_prove(struct ctl *c, struct archive *a);
/* Removes the events from the ledger and adds the event of that, in the open transaction. The records were noted
 * (nhi_archive_note_records) after the file was made. before: the moment that the ledger is to remember. */
int archive_take_away(struct ctl *c, struct store *s, const struct archive *a, int64_t before);

#endif
