/*
 * Committing grants.
 *
 * MUST: one link is the whole commit, so that a caller who stops or kills this process at any
 * instruction leaves a grant that happened or one that did not. MUST: no lock, no wait, no
 * temporary name that somebody would have to clean up.
 */
#include "libnhi/grant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libnhi/paths.h"
#include "libnhi/record.h"
#include "libnhi/session.h"

#define REPLACE_TRIES 1000
/* Of one ticket in an hour, and of one account between two folds: whoever holds a dead ticket must not fill
 * the disk with it. */
#define RECORDS_MAX 64
#define KEY_NAME_MAX (2 + 2 * NHI_PK_LEN + 1 + NHI_ACCOUNT_MAX + 1)

static enum nhi_err open_grants(const char *dir, int *fd)
{
    char path[512];

    if (snprintf(path, sizeof path, "%s/%s", dir, NHI_GRANTS_DIR) >= (int)sizeof path)
        return NHI_ERR_ARG;
    return nhi_dir_open(path, fd);
}

/* The first slot that nobody has taken. */
static enum nhi_err take_slot(int fd, int dirfd, char kind, const char *of, uint32_t slots)
{
    enum nhi_err err = NHI_ERR_EXISTS;
    char name[64];
    uint32_t n;

    for (n = 0; n < slots && err == NHI_ERR_EXISTS; n++) {
        (void)snprintf(name, sizeof name, "%c-%s-%u", kind, of, (unsigned)n);
        err = nhi_record_link(fd, dirfd, name);
    }
    return err;
}

/* What a denial has a slot of: the ticket and the hour, whose slots stay as long as it lasts. */
static void denial_of(char *out, size_t size, const struct nhi_grant *g)
{
    (void)snprintf(out, size, "%s-%lld", g->ticket.jti, (long long)(g->at / NHI_HOUR));
}

