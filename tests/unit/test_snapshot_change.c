/* SPDX-License-Identifier: ISC */
/*
 * Changes that are added to a published snapshot: found by every question in both copies, refused where the copies are
 * not those that are meant, old or new wherever the writer is killed, and never half of one for a reader beside it.
 * Invariants: 10, 20.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/snapshot/snapshot_change.h"
#include "libnhi/snapshot/snapshot_format.h"
#include "libnhi/snapshot/snapshot_read.h"
#include "libnhi/snapshot/snapshot_write.h"
#include "tests/lib/accounts.h"
#include "tests/lib/state.h"

#define COUNT 4000 /* enough for a tail */
#define STAMP UINT64_C(0x1122334455667780)
#define NEW_UID (ACCOUNTS_UID_MIN + 1 + COUNT)
#define CHANGED 1234 /* an account that the tests change */

static void publish_few(uint32_t count)
{
    struct nhi_snapshot_writer *w;

    assert_int_equal(nhi_snapshot_begin(ACCOUNTS_UID_MIN, ACCOUNTS_UID_MAX, &w), NHI_OK);
    nhi_snapshot_set_stamp(w, STAMP);
    for (uint32_t i = 0; i < count; i++) {
        struct nhi_account a = accounts_nth(i);

        assert_int_equal(nhi_snapshot_add(w, &a), NHI_OK);
    }
    assert_int_equal(nhi_snapshot_publish(w), NHI_OK);
}

static int ready(void **state)
{
    (void)state_empty(state);
    (void)unlink(NHI_SNAPSHOT_QUICK);
    publish_few(COUNT);
    return 0;
}

/* Account i with another gecos. */
static struct nhi_snapshot_change changed(uint32_t i, unsigned number)
{
    struct nhi_snapshot_change c = { .account = accounts_nth(i), .stamp = STAMP + 8 * number };

    snprintf(c.account.gecos, sizeof(c.account.gecos), "change %u", number);
    return c;
}

static enum nhi_err change(unsigned number, uint32_t i)
{
    const struct nhi_snapshot_change c = changed(i, number);

    return nhi_snapshot_change(STAMP + 8 * (uint64_t)(number - 1), &c, 1);
}

/* How a copy is opened. */
enum how { DURABLE, QUICK, MAPPED, WAYS };

static void open_by(enum how how, struct nhi_snapshot *s)
{
    assert_int_equal(nhi_snapshot_open(how == DURABLE ? NHI_SNAPSHOT_PATH : NHI_SNAPSHOT_QUICK, s), NHI_OK);
    assert_true(how != MAPPED || nhi_snapshot_map(s));
}

/* By name, uid and index. */
static void assert_found(const struct nhi_snapshot *s, const struct nhi_account *want, uint32_t index)
{
    struct nhi_account got;

    assert_int_equal(nhi_snapshot_by_name(s, want->name, &got), NHI_OK);
    assert_true(accounts_same(want, &got));
    assert_int_equal(nhi_snapshot_by_uid(s, want->uid, &got), NHI_OK);
    assert_true(accounts_same(want, &got));
    assert_int_equal(nhi_snapshot_by_index(s, index, &got), NHI_OK);
    assert_true(accounts_same(want, &got));
}

static void assert_absent(const struct nhi_snapshot *s, uint32_t i)
{
    const struct nhi_account a = accounts_nth(i);
    struct nhi_account got;

    assert_int_equal(nhi_snapshot_by_name(s, a.name, &got), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_snapshot_by_uid(s, a.uid, &got), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_snapshot_by_index(s, i, &got), NHI_ERR_NOT_FOUND);
}

