/* SPDX-License-Identifier: ISC */
/*
 * The published state: what was published is found, and nothing that is damaged, torn or from elsewhere passes for it.
 * Invariants: 5, 20.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/state/fact.h"
#include "libnhi/state/state_merge.h"
#include "libnhi/state/state_write.h"
#include "tests/lib/state.h"

#define FILE_NAME NHI_RUN_DIR "/" NHI_STATE_FILE
#define FACTS 3000

static struct nhi_fact_key task(unsigned n)
{
    char id[24];

    snprintf(id, sizeof(id), "build-%u", n);
    return nhi_fact_key(NHI_FACT_TASK, id);
}

/* size: of the value, which depends on n and salt. */
static struct nhi_value value(unsigned n, unsigned salt, size_t size)
{
    struct nhi_value v = { .len = size };

    for (size_t i = 0; i < size; i++)
        v.bytes[i] = (uint8_t)(n * 7 + salt + i);
    return v;
}

static struct nhi_state_writer *turn(void)
{
    struct nhi_state_writer *w = NULL;

    assert_int_equal(nhi_state_begin(NHI_RUN_DIR, NHI_STATE_DIR, 5000, &w), NHI_OK);
    return w;
}

/* A few values are longer than a page. */
static size_t size_of(unsigned n)
{
    return n % 100 == 7 ? 4500 : n % 40;
}

static void publish(unsigned facts, unsigned salt, int64_t generation)
{
    struct nhi_state_writer *w = turn();
    struct nhi_state_build *b = NULL;

    assert_int_equal(nhi_state_build_new(&b), NHI_OK);
    for (unsigned n = 0; n < facts; n++) {
        const struct nhi_fact_key key = task(n), list = nhi_fact_key(NHI_LIST_OTHERS, "");
        const struct nhi_value v = value(n, salt, size_of(n)), entry = value(n, 1, 6);

        assert_int_equal(nhi_state_build_add(b, &key, &v), NHI_OK);
        if (n % 10 == 0)
            assert_int_equal(nhi_state_build_add(b, &list, &entry), NHI_OK);
    }
    assert_int_equal(nhi_state_prepare(w, b, generation), NHI_OK);
    assert_int_equal(nhi_state_publish(w), NHI_OK);
    nhi_state_build_free(b);
    nhi_state_end(w);
}

static enum nhi_err look(const struct nhi_fact_key *key, struct nhi_value *v)
{
    struct nhi_state *s = NULL;
    struct nhi_fact_source from;
    enum nhi_err err = nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s);

    if (err == NHI_OK) {
        from = nhi_state_source(s);
        err = from.get(from.ctx, key, v);
    } else if (err == NHI_ERR_NOT_FOUND) {
        err = NHI_ERR_ARG; /* not an answer about the key */
    }
    nhi_state_close(s);
    return err;
}

static void is(unsigned n, unsigned salt, size_t size)
{
    const struct nhi_fact_key key = task(n);
    const struct nhi_value want = value(n, salt, size);
    struct nhi_value v;

    assert_int_equal(look(&key, &v), NHI_OK);
    assert_int_equal(v.len, want.len);
    assert_memory_equal(v.bytes, want.bytes, want.len);
}

static enum nhi_err count(struct nhi_value *entry, void *arg)
{
    unsigned *n = arg;

    assert_int_equal(entry->len, 6);
    ++*n;
    return NHI_OK;
}

static unsigned entries(void)
{
    const struct nhi_fact_key list = nhi_fact_key(NHI_LIST_OTHERS, "");
    struct nhi_state *s = NULL;
    struct nhi_fact_source from;
    unsigned n = 0;

    assert_int_equal(nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s), NHI_OK);
    from = nhi_state_source(s);
    assert_int_equal(from.each(from.ctx, &list, count, &n), NHI_OK);
    nhi_state_close(s);
    return n;
}

