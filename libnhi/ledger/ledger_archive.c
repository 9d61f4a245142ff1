/* SPDX-License-Identifier: ISC */
/*
 * The boundary between archived events and those in the ledger.
 *
 * MUST: a record whose event was archived is not folded again, however long it stays among the grants.
 */
#include "libnhi/ledger/ledger_archive.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/grant/grant_kind.h"
#include "libnhi/grant/record.h"
#include "libnhi/ledger/event.h"
#include "libnhi/ledger/sql.h"

enum nhi_err nhi_archive_cut(struct nhi_ledger *l, int64_t before, int64_t *until)
{
    return nhi_sql_number(l, until,
                          "SELECT coalesce(max(seq), 0) FROM event WHERE seq <"
                          " coalesce((SELECT min(seq) FROM event WHERE at >= ?), 9223372036854775807)",
                          "i", before);
}

enum nhi_err nhi_archive_needed(struct nhi_ledger *l, int64_t now, int64_t *since)
{
    return nhi_sql_number(
        l, since,
        "SELECT coalesce(min(at), 9223372036854775807) FROM"
        " (SELECT min(r.recorded) AS at FROM ticket t JOIN ticket r ON r.jti = t.root WHERE t.exp > ?1"
        " UNION ALL SELECT min(began) FROM session WHERE ended = 0"
        " UNION ALL SELECT min(r.recorded) FROM session s JOIN ticket t ON t.jti = s.jti"
        " JOIN ticket r ON r.jti = t.root WHERE s.ended = 0)",
        "i", now);
}

/* Writes the records that may be folded, for the first time or again, into a table of this connection alone. */
static enum nhi_err note_each(struct nhi_ledger *l, int dirfd, DIR *d)
{
    const struct nhi_record_kind *kind;
    const struct dirent *e;
    struct nhi_grant g;
    enum nhi_err err;

    err = nhi_sql_run(l, NULL, "DROP TABLE IF EXISTS temp.lying", "");
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "CREATE TEMP TABLE lying (record TEXT PRIMARY KEY) WITHOUT ROWID", "");
    while (err == NHI_OK && (e = readdir(d)) != NULL) {
        kind = nhi_record_kind_of(e->d_name);
        if (kind == NULL || (kind->folds != NHI_FOLDS_DECISION && kind->folds != NHI_FOLDS_UNUSED))
            continue;
        err = nhi_record_read(dirfd, e->d_name, &g);
        if (err == NHI_OK)
            err = nhi_sql_run(l, NULL, "INSERT OR IGNORE INTO lying VALUES (?)", "s", g.id);
        else if (err != NHI_ERR_NOMEM)
            err = NHI_OK; /* removed, or never folded */
    }
    return err;
}

static enum nhi_err remember(struct nhi_ledger *l, int64_t until)
{
    enum nhi_err err;

    err = nhi_sql_run(l, NULL,
                      "INSERT OR IGNORE INTO archived_record SELECT record FROM event"
                      " WHERE seq <= ? AND record IN (SELECT record FROM lying)",
                      "i", until);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "DELETE FROM archived_record WHERE record NOT IN (SELECT record FROM lying)", "");
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "DROP TABLE lying", "");
    return err;
}

enum nhi_err nhi_archive_note_records(struct nhi_ledger *l, const char *dir)
{
    enum nhi_err err;
    char path[512];
    DIR *d;
    int fd;

    if (snprintf(path, sizeof(path), "%s/%s", dir, NHI_GRANTS_DIR) >= (int)sizeof(path))
        return NHI_ERR_ARG;
    err = nhi_dir_open(path, &fd);
    if (err != NHI_OK)
        return err;
    d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return NHI_ERR_SYS;
    }
    err = note_each(l, fd, d);
    closedir(d);
    return err;
}

enum nhi_err nhi_archive_remove(struct nhi_ledger *l, int64_t until, const char *hash, int64_t before)
{
    enum nhi_err err;
    int64_t there;

    err = nhi_sql_number(l, &there, "SELECT count(*) FROM event WHERE seq = ?1 AND hash = ?2", "is", until, hash);
    if (err == NHI_OK && there != 1)
        err = NHI_ERR_STATE;
    if (err == NHI_OK)
        err = remember(l, until);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "DELETE FROM event WHERE seq <= ?", "i", until);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "UPDATE setting SET archived = ?, archived_hash = ?, archived_before = ?", "isi",
                          until, hash, before);
    return err;
}