static void found_by_each_question(void **state)
{
    struct nhi_snapshot_change all[3] = { changed(CHANGED, 1), changed(COUNT, 2), changed(CHANGED, 3) };
    struct nhi_snapshot before[WAYS], s;
    struct stat was, is;
    uint64_t stamp;

    (void)state;
    all[1].account.group_count = 2;
    all[1].account.groups[0] = 5000;
    all[1].account.groups[1] = 5001;
    assert_int_equal(nhi_snapshot_stamp(&stamp), NHI_OK);
    assert_true(stamp == STAMP);
    assert_int_equal(stat(NHI_SNAPSHOT_QUICK, &was), 0);
    for (int how = 0; how < WAYS; how++)
        open_by((enum how)how, &before[how]);
    assert_int_equal(nhi_snapshot_change(STAMP, all, 3), NHI_OK);
    assert_int_equal(nhi_snapshot_stamp(&stamp), NHI_OK);
    assert_true(stamp == all[2].stamp);
    for (int how = 0; how < 2 * WAYS; how++) { /* also of those that were open */
        if (how < WAYS)
            s = before[how];
        else
            open_by((enum how)(how - WAYS), &s);
        assert_found(&s, &all[2].account, CHANGED);
        assert_found(&s, &all[1].account, COUNT);
        for (uint32_t i = 0; i < COUNT; i += i == CHANGED - 1 ? 2 : 1) {
            const struct nhi_account a = accounts_nth(i);

            assert_found(&s, &a, i);
        }
        assert_absent(&s, COUNT + 1);
        nhi_snapshot_close(&s);
    }
    assert_int_equal(stat(NHI_SNAPSHOT_QUICK, &is), 0);
    assert_int_equal(is.st_ino, was.st_ino);
}

/* As many as there is room for, and all of them are found, whatever their slots are. */
static void until_full(void **state)
{
    enum nhi_err err = NHI_OK;
    struct nhi_snapshot s;
    unsigned n = 0;

    (void)state;
    while (err == NHI_OK) {
        n++;
        err = n % 2 == 0 ? change(n, COUNT + n / 2 - 1) : change(n, n * 7);
    }
    assert_int_equal(err, NHI_ERR_FULL);
    assert_int_equal(n - 1, NHI_SNAPSHOT_TAIL_MOST);
    for (int how = 0; how < WAYS; how++) {
        open_by((enum how)how, &s);
        for (unsigned i = 1; i < n; i++) {
            const uint32_t which = i % 2 == 0 ? COUNT + i / 2 - 1 : i * 7;
            const struct nhi_snapshot_change c = changed(which, i);

            assert_found(&s, &c.account, which);
        }
        assert_absent(&s, COUNT + n);
        nhi_snapshot_close(&s);
    }
    publish_few(COUNT + 1);
    assert_int_equal(change(1, COUNT), NHI_OK);
}

/* Many long ones, until there are no bytes for another. */
static void until_no_bytes(void **state)
{
    struct nhi_snapshot_change c = changed(1, 1);
    struct nhi_snapshot s;
    uint64_t stamp = STAMP;
    unsigned n = 0;

    (void)state;
    memset(c.account.gecos, 'g', NHI_TEXT_MAX);
    memset(c.account.home + 1, 'h', NHI_PATH_MAX - 1);
    memset(c.account.shell + 1, 's', NHI_PATH_MAX - 1);
    c.account.group_count = NHI_GROUPS_MAX;
    for (uint32_t i = 0; i < NHI_GROUPS_MAX; i++)
        c.account.groups[i] = 5000 + i;
    while (nhi_snapshot_change(stamp, &c, 1) == NHI_OK) {
        stamp = c.stamp;
        c.stamp += 8;
        n++;
    }
    assert_in_range(n, 30, 40);
    open_by(MAPPED, &s);
    assert_found(&s, &c.account, 1);
    nhi_snapshot_close(&s);
}

/* ---- refused ---- */

