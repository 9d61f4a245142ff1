/* SPDX-License-Identifier: ISC */
/*
 * Committing grants.
 *
 * MUST: one link is the whole commit, so that a caller who stops or kills this process at any instruction leaves a
 * grant that happened or one that did not. MUST: no lock, no wait for anybody, no temporary name that somebody would
 * have to clean up. MUST: a record that refuses a later grant (a use that is spent, a ticket that is superseded, a pin,
 * a key that is bound, a place in the hour) is on the disk before the grant goes through, so that it outlives a loss of
 * power; so is the grant itself, unless its host does without that.
 */
#include "libnhi/grant/grant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/base/hash.h"
#include "libnhi/base/paths.h"
#include "libnhi/base/phase.h"
#include "libnhi/base/proc.h"
#include "libnhi/grant/grant_hour.h"
#include "libnhi/grant/grant_kind.h"
#include "libnhi/grant/record.h"

#define REPLACE_TRIES 1000
/* For one ticket in an hour, and for one account between two folds: the holder of a dead ticket must not fill the disk
 * with it. */
#define RECORDS_MAX 64
#define NAME_SIZE 80
#define KEY_NAME_MAX (2 + 2 * NHI_PK_LEN + 1 + NHI_ACCOUNT_MAX + 1)

static enum nhi_err open_grants(const char *dir, int *fd)
{
    char path[512];

    if (snprintf(path, sizeof(path), "%s/%s", dir, NHI_GRANTS_DIR) >= (int)sizeof(path))
        return NHI_ERR_ARG;
    return nhi_dir_borrow(path, fd);
}

/* Takes the first free slot. */
static enum nhi_err take_slot(int fd, int dirfd, enum nhi_record kind, const char *of, uint32_t slots)
{
    enum nhi_err err = NHI_ERR_EXISTS;
    char name[NAME_SIZE];

    for (uint32_t n = 0; n < slots && err == NHI_ERR_EXISTS; n++) {
        snprintf(name, sizeof(name), "%c-%s-%u", kind, of, (unsigned)n);
        err = nhi_record_link(fd, dirfd, name);
    }
    return err;
}

void nhi_grant_name(const char *kid, const char *jti, char out[NHI_GRANT_NAME_LEN + 1])
{
    char digest[NHI_DIGEST_LEN + 1];
    struct nhi_hash256 h;

    nhi_hash256_start(&h);
    nhi_hash256_add(&h, kid, strlen(kid) + 1);
    nhi_hash256_add(&h, jti, strlen(jti));
    nhi_hash256_end(&h, digest);
    snprintf(out, NHI_GRANT_NAME_LEN + 1, "%.*s", NHI_GRANT_NAME_LEN, digest);
}

/* A denial takes a slot of its ticket and hour; those slots stay as long as the hour lasts. */
static void denial_of(char *out, size_t size, const struct nhi_grant *g)
{
    char name[NHI_GRANT_NAME_LEN + 1];

    nhi_grant_name(g->ticket.kid, g->ticket.jti, name);
    snprintf(out, size, "%s-%lld", name, (long long)(g->at / NHI_HOUR));
}

