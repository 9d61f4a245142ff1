/* SPDX-License-Identifier: ISC */
#include "libnhi/state/state_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/machine.h"
#include "libnhi/base/proc.h"
#include "libnhi/state/state_tail.h"

#define RUN_SHARE 10 /* a base that takes more than one part in ten of /run lies in the state directory */
#define FREE_SHARE 3 /* a base must fit this many times into what is free */

/* A tail that records are added to. */
struct tail {
    int file; /* -1: none */
    size_t used;
    uint64_t seed; /* of its hashes */
};

struct nhi_state_writer {
    const char *run_dir, *dir;
    int run, lock;
    struct nhi_state *seen;
    struct nhi_state *replaced; /* kept open until the turn is over: the memory of a large base is given back then */
    struct tail tail;           /* of the file that seen was read from */
    /* What was prepared: */
    struct nhi_new_file head;
    bool prepared;
    uint64_t base; /* its base's number */
    bool in_run;   /* where that is */
    uint64_t seed;
    int64_t generation;
};

/* ---- the turn ---- */

static enum nhi_err take_turn(int fd, int wait_ms)
{
    const struct timespec pause = { .tv_nsec = 1000000 };

    for (;; wait_ms--) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return NHI_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return NHI_ERR_SYS;
        if (wait_ms <= 0)
            return NHI_ERR_BUSY;
        (void)nanosleep(&pause, NULL);
    }
}

static enum nhi_err open_run(const char *run_dir, int *fd)
{
    enum nhi_err err = nhi_dir_open(run_dir, fd);

    if (err != NHI_ERR_NOT_FOUND)
        return err;
    if (mkdir(run_dir, 0700) != 0 && errno != EEXIST)
        return nhi_err_from_errno(errno);
    return nhi_dir_open(run_dir, fd);
}

static enum nhi_err open_lock(int run, int *fd)
{
    struct stat st;

    *fd = openat(run, NHI_STATE_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (*fd < 0)
        return errno == ELOOP ? NHI_ERR_UNSAFE : nhi_err_from_errno(errno);
    /* Whoever else can open it could keep everybody waiting. */
    if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return NHI_OK;
    close(*fd);
    *fd = -1;
    return NHI_ERR_UNSAFE;
}

static enum nhi_err write_at(int fd, const void *data, size_t len, size_t at)
{
    ssize_t n;

    do
        n = pwrite(fd, data, len, (off_t)at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return nhi_err_from_errno(errno);
    return (size_t)n == len ? NHI_OK : NHI_ERR_SYS;
}

#define RECORD_MAX STATE_RECORD_SIZE(NHI_FACT_KEY_MAX, NHI_VALUE_MAX)

/* A writer that was killed within a record leaves bytes that nobody may take for one, after a shorter one takes its
 * place. */
static enum nhi_err clear_rest(const struct nhi_state_writer *w)
{
    const size_t left = STATE_TAIL_SIZE - w->tail.used, len = left < RECORD_MAX ? left : RECORD_MAX;
    uint8_t rest[RECORD_MAX];
    ssize_t n = pread(w->tail.file, rest, len, (off_t)(STATE_HEAD_SIZE + w->tail.used));
    bool clear = true;

    if (n != (ssize_t)len)
        return NHI_ERR_SYS;
    for (size_t i = 0; i < len; i++)
        clear = clear && rest[i] == 0;
    if (clear)
        return NHI_OK;
    memset(rest, 0, len);
    return write_at(w->tail.file, rest, len, STATE_HEAD_SIZE + w->tail.used);
}

/* Opens what readers see. A state that they would not accept counts as none. */
static enum nhi_err look(struct nhi_state_writer *w)
{
    enum nhi_err err;

    nhi_state_close(w->seen);
    w->seen = NULL;
    if (w->tail.file >= 0)
        close(w->tail.file);
    w->tail = (struct tail){ .file = -1 };
    err = nhi_state_open(w->run_dir, w->dir, &w->seen);
    if (err != NHI_OK)
        return nhi_state_is_denied(err) ? NHI_OK : err;
    w->tail.used = nhi_state_used(w->seen);
    w->tail.seed = nhi_state_head(w->seen)->seed;
    w->tail.file = openat(w->run, NHI_STATE_FILE, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (w->tail.file >= 0 && clear_rest(w) != NHI_OK) {
        close(w->tail.file);
        w->tail.file = -1;
    }
    return NHI_OK;
}

enum nhi_err nhi_state_begin_beside(const char *run_dir, const char *dir, struct nhi_state_writer **out)
{
    struct nhi_state_writer *w = calloc(1, sizeof(*w));
    enum nhi_err err;