static bool has_denials(int dirfd, const char *of)
{
    char name[64];

    (void)snprintf(name, sizeof name, "d-%s-%d", of, RECORDS_MAX - 1);
    return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static const char *lineage(const struct nhi_grant *g)
{
    return g->root[0] != '\0' ? g->root : g->ticket.jti;
}

static enum nhi_err take_use(int fd, int dirfd, const struct nhi_grant *g)
{
    enum nhi_err err = take_slot(fd, dirfd, 'u', lineage(g), g->ticket.uses);

    /* A use must survive power loss, or the ticket would give more than it may. */
    if (err == NHI_OK && fsync(dirfd) != 0)
        err = nhi_err_from_errno(errno);
    return err;
}

/* Before the grant: being cut off between the two must not leave both tickets in use. */
static enum nhi_err end_predecessor(int fd, int dirfd, const char *jti)
{
    enum nhi_err err;
    char name[48];

    (void)snprintf(name, sizeof name, "r-%s", jti);
    err = nhi_record_link(fd, dirfd, name);
    return err == NHI_ERR_EXISTS ? NHI_OK : err;
}

static void pin_name(char *name, size_t size, const char *root, enum nhi_pin kind)
{
    (void)snprintf(name, size, "i-%s-%c", root, kind == NHI_PIN_REMOTE ? 'r' : 'l');
}

/* The link is the test-and-set. */
static enum nhi_err take_place(int fd, int dirfd, const struct nhi_grant *g, enum nhi_pin kind)
{
    struct nhi_grant first;
    enum nhi_err err;
    char name[48];

    pin_name(name, sizeof name, lineage(g), kind);
    err = nhi_record_link(fd, dirfd, name);
    if (err != NHI_ERR_EXISTS)
        return err;
    err = nhi_record_read(dirfd, name, &first);
    return err == NHI_OK && strcmp(first.place, g->place) != 0 ? NHI_ERR_STATE : err;
}

/* A local place must be the very first one: an address takes that, too, where it is free, so that nobody who
 * was stopped since his decision takes it later. */
static enum nhi_err pin(int fd, int dirfd, const struct nhi_grant *g)
{
    enum nhi_err err = take_place(fd, dirfd, g, NHI_PIN_LOCAL);

    if (g->pin == NHI_PIN_REMOTE && (err == NHI_OK || err == NHI_ERR_STATE))
        err = take_place(fd, dirfd, g, NHI_PIN_REMOTE);
    return err;
}

static void key_name(char *name, size_t size, const uint8_t key[NHI_PK_LEN], const char *account)
{
    char text[NHI_PK_LEN * 2 + 1];
    size_t i;

    for (i = 0; i < NHI_PK_LEN; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", key[i]);
    (void)snprintf(name, size, "k-%s-%s", text, account);
}

/* Before the grant: once a key was an agent's, it is no person's here. */
static enum nhi_err note_key(int fd, int dirfd, const struct nhi_grant *g)
{
    enum nhi_err err;
    char name[KEY_NAME_MAX];

    key_name(name, sizeof name, g->ticket.cnf, g->subject);
    err = nhi_record_link(fd, dirfd, name);
    return err == NHI_ERR_EXISTS ? NHI_OK : err;
}

static enum nhi_err put(const char *dir, const struct nhi_grant *g, char kind)
{
    bool counted = kind == 'g' && g->ticket.uses > 0;
    int dirfd = -1, fd = -1;
    enum nhi_err err;
    char name[32], denial[48];

    denial_of(denial, sizeof denial, g);
    err = open_grants(dir, &dirfd);
    if (err == NHI_OK && kind == 'd' && has_denials(dirfd, denial))
        err = NHI_ERR_EXISTS;
    if (err == NHI_OK)
        err = nhi_record_make(dirfd, g, counted, &fd);
    if (err == NHI_OK && kind == 'g' && g->pin != NHI_PIN_NONE && !g->handed_off)
        err = pin(fd, dirfd, g);
    /* Without a root it is not in the ledger. */
    if (err == NHI_OK && kind == 'g' && g->ticket.has_cnf && g->root[0] == '\0')
        err = note_key(fd, dirfd, g);
    if (err == NHI_OK && kind == 'g' && g->renews[0] != '\0')
        err = end_predecessor(fd, dirfd, g->renews);
    if (err == NHI_OK && kind == 'g' && g->max_grants != 0)
        err = nhi_record_take_hour(fd, dirfd, g);
    if (err == NHI_OK && counted)
        err = take_use(fd, dirfd, g);
    else if (err == NHI_OK && kind == 'd')
        err = take_slot(fd, dirfd, 'd', denial, RECORDS_MAX);
    else if (err == NHI_OK && kind == 'o')
        err = take_slot(fd, dirfd, 'o', g->subject, RECORDS_MAX);
    else if (err == NHI_OK) {
        (void)snprintf(name, sizeof name, "%c-%s", kind, g->id);
        err = nhi_record_link(fd, dirfd, name);
    }
    if (fd >= 0)
        close(fd);
    if (dirfd >= 0)
        close(dirfd);
    return err;
}

enum nhi_err nhi_grant_commit(const char *dir, const struct nhi_grant *g)
{
    return g->reason == NHI_PERMIT ? put(dir, g, 'g') : NHI_ERR_ARG;
}

enum nhi_err nhi_grant_deny(const char *dir, const struct nhi_grant *g)
{
    return g->reason != NHI_PERMIT ? put(dir, g, 'd') : NHI_ERR_ARG;
}

enum nhi_err nhi_grant_observe(const char *dir, const struct nhi_grant *g)
{
    return g->observed && nhi_name_is_account(g->subject) ? put(dir, g, 'o') : NHI_ERR_ARG;
}

/* Once an hour, counted from 1970, for each of these: the name says it all, and who comes second finds it. */
enum nhi_err nhi_grant_became(const char *dir, const struct nhi_grant *g)
{
    int dirfd = -1, fd = -1;
    enum nhi_err err;
    char name[128];

    if (!g->became || !nhi_name_is_account(g->subject) || !nhi_name_is_service(g->service))
        return NHI_ERR_ARG;
    (void)snprintf(name, sizeof name, "b-%lld-%s-%s-%s", (long long)(g->at / NHI_HOUR), g->within, g->service,
                   g->subject);
    err = open_grants(dir, &dirfd);
    if (err == NHI_OK && faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        err = NHI_ERR_EXISTS;
    if (err == NHI_OK)
        err = nhi_record_make(dirfd, g, false, &fd);
    if (err == NHI_OK)
        err = nhi_record_link(fd, dirfd, name);
    if (fd >= 0)
        close(fd);
    if (dirfd >= 0)
        close(dirfd);
    return err;
}

enum nhi_err nhi_grant_pinned(const char *dir, const char *root, enum nhi_pin kind,
                              char place[NHI_PLACE_MAX + 1])
{
    struct nhi_grant g;
    enum nhi_err err;
    char name[48];
    int dirfd;

    pin_name(name, sizeof name, root, kind);
    err = open_grants(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    err = nhi_record_read(dirfd, name, &g);
    close(dirfd);
    if (err == NHI_OK)
        memcpy(place, g.place, sizeof g.place);
    return err;
}

enum nhi_err nhi_grant_binds(const char *dir, const uint8_t key[NHI_PK_LEN], const char *account)
{
    enum nhi_err err;
    char name[KEY_NAME_MAX];
    int dirfd;

    key_name(name, sizeof name, key, account);
    err = open_grants(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        err = nhi_err_from_errno(errno);
    close(dirfd);
    return err;
}

bool nhi_grant_is_superseded(const char *dir, const char *jti)
{
    bool is = true;
    char name[48];
    int dirfd;

    (void)snprintf(name, sizeof name, "r-%s", jti);
    if (open_grants(dir, &dirfd) != NHI_OK)
        return true;
    if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        is = false;
    close(dirfd);
    return is;
}

enum nhi_err nhi_grant_opens(const char *dir, const struct nhi_grant *g, const char *handle)
{
    int dirfd = -1, fd = -1;
    enum nhi_err err;
    char name[96];

    if (snprintf(name, sizeof name, "s-%s-%s", g->id, handle) >= (int)sizeof name)
        return NHI_ERR_TOO_LONG;
    err = open_grants(dir, &dirfd);
    if (err == NHI_OK)
        err = nhi_record_make(dirfd, g, false, &fd);
    if (err == NHI_OK)
        err = nhi_record_link(fd, dirfd, name);
    if (fd >= 0)
        close(fd);
    if (dirfd >= 0)
        close(dirfd);
    return err;
}

enum nhi_err nhi_grant_unused(const char *dir, const struct nhi_grant *g, const char *of)
{
    int dirfd = -1, fd = -1;
    enum nhi_err err;
    char name[32];

    (void)snprintf(name, sizeof name, "n-%s", of);
    err = open_grants(dir, &dirfd);
    if (err == NHI_OK)
        err = nhi_record_make(dirfd, g, false, &fd);
    if (err == NHI_OK)
        err = nhi_record_link(fd, dirfd, name);
    if (fd >= 0)
        close(fd);
    if (dirfd >= 0)
        close(dirfd);
    return err;
}

static void index_name(char *name, size_t size, const char *boot, const struct nhi_proc *p)
{
    (void)snprintf(name, size, "p-%.8s-%ld-%llu", boot, (long)p->pid, (unsigned long long)p->start);
}

enum nhi_err nhi_grant_index(const char *dir, const struct nhi_grant *g)
{
    int dirfd = -1, fd = -1, i;
    enum nhi_err err;
    char name[64];

    index_name(name, sizeof name, g->boot, &g->parent);
    err = open_grants(dir, &dirfd);
    if (err == NHI_OK)
        err = nhi_record_make(dirfd, g, false, &fd);
    if (err == NHI_OK)
        err = nhi_record_link(fd, dirfd, name);
    /* A second try on the same connection replaces the first: the last one decided counts. Where
     * sshd's listener is the parent, connections replace each other's, which nobody will look for.
     */
    for (i = 0; err == NHI_ERR_EXISTS && i < REPLACE_TRIES; i++) {
        if (unlinkat(dirfd, name, 0) != 0 && errno != ENOENT)
            err = nhi_err_from_errno(errno);
        else
            err = nhi_record_link(fd, dirfd, name);
    }
    if (fd >= 0)
        close(fd);
    if (dirfd >= 0)
        close(dirfd);
    return err;
}

enum nhi_err nhi_grant_of_child(const char *dir, const struct nhi_proc *parent, const char *service,
                                const char *subject, struct nhi_grant *out)
{
    struct nhi_grant g;
    enum nhi_err err;
    char name[64], boot[37];
    int dirfd;

    err = nhi_boot_id(boot);
    if (err != NHI_OK)
        return err;
    index_name(name, sizeof name, boot, parent);
    err = open_grants(dir, &dirfd);
    if (err != NHI_OK)
        return err;
    err = nhi_record_read(dirfd, name, &g);
    close(dirfd);
    if (err == NHI_OK && (strcmp(g.boot, boot) != 0 || g.parent.pid != parent->pid ||
                          g.parent.start != parent->start || strcmp(g.service, service) != 0 ||
                          strcmp(g.subject, subject) != 0))
        err = NHI_ERR_NOT_FOUND;
    if (err == NHI_OK)
        *out = g;
    return err;
}