static bool has(int dirfd, const char *name)
{
    return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_denials(int dirfd, const char *of)
{
    char name[NAME_SIZE];

    snprintf(name, sizeof(name), "%c-%s-%d", NHI_RECORD_DENIAL, of, RECORDS_MAX - 1);
    return has(dirfd, name);
}

static const char *first_of(const struct nhi_grant *g)
{
    return g->root[0] != '\0' ? g->root : g->ticket.jti;
}

static const char *first_kid(const struct nhi_grant *g)
{
    return g->root[0] != '\0' && g->root_kid[0] != '\0' ? g->root_kid : g->ticket.kid;
}

/* A record that is being made. */
struct making {
    const struct nhi_grant *g;
    int fd, dirfd;
    bool synced;  /* its text is on the disk */
    bool unsaved; /* a name was made, or found, that may not be on the disk yet */
};

/* Whether it is on the disk before it takes effect, whatever it denies later. */
static bool is_flushed(const struct nhi_grant *g)
{
    return !g->unflushed || g->ticket.uses > 0;
}

static enum nhi_err save(struct making *m)
{
    if (m->unsaved && fsync(m->dirfd) != 0)
        return nhi_err_from_errno(errno);
    m->unsaved = false;
    return NHI_OK;
}

/* Links a name that has to outlive a loss of power, with its text. The maker of a name that exists already may have
 * been stopped before flushing it. */
static enum nhi_err link_lasting(struct making *m, const char *name)
{
    enum nhi_err err = NHI_ERR_EXISTS;

    if (!has(m->dirfd, name)) {
        if (!m->synced && fsync(m->fd) != 0)
            return nhi_err_from_errno(errno);
        m->synced = true;
        err = nhi_record_link(m->fd, m->dirfd, name);
    }
    m->unsaved = m->unsaved || !nhi_record_rests(m->dirfd, name, m->g->at);
    return err;
}

/* Comes before the grant: stopping between the two must not leave both tickets in use. */
static enum nhi_err end_predecessor(struct making *m)
{
    enum nhi_err err;
    char name[48];

    snprintf(name, sizeof(name), "%c-%s", NHI_RECORD_SUCCESSOR, m->g->renews);
    err = link_lasting(m, name);
    return err == NHI_ERR_EXISTS ? NHI_OK : err;
}

/* name: NAME_SIZE bytes. */
static void pin_name(char *name, const char *kid, const char *root, enum nhi_pin kind)
{
    char lineage[NHI_GRANT_NAME_LEN + 1];

    nhi_grant_name(kid, root, lineage);
    snprintf(name, NAME_SIZE, "%c-%s-%c", NHI_RECORD_PIN, lineage, kind == NHI_PIN_REMOTE ? 'r' : 'l');
}

/* The link is the test-and-set. */
static enum nhi_err take_place(struct making *m, enum nhi_pin kind)
{
    char name[NAME_SIZE];
    struct nhi_grant first;
    enum nhi_err err;

    pin_name(name, first_kid(m->g), first_of(m->g), kind);
    err = link_lasting(m, name);
    if (err != NHI_ERR_EXISTS)
        return err;
    err = nhi_record_read(m->dirfd, name, &first);
    return err == NHI_OK && strcmp(first.place, m->g->place) != 0 ? NHI_ERR_STATE : err;
}

/* A local place must be the very first one. An address takes that name, too, if it is free, so that a process that was
 * stopped after its decision cannot take it later. */
static enum nhi_err pin(struct making *m)
{
    enum nhi_err err = take_place(m, NHI_PIN_LOCAL);

    if (m->g->pin == NHI_PIN_REMOTE && (err == NHI_OK || err == NHI_ERR_STATE))
        err = take_place(m, NHI_PIN_REMOTE);
    return err;
}

static void key_name(char *name, size_t size, const uint8_t key[NHI_PK_LEN], const char *account)
{
    char text[NHI_PK_LEN * 2 + 1];

    for (size_t i = 0; i < NHI_PK_LEN; i++)
        snprintf(text + 2 * i, 3, "%02x", key[i]);
    snprintf(name, size, "%c-%s-%s", NHI_RECORD_KEY, text, account);
}

/* Comes before the grant: a key that belonged to an agent once is never accepted for a person here. */
static enum nhi_err note_key(struct making *m)
{
    enum nhi_err err;
    char name[KEY_NAME_MAX];

    key_name(name, sizeof(name), m->g->ticket.cnf, m->g->subject);
    err = link_lasting(m, name);
    return err == NHI_ERR_EXISTS ? NHI_OK : err;
}

/* Takes everything else that the grant needs. */
static enum nhi_err take(struct making *m)
{
    const struct nhi_grant *g = m->g;
    enum nhi_err err = NHI_OK;

    if (g->pin != NHI_PIN_NONE && !g->handed_off)
        err = pin(m);
    /* Without a root, the ledger does not know the ticket. */
    if (err == NHI_OK && g->ticket.has_cnf && g->root[0] == '\0')
        err = note_key(m);
    if (err == NHI_OK && g->renews[0] != '\0')
        err = end_predecessor(m);
    if (err != NHI_OK || g->max_grants == 0)
        return err;
    m->unsaved = true;
    return nhi_record_take_hour(m->fd, m->dirfd, g);
}

/* For a ticket with a limited number of uses, the slot is the commit. A slot that could not be flushed stays spent. */
static enum nhi_err commit(struct making *m)
{
    const struct nhi_grant *g = m->g;
    char name[32], lineage[NHI_GRANT_NAME_LEN + 1];
    enum nhi_err err;

    m->unsaved = m->unsaved || is_flushed(g);
    if (g->ticket.uses > 0) {
        nhi_grant_name(first_kid(g), first_of(g), lineage);
        err = take_slot(m->fd, m->dirfd, NHI_RECORD_USE, lineage, g->ticket.uses);
        return err == NHI_OK ? save(m) : err;
    }
    snprintf(name, sizeof(name), "%c-%s", NHI_RECORD_PERMIT, g->id);
    err = nhi_record_link(m->fd, m->dirfd, name);
    if (err == NHI_OK && (err = save(m)) != NHI_OK)
        (void)unlinkat(m->dirfd, name, 0);
    return err;
}

static enum nhi_err start(struct making *m, const char *dir)
{
    enum nhi_err err = open_grants(dir, &m->dirfd);

    return err == NHI_OK ? nhi_record_make(m->dirfd, m->g, m->synced, &m->fd) : err;
}

static void finish(struct making *m)
{
    if (m->fd >= 0)
        close(m->fd);
    nhi_dir_return(m->dirfd);
}

static void index_name(char *name, size_t size, const char *boot, const struct nhi_proc *p)
{
    snprintf(name, size, "%c-%.8s-%ld-%llu", NHI_RECORD_INDEX, boot, (long)p->pid, (unsigned long long)p->start);
}

/* A second try on the same connection replaces the first: the last one decided counts. Where sshd's listener is the
 * parent, connections replace each other's records, which nobody will look for. */
static enum nhi_err put_index(struct making *m)
{
    enum nhi_err err;
    char name[64];

    index_name(name, sizeof(name), m->g->boot, &m->g->parent);
    err = nhi_record_link(m->fd, m->dirfd, name);
    for (int i = 0; err == NHI_ERR_EXISTS && i < REPLACE_TRIES; i++) {
        if (unlinkat(m->dirfd, name, 0) != 0 && errno != ENOENT)
            err = nhi_err_from_errno(errno);
        else
            err = nhi_record_link(m->fd, m->dirfd, name);
    }
    return err;
}

/* Only after the commit: what the parent finds must be a committed grant. The kernel gives no further name to a file
 * that the fold has taken in and removed in the meantime: the parent then gets another one. */
static enum nhi_err point_to(struct making *m)
{
    enum nhi_err err = put_index(m);

    if (err == NHI_ERR_NOT_FOUND) {
        close(m->fd);
        m->fd = -1;
        err = nhi_record_make(m->dirfd, m->g, false, &m->fd);
        if (err == NHI_OK)
            err = put_index(m);
    }
    return err == NHI_OK ? NHI_OK : NHI_ERR_SYS;
}

static enum nhi_err commit_one(const char *dir, const struct nhi_grant *g, bool for_parent)
{
    struct making m = { .g = g, .fd = -1, .dirfd = -1, .synced = is_flushed(g) || g->max_grants != 0 };
    enum nhi_err err;

    if (g->reason != NHI_PERMIT)
        return NHI_ERR_ARG;
    err = start(&m, dir);
    if (err == NHI_OK)
        err = take(&m);
    if (err == NHI_OK)
        err = commit(&m);
    if (err == NHI_OK && for_parent)
        err = point_to(&m);
    finish(&m);
    return err;
}

enum nhi_err nhi_grant_commit(const char *dir, const struct nhi_grant *g)
{
    return commit_one(dir, g, false);
}

enum nhi_err nhi_grant_commit_for_parent(const char *dir, const struct nhi_grant *g)
{
    return commit_one(dir, g, true);
}

enum nhi_err nhi_grant_deny(const char *dir, const struct nhi_grant *g)
{
    struct making m = { .g = g, .fd = -1, .dirfd = -1 };
    enum nhi_err err;
    char of[56];

    if (g->reason == NHI_PERMIT)
        return NHI_ERR_ARG;
    denial_of(of, sizeof(of), g);
    err = open_grants(dir, &m.dirfd);
    if (err == NHI_OK && has_denials(m.dirfd, of))
        err = NHI_ERR_EXISTS;
    if (err == NHI_OK)
        err = nhi_record_make(m.dirfd, g, false, &m.fd);
    if (err == NHI_OK)
        err = take_slot(m.fd, m.dirfd, NHI_RECORD_DENIAL, of, RECORDS_MAX);
    finish(&m);
    return err;
}

enum nhi_err nhi_grant_observe(const char *dir, const struct nhi_grant *g)
{
    struct making m = { .g = g, .fd = -1, .dirfd = -1 };
    enum nhi_err err;

    if (!g->observed || !nhi_name_is_account(g->subject))
        return NHI_ERR_ARG;
    err = start(&m, dir);
    if (err == NHI_OK)
        err = take_slot(m.fd, m.dirfd, NHI_RECORD_OBSERVED, g->subject, RECORDS_MAX);
    finish(&m);
    return err;
}

/* Links the record under a name that identifies it, so that a second one finds it taken. */
static enum nhi_err put(const char *dir, const struct nhi_grant *g, const char *name)
{
    struct making m = { .g = g, .fd = -1, .dirfd = -1 };
    enum nhi_err err = start(&m, dir);

    if (err == NHI_OK)
        err = nhi_record_link(m.fd, m.dirfd, name);
    finish(&m);
    return err;
}

/* Once for each of these in an hour, counted from 1970. */
enum nhi_err nhi_grant_became(const char *dir, const struct nhi_grant *g)
{
    char name[128];

    if (!g->became || !nhi_name_is_account(g->subject) || !nhi_name_is_service(g->service))
        return NHI_ERR_ARG;
    snprintf(name, sizeof(name), "%c-%lld-%s-%s-%s", NHI_RECORD_BECAME, (long long)(g->at / NHI_HOUR), g->within,
             g->service, g->subject);
    return put(dir, g, name);
}

enum nhi_err nhi_grant_pinned(const char *dir, const char *kid, const char *root, enum nhi_pin kind,
                              char place[NHI_PLACE_MAX + 1])
{
    char name[NAME_SIZE];
    struct nhi_grant g;
    enum nhi_err err;
    int dirfd;

    err = open_grants(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    pin_name(name, kid, root, kind);
    err = nhi_record_read(dirfd, name, &g);
    nhi_dir_return(dirfd);
    if (err == NHI_OK)
        memcpy(place, g.place, sizeof(g.place));
    return err;
}

enum nhi_err nhi_grant_binds(const char *dir, const uint8_t key[NHI_PK_LEN], const char *account)
{
    enum nhi_err err;
    char name[KEY_NAME_MAX];
    int dirfd;

    key_name(name, sizeof(name), key, account);
    err = open_grants(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        err = nhi_err_from_errno(errno);
    nhi_dir_return(dirfd);
    return err;
}

bool nhi_grant_is_superseded(const char *dir, const char *jti)
{
    bool is = true;
    char name[48];
    int dirfd;

    snprintf(name, sizeof(name), "%c-%s", NHI_RECORD_SUCCESSOR, jti);
    if (open_grants(dir, &dirfd) != NHI_OK)
        return true;
    if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        is = false;
    nhi_dir_return(dirfd);
    return is;
}

enum nhi_err nhi_grant_opens(const char *dir, const struct nhi_grant *g, const char *handle)
{
    char name[96];

    if (snprintf(name, sizeof(name), "%c-%s-%s", NHI_RECORD_SESSION, g->id, handle) >= (int)sizeof(name))
        return NHI_ERR_TOO_LONG;
    return put(dir, g, name);
}

enum nhi_err nhi_grant_unused(const char *dir, const struct nhi_grant *g, const char *of)
{
    char name[32];

    snprintf(name, sizeof(name), "%c-%s", NHI_RECORD_UNUSED, of);
    return put(dir, g, name);
}

/* Where the record that a child of this process made would be. */
static enum nhi_err child_name(const struct nhi_proc *parent, char boot[37], char *name, size_t size)
{
    enum nhi_err err = nhi_boot_id(boot);

    if (err == NHI_OK)
        index_name(name, size, boot, parent);
    return err;
}

enum nhi_err nhi_grant_of_child(const char *dir, const struct nhi_proc *parent, const char *service,
                                const char *subject, struct nhi_grant *out)
{
    struct nhi_grant g;
    enum nhi_err err;
    char name[64], boot[37];
    int dirfd;

    err = child_name(parent, boot, name, sizeof(name));
    if (err != NHI_OK)
        return err;
    err = open_grants(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    err = nhi_record_read(dirfd, name, &g);
    nhi_dir_return(dirfd);
    if (err == NHI_OK && (strcmp(g.boot, boot) != 0 || g.parent.pid != parent->pid || g.parent.start != parent->start ||
                          strcmp(g.service, service) != 0 || strcmp(g.subject, subject) != 0))
        err = NHI_ERR_NOT_FOUND;
    if (err == NHI_OK)
        *out = g;
    return err;
}

bool nhi_grant_has_child(const char *dir, const struct nhi_proc *parent)
{
    char path[512], name[64], boot[37];

    return child_name(parent, boot, name, sizeof(name)) == NHI_OK &&
           snprintf(path, sizeof(path), "%s/%s/%s", dir, NHI_GRANTS_DIR, name) < (int)sizeof(path) &&
           faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
