/* SPDX-License-Identifier: ISC */
#include "libnhi/ledger/fold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/base/grow.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/grant_hour.h"
#include "libnhi/grant/grant_kind.h"
#include "libnhi/grant/grant_record.h"
#include "libnhi/grant/record.h"
#include "libnhi/ledger/event.h"
#include "libnhi/ledger/fold_resting.h"
#include "libnhi/ledger/grant_event.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_lineage.h"
#include "libnhi/ledger/ledger_session.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/session/session.h"

/* Records in one transaction, since other writers wait for its end. The next command folds the rest. */
#define RECORDS_MAX 5000

#define SETTLED 10 /* seconds after which a new record surely has all its names */

/* What happens to a record once the ledger has it: it is removed, or it stays and need not be looked at until this
 * time. */
struct done {
    char name[NAME_MAX + 1];
    int64_t until; /* 0: remove it */
};

struct fold {
    struct nhi_ledger *ledger;
    int dirfd;
    int64_t now;
    char boot[37];
    struct done *done;
    size_t count, room;
    bool flushed; /* the names of the records that stay are on the disk */
    bool whole;   /* all records were seen */
    struct nhi_resting resting;
    struct nhi_fold_result result;
};

static enum nhi_err rest_until(struct fold *f, const char *name, int64_t until)
{
    struct done *more;

    more = nhi_grow(f->done, &f->room, f->count + 1, sizeof(*more));
    if (more == NULL)
        return NHI_ERR_NOMEM;
    f->done = more;
    snprintf(f->done[f->count].name, NAME_MAX + 1, "%s", name);
    f->done[f->count++].until = until;
    return NHI_OK;
}

static enum nhi_err later(struct fold *f, const char *name)
{
    return rest_until(f, name, 0);
}

/* A slot or a pin stays as long as its ticket, a denial as long as its hour. So no command has to read those of ten
 * thousand live tickets. */
static int64_t next_look(const char *name, int64_t until)
{
    return until % 2 == (name[0] == NHI_RECORD_PIN) ? until : until - 1;
}

static bool settle(struct fold *f, const struct done *one)
{
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = one->until } };

    if (one->until == 0)
        return unlinkat(f->dirfd, one->name, 0) == 0;
    /* No later command flushes a record at rest, so its name must be on the disk. */
    if (!f->flushed)
        return false;
    if (utimensat(f->dirfd, one->name, times, AT_SYMLINK_NOFOLLOW) == 0 &&
        nhi_record_rests(f->dirfd, one->name, f->now))
        nhi_resting_add(&f->resting, one->name, one->until);
    return false;
}

static enum nhi_err fold_event(struct fold *f, const struct nhi_grant *g)
{
    bool permit = g->reason == NHI_PERMIT && !g->observed && !g->became, folded = false;
    struct nhi_event e;
    enum nhi_err err;
    char *detail = NULL;

    nhi_grant_event(g, &e);
    err = nhi_grant_encode(g, &detail);
    if (err != NHI_OK)
        return err;
    e.detail = detail;
    err = nhi_event_fold(f->ledger, &e, permit, &folded);
    free(detail);
    if (err == NHI_OK && folded && g->observed)
        err = nhi_observed_add(f->ledger, g->subject, g->reason == NHI_PERMIT, g->at);
    if (folded)
        f->result.folded++;
    return err;
}

/* The grant that this record names was never used. */
static enum nhi_err fold_unused(struct fold *f, const struct nhi_grant *g, const char *of)
{
    bool folded = false;
    struct nhi_event e;
    char detail[80];
    enum nhi_err err;

    if (!nhi_name_is_jti(of))
        return NHI_OK;
    nhi_grant_event(g, &e);
    snprintf(e.kind, sizeof(e.kind), "unused");
    e.decision[0] = e.reason[0] = e.proof[0] = '\0';
    snprintf(detail, sizeof(detail), "{\"grant\":\"%s\",\"ms\":%u}", of, (unsigned)g->ms);
    e.detail = detail;
    err = nhi_event_fold(f->ledger, &e, false, &folded);
    f->result.folded += folded;
    return err;
}

/* Removes it once neither the ticket nor the one that renewed it can be used. */
static enum nhi_err later_if_over(struct fold *f, const char *name, const struct nhi_grant *g)
{
    int64_t exp = g->ticket.exp, last;
    enum nhi_err err = nhi_ticket_lineage_end(f->ledger, g->root, &last);

    if (err != NHI_OK && err != NHI_ERR_NOT_FOUND)
        return NHI_OK;
    if (err == NHI_OK && last > exp)
        exp = last;
    return f->now > exp + NHI_CLOCK_SKEW ? later(f, name)
                                         : rest_until(f, name, next_look(name, exp + NHI_CLOCK_SKEW + 1));
}

/* A record that was linked here first is next linked as the grant, which the kernel refuses once it has lost its last
 * name. */
static enum nhi_err later_if_settled(struct fold *f, const char *name, const struct nhi_grant *g)
{
    return f->now - g->at > SETTLED ? later(f, name) : NHI_OK;
}

/* Its name means that this many denials of that ticket were recorded in this hour. */
static enum nhi_err later_if_told(struct fold *f, const char *name, const struct nhi_grant *g)
{
    int64_t hour = g->at / NHI_HOUR;

    if (hour < f->now / NHI_HOUR || hour > f->now / NHI_HOUR + 1)
        return later(f, name);
    return rest_until(f, name, next_look(name, (hour + 1) * NHI_HOUR));
}