static void what_was_published_is_found(void **state)
{
    const struct nhi_fact_key agent = nhi_fact_key(NHI_FACT_AGENT, "build-1"), none = task(FACTS);
    struct nhi_value v;

    (void)state;
    publish(FACTS, 0, 5);
    for (unsigned n = 0; n < FACTS; n++)
        is(n, 0, size_of(n));
    assert_int_equal(look(&none, &v), NHI_ERR_NOT_FOUND);
    /* The same name of another kind. */
    assert_int_equal(look(&agent, &v), NHI_ERR_NOT_FOUND);
    assert_int_equal(entries(), FACTS / 10);
    publish(0, 0, 6);
    assert_int_equal(look(&none, &v), NHI_ERR_NOT_FOUND);
}

static bool mark(struct nhi_state_mark *out)
{
    struct nhi_state *s = NULL;
    bool whole;

    assert_int_equal(nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s), NHI_OK);
    whole = nhi_state_mark(s, out);
    nhi_state_close(s);
    return whole;
}

static int64_t generation(void)
{
    struct nhi_state *s = NULL;
    int64_t g;

    assert_int_equal(nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s), NHI_OK);
    g = nhi_state_generation(s);
    nhi_state_close(s);
    return g;
}

static void later_records_win(void **state)
{
    const struct nhi_fact_key list = nhi_fact_key(NHI_LIST_OTHERS, ""), held = task(2), one = task(1),
                              added = task(9999);
    const struct nhi_value entry = value(1, 1, 6), first = value(1, 50, 9), second = value(1, 60, 12);
    struct nhi_state_mark before, after, unfinished;
    struct nhi_state_writer *w;
    struct nhi_value v;

    (void)state;
    publish(100, 0, 5);
    assert_int_equal(generation(), 5);
    assert_true(mark(&before));
    assert_true(mark(&after));
    assert_true(nhi_state_is_unchanged(&before, &after));
    w = turn();
    assert_int_equal(nhi_state_add(w, 6, &held, NULL), NHI_OK);
    assert_int_equal(nhi_state_add(w, 6, &one, &first), NHI_OK);
    assert_int_equal(nhi_state_add(w, 6, &one, &second), NHI_OK);
    assert_int_equal(nhi_state_add(w, 6, &added, &first), NHI_OK);
    assert_int_equal(nhi_state_add(w, 6, &list, &entry), NHI_OK);
    /* Not finished. */
    assert_int_equal(generation(), -1);
    assert_false(mark(&unfinished));
    assert_int_equal(nhi_state_done(w, 6, 1234), NHI_OK);
    nhi_state_end(w);
    assert_int_equal(generation(), 6);
    assert_true(mark(&after));
    assert_false(nhi_state_is_unchanged(&before, &after));
    is(1, 60, 12);
    is(3, 0, size_of(3));
    assert_int_equal(look(&added, &v), NHI_OK);
    assert_int_equal(v.len, 9);
    /* What is held denies, and nothing else is touched. */
    assert_int_equal(look(&held, &v), NHI_ERR_STATE);
    assert_int_equal(entries(), 11);
    w = turn();
    assert_int_equal(nhi_state_add(w, 7, &held, &first), NHI_OK);
    nhi_state_end(w);
    assert_int_equal(look(&held, &v), NHI_OK);
}

static void full_tail(void **state)
{
    const struct nhi_fact_key one = task(1);
    const struct nhi_value v = value(1, 3, 100);
    struct nhi_state_writer *w;
    enum nhi_err err;
    unsigned n = 0;

    (void)state;
    publish(10, 0, 1);
    w = turn();
    while ((err = nhi_state_add(w, 2, &one, &v)) == NHI_OK)
        n++;
    assert_int_equal(err, NHI_ERR_FULL);
    assert_true(nhi_state_room(w) < nhi_state_cost(&one, &v));
    assert_in_range(n, 300, 600);
    nhi_state_end(w);
    is(1, 3, 100);
    is(2, 0, 2);
}

