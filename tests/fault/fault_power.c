/* SPDX-License-Identifier: ISC */
/*
 * The power fails as soon as a grant was committed: it still exists, and everything that denies a later one.
 *
 * Linked with wraps for the calls that make names and put them on the disk. What was not flushed by then is removed:
 * names that were made since the directory was flushed, and the text of files that were not.
 * Invariants: 6, 12.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnhi/grant/record.h"
#include "libnhi/ledger/fold.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW
#define MANY 64

/* ---- what is on the disk ---- */

static struct {
    char name[256];
    ino_t file;
    bool there; /* on the disk */
} names[MANY];
static size_t name_count, flushed_count, flushes;
static ino_t flushed[MANY];
static bool no_flush;     /* for a directory: the process that flushes it is cut off */
static bool fold_at_once; /* a grant is taken in and removed as soon as it has its name */

int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __real_fsync(int fd);
int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_fsync(int fd);
int __wrap_unlinkat(int dir, const char *name, int flags);

int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    int rc = __real_linkat(from_dir, from, to_dir, to, flags);
    struct stat st;

    /* Names of records only: the state is published anew after each boot. */
    if (rc != 0 || to[0] == '\0' || to[1] != '-')
        return rc;
    assert_true(name_count < MANY);
    assert_int_equal(fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW), 0);
    snprintf(names[name_count].name, sizeof(names[0].name), "%s", to);
    names[name_count].file = st.st_ino;
    names[name_count++].there = false;
    if (fold_at_once && to[0] == 'g')
        assert_int_equal(__wrap_unlinkat(to_dir, to, 0), 0);
    return 0;
}

int __wrap_fsync(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    flushes++;
    if (!S_ISDIR(st.st_mode)) {
        assert_true(flushed_count < MANY);
        flushed[flushed_count++] = st.st_ino;
        return __real_fsync(fd);
    }
    if (no_flush) {
        errno = EIO;
        return -1;
    }
    for (size_t i = 0; i < name_count; i++)
        names[i].there = true;
    return __real_fsync(fd);
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
    for (size_t i = 0; i < name_count; i++)
        if (strcmp(names[i].name, name) == 0)
            names[i] = names[--name_count];
    return __real_unlinkat(dir, name, flags);
}

static bool is_flushed(ino_t file)
{
    for (size_t i = 0; i < flushed_count; i++)
        if (flushed[i] == file)
            return true;
    return false;
}