    if (w == NULL)
        return NHI_ERR_NOMEM;
    *w = (struct nhi_state_writer){ .run_dir = run_dir, .dir = dir, .run = -1, .lock = -1, .tail = { .file = -1 } };
    err = open_run(run_dir, &w->run);
    if (err == NHI_OK)
        err = open_lock(w->run, &w->lock);
    if (err == NHI_OK)
        *out = w;
    else
        nhi_state_end(w);
    return err;
}

enum nhi_err nhi_state_take_turn(struct nhi_state_writer *w, int wait_ms)
{
    enum nhi_err err = take_turn(w->lock, wait_ms);

    return err == NHI_OK ? look(w) : err;
}

enum nhi_err nhi_state_begin(const char *run_dir, const char *dir, int wait_ms, struct nhi_state_writer **out)
{
    struct nhi_state_writer *w = NULL;
    enum nhi_err err = nhi_state_begin_beside(run_dir, dir, &w);

    if (err == NHI_OK)
        err = nhi_state_take_turn(w, wait_ms);
    if (err == NHI_OK)
        *out = w;
    else
        nhi_state_end(w);
    return err;
}

static void discard(struct nhi_state_writer *w)
{
    char name[STATE_BASE_NAME_MAX];
    int in;

    if (!w->prepared)
        return;
    nhi_file_drop(w->run, &w->head);
    w->prepared = false;
    state_base_name(w->base, name);
    if (nhi_dir_open(w->in_run ? w->run_dir : w->dir, &in) != NHI_OK)
        return;
    (void)unlinkat(in, name, 0);
    close(in);
}

void nhi_state_end(struct nhi_state_writer *w)
{
    if (w == NULL)
        return;
    discard(w);
    if (w->tail.file >= 0)
        close(w->tail.file);
    if (w->lock >= 0)
        close(w->lock);
    nhi_state_close(w->seen);
    nhi_state_close(w->replaced);
    if (w->run >= 0)
        close(w->run);
    free(w);
}

struct nhi_state *nhi_state_seen(const struct nhi_state_writer *w)
{
    return w->seen;
}

/* ---- the tail ---- */

size_t nhi_state_cost(const struct nhi_fact_key *key, const struct nhi_value *value)
{
    return STATE_RECORD_SIZE(key->len, value != NULL ? value->len : 0);
}

size_t nhi_state_room(const struct nhi_state_writer *w)
{
    return w->tail.file >= 0 ? STATE_TAIL_SIZE - w->tail.used : 0;
}

static enum nhi_err add(struct tail *t, struct state_record *r, const struct nhi_fact_key *key,
                        const struct nhi_value *value)
{
    const size_t size = nhi_state_cost(key, value), at = STATE_HEAD_SIZE + t->used;
    struct {
        struct state_record head;
        uint8_t rest[NHI_FACT_KEY_MAX + NHI_VALUE_MAX + 8];
    } image = { .head = { .committed = 0 } };
    const uint32_t committed = STATE_COMMITTED;
    enum nhi_err err;

    if (t->file < 0)
        return NHI_ERR_NOT_FOUND;
    if (value != NULL && value->full)
        return NHI_ERR_TOO_LONG;
    if (size > STATE_TAIL_SIZE - t->used)
        return NHI_ERR_FULL;
    r->hash = state_hash(t->seed, key);
    r->key_len = key->len;
    r->kind = key->kind;
    memcpy(image.rest, key->bytes, key->len);
    if (value != NULL) {
        r->value_len = (uint16_t)value->len;
        memcpy(image.rest + key->len, value->bytes, value->len);
    }
    r->sum = state_record_sum(r, image.rest, size - sizeof(*r));
    image.head = *r;
    err = write_at(t->file, &image, size, at);
    if (err == NHI_OK)
        err = write_at(t->file, &committed, sizeof(committed), at + offsetof(struct state_record, committed));
    if (err == NHI_OK)
        t->used += size;
    return err;
}

enum nhi_err nhi_state_add(struct nhi_state_writer *w, int64_t generation, const struct nhi_fact_key *key,
                           const struct nhi_value *value)
{
    struct state_record r = { .generation = generation, .flags = value == NULL ? STATE_HELD : 0 };

    return add(&w->tail, &r, key, value);
}

enum nhi_err nhi_state_done(struct nhi_state_writer *w, int64_t generation, int64_t latest)
{
    static const struct nhi_fact_key none = { .kind = 0 };
    struct state_record r = { .generation = generation, .flags = STATE_DONE };
    struct nhi_value v = { .len = 0 };