/* ---- a new file ---- */

/* Bytes of a base of as many lists with one entry each, or one list with all of them. */
static uint64_t bytes_of_base(unsigned count, bool one_list)
{
    struct nhi_state_writer *w = turn();
    struct nhi_state_build *b = NULL;
    struct nhi_state_mark m;

    assert_int_equal(nhi_state_build_new(&b), NHI_OK);
    for (unsigned n = 0; n < count; n++) {
        struct nhi_fact_key key = task(one_list ? 0 : n);
        const struct nhi_value v = value(n, 0, 24);

        key.kind = NHI_LIST_ACCOUNT;
        assert_int_equal(nhi_state_build_add(b, &key, &v), NHI_OK);
    }
    assert_int_equal(nhi_state_prepare(w, b, 1), NHI_OK);
    assert_int_equal(nhi_state_publish(w), NHI_OK);
    assert_true(mark(&m));
    assert_true(m.base_size <= nhi_state_build_size(b));
    nhi_state_build_free(b);
    nhi_state_end(w);
    return m.base_size;
}

/* Entries of a long list lie in pages of their own: there are no others that wait for them. */
static void long_lists_take_what_they_need(void **state)
{
    (void)state;
    assert_in_range(bytes_of_base(20000, false), 20000 * 45, 20000 * 45 * 2);
    assert_in_range(bytes_of_base(20000, true), 20000 * 43, 20000 * 45 + 20000 * 45 / 10);
}

static unsigned replaced_bases(void)
{
    char path[64], to[256];
    unsigned n = 0;
    ssize_t len;

    for (int fd = 3; fd < 64; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        len = readlink(path, to, sizeof(to) - 1);
        to[len > 0 ? len : 0] = '\0';
        n += strstr(to, NHI_STATE_BASE) != NULL && strstr(to, "(deleted)") != NULL;
    }
    return n;
}

/* Giving back the memory of a large base takes long: others need not wait for that. */
static void replaced_until_the_turn_is_over(void **state)
{
    struct nhi_state_writer *w;
    struct nhi_state_build *b = NULL;

    (void)state;
    publish(10, 0, 1);
    w = turn();
    assert_int_equal(nhi_state_build_new(&b), NHI_OK);
    assert_int_equal(nhi_state_prepare(w, b, 2), NHI_OK);
    assert_int_equal(nhi_state_publish(w), NHI_OK);
    assert_int_equal(replaced_bases(), 1);
    nhi_state_build_free(b);
    nhi_state_end(w);
    assert_int_equal(replaced_bases(), 0);
}

static enum nhi_err add_build(void *ctx, const struct nhi_fact_key *key, const struct nhi_value *v)
{
    return nhi_state_build_add(ctx, key, v);
}

/* A new file of what readers see, and of more. */
static enum nhi_err merge(const struct nhi_fact_key *key, const struct nhi_value *v)
{
    struct nhi_state_writer *w = turn();
    struct nhi_state_merge *m = NULL;
    struct nhi_state_build *b = NULL;
    enum nhi_err err;

    assert_int_equal(nhi_state_build_new(&b), NHI_OK);
    err = nhi_state_merge_new(nhi_state_seen(w), 1, &m);
    if (err == NHI_OK) {
        nhi_state_merge_put(m, key, v->bytes, v->len);
        err = nhi_state_merge_each(m, add_build, b);
    }
    nhi_state_merge_free(m);
    if (err == NHI_OK)
        assert_int_equal(nhi_state_prepare(w, b, 9), NHI_OK);
    if (err == NHI_OK)
        assert_int_equal(nhi_state_publish(w), NHI_OK);
    nhi_state_build_free(b);
    nhi_state_end(w);
    return err;
}