static enum nhi_err take_in(struct fold *f, const struct nhi_record_kind *kind, const char *name,
                            const struct nhi_grant *g)
{
    switch (kind->folds) {
    case NHI_FOLDS_DECISION:
        return fold_event(f, g);
    case NHI_FOLDS_UNUSED:
        return fold_unused(f, g, name + 2);
    case NHI_FOLDS_SESSION:
        return strlen(name) > 3 + NHI_JTI_LEN ? nhi_session_note(f->ledger, g, name + 3 + NHI_JTI_LEN) : NHI_OK;
    case NHI_FOLDS_SUPERSEDED:
        return nhi_ticket_supersede(f->ledger, name + 2);
    case NHI_FOLDS_KEY:
        return nhi_key_note_bound(f->ledger, g->ticket.cnf, g->subject);
    case NHI_FOLDS_NOTHING:
        break;
    }
    return NHI_OK;
}

static enum nhi_err let_rest(struct fold *f, const struct nhi_record_kind *kind, const char *name,
                             const struct nhi_grant *g)
{
    switch (kind->rests) {
    case NHI_RESTS_SETTLED:
        return later_if_settled(f, name, g);
    case NHI_RESTS_TICKET:
        return later_if_over(f, name, g);
    case NHI_RESTS_HOUR:
        return g->at / NHI_HOUR >= f->now / NHI_HOUR ? NHI_OK : later(f, name);
    case NHI_RESTS_THIS_HOUR:
        return later_if_told(f, name, g);
    case NHI_RESTS_PROCESS:
        return strcmp(g->boot, f->boot) == 0 && nhi_proc_is_alive(&g->parent) ? NHI_OK : later(f, name);
    case NHI_RESTS_RULE_HOUR: /* not read */
    case NHI_RESTS_NOT:
        break;
    }
    return later(f, name);
}

static enum nhi_err fold_one(struct fold *f, const struct nhi_record_kind *kind, const char *name)
{
    struct nhi_grant g;
    enum nhi_err err;

    /* Its name has all the data. */
    if (kind->rests == NHI_RESTS_RULE_HOUR)
        return nhi_record_is_in_hour(name, f->now) ? NHI_OK : later(f, name);
    err = nhi_record_read(f->dirfd, name, &g);
    if (err == NHI_ERR_NOT_FOUND)
        return NHI_OK;
    if (err != NHI_OK) {
        f->result.bad++;
        return err == NHI_ERR_NOMEM ? err : NHI_OK;
    }
    err = take_in(f, kind, name, &g);
    return err == NHI_OK ? let_rest(f, kind, name, &g) : err;
}

static enum nhi_err fold_all(struct fold *f, DIR *d)
{
    const struct nhi_record_kind *kind;
    struct dirent *e;
    enum nhi_err err;
    size_t seen = 0;

    err = nhi_ledger_begin(f->ledger, f->now);
    if (err != NHI_OK)
        return err;
    while (err == NHI_OK && seen < RECORDS_MAX && (e = readdir(d)) != NULL)
        if ((kind = nhi_record_kind_of(e->d_name)) != NULL &&
            !nhi_resting_has(&f->resting, f->dirfd, e->d_name, f->now)) {
            err = fold_one(f, kind, e->d_name);
            seen += kind->bounded;
        }
    if (err != NHI_OK) {
        nhi_ledger_rollback(f->ledger);
        return err;
    }
    err = nhi_ledger_commit(f->ledger);
    for (size_t i = 0; err == NHI_OK && i < f->count && !f->flushed; i++)
        f->flushed = f->done[i].until != 0 && fsync(f->dirfd) == 0;
    for (size_t i = 0; err == NHI_OK && i < f->count; i++)
        f->result.removed += settle(f, &f->done[i]);
    f->whole = seen < RECORDS_MAX;
    return err;
}

enum nhi_err nhi_fold(const char *dir, struct nhi_ledger *l, int64_t now, struct nhi_fold_result *out)
{
    struct fold f = { .ledger = l, .now = now, .dirfd = -1 };
    enum nhi_err err;
    char path[512];
    DIR *d = NULL;

    if (snprintf(path, sizeof(path), "%s/%s", dir, NHI_GRANTS_DIR) >= (int)sizeof(path))
        return NHI_ERR_ARG;
    err = nhi_boot_id(f.boot);
    if (err == NHI_OK)
        err = nhi_dir_open(path, &f.dirfd);
    if (err != NHI_OK)
        return err;
    d = fdopendir(f.dirfd);
    if (d == NULL) {
        close(f.dirfd);
        return NHI_ERR_SYS;
    }
    nhi_resting_read(dir, &f.resting);
    err = fold_all(&f, d);
    closedir(d);
    if (err == NHI_OK && f.whole)
        nhi_resting_write(dir, &f.resting);
    nhi_resting_free(&f.resting);
    free(f.done);
    if (err == NHI_OK && out != NULL)
        *out = f.result;
    return err;
}

enum nhi_err nhi_fold_last_use(const char *dir, const char *task, int64_t *at)
{
    const struct nhi_record_kind *kind;
    const struct dirent *e;
    enum nhi_err err;
    struct nhi_grant g;
    char path[512];
    int64_t last = 0;
    DIR *d = NULL;
    int dirfd;

    if (snprintf(path, sizeof(path), "%s/%s", dir, NHI_GRANTS_DIR) >= (int)sizeof(path))
        return NHI_ERR_ARG;
    err = nhi_dir_open(path, &dirfd);
    if (err != NHI_OK)
        return err;
    d = fdopendir(dirfd);
    if (d == NULL) {
        close(dirfd);
        return NHI_ERR_SYS;
    }
    while ((e = readdir(d)) != NULL)
        if ((kind = nhi_record_kind_of(e->d_name)) != NULL && kind->is_use &&
            nhi_record_read(dirfd, e->d_name, &g) == NHI_OK && strcmp(g.ticket.task, task) == 0 && g.at > last)
            last = g.at;
    closedir(d);
    *at = last;
    return NHI_OK;
}