static void change_file(const char *path, off_t at, unsigned char byte)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void refused(void **state)
{
    struct nhi_snapshot_change c = changed(CHANGED, 1), too_many[NHI_SNAPSHOT_CHANGES_MAX + 1];
    struct stat st;

    (void)state;
    assert_int_equal(nhi_snapshot_change(STAMP + 8, &c, 1), NHI_ERR_STATE);
    assert_int_equal(nhi_snapshot_change(0, &c, 1), NHI_ERR_STATE);
    for (size_t i = 0; i <= NHI_SNAPSHOT_CHANGES_MAX; i++)
        too_many[i] = changed(1, (unsigned)i);
    assert_int_equal(nhi_snapshot_change(STAMP, too_many, NHI_SNAPSHOT_CHANGES_MAX + 1), NHI_ERR_FULL);
    c.stamp = 0;
    assert_int_equal(nhi_snapshot_change(STAMP, &c, 1), NHI_ERR_ARG);
    c = changed(CHANGED, 1);
    c.account.uid = NEW_UID; /* its name has another uid */
    assert_int_equal(nhi_snapshot_change(STAMP, &c, 1), NHI_ERR_ARG);
    c = changed(CHANGED, 1);
    strcpy(c.account.name, "another"); /* its uid has another name */
    assert_int_equal(nhi_snapshot_change(STAMP, &c, 1), NHI_ERR_ARG);
    c = changed(CHANGED, 1);
    strcpy(c.account.home, "relative");
    assert_int_equal(nhi_snapshot_change(STAMP, &c, 1), NHI_ERR_ARG);
    c = changed(COUNT + 5, 1);
    assert_int_equal(nhi_snapshot_change(STAMP, &c, 1), NHI_OK);
    c = changed(COUNT + 4, 2); /* below another */
    assert_int_equal(nhi_snapshot_change(STAMP + 8, &c, 1), NHI_ERR_ARG);

    assert_int_equal(stat(NHI_SNAPSHOT_PATH, &st), 0);
    change_file(NHI_SNAPSHOT_QUICK, st.st_size - 1, 1); /* the copies are not the same */
    assert_int_equal(change(2, 1), NHI_ERR_STATE);
    change_file(NHI_SNAPSHOT_PATH, st.st_size - 1, 1); /* there is something behind the last entry */
    assert_int_equal(change(2, 1), NHI_ERR_STATE);
    publish_few(COUNT);
    change_file(NHI_SNAPSHOT_PATH, st.st_size - NHI_SNAPSHOT_TAIL_LEN, 1); /* and slots without an entry */
    change_file(NHI_SNAPSHOT_QUICK, st.st_size - NHI_SNAPSHOT_TAIL_LEN, 1);
    assert_int_equal(change(1, 1), NHI_ERR_STATE);
    publish_few(COUNT);
    change_file(NHI_SNAPSHOT_QUICK, NHI_SNAPSHOT_AT_REPLACED, 1);
    assert_int_equal(change(1, 1), NHI_ERR_STATE);
    assert_int_equal(unlink(NHI_SNAPSHOT_QUICK), 0);
    assert_int_equal(change(1, 1), NHI_ERR_SYS);
    publish_few(10); /* is short: no tail */
    assert_int_equal(change(1, 1), NHI_ERR_STATE);
}

/* ---- damage ---- */

/* Each question has the answer of before or an error, or that of after if the change is there. */
static void ask_damaged(const struct nhi_snapshot *s)
{
    const struct nhi_snapshot_change now[2] = { changed(CHANGED, 1), changed(COUNT, 2) };
    struct nhi_account got;
    enum nhi_err err;

    for (int i = 0; i < 2; i++)
        for (int by = 0; by < 3; by++) {
            err = by == 0   ? nhi_snapshot_by_name(s, now[i].account.name, &got)
                  : by == 1 ? nhi_snapshot_by_uid(s, now[i].account.uid, &got)
                            : nhi_snapshot_by_index(s, i == 0 ? CHANGED : COUNT, &got);
            assert_true(err == NHI_ERR_CORRUPT || (err == NHI_OK && accounts_same(&now[i].account, &got)));
        }
    err = nhi_snapshot_by_name(s, "agent-99999", &got);
    assert_true(err == NHI_ERR_CORRUPT || err == NHI_ERR_NOT_FOUND);
}

/* Every bit of the tail that is in use: the answers are right, or it is found. */
static void every_bit(void **state)
{
    unsigned char tail[NHI_SNAPSHOT_TAIL_LEN];
    struct nhi_snapshot s;
    size_t used = 0;
    int fd = open(NHI_SNAPSHOT_QUICK, O_RDWR | O_CLOEXEC);

    (void)state;
    assert_int_equal(change(1, CHANGED), NHI_OK);
    assert_int_equal(change(2, COUNT), NHI_OK);
    for (int mapped = 0; mapped < 2; mapped++) {
        open_by(mapped ? MAPPED : QUICK, &s);
        assert_int_equal(pread(fd, tail, sizeof(tail), (off_t)s.tail), (ssize_t)sizeof(tail));
        for (size_t i = 0; i < sizeof(tail); i++)
            for (int bit = 0; tail[i] != 0 && bit < 8; bit++) {
                unsigned char wrong = tail[i] ^ (unsigned char)(1 << bit);

                used++;
                assert_int_equal(pwrite(fd, &wrong, 1, (off_t)(s.tail + i)), 1);
                ask_damaged(&s);
                assert_int_equal(pwrite(fd, &tail[i], 1, (off_t)(s.tail + i)), 1);
            }
        nhi_snapshot_close(&s);
    }
    close(fd);
    assert_true(used > 100);
}