    nhi_value_put_int(&v, latest);
    return add(&w->tail, &r, &none, &v);
}

/* ---- a new file ---- */

/* Where the base goes: beside the state, or, if it is large, in the state directory. */
static enum nhi_err choose_dir(const struct nhi_state_writer *w, uint64_t size, bool *in_run)
{
    struct statvfs fs;
    uint64_t room;

    if (fstatvfs(w->run, &fs) != 0)
        return NHI_ERR_SYS;
    *in_run = size <= (uint64_t)fs.f_blocks * fs.f_frsize / RUN_SHARE;
    if (!*in_run && statvfs(w->dir, &fs) != 0)
        return nhi_err_from_errno(errno);
    room = (uint64_t)fs.f_bavail * fs.f_frsize;
    return size <= room / FREE_SHARE ? NHI_OK : NHI_ERR_FULL;
}

static enum nhi_err describe(struct state_head *h, int64_t generation, bool in_run)
{
    struct nhi_proc init;
    char boot[37], machine[NHI_DIGEST_LEN + 1];
    pid_t parent;

    memcpy(h->magic, STATE_MAGIC, sizeof(h->magic));
    h->generation = generation;
    h->in_run = in_run;
    if (nhi_boot_id(boot) != NHI_OK || nhi_proc_read(1, &init, &parent) != NHI_OK)
        return NHI_ERR_SYS;
    /* Then it fits no machine, and says so. */
    if (nhi_machine_id(NHI_MACHINE_FILE, machine) != NHI_OK)
        snprintf(machine, sizeof(machine), "unknown");
    h->init_start = init.start;
    memcpy(h->boot, boot, sizeof(boot));
    memcpy(h->machine, machine, strlen(machine));
    return NHI_OK;
}

static enum nhi_err write_base(const struct nhi_state_writer *w, struct nhi_state_build *b, struct state_head *h)
{
    struct nhi_new_file f = { .fd = -1 };
    char name[STATE_BASE_NAME_MAX];
    enum nhi_err err = NHI_OK;
    int in = w->run;

    if (h->in_run != 1)
        err = nhi_dir_open(w->dir, &in);
    if (err != NHI_OK)
        return err;
    err = nhi_file_begin(in, NHI_STATE_BASE, &f);
    if (err == NHI_OK) {
        err = nhi_state_build_write(b, f.fd, h);
        if (err == NHI_OK) {
            state_base_name(h->base, name);
            err = nhi_file_link(f.fd, in, name);
        }
        nhi_file_drop(in, &f);
    }
    if (in != w->run)
        close(in);
    return err;
}

static enum nhi_err write_head(struct nhi_state_writer *w, struct state_head *h)
{
    static const char zeros[STATE_TAIL_SIZE];
    enum nhi_err err;

    h->sum = state_head_sum(h);
    err = nhi_file_begin(w->run, NHI_STATE_FILE, &w->head);
    if (err != NHI_OK)
        return err;
    err = nhi_file_write(w->head.fd, h, sizeof(*h));
    if (err == NHI_OK)
        err = nhi_file_write(w->head.fd, zeros, sizeof(zeros));
    if (err != NHI_OK)
        nhi_file_drop(w->run, &w->head);
    return err;
}

enum nhi_err nhi_state_prepare(struct nhi_state_writer *w, struct nhi_state_build *b, int64_t generation)
{
    struct state_head h = { .sum = 0 };
    bool in_run = true;
    enum nhi_err err;