static void merged(void **state)
{
    const struct nhi_fact_key list = nhi_fact_key(NHI_LIST_OTHERS, ""), one = task(1), two = task(2), far = task(7),
                              none = task(FACTS);
    const struct nhi_value known = value(10, 1, 6), entry = value(11, 1, 6), first = value(1, 50, 9),
                           second = value(1, 60, 12), other = value(2, 70, 4400);
    struct nhi_state_writer *w;
    struct nhi_value v;

    (void)state;
    publish(FACTS, 0, 5);
    w = turn();
    assert_int_equal(nhi_state_add(w, 6, &one, NULL), NHI_OK);
    assert_int_equal(nhi_state_add(w, 6, &one, &first), NHI_OK);
    assert_int_equal(nhi_state_add(w, 6, &far, &first), NHI_OK);
    assert_int_equal(nhi_state_add(w, 6, &one, &second), NHI_OK);
    assert_int_equal(nhi_state_add(w, 6, &list, &known), NHI_OK);
    assert_int_equal(nhi_state_add(w, 6, &list, &entry), NHI_OK);
    nhi_state_end(w);
    /* Of what a writer has not finished nothing is known. */
    assert_int_equal(merge(&two, &other), NHI_ERR_STATE);
    w = turn();
    assert_int_equal(nhi_state_done(w, 6, 1234), NHI_OK);
    nhi_state_end(w);
    assert_int_equal(merge(&two, &other), NHI_OK);
    assert_int_equal(generation(), 9);
    is(1, 60, 12);
    is(2, 70, 4400);
    assert_int_equal(look(&far, &v), NHI_OK);
    assert_int_equal(v.len, 9);
    assert_int_equal(look(&none, &v), NHI_ERR_NOT_FOUND);
    for (unsigned n = 3; n < FACTS; n++)
        if (n != 7)
            is(n, 0, size_of(n));
    /* Three entries were the same as the first, which is there once now. */
    assert_int_equal(entries(), FACTS / 10 - 3 + 2);
    /* What is held cannot be merged. */
    w = turn();
    assert_int_equal(nhi_state_add(w, 10, &one, NULL), NHI_OK);
    assert_int_equal(nhi_state_done(w, 10, 1234), NHI_OK);
    nhi_state_end(w);
    assert_int_equal(merge(&two, &other), NHI_ERR_STATE);
    assert_int_equal(look(&one, &v), NHI_ERR_STATE);
}

/* ---- damage ---- */