static void lose_power(void)
{
    int dir = open(STATE_GRANTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(dir >= 0);
    for (size_t i = 0; i < name_count; i++)
        if (!names[i].there)
            assert_int_equal(__real_unlinkat(dir, names[i].name, 0), 0);
        else if (!is_flushed(names[i].file)) {
            int fd = openat(dir, names[i].name, O_WRONLY | O_TRUNC | O_CLOEXEC);

            assert_true(fd >= 0);
            close(fd);
        }
    close(dir);
    name_count = flushed_count = 0;
}

static int ready(void **state)
{
    no_flush = fold_at_once = false;
    (void)state_ready(state);
    name_count = flushed_count = flushes = 0;
    return 0;
}

/* ---- grants that deny a later one ---- */

static struct nhi_grant pinned(unsigned id, const char *place)
{
    struct nhi_grant g = state_grant(1, id);

    g.pin = NHI_PIN_REMOTE;
    snprintf(g.place, sizeof(g.place), "%s", place);
    return g;
}

static struct nhi_grant renewing(void)
{
    struct nhi_grant g = state_grant(2, 2);

    memcpy(g.root, state_ticket(1).jti, sizeof(g.root));
    memcpy(g.renews, state_ticket(1).jti, sizeof(g.renews));
    return g;
}

static struct nhi_grant binding(void)
{
    struct nhi_grant g = state_grant(3, 3);

    g.ticket.has_cnf = true;
    memset(g.ticket.cnf, 0x66, sizeof(g.ticket.cnf));
    g.ticket.cnf[0] = 0x58;
    return g;
}

static struct nhi_grant limited(unsigned id)
{
    struct nhi_grant g = state_grant(4, id);

    snprintf(g.rule, sizeof(g.rule), "few");
    g.max_grants = 1;
    return g;
}

static enum nhi_err commit(struct nhi_grant g)
{
    return nhi_grant_commit(NHI_STATE_DIR, &g);
}

static bool all_say_no(void)
{
    struct nhi_grant key = binding(), elsewhere = pinned(9, "192.0.2.9");
    const char *first = state_ticket(1).jti;
    char place[NHI_PLACE_MAX + 1] = "";

    return nhi_grant_pinned(NHI_STATE_DIR, "k1", first, NHI_PIN_REMOTE, place) == NHI_OK &&
           strcmp(place, "192.0.2.1") == 0 &&
           nhi_grant_pinned(NHI_STATE_DIR, "k1", first, NHI_PIN_LOCAL, place) == NHI_OK &&
           commit(elsewhere) == NHI_ERR_STATE && nhi_grant_is_superseded(NHI_STATE_DIR, first) &&
           nhi_grant_binds(NHI_STATE_DIR, key.ticket.cnf, key.subject) == NHI_OK;
}

static void commit_all(enum nhi_err want)
{
    assert_int_equal(commit(pinned(1, "192.0.2.1")), want);
    assert_int_equal(commit(renewing()), want);
    assert_int_equal(commit(binding()), want);
}

static void each_by_itself(void **state)
{
    struct nhi_grant key = binding();
    char place[NHI_PLACE_MAX + 1] = "";

    (void)state;
    assert_int_equal(commit(pinned(1, "192.0.2.1")), NHI_OK);
    lose_power();
    assert_int_equal(nhi_grant_pinned(NHI_STATE_DIR, "k1", state_ticket(1).jti, NHI_PIN_REMOTE, place), NHI_OK);
    assert_string_equal(place, "192.0.2.1");
    assert_int_equal(commit(renewing()), NHI_OK);
    lose_power();
    assert_true(nhi_grant_is_superseded(NHI_STATE_DIR, state_ticket(1).jti));
    assert_int_equal(commit(key), NHI_OK);
    lose_power();
    assert_int_equal(nhi_grant_binds(NHI_STATE_DIR, key.ticket.cnf, key.subject), NHI_OK);
    assert_int_equal(commit(limited(4)), NHI_OK);
    lose_power();
    assert_int_equal(commit(limited(5)), NHI_ERR_BUSY);
}

static void counted(void **state)
{
    struct nhi_grant g = pinned(1, "192.0.2.1");

    (void)state;
    g.ticket.uses = 1;
    assert_int_equal(commit(g), NHI_OK);
    lose_power();
    g = pinned(2, "192.0.2.1");
    g.ticket.uses = 1;
    assert_int_equal(commit(g), NHI_ERR_EXISTS);
    g = pinned(3, "192.0.2.9");
    g.ticket.uses = 1;
    assert_int_equal(commit(g), NHI_ERR_STATE);
}

static struct nhi_grant fast(struct nhi_grant g)
{
    g.unflushed = true;
    return g;
}

static bool is_whole(const struct nhi_grant *g)
{
    struct nhi_grant got;
    char name[64];
    int dir = open(STATE_GRANTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum nhi_err err;

    snprintf(name, sizeof(name), "g-%s", g->id);
    err = nhi_record_read(dir, name, &got);
    close(dir);
    return err == NHI_OK && strcmp(got.id, g->id) == 0;
}

/* The permit itself, with one flush of its text and one of its name; a host may do without. */
static void permits(void **state)
{
    struct nhi_grant g = state_grant(5, 5), counted_one = state_grant(6, 6);

    (void)state;
    assert_int_equal(commit(g), NHI_OK);
    assert_int_equal(flushes, 2);
    lose_power();
    assert_true(is_whole(&g));
    g = fast(state_grant(5, 7));
    assert_int_equal(commit(g), NHI_OK);
    assert_int_equal(flushes, 2);
    lose_power();
    assert_false(is_whole(&g));
    counted_one.ticket.uses = 1;
    assert_int_equal(commit(fast(counted_one)), NHI_OK);
    lose_power();
    memcpy(counted_one.id, g.id, sizeof(g.id));
    assert_int_equal(commit(fast(counted_one)), NHI_ERR_EXISTS);
}

/* A permit that could not be flushed was none. */
static void permit_not_flushed(void **state)
{
    struct nhi_grant g = state_grant(5, 5);

    (void)state;
    no_flush = true;
    assert_int_equal(commit(g), NHI_ERR_SYS);
    assert_false(is_whole(&g));
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, &g), NHI_ERR_SYS);
    assert_int_equal(state_count(STATE_GRANTS, NULL), 0);
    assert_int_equal(commit(fast(g)), NHI_OK);
}

