/* SPDX-License-Identifier: ISC */
/*
 * Opening and closing the ledger, and its transactions.
 *
 * MUST: a reader takes no lock that a writer or another reader waits for, since its caller can stop it at any
 * instruction. mode=ro with readonly_shm does that: such a connection never recovers the log, never marks the index and
 * never truncates it; when no writer is alive it reads the log into memory of its own. MUST: a writer waits for no
 * reader: no blocking checkpoint, no exclusive lock on the database file (NO_CKPT_ON_CLOSE), and log and index files
 * stay for the next reader.
 */
#include "libnhi/ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/base/phase.h"
#include "libnhi/ledger/ledger_tie.h"
#include "libnhi/ledger/schema.h"
#include "libnhi/ledger/setting.h"
#include "libnhi/ledger/sql.h"

#define READER_WAIT_MS 2000 /* for an nhictl that recovers after a crash */
#define LOG_HEADER 32       /* bytes before the first page in the log */
#define LOG_KEPT 524288     /* bytes: to read more of it at each opening takes longer than to empty it */

static const char *const companions[] = { NHI_LEDGER_FILE, NHI_LEDGER_FILE "-wal", NHI_LEDGER_FILE "-shm" };

/* By fstatat and not by opening: closing a descriptor would drop SQLite's POSIX locks. */
static enum nhi_err check_files(const char *dir)
{
    enum nhi_err err;
    struct stat st;
    int fd;

    err = nhi_dir_open(dir, &fd);
    if (err != NHI_OK)
        return err;
    for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
        if (fstatat(fd, companions[i], &st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (i == 0)
                err = NHI_ERR_NOT_FOUND;
        } else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
            err = NHI_ERR_UNSAFE;
        }
        if (err != NHI_OK)
            break;
    }
    close(fd);
    return err;
}

int nhi_ledger_patience(enum nhi_ledger_mode mode)
{
    switch (mode) {
    case NHI_LEDGER_WRITE:
        return 10000;
    case NHI_LEDGER_WRITE_SOON:
        return 100;
    case NHI_LEDGER_WRITE_NOW:
        return 0;
    case NHI_LEDGER_READ:
        break;
    }
    return READER_WAIT_MS;
}

static enum nhi_err set_up(struct nhi_ledger *l, int wait_ms)
{
    int on = 1, rc, persist = 1;

    rc = sqlite3_busy_timeout(l->db, wait_ms);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(l->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &on);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, &on);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(l->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, &on);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &on);
    if (rc == SQLITE_OK && l->mode == NHI_LEDGER_WRITE)
        rc = sqlite3_file_control(l->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &persist);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(l->db, "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;", NULL, NULL, NULL);
    /* The cache has room for all that one of many turns changes, or the log would get some pages more than once. */
    if (rc == SQLITE_OK && l->mode == NHI_LEDGER_WRITE)
        rc = sqlite3_exec(l->db,
                          "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                          "PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-16384;",
                          NULL, NULL, NULL);
    return nhi_sql_err(l, rc);
}

/* Programs that use the ledger have one thread, and nobody asks how much memory SQLite has: it needs neither locks nor
 * sums for that. Without effect, and harmless, once SQLite was used. */