static size_t length_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static void flip(const char *path, size_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= (uint8_t)(1u << (at % 8));
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

/* A damaged byte is noticed, or it is in what is not used. */
static void any_byte_of_the_tail(void **state)
{
    const struct nhi_fact_key gone = nhi_fact_key_revoked(NHI_REVOKE_TASK, "build-1"), one = task(1);
    const struct nhi_value none = { .len = 0 }, v = value(1, 5, 10);
    struct nhi_state_writer *w;
    struct nhi_value got;
    size_t used;

    (void)state;
    publish(10, 0, 1);
    w = turn();
    assert_int_equal(nhi_state_add(w, 2, &gone, &none), NHI_OK);
    assert_int_equal(nhi_state_add(w, 2, &one, &v), NHI_OK);
    assert_int_equal(nhi_state_done(w, 2, 7), NHI_OK);
    used = STATE_FILE_SIZE - nhi_state_room(w);
    nhi_state_end(w);
    for (size_t at = 0; at < used; at++) {
        flip(FILE_NAME, at);
        assert_int_not_equal(look(&gone, &got), NHI_OK);
        assert_int_not_equal(look(&gone, &got), NHI_ERR_NOT_FOUND);
        assert_int_not_equal(look(&one, &got), NHI_OK);
        flip(FILE_NAME, at);
    }
    assert_int_equal(look(&gone, &got), NHI_OK);
    /* Beyond the last record lies what does not exist yet. */
    for (size_t at = used; at < used + 64; at++) {
        flip(FILE_NAME, at);
        (void)!look(&one, &got);
        flip(FILE_NAME, at);
    }
}

static void base_name(char *out, size_t size)
{
    struct state_head h;
    char name[STATE_BASE_NAME_MAX];

    assert_int_equal(state_slurp(FILE_NAME, &h, sizeof(h)), sizeof(h));
    state_base_name(h.base, name);
    snprintf(out, size, "%s/%s", h.in_run == 1 ? NHI_RUN_DIR : NHI_STATE_DIR, name);
}

static void any_byte_of_the_base(void **state)
{
    const struct nhi_fact_key one = task(1), far = task(7);
    struct nhi_value got;
    char name[128];
    unsigned unnoticed = 0;
    size_t size;

    (void)state;
    publish(10, 0, 1);
    base_name(name, sizeof(name));
    size = length_of(name);
    assert_in_range(size, 4096 + 4500, 3 * 4096 + 4500);
    for (size_t at = 0; at < size; at++) {
        enum nhi_err near_err, far_err;

        flip(name, at);
        near_err = look(&one, &got);
        far_err = look(&far, &got);
        assert_int_not_equal(near_err, NHI_ERR_NOT_FOUND);
        assert_int_not_equal(far_err, NHI_ERR_NOT_FOUND);
        unnoticed += near_err == NHI_OK && far_err == NHI_OK;
        flip(name, at);
    }
    assert_int_equal(unnoticed, 0);
}

static void cut_short(void **state)
{
    const struct nhi_fact_key one = task(1);
    struct nhi_value got;
    char name[128];

    (void)state;
    publish(10, 0, 1);
    base_name(name, sizeof(name));
    assert_int_equal(truncate(name, 4095), 0);
    assert_int_equal(look(&one, &got), NHI_ERR_CORRUPT);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(look(&one, &got), NHI_ERR_CORRUPT);
    publish(10, 0, 1);
    assert_int_equal(truncate(FILE_NAME, STATE_FILE_SIZE - 1), 0);
    assert_int_not_equal(look(&one, &got), NHI_ERR_NOT_FOUND);
    assert_int_equal(truncate(FILE_NAME, 10), 0);
    assert_int_equal(look(&one, &got), NHI_ERR_CORRUPT);
    assert_int_equal(truncate(FILE_NAME, 0), 0);
    assert_int_equal(look(&one, &got), NHI_ERR_CORRUPT);
    assert_int_equal(unlink(FILE_NAME), 0);
    assert_int_equal(look(&one, &got), NHI_ERR_ARG);
}

static bool is_here(void)
{
    struct nhi_state *s = NULL;
    bool here;

    assert_int_equal(nhi_state_open(NHI_RUN_DIR, NHI_STATE_DIR, &s), NHI_OK);
    here = nhi_state_is_here(s);
    nhi_state_close(s);
    return here;
}

/* Of another boot, process 1 or machine; with a sum that is right. */
static void from_elsewhere(void **state)
{
    const struct nhi_fact_key one = task(1);
    struct state_head h, was;
    struct nhi_value got;
    int fd;

    (void)state;
    for (int i = 0; i < 4; i++) {
        publish(10, 0, 1);
        assert_int_equal(state_slurp(FILE_NAME, &was, sizeof(was)), sizeof(was));
        h = was;
        if (i == 0)
            h.boot[3] ^= 1;
        else if (i == 1)
            h.init_start++;
        else if (i == 2)
            snprintf(h.machine, sizeof(h.machine), "%064d", 1);
        h.sum = state_head_sum(&h);
        fd = open(FILE_NAME, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
        close(fd);
        assert_int_equal(look(&one, &got), i >= 2 ? NHI_OK : NHI_ERR_STATE);
        assert_true(i < 2 || is_here() == (i == 3));
    }
}

/* ---- writers ---- */

/* A record of which only some bytes were written does not exist; the next writer takes its place. */
static void killed_within_a_record(void **state)
{
    const struct nhi_fact_key one = task(1);
    const struct nhi_value v = value(1, 9, 30), next = value(1, 10, 12);
    const size_t size = nhi_state_cost(&one, &v);
    uint8_t whole[256];
    struct nhi_state_writer *w;
    struct nhi_value got;
    size_t at;
    int fd;

    (void)state;
    publish(10, 0, 1);
    w = turn();
    at = STATE_FILE_SIZE - nhi_state_room(w);
    assert_int_equal(nhi_state_add(w, 2, &one, &v), NHI_OK);
    nhi_state_end(w);
    fd = open(FILE_NAME, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, whole, size, (off_t)at), size);
    close(fd);
    for (size_t cut = 4; cut <= size; cut++) {
        uint8_t torn[256] = { 0 };

        publish(10, 0, 1);
        memcpy(torn + 4, whole + 4, cut - 4); /* the word that commits it comes last */
        fd = open(FILE_NAME, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, torn, size, (off_t)at), size);
        close(fd);
        is(1, 0, size_of(1));
        w = turn();
        assert_int_equal(nhi_state_add(w, 2, &one, &next), NHI_OK);
        nhi_state_end(w);
        is(1, 10, 12);
        assert_int_equal(look(&one, &got), NHI_OK);
    }
}