/* Numbers that lead anywhere: no crash, and no account that is not there. */
static void noise(void **state)
{
    unsigned char bytes[64];
    struct nhi_account got;
    struct nhi_snapshot s;
    int fd = open(NHI_SNAPSHOT_QUICK, O_RDWR | O_CLOEXEC);

    (void)state;
    for (int i = 0; i < 4000; i++) {
        const size_t most = i % 2 ? NHI_SNAPSHOT_TAIL_LEN : NHI_SNAPSHOT_TAIL_AT_ENTRIES;
        uint64_t slot = nhi_snapshot_tail_slot(ACCOUNTS_UID_MIN + 1, state_random() % 65536);

        for (size_t k = 0; k < sizeof(bytes); k++)
            bytes[k] = (unsigned char)state_random();
        open_by(i % 3 == 0 ? QUICK : MAPPED, &s);
        assert_int_equal(pwrite(fd, bytes, sizeof(bytes), (off_t)(s.tail + state_random() % (most - 64))), 64);
        /* and one with a right check */
        nhi_snapshot_put(bytes, slot, 8);
        assert_int_equal(pwrite(fd, bytes, 8,
                                (off_t)(s.tail + NHI_SNAPSHOT_TAIL_AT_UIDS +
                                        8 * (uint64_t)nhi_snapshot_tail_place(ACCOUNTS_UID_MIN + 1))),
                         8);
        for (uint32_t n = 0; n < 20; n++) {
            struct nhi_account a = accounts_nth(n * 200);
            enum nhi_err err = nhi_snapshot_by_uid(&s, a.uid, &got);

            assert_true(err == NHI_ERR_CORRUPT || (err == NHI_OK && accounts_same(&a, &got)));
            err = nhi_snapshot_by_name(&s, a.name, &got);
            assert_true(err == NHI_ERR_CORRUPT || (err == NHI_OK && accounts_same(&a, &got)));
            assert_int_not_equal(nhi_snapshot_by_index(&s, COUNT + n, &got), NHI_OK);
        }
        nhi_snapshot_close(&s);
    }
    close(fd);
}

/* ---- killed ---- */

/* Each copy has all of the change, or nothing of it. Returns whether it has it. */
static bool has_it(enum how how)
{
    const struct nhi_snapshot_change new = changed(COUNT, 2);
    struct nhi_account got;
    struct nhi_snapshot s;
    bool has;

    open_by(how, &s);
    has = nhi_snapshot_by_name(&s, new.account.name, &got) == NHI_OK;
    if (has)
        assert_found(&s, &new.account, COUNT);
    else
        assert_absent(&s, COUNT);
    nhi_snapshot_close(&s);
    return has;
}

/* false: it was done before that call. */
static bool kill_at(unsigned n)
{
    int status = 0;
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void)raise(SIGSTOP);
        _exit(change(2, COUNT) == NHI_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (unsigned i = 0; i < n && WIFSTOPPED(status); i++) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        return false;
    }
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return true;
}