static void set_up_sqlite(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum nhi_err connect_db(const char *dir, enum nhi_ledger_mode mode, struct nhi_ledger **out)
{
    int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    struct nhi_ledger *l;
    enum nhi_err err;
    char uri[512];
    int rc;

    /* The path becomes part of a URI, and must not have characters with a meaning there. */
    if (strpbrk(dir, "?#%") != NULL ||
        snprintf(uri, sizeof(uri), "file:%s/%s%s", dir, NHI_LEDGER_FILE,
                 mode == NHI_LEDGER_READ ? "?mode=ro&readonly_shm=1" : "") >= (int)sizeof(uri))
        return NHI_ERR_ARG;
    l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NHI_ERR_NOMEM;
    l->mode = mode == NHI_LEDGER_READ ? NHI_LEDGER_READ : NHI_LEDGER_WRITE;
    set_up_sqlite();
    flags |= mode == NHI_LEDGER_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    rc = sqlite3_open_v2(uri, &l->db, flags, NULL);
    err = nhi_sql_err(l, rc);
    if (err == NHI_OK)
        err = set_up(l, nhi_ledger_patience(mode));
    if (err == NHI_OK)
        *out = l;
    else
        nhi_ledger_close(l);
    return err;
}

/* The log and the index get the mode of the database file, so that file is made first. */
static enum nhi_err make_file(const char *dir)
{
    enum nhi_err err;
    int dirfd, fd;

    err = nhi_dir_open(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    fd = openat(dirfd, NHI_LEDGER_FILE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        err = nhi_err_from_errno(errno);
    else
        close(fd);
    close(dirfd);
    return err;
}

static int open_log(struct nhi_ledger *l, sqlite3_file **log, sqlite3_int64 *size)
{
    int rc = sqlite3_file_control(l->db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, log);

    if (rc == SQLITE_OK && (*log == NULL || (*log)->pMethods == NULL))
        rc = SQLITE_CANTOPEN;
    return rc == SQLITE_OK ? (*log)->pMethods->xFileSize(*log, size) : rc;
}

/* A writer that is killed before its first page leaves a log with only a header, which readers with readonly_shm never
 * accept (at least up to SQLite 3.40: they compare a salt that they read from a longer log only). With one more byte
 * they do. Call with the write lock. */
static enum nhi_err pad_log(struct nhi_ledger *l)
{
    static const char zeros[LOG_HEADER + 1];
    sqlite3_file *log = NULL;
    sqlite3_int64 size = 0;
    int rc = open_log(l, &log, &size);

    if (rc == SQLITE_OK && size <= LOG_HEADER)
        rc = log->pMethods->xWrite(log, zeros, LOG_HEADER + 1 - (int)size, size);
    return nhi_sql_err(l, rc);
}

enum nhi_err nhi_ledger_create(const char *dir, const char *host, uint32_t uid_min, uint32_t uid_max, int64_t now)
{
    struct nhi_ledger *l = NULL;
    enum nhi_err err;
    int64_t tables;

    if (!nhi_name_is_host(host) || uid_min < 1000 || uid_min >= uid_max || uid_max > INT32_MAX)
        return NHI_ERR_ARG;
    err = make_file(dir);
    if (err == NHI_OK)
        err = check_files(dir);
    if (err == NHI_OK)
        err = connect_db(dir, NHI_LEDGER_WRITE, &l);
    if (err != NHI_OK)
        return err;
    err = nhi_sql_err(l, sqlite3_exec(l->db, "BEGIN EXCLUSIVE", NULL, NULL, NULL));
    if (err == NHI_OK)
        err = pad_log(l);
    /* An attempt that was interrupted left an empty file: continue with it. */
    if (err == NHI_OK)
        err = nhi_sql_number(l, &tables, "SELECT count(*) FROM sqlite_schema", "");
    if (err == NHI_OK && tables != 0)
        err = NHI_ERR_EXISTS;
    if (err == NHI_OK)
        err = nhi_schema_create(l, host, uid_min, uid_max, now);
    if (err == NHI_OK)
        err = nhi_ledger_commit(l);
    if (err == NHI_OK)
        nhi_ledger_empty_log(l);
    nhi_ledger_close(l);
    return err;
}

/* The first read fixes the state that a reader sees. While a new writer is still checking the log, it fails with
 * SQLITE_READONLY, for which the busy timeout does not wait. */
static enum nhi_err begin_reading(struct nhi_ledger *l)
{
    static const struct timespec pause = { .tv_nsec = 2000000 };
    int rc;

    for (int tries = 0; tries < READER_WAIT_MS / 2; tries++) {
        rc = sqlite3_exec(l->db, "BEGIN; SELECT 1 FROM setting", NULL, NULL, NULL);
        if ((rc & 0xff) != SQLITE_READONLY)
            break;
        nhi_ledger_rollback(l);
        (void)nanosleep(&pause, NULL);
    }
    if ((rc & 0xff) == SQLITE_READONLY)
        rc = SQLITE_BUSY;
    return nhi_sql_err(l, rc);
}

enum nhi_err nhi_ledger_open(const char *dir, enum nhi_ledger_mode mode, struct nhi_ledger **out)
{
    struct nhi_ledger *l = NULL;
    enum nhi_err err;

    err = check_files(dir);
    if (err == NHI_OK)
        err = connect_db(dir, mode, &l);
    if (err == NHI_OK && mode == NHI_LEDGER_READ) {
        err = begin_reading(l);
        if (err == NHI_OK)
            err = nhi_schema_check(l);
        nhi_ledger_rollback(l);
    } else if (err == NHI_OK) {
        err = nhi_schema_check(l);
    }
    if (err == NHI_OK)
        *out = l;
    else
        nhi_ledger_close(l);
    return err;
}

static void stop_publishing(struct nhi_ledger *l)
{
    if (l->hooks != NULL)
        l->hooks->free(l->publisher);
    l->hooks = NULL;
    l->publisher = NULL;
}

/* It takes the locks of a reader alone then, and does not empty the log when it is closed. */
enum nhi_err nhi_ledger_only_reads(struct nhi_ledger *l)
{
    if (!sqlite3_get_autocommit(l->db))
        return NHI_ERR_STATE;
    stop_publishing(l);
    l->mode = NHI_LEDGER_READ;
    return nhi_sql_err(l, sqlite3_exec(l->db, "PRAGMA query_only=ON", NULL, NULL, NULL));
}

/* Only as much as needs no waiting: a reader that was stopped may hold its position for ever. */
void nhi_ledger_empty_log(struct nhi_ledger *l)
{
    (void)sqlite3_busy_timeout(l->db, 0);
    (void)sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

bool nhi_ledger_has_log(const char *dir)
{
    struct stat st;
    bool has;
    int fd;

    if (nhi_dir_borrow(dir, &fd) != NHI_OK)
        return false;
    has = fstatat(fd, companions[1], &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > LOG_HEADER + 1;
    nhi_dir_return(fd);
    return has;
}

/* Two flushes, which nobody should wait for who changed only a few rows: those are on the disk already, in the log. */
static void empty_long_log(struct nhi_ledger *l)
{
    sqlite3_file *log = NULL;
    sqlite3_int64 size = 0;

    if (open_log(l, &log, &size) != SQLITE_OK || size > LOG_KEPT)
        nhi_ledger_empty_log(l);
}

void nhi_ledger_close(struct nhi_ledger *l)
{
    if (l == NULL)
        return;
    if (l->db != NULL && l->mode == NHI_LEDGER_WRITE) {
        nhi_ledger_rollback(l);
        empty_long_log(l);
    }
    nhi_sql_forget(l);
    (void)sqlite3_close(l->db);
    stop_publishing(l);
    free(l);
}

/* What belongs to every transaction of a writer. */
static enum nhi_err begin_writing(struct nhi_ledger *l, int64_t now)
{
    enum nhi_err err = pad_log(l);

    l->chained = false;
    if (err == NHI_OK)
        err = nhi_sql_note_boot(l, now);
    if (err == NHI_OK)
        err = nhi_sql_run(l, NULL, "UPDATE setting SET latest = ?1 WHERE latest < ?1", "i", now);
    if (err == NHI_OK && l->hooks != NULL)
        err = l->hooks->begun(l, now);
    return err;
}

enum nhi_err nhi_ledger_begin(struct nhi_ledger *l, int64_t now)
{
    enum nhi_err err = NHI_OK;

    if (l->mode == NHI_LEDGER_READ)
        return begin_reading(l);
    /* The turn of publishers first: the order in which they commit is the order in which they publish. */
    if (l->hooks != NULL)
        err = l->hooks->begin(l);
    if (err != NHI_OK)
        return err;
    err = nhi_sql_err(l, sqlite3_exec(l->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    if (err == NHI_OK)
        err = begin_writing(l, now);
    if (err != NHI_OK)
        nhi_ledger_rollback(l);
    return err;
}

enum nhi_err nhi_ledger_commit(struct nhi_ledger *l)
{
    enum nhi_err err = NHI_OK;

    l->chained = false;
    if (l->hooks != NULL)
        err = l->hooks->commit(l);
    if (err == NHI_OK)
        err = nhi_sql_err(l, sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL));
    if (err != NHI_OK)
        nhi_ledger_rollback(l);
    else if (l->hooks != NULL)
        l->hooks->committed(l);
    return err;
}

void nhi_ledger_rollback(struct nhi_ledger *l)
{
    l->chained = false;
    if (!sqlite3_get_autocommit(l->db))
        (void)sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
    if (l->hooks != NULL)
        l->hooks->undone(l);
}

const char *nhi_ledger_message(const struct nhi_ledger *l)
{
    return l != NULL && l->message[0] != '\0' ? l->message : "no message";
}

enum nhi_err nhi_ledger_settings(struct nhi_ledger *l, struct nhi_settings *out)
{
    char line[NHI_SETTING_LINE_MAX + 1] = "";
    struct nhi_settings s = { .host = "" };
    sqlite3_stmt *st = NULL;
    enum nhi_err err;

    err =
        nhi_sql_prepare(l, &st,
                        "SELECT host, uid_min, uid_max, next_uid, latest, created, line, policy, archived,"
                        " archived_before, archived_hash, epoch, epoch_at, machine, boot, strange, coalesce((SELECT seq"
                        "  FROM sqlite_sequence WHERE name = 'event'), 0) FROM setting",
                        "");
    if (err == NHI_OK)
        err = nhi_sql_step(l, st);
    if (err == NHI_ERR_NOT_FOUND)
        err = NHI_ERR_CORRUPT;
    if (err == NHI_OK) {
        nhi_sql_text(st, 0, s.host, sizeof(s.host), &err);
        s.uid_min = (uint32_t)nhi_sql_int(st, 1, 1000, INT32_MAX, &err);
        s.uid_max = (uint32_t)nhi_sql_int(st, 2, s.uid_min, INT32_MAX, &err);
        s.next_uid = (uint32_t)nhi_sql_int(st, 3, s.uid_min, (int64_t)s.uid_max + 1, &err);
        s.latest = nhi_sql_int(st, 4, 0, INT64_MAX, &err);
        s.created = nhi_sql_int(st, 5, 0, INT64_MAX, &err);
        nhi_sql_text(st, 6, line, sizeof(line), &err);
        s.policy = nhi_sql_int(st, 7, 0, INT64_MAX, &err);
        s.archived = nhi_sql_int(st, 8, 0, INT64_MAX - 1, &err);
        s.archived_before = nhi_sql_int(st, 9, INT64_MIN, INT64_MAX, &err);
        nhi_sql_text(st, 10, s.archived_hash, sizeof(s.archived_hash), &err);
        s.epoch = nhi_sql_int(st, 11, 0, INT64_MAX - 1, &err);
        s.epoch_at = nhi_sql_int(st, 12, 0, INT64_MAX, &err);
        nhi_sql_text(st, 13, s.tie.machine, sizeof(s.tie.machine), &err);
        nhi_sql_text(st, 14, s.tie.boot, sizeof(s.tie.boot), &err);
        s.tie.strange = nhi_sql_int(st, 15, 0, 1, &err) == 1;
        s.event = nhi_sql_int(st, 16, 0, INT64_MAX - 1, &err);
    }
    nhi_sql_done(l, st);
    if (err == NHI_OK)
        err = nhi_setting_line_parse(line, &s);
    if (err == NHI_OK)
        *out = s;
    return err;
}

enum nhi_err nhi_ledger_set(struct nhi_ledger *l, const struct nhi_settings *set)
{
    char line[NHI_SETTING_LINE_MAX + 1];

    nhi_setting_line_format(set, line);
    return nhi_sql_run(l, NULL, "UPDATE setting SET line = ?", "s", line);
}