static int hold_turn(int n)
{
    struct nhi_state_writer *w = turn();

    (void)n;
    usleep(300000);
    nhi_state_end(w);
    return 0;
}

static void one_writer_at_a_time(void **state)
{
    struct nhi_state_writer *w = NULL;
    int status;
    pid_t pid;

    (void)state;
    publish(1, 0, 1);
    pid = fork();
    if (pid == 0)
        _exit(hold_turn(0));
    usleep(100000);
    assert_int_equal(nhi_state_begin(NHI_RUN_DIR, NHI_STATE_DIR, 20, &w), NHI_ERR_BUSY);
    assert_int_equal(nhi_state_begin(NHI_RUN_DIR, NHI_STATE_DIR, 5000, &w), NHI_OK);
    nhi_state_end(w);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Another's lock file could keep everybody waiting. */
static void lock_of_others(void **state)
{
    struct nhi_state_writer *w = NULL;

    (void)state;
    publish(1, 0, 1);
    assert_int_equal(chmod(NHI_RUN_DIR "/" NHI_STATE_LOCK, 0644), 0);
    assert_int_equal(nhi_state_begin(NHI_RUN_DIR, NHI_STATE_DIR, 20, &w), NHI_ERR_UNSAFE);
    assert_int_equal(unlink(NHI_RUN_DIR "/" NHI_STATE_LOCK), 0);
    assert_int_equal(mkfifo(NHI_RUN_DIR "/" NHI_STATE_LOCK, 0600), 0);
    assert_int_equal(nhi_state_begin(NHI_RUN_DIR, NHI_STATE_DIR, 20, &w), NHI_ERR_UNSAFE);
    assert_int_equal(unlink(NHI_RUN_DIR "/" NHI_STATE_LOCK), 0);
    assert_int_equal(symlink("elsewhere", NHI_RUN_DIR "/" NHI_STATE_LOCK), 0);
    assert_int_equal(nhi_state_begin(NHI_RUN_DIR, NHI_STATE_DIR, 20, &w), NHI_ERR_UNSAFE);
    assert_int_equal(access(NHI_RUN_DIR "/elsewhere", F_OK), -1);
}

/* A complete file that a killed writer left is never seen: it may lack what has ended since. */
static void left_by_a_killed_writer(void **state)
{
    const char left[] = NHI_RUN_DIR "/." NHI_STATE_FILE ".nhi-new";

    (void)state;
    publish(10, 1, 1);
    assert_int_equal(link(FILE_NAME, left), 0);
    publish(10, 2, 2);
    publish(10, 3, 3);
    assert_int_equal(access(left, F_OK), -1);
    is(1, 3, size_of(1));
    assert_int_equal(state_count(NHI_RUN_DIR, NHI_STATE_BASE), 1);
}

static void withdrawn(void **state)
{
    const struct nhi_fact_key one = task(1);
    struct nhi_state_writer *w;
    struct nhi_value got;

    (void)state;
    publish(10, 1, 1);
    w = turn();
    assert_non_null(nhi_state_seen(w));
    assert_int_equal(nhi_state_withdraw(w), NHI_OK);
    assert_null(nhi_state_seen(w));
    assert_int_equal(nhi_state_add(w, 2, &one, NULL), NHI_ERR_NOT_FOUND);
    nhi_state_end(w);
    assert_int_equal(look(&one, &got), NHI_ERR_ARG);
    assert_int_equal(state_count(NHI_RUN_DIR, NHI_STATE_BASE), 0);
}

/* A large base lies in the state directory, and one that would take too much of what is free is not made. */
static void little_room(void **state)
{
    const struct nhi_fact_key one = task(1);
    struct nhi_state_writer *w;
    struct nhi_state_build *b = NULL;
    struct nhi_value got;
    char name[128];

    (void)state;
    publish(10, 0, 1);
    base_name(name, sizeof(name));
    assert_memory_equal(name, NHI_RUN_DIR "/", strlen(NHI_RUN_DIR "/"));
    assert_int_equal(mount("none", NHI_RUN_DIR, NULL, MS_REMOUNT, "size=512k"), 0);
    publish(FACTS, 0, 2);
    base_name(name, sizeof(name));
    assert_memory_equal(name, NHI_STATE_DIR "/", strlen(NHI_STATE_DIR "/"));
    assert_int_equal(state_count(NHI_RUN_DIR, NHI_STATE_BASE), 0);
    is(1, 0, size_of(1));
    state_disk_fill();
    w = turn();
    assert_int_equal(nhi_state_build_new(&b), NHI_OK);
    for (unsigned n = 0; n < FACTS; n++) {
        const struct nhi_fact_key key = task(n);
        const struct nhi_value v = value(n, 1, size_of(n));

        assert_int_equal(nhi_state_build_add(b, &key, &v), NHI_OK);
    }
    assert_int_equal(nhi_state_prepare(w, b, 3), NHI_ERR_FULL);
    nhi_state_build_free(b);
    /* The tail has its room already: what ends can still be added. */
    assert_int_equal(nhi_state_add(w, 3, &one, NULL), NHI_OK);
    nhi_state_end(w);
    assert_int_equal(look(&one, &got), NHI_ERR_STATE);
    state_disk_free();
}

/* ---- readers beside writers ---- */

#define ROUNDS 400

/* Adds a revocation, and says so; each reader that begins later sees it. Now and then everything is published anew. */
static int write_all(int to)
{
    for (unsigned n = 1; n <= ROUNDS; n++) {
        char id[24];
        const struct nhi_value none = { .len = 0 };
        struct nhi_fact_key key;
        struct nhi_state_writer *w;
        struct nhi_state_build *b = NULL;

        snprintf(id, sizeof(id), "build-%u", n);
        key = nhi_fact_key_revoked(NHI_REVOKE_TASK, id);
        w = turn();
        if (n % 16 != 0) {
            assert_int_equal(nhi_state_add(w, n, &key, &none), NHI_OK);
        } else {
            assert_int_equal(nhi_state_build_new(&b), NHI_OK);
            for (unsigned i = 1; i <= n; i++) {
                snprintf(id, sizeof(id), "build-%u", i);
                key = nhi_fact_key_revoked(NHI_REVOKE_TASK, id);
                assert_int_equal(nhi_state_build_add(b, &key, &none), NHI_OK);
            }
            assert_int_equal(nhi_state_prepare(w, b, n), NHI_OK);
            assert_int_equal(nhi_state_publish(w), NHI_OK);
            nhi_state_build_free(b);
        }
        nhi_state_end(w);
        if (write(to, &n, sizeof(n)) != sizeof(n))
            return 1;
    }
    return 0;
}

static void readers_beside_a_writer(void **state)
{
    unsigned last = 0, n, looked = 0;
    struct nhi_fact_key key;
    struct nhi_value got;
    int ends[2], status;
    char id[24];
    pid_t pid;

    (void)state;
    publish(1, 0, 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    pid = fork();
    if (pid == 0) {
        assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
        _exit(write_all(ends[1]));
    }
    close(ends[1]);
    for (;;) {
        ssize_t len = read(ends[0], &n, sizeof(n));

        if (len == 0)
            break;
        if (len == (ssize_t)sizeof(n))
            last = n;
        if (last == 0)
            continue;
        snprintf(id, sizeof(id), "build-%u", last);
        key = nhi_fact_key_revoked(NHI_REVOKE_TASK, id);
        assert_int_equal(look(&key, &got), NHI_OK);
        looked++;
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(last, ROUNDS);
    assert_in_range(looked, 100, UINT32_MAX);
}

/* ---- one file after the other ---- */

struct exchanging {
    _Atomic(unsigned) published, looked;
    _Atomic(bool) over;
};

/* Whatever was published before it began, it sees that or something later, and it always sees something. */
static int read_on(struct exchanging *x)
{
    const struct nhi_fact_key key = task(0);
    struct nhi_value v;
    unsigned before, got;

    while (!x->over) {
        before = x->published;
        if (look(&key, &v) != NHI_OK || v.len != sizeof(got))
            return 1;
        memcpy(&got, v.bytes, sizeof(got));
        if (got < before)
            return 2;
        x->looked++;
    }
    return 0;
}

static void exchange(unsigned n)
{
    const struct nhi_fact_key key = task(0);
    struct nhi_value v = { .len = sizeof(n) };
    struct nhi_state_writer *w = turn();
    struct nhi_state_build *b = NULL;

    memcpy(v.bytes, &n, sizeof(n));
    assert_int_equal(nhi_state_build_new(&b), NHI_OK);
    assert_int_equal(nhi_state_build_add(b, &key, &v), NHI_OK);
    assert_int_equal(nhi_state_prepare(w, b, n), NHI_OK);
    assert_int_equal(nhi_state_publish(w), NHI_OK);
    nhi_state_build_free(b);
    nhi_state_end(w);
}

static void exchanged(void **state)
{
    const bool long_run = getenv("DEPTH") != NULL && strcmp(getenv("DEPTH"), "torture") == 0;
    const unsigned rounds = long_run ? 100000 : 500, readers = long_run ? 32 : 4;
    struct exchanging *x = mmap(NULL, sizeof(*x), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid[32];
    int status;

    (void)state;
    assert_true(x != MAP_FAILED);
    exchange(0);
    for (unsigned i = 0; i < readers; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            _exit(read_on(x));
    }
    for (unsigned n = 1; n <= rounds || x->looked < readers; n++) {
        exchange(n);
        x->published = n;
    }
    x->over = true;
    for (unsigned i = 0; i < readers; i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    print_message("# %u files, %u readers, %u looks\n", x->published, readers, x->looked);
    (void)munmap(x, sizeof(*x));
}

#define T(f) cmocka_unit_test_setup(f, state_empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_published_is_found),
        T(later_records_win),
        T(full_tail),
        T(long_lists_take_what_they_need),
        T(replaced_until_the_turn_is_over),
        T(merged),
        T(any_byte_of_the_tail),
        T(any_byte_of_the_base),
        T(cut_short),
        T(from_elsewhere),
        T(killed_within_a_record),
        T(one_writer_at_a_time),
        T(lock_of_others),
        T(left_by_a_killed_writer),
        T(withdrawn),
        T(little_room),
        T(readers_beside_a_writer),
        T(exchanged),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