/* Before and after each of its system calls. Afterwards a change is added, or all is published anew. */
static void killed_at_any_call(void **state)
{
    unsigned n = 1, seen[3] = { 0 };
    bool more = true;

    (void)state;
    for (; more; n++) {
        bool durable, quick;

        publish_few(COUNT);
        assert_int_equal(change(1, CHANGED), NHI_OK);
        more = kill_at(n);
        durable = has_it(DURABLE);
        quick = has_it(QUICK);
        assert_true(durable || !quick);
        assert_int_equal(has_it(MAPPED), quick);
        seen[durable + quick]++;
        if (change(durable ? 3 : 2, durable ? 1 : COUNT) == NHI_OK) {
            assert_int_equal(durable, quick);
            assert_true(has_it(DURABLE) && has_it(QUICK));
        }
    }
    assert_true(n > 30 && seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
}

/* What is stored in the mapping one number after the other, which no system call shows. */
static void killed_between_numbers(void **state)
{
    static unsigned char before[NHI_SNAPSHOT_TAIL_LEN], after[NHI_SNAPSHOT_TAIL_LEN];
    size_t stamp_at = 0, order[64], count = 0;
    struct nhi_snapshot s;
    int fd = open(NHI_SNAPSHOT_QUICK, O_RDWR | O_CLOEXEC);

    (void)state;
    assert_int_equal(change(1, CHANGED), NHI_OK);
    open_by(QUICK, &s);
    assert_int_equal(pread(fd, before, sizeof(before), (off_t)s.tail), (ssize_t)sizeof(before));
    assert_int_equal(change(2, COUNT), NHI_OK);
    assert_int_equal(pread(fd, after, sizeof(after), (off_t)s.tail), (ssize_t)sizeof(after));
    /* The entry but for its stamp, the slots, the stamp. */
    for (int slots = 0; slots < 2; slots++)
        for (size_t at = slots ? 0 : NHI_SNAPSHOT_TAIL_AT_ENTRIES;
             at < (slots ? NHI_SNAPSHOT_TAIL_AT_ENTRIES : sizeof(after)); at += 8)
            if (memcmp(before + at, after + at, 8) != 0) {
                assert_true(count < 64);
                if (stamp_at == 0)
                    stamp_at = at;
                else
                    order[count++] = at;
            }
    order[count++] = stamp_at;
    assert_int_equal(pwrite(fd, before, sizeof(before), (off_t)s.tail), (ssize_t)sizeof(before));
    for (size_t i = 0; i < count; i++) {
        assert_false(has_it(QUICK) || has_it(MAPPED));
        assert_int_equal(pwrite(fd, after + order[i], 8, (off_t)(s.tail + order[i])), 8);
    }
    assert_true(has_it(QUICK) && has_it(MAPPED));
    nhi_snapshot_close(&s);
    close(fd);
}

/* ---- beside readers ---- */

#define READERS 6
#define CHANGES 250

static _Atomic unsigned *done; /* changes that are published; shared by all processes */

static int read_always(enum how how)
{
    unsigned before, last = 0, got_number;
    struct nhi_account got;
    struct nhi_snapshot s;

    open_by(how, &s);
    do {
        before = atomic_load(done);
        got_number = 0;
        if (nhi_snapshot_by_name(&s, accounts_nth(CHANGED).name, &got) != NHI_OK)
            return 2;
        (void)sscanf(got.gecos, "change %u", &got_number);
        if (got_number < before || got_number < last)
            return 3;
        last = got_number;
        if (nhi_snapshot_by_uid(&s, accounts_nth(CHANGED).uid, &got) != NHI_OK ||
            sscanf(got.gecos, "change %u", &got_number) > 1 || got_number < last)
            return 4;
    } while (before < CHANGES);
    nhi_snapshot_close(&s);
    return 0;
}

static int one_process(int number)
{
    if (number > 0)
        return read_always((enum how)(number % WAYS));
    for (unsigned i = 1; i <= CHANGES; i++) {
        if (change(i, CHANGED) != NHI_OK)
            return 1;
        atomic_store(done, i);
    }
    return 0;
}

static void beside_readers(void **state)
{
    (void)state;
    done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(done, MAP_FAILED);
    assert_int_equal(state_parallel(1 + READERS, one_process), 0);
}

/* A change that no account shows still gives the file another time. */
static void nothing_changed(void **state)
{
    const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    struct stat st;

    (void)state;
    assert_int_equal(utimensat(AT_FDCWD, NHI_SNAPSHOT_PATH, old, 0), 0);
    assert_int_equal(nhi_snapshot_change(STAMP, NULL, 0), NHI_OK);
    assert_int_equal(stat(NHI_SNAPSHOT_PATH, &st), 0);
    assert_int_not_equal(st.st_mtim.tv_sec, 1);
    assert_false(has_it(DURABLE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(found_by_each_question, ready),
        cmocka_unit_test_setup(until_full, ready),
        cmocka_unit_test_setup(until_no_bytes, ready),
        cmocka_unit_test_setup(refused, ready),
        cmocka_unit_test_setup(every_bit, ready),
        cmocka_unit_test_setup(noise, ready),
        cmocka_unit_test_setup(killed_at_any_call, ready),
        cmocka_unit_test_setup(killed_between_numbers, ready),
        cmocka_unit_test_setup(beside_readers, ready),
        cmocka_unit_test_setup(nothing_changed, ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("snapshot_change", tests, NULL, NULL);
}
