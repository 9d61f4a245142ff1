/* SPDX-License-Identifier: ISC */
/*
 * Writing the reserve file, by root's nhictl. Moving it into the ledger excludes others who do that with flock; adding
 * to it and locking the host down wait for nobody.
 *
 * MUST: every slot lies in one 512-byte sector, so that a write happens completely or not at all.
 */
#include "libnhi/reserve/reserve_write.h"

#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_ticket.h"
#include "libnhi/reserve/reserve.h"
#include "libnhi/reserve/reserve_image.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/reserve/reserve_notes.h"

#define TURN_MS 100
#define FROM_RESERVE "recorded in the reserve"

/* Complete when it gets its name, and never in the place of another: that may have entries. */
static enum nhi_err create_in(int dirfd, const union reserve_image *im)
{
    struct nhi_new_file f = { .fd = -1 };
    enum nhi_err err;

    /* That it exists is known without any space. */
    if (faccessat(dirfd, NHI_RESERVE_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return NHI_ERR_EXISTS;
    err = nhi_file_begin(dirfd, NHI_RESERVE_FILE, &f);
    if (err != NHI_OK)
        return err;
    err = nhi_file_write(f.fd, im->bytes, sizeof(im->bytes));
    if (err == NHI_OK && fsync(f.fd) != 0)
        err = nhi_err_from_errno(errno);
    if (err == NHI_OK)
        err = nhi_file_link(f.fd, dirfd, NHI_RESERVE_FILE);
    nhi_file_drop(dirfd, &f);
    if (err == NHI_OK && fsync(dirfd) != 0)
        err = nhi_err_from_errno(errno);
    return err;
}

enum nhi_err nhi_reserve_create(const char *dir)
{
    union reserve_image *im;
    enum nhi_err err;
    int dirfd;

    im = calloc(1, sizeof(*im));
    if (im == NULL)
        return NHI_ERR_NOMEM;
    memcpy(im->header.magic, NHI_RESERVE_MAGIC, sizeof(im->header.magic));
    im->header.sum = nhi_reserve_header_sum(im->header);
    err = nhi_dir_open(dir, &dirfd);
    if (err == NHI_OK) {
        err = create_in(dirfd, im);
        close(dirfd);
    }
    free(im);
    /* Without this file only reasons would be lost. */
    (void)!nhi_reserve_notes_create(dir);
    return err;
}

/* Waits only as long as a running process needs: a stopped one holds up nobody. */
static enum nhi_err take_turn(int fd)
{
    const struct timespec pause = { .tv_nsec = 1000000 };

    for (int tries = 0; tries < TURN_MS; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return NHI_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return NHI_ERR_SYS;
        (void)nanosleep(&pause, NULL);
    }
    return NHI_ERR_BUSY;
}

/* turn: whether others have to be kept out. The caller closes fd on success. */
static enum nhi_err open_to_write(const char *dir, bool turn, int *fd, union reserve_image *im)
{
    enum nhi_err err = nhi_reserve_open(dir, O_RDWR, fd);

    if (err != NHI_OK)
        return err;
    if (turn)
        err = take_turn(*fd);
    if (err == NHI_OK)
        err = nhi_reserve_read(*fd, im);
    if (err != NHI_OK)
        close(*fd);
    return err;
}

/* On success the data is on the disk. */
static enum nhi_err close_written(int fd, enum nhi_err err)
{
    if (err == NHI_OK && fdatasync(fd) != 0)
        err = nhi_err_from_errno(errno);
    close(fd);
    return err;
}

static enum nhi_err put_slot(int fd, size_t place, const struct reserve_slot *s)
{
    ssize_t n = pwrite(fd, s, sizeof(*s), (off_t)(place * RESERVE_SLOT_SIZE));

    if (n != (ssize_t)sizeof(*s))
        return n < 0 ? nhi_err_from_errno(errno) : NHI_ERR_SYS;
    return NHI_OK;
}

/* Each writer locks only its own slot: a stopped one holds up nobody, since others take another slot. The slot may have
 * changed a moment ago. */
static bool take_slot(int fd, union reserve_image *im, size_t place)
{
    struct flock l = { .l_type = F_WRLCK,
                       .l_whence = SEEK_SET,
                       .l_start = (off_t)(place * RESERVE_SLOT_SIZE),
                       .l_len = RESERVE_SLOT_SIZE };
    struct reserve_slot now;

    if (fcntl(fd, F_OFD_SETLK, &l) != 0 || pread(fd, &now, sizeof(now), l.l_start) != (ssize_t)sizeof(now) ||
        memcmp(&now, &im->slots[place], sizeof(now)) != 0) {
        im->slots[place].kind = UINT8_MAX; /* not usable for this writer */
        return false;
    }
    return true;
}

/* The slot that has this already, else the first empty one. 0: full. */
static size_t place_for(const union reserve_image *im, const struct reserve_slot *want)
{
    size_t empty = 0;

    for (size_t i = NHI_RESERVE_SLOTS; i >= 1; i--) {
        if (im->slots[i].kind == want->kind && strcmp(im->slots[i].id, want->id) == 0)
            return i;
        if (im->slots[i].kind == 0)
            empty = i;
    }
    return empty;
}

enum nhi_err nhi_reserve_add(const char *dir, enum nhi_revoke_kind kind, const char *id, int64_t at)
{
    struct reserve_slot s = { .kind = (uint8_t)kind, .at = htole64((uint64_t)at) };
    union reserve_image *im;
    enum nhi_err err;
    size_t place;
    int fd = -1;

    if (!nhi_reserve_id_ok((unsigned)kind, id))
        return NHI_ERR_ARG;
    memcpy(s.id, id, strlen(id));
    s.sum = nhi_reserve_slot_sum(s);
    im = malloc(sizeof(*im));
    if (im == NULL)
        return NHI_ERR_NOMEM;
    err = open_to_write(dir, false, &fd, im);
    if (err != NHI_OK)
        goto out;
    do
        place = place_for(im, &s);
    while (place != 0 && !take_slot(fd, im, place));
    /* An existing entry stays, except that an agent's moment may move forward. */
    if (place == 0)
        err = NHI_ERR_FULL;
    else if (im->slots[place].kind == 0 || (kind == NHI_REVOKE_AGENT && (int64_t)le64toh(im->slots[place].at) < at))
        err = put_slot(fd, place, &s);
    err = close_written(fd, err);
out:
    free(im);
    return err;
}

static enum nhi_err create_if_missing(const char *run_dir)
{
    enum nhi_err err = nhi_reserve_create(run_dir);

    return err == NHI_ERR_EXISTS ? NHI_OK : err;
}

enum nhi_err nhi_reserve_add_for_now(const char *run_dir, enum nhi_revoke_kind kind, const char *id, int64_t at)
{
    enum nhi_err err = create_if_missing(run_dir);

    return err == NHI_OK ? nhi_reserve_add(run_dir, kind, id, at) : err;
}

static enum nhi_err set_lockdown(const char *dir, bool on)
{
    union reserve_image *im = malloc(sizeof(*im));
    enum nhi_err err;
    int fd = -1;

    if (im == NULL)
        return NHI_ERR_NOMEM;
    /* Its sector has one meaning, and no writer of a slot writes it. */
    err = open_to_write(dir, false, &fd, im);
    if (err == NHI_OK) {
        im->header.lockdown = on;
        im->header.sum = nhi_reserve_header_sum(im->header);
        err = close_written(fd, put_slot(fd, 0, &im->slots[0]));
    }
    free(im);
    return err;
}

enum nhi_err nhi_reserve_lock_down(const char *dir, const char *run_dir, bool *lasts)
{
    enum nhi_err err = set_lockdown(dir, true);

    *lasts = err == NHI_OK;
    if (err == NHI_OK || create_if_missing(run_dir) != NHI_OK || set_lockdown(run_dir, true) != NHI_OK)
        return err;
    return NHI_OK;
}

/* Keeps out who moves a lockdown from one to the other, unless that process stands still. -1: there is no reserve in
 * that directory, or it does. */
static int keep_out(const char *run_dir, union reserve_image *im)
{
    int fd = -1;

    return open_to_write(run_dir, true, &fd, im) == NHI_OK ? fd : -1;
}

enum nhi_err nhi_reserve_let_in(const char *dir, const char *run_dir)
{
    union reserve_image *im = malloc(sizeof(*im));
    enum nhi_err err;
    int fd;

    if (im == NULL)
        return NHI_ERR_NOMEM;
    fd = keep_out(run_dir, im);
    err = set_lockdown(run_dir, false);
    if (err == NHI_OK || err == NHI_ERR_NOT_FOUND)
        err = set_lockdown(dir, false);
    if (fd >= 0)
        close(fd);
    free(im);
    return err;
}

/* Adds one event: from a note, or from the slot itself if it has none. */
static enum nhi_err add_event(struct nhi_ledger *l, const struct nhi_reserve_note *n)
{
    struct nhi_event e = { .at = n->at, .kind = "revoke" };
    char detail[256];
    int len = snprintf(detail, sizeof(detail), "{\"held_in\":\"reserve\"");

    if (n->kind == NHI_NOTE_LOCKDOWN_ON || n->kind == NHI_NOTE_LOCKDOWN_OFF)
        snprintf(e.kind, sizeof(e.kind), "lockdown-%s", n->kind == NHI_NOTE_LOCKDOWN_ON ? "on" : "off");
    else /* no ID has characters that JSON would escape */
        len += snprintf(detail + len, sizeof(detail) - (size_t)len, ",\"kind\":\"%s\",\"id\":\"%s\"",
                        nhi_revoke_kind_name((enum nhi_revoke_kind)n->kind), n->id);
    if (n->uid >= 0)
        len += snprintf(detail + len, sizeof(detail) - (size_t)len, ",\"uid\":%lld", (long long)n->uid);
    if (n->loginuid >= 0)
        len += snprintf(detail + len, sizeof(detail) - (size_t)len, ",\"loginuid\":%lld", (long long)n->loginuid);
    if (n->sudo_uid >= 0)
        len += snprintf(detail + len, sizeof(detail) - (size_t)len, ",\"sudo_uid\":%lld", (long long)n->sudo_uid);
    snprintf(detail + len, sizeof(detail) - (size_t)len, "}");
    e.detail = detail;
    memcpy(e.cause, n->reason, sizeof(n->reason));
    if (n->kind == NHI_REVOKE_TICKET)
        memcpy(e.jti, n->id, NHI_JTI_LEN + 1);
    else if (n->kind == NHI_REVOKE_TASK)
        memcpy(e.task, n->id, sizeof(e.task));
    else if (n->kind == NHI_REVOKE_AGENT)
        memcpy(e.agent, n->id, sizeof(e.agent));
    else if (n->kind == NHI_REVOKE_ISSUER)
        memcpy(e.kid, n->id, sizeof(e.kid));
    return nhi_event_add(l, &e);
}

/* The first note about that slot. */
static const struct nhi_reserve_note *note_of(const struct nhi_reserve_notes *notes, const struct nhi_reserve_slot *s)
{
    const struct nhi_reserve_note *n;
    size_t at = 0;

    while ((n = nhi_reserve_notes_next(notes, &at)) != NULL)
        if (n->kind == s->kind && strcmp(n->id, s->id) == 0)
            break;
    return n;
}

static enum nhi_err drain_slot(struct nhi_ledger *l, const struct nhi_reserve_slot *s,
                               const struct nhi_reserve_notes *notes)
{
    const struct nhi_reserve_note *n = note_of(notes, s);
    struct nhi_reserve_note unsaid = {
        .kind = s->kind, .at = s->at, .uid = -1, .loginuid = -1, .sudo_uid = -1, .reason = FROM_RESERVE
    };
    enum nhi_err err = nhi_revoke(l, s->kind, s->id, n != NULL ? n->reason : FROM_RESERVE, s->at, NULL);

    /* If the ledger never knew the agent or issuer, there is nothing to revoke. */
    if (err == NHI_ERR_NOT_FOUND)
        err = NHI_OK;
    memcpy(unsaid.id, s->id, sizeof(unsaid.id));
    return err == NHI_OK && n == NULL ? add_event(l, &unsaid) : err;
}

static enum nhi_err drain_into(struct nhi_ledger *l, const struct nhi_reserve *r, const struct nhi_reserve_notes *notes,
                               int64_t now)
{
    enum nhi_err err = nhi_ledger_begin(l, now);
    const struct nhi_reserve_note *n;
    size_t at = 0;

    for (size_t i = 0; i < r->count && err == NHI_OK; i++)
        err = drain_slot(l, &r->slots[i], notes);
    while (err == NHI_OK && (n = nhi_reserve_notes_next(notes, &at)) != NULL)
        err = add_event(l, n);
    if (err == NHI_OK)
        return nhi_ledger_commit(l);
    nhi_ledger_rollback(l);
    return err;
}

/* Call it only once the ledger has them on the disk. */
static enum nhi_err empty_all(int fd, union reserve_image *im)
{
    const struct reserve_slot empty = { .kind = 0 };
    enum nhi_err err = NHI_OK;

    for (size_t i = 1; err == NHI_OK && i <= NHI_RESERVE_SLOTS; i++)
        if (im->slots[i].kind != 0 && take_slot(fd, im, i))
            err = put_slot(fd, i, &empty);
    if (err == NHI_OK && fdatasync(fd) != 0)
        err = nhi_err_from_errno(errno);
    return err;
}

/* Makes the file again if it was lost. */
static struct nhi_reserve_notes *notes_of(const char *dir)
{
    struct nhi_reserve_notes *notes = NULL;
    enum nhi_err err = nhi_reserve_notes_open(dir, &notes);

    if (err == NHI_ERR_NOT_FOUND)
        (void)!nhi_reserve_notes_create(dir);
    return err == NHI_OK ? notes : NULL;
}

static enum nhi_err drain_one(const char *dir, struct nhi_ledger *l, int64_t now, struct nhi_reserve *r)
{
    union reserve_image *im = malloc(sizeof(*im));
    struct nhi_reserve_notes *notes = NULL;
    enum nhi_err err = NHI_ERR_NOMEM;
    size_t first = 0;
    int fd = -1;

    if (im == NULL)
        return err;
    err = open_to_write(dir, true, &fd, im);
    if (err != NHI_OK)
        goto out;
    nhi_reserve_parse(im, r);
    notes = notes_of(dir);
    if (r->count > 0 || nhi_reserve_notes_next(notes, &first) != NULL)
        err = drain_into(l, r, notes, now);
    if (err == NHI_OK && r->count > 0)
        err = empty_all(fd, im);
    if (err == NHI_OK && notes != NULL)
        err = nhi_reserve_notes_clear(notes);
    close(fd);
out:
    nhi_reserve_notes_close(notes);
    free(im);
    return err;
}

/* What only the run directory has ends when the host is restarted: it goes to the disk. */
static enum nhi_err move_lockdown(const char *dir, const char *run_dir)
{
    union reserve_image *im = malloc(sizeof(*im));
    enum nhi_err err = NHI_OK;
    int fd;

    if (im == NULL)
        return NHI_ERR_NOMEM;
    fd = keep_out(run_dir, im);
    if (fd >= 0 && im->header.lockdown != 0)
        err = set_lockdown(dir, true);
    if (fd >= 0 && im->header.lockdown != 0 && err == NHI_OK)
        err = set_lockdown(run_dir, false);
    if (fd >= 0)
        close(fd);
    free(im);
    return err;
}

static enum nhi_err drain_run(const char *dir, const char *run_dir, struct nhi_ledger *l, int64_t now,
                              struct nhi_reserve *r)
{
    enum nhi_err err = drain_one(run_dir, l, now, r);

    if (err == NHI_ERR_NOT_FOUND)
        return NHI_OK;
    return err == NHI_OK && r->lockdown ? move_lockdown(dir, run_dir) : err;
}

enum nhi_err nhi_reserve_drain(const char *dir, const char *run_dir, struct nhi_ledger *l, int64_t now, uint32_t *moved)
{
    struct nhi_reserve *r = calloc(2, sizeof(*r));
    enum nhi_err err, more;

    if (r == NULL)
        return NHI_ERR_NOMEM;
    err = drain_one(dir, l, now, &r[0]);
    more = drain_run(dir, run_dir, l, now, &r[1]);
    if (err == NHI_OK)
        err = more;
    if (err == NHI_OK && moved != NULL)
        *moved = (uint32_t)(r[0].count + r[1].count);
    free(r);
    return err;
}