/* The parent finds a grant that the supervisor has removed in the meantime. */
static void folded_between(void **state)
{
    struct nhi_grant g = state_grant(5, 5), got;

    (void)state;
    fold_at_once = true;
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(state_count(STATE_GRANTS, "g-"), 0);
    assert_int_equal(nhi_grant_of_child(NHI_STATE_DIR, &g.parent, g.service, g.subject, &got), NHI_OK);
    assert_string_equal(got.id, g.id);
    fold_at_once = false;
    state_jti(6, g.id);
    assert_int_equal(nhi_grant_commit_for_parent(NHI_STATE_DIR, &g), NHI_OK);
    assert_int_equal(nhi_grant_of_child(NHI_STATE_DIR, &g.parent, g.service, g.subject, &got), NHI_OK);
    assert_string_equal(got.id, g.id);
}

/* What cannot be put on the disk is not granted; and a process that finds what another left before it was stopped does
 * not take it for flushed. */
static void found_there(void **state)
{
    (void)state;
    no_flush = true;
    commit_all(NHI_ERR_SYS);
    assert_int_equal(state_count(STATE_GRANTS, "g-"), 0);
    no_flush = false;
    commit_all(NHI_OK);
    lose_power();
    assert_true(all_say_no());
}

/* The events are in the ledger by then. */
static void folded(void **state)
{
    struct nhi_ledger *l;

    (void)state;
    commit_all(NHI_OK);
    l = state_open(NHI_LEDGER_WRITE);
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, NOW + 5, NULL), NHI_OK);
    nhi_ledger_close(l);
    lose_power();
    assert_true(all_say_no());
}

/* Where permits are not flushed, a ticket that is pinned for long costs nothing more: only its first use does, and uses
 * until it is folded. */
static void once(void **state)
{
    struct nhi_ledger *l;

    (void)state;
    assert_int_equal(commit(fast(pinned(1, "192.0.2.1"))), NHI_OK);
    assert_int_equal(flushes, 2);
    assert_int_equal(commit(fast(pinned(2, "192.0.2.1"))), NHI_OK);
    assert_int_equal(flushes, 3);
    no_flush = true;
    l = state_open(NHI_LEDGER_WRITE);
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, NOW, NULL), NHI_OK);
    no_flush = false;
    flushes = 0;
    assert_int_equal(commit(fast(pinned(3, "192.0.2.1"))), NHI_OK);
    assert_int_equal(flushes, 1);
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, NOW, NULL), NHI_OK);
    nhi_ledger_close(l);
    flushes = 0;
    assert_int_equal(commit(fast(pinned(4, "192.0.2.1"))), NHI_OK);
    assert_int_equal(commit(fast(state_grant(5, 5))), NHI_OK);
    assert_int_equal(flushes, 0);
    assert_int_equal(commit(pinned(6, "192.0.2.9")), NHI_ERR_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_by_itself, ready),
        cmocka_unit_test_setup(counted, ready),
        cmocka_unit_test_setup(found_there, ready),
        cmocka_unit_test_setup(folded, ready),
        cmocka_unit_test_setup(once, ready),
        cmocka_unit_test_setup(permits, ready),
        cmocka_unit_test_setup(permit_not_flushed, ready),
        cmocka_unit_test_setup(folded_between, ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("fault_power", tests, NULL, NULL);
}