    discard(w);
    err = choose_dir(w, nhi_state_build_size(b) + STATE_FILE_SIZE, &in_run);
    if (err == NHI_OK)
        err = describe(&h, generation, in_run);
    if (err == NHI_OK)
        err = write_base(w, b, &h);
    if (err == NHI_OK)
        err = write_head(w, &h);
    if (err == NHI_OK) {
        w->base = h.base;
        w->in_run = in_run;
        w->seed = h.seed;
        w->generation = generation;
        w->prepared = true;
    }
    return err;
}

static enum nhi_err copy(struct tail *to, const struct state_at *r)
{
    struct state_record head = { .generation = r->head.generation, .flags = r->head.flags };
    struct nhi_fact_key key = { .kind = r->head.kind, .len = r->head.key_len };
    struct nhi_value v = { .len = r->head.value_len };

    if (v.len > sizeof(v.bytes) || key.len > sizeof(key.bytes))
        return NHI_ERR_CORRUPT;
    memcpy(key.bytes, r->key, key.len);
    memcpy(v.bytes, r->value, v.len);
    return add(to, &head, &key, &v);
}

/* What was added after everything up to that generation. */
enum nhi_err nhi_state_catch_up(struct nhi_state_writer *w)
{
    struct tail to = { .file = w->head.fd, .seed = w->seed };
    enum nhi_err err = NHI_OK;
    struct state_at r;
    size_t at = 0;

    if (w->seen == NULL)
        return NHI_ERR_NOT_FOUND;
    if (!w->prepared || nhi_state_generation(w->seen) < 0)
        return NHI_ERR_STATE;
    if (!nhi_state_since(w->seen, w->generation, &at))
        return NHI_ERR_STATE;
    while (err == NHI_OK && (err = nhi_state_next(w->seen, &at, &r)) == NHI_OK)
        err = copy(&to, &r);
    return err == NHI_ERR_NOT_FOUND ? NHI_OK : err;
}

/* Removes the bases that no state names. */
static void sweep(const char *dir, uint64_t keep)
{
    char name[STATE_BASE_NAME_MAX];
    const size_t len = strlen(NHI_STATE_BASE);
    struct dirent *e;
    DIR *d;
    int fd;

    if (nhi_dir_open(dir, &fd) != NHI_OK)
        return;
    d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return;
    }
    state_base_name(keep, name);
    while ((e = readdir(d)) != NULL)
        if (strncmp(e->d_name, NHI_STATE_BASE, len) == 0 && e->d_name[len] == '.' && strcmp(e->d_name, name) != 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

/* Another writer that published meanwhile has removed it. */
static bool has_base(const struct nhi_state_writer *w)
{
    char name[STATE_BASE_NAME_MAX];
    bool has;
    int in;

    if (nhi_dir_open(w->in_run ? w->run_dir : w->dir, &in) != NHI_OK)
        return false;
    state_base_name(w->base, name);
    has = faccessat(in, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    close(in);
    return has;
}

enum nhi_err nhi_state_publish(struct nhi_state_writer *w)
{
    enum nhi_err err;

    if (!w->prepared)
        return NHI_ERR_ARG;
    if (!has_base(w))
        return NHI_ERR_STATE;
    /* A file that a killed writer left must not be seen, not even for a moment: it may lack what has ended since. */
    nhi_file_sweep(w->run, NHI_STATE_FILE);
    err = nhi_file_end(w->run, NHI_STATE_FILE, &w->head);
    nhi_file_drop(w->run, &w->head);
    w->prepared = err != NHI_OK;
    if (err != NHI_OK)
        return err;
    nhi_state_close(w->replaced);
    w->replaced = w->seen;
    w->seen = NULL;
    sweep(w->run_dir, w->base);
    sweep(w->dir, w->base);
    err = look(w);
    return err == NHI_OK && w->seen == NULL ? NHI_ERR_CORRUPT : err;
}

enum nhi_err nhi_state_withdraw(struct nhi_state_writer *w)
{
    enum nhi_err err = nhi_file_remove(w->run, NHI_STATE_FILE);

    if (err != NHI_OK)
        return err;
    sweep(w->run_dir, 0);
    sweep(w->dir, 0);
    return look(w);
}
