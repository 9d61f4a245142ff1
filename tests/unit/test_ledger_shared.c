/* SPDX-License-Identifier: ISC */
/*
 * The ledger among processes: many at once, one that is stopped at any point, one that is killed there, and a disk
 * without space.
 *
 * A stopped process never continues by itself, so a process that waits for it waits for ever: the alarm finds that, and
 * measures nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/ledger/ledger_event.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "tests/lib/asked.h"
#include "tests/lib/state.h"

#define NOW STATE_NOW
#define WRITERS 4
#define READERS 3
#define TRANSACTIONS 50
#define KILLS 200
#define HANG 10 /* seconds */

/* One task and one event, which belong together. */
static enum nhi_err add_pair(struct nhi_ledger *l, const char *id, const char *detail)
{
    struct nhi_task t = { .agent = "ci-bot", .deadline = NOW + 1000 };
    struct nhi_event e = { .at = NOW, .kind = "task-open", .detail = detail };
    enum nhi_err err;

    snprintf(t.id, sizeof(t.id), "%s", id);
    snprintf(e.task, sizeof(e.task), "%s", id);
    err = nhi_ledger_begin(l, NOW);
    if (err == NHI_OK)
        err = nhi_task_open(l, &t, NOW);
    if (err == NHI_OK)
        err = nhi_event_add(l, &e);
    if (err == NHI_OK)
        return nhi_ledger_commit(l);
    nhi_ledger_rollback(l);
    return err;
}

/* Opens, adds one pair, closes: as nhictl does. */
static enum nhi_err write_with(const char *id, const char *detail)
{
    struct nhi_ledger *l = NULL;
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l);

    if (err == NHI_OK)
        err = add_pair(l, id, detail);
    nhi_ledger_close(l);
    return err;
}

static enum nhi_err write_once(const char *id)
{
    return write_with(id, NULL);
}

/* Opens, reads in one transaction, closes: as pam_nhi does. has: this task must exist. */
static enum nhi_err read_once(const char *has)
{
    struct nhi_ticket t = state_ticket(1);
    struct nhi_ledger *l = NULL;
    struct nhi_facts f;
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_READ, &l);

    if (err == NHI_OK)
        err = nhi_ledger_begin(l, NOW);
    if (err == NHI_OK && has != NULL)
        snprintf(t.task, sizeof(t.task), "%s", has);
    if (err == NHI_OK)
        err = ask_facts(l, &t, &f);
    if (err == NHI_OK)
        err = nhi_sql_rules(l, t.agent, NOW, &f);
    if (err == NHI_OK) {
        if (!f.task_known || !f.agent_known || f.rule_count != 1)
            err = NHI_ERR_CORRUPT;
        nhi_facts_free(&f);
    }
    if (err != NHI_OK) {
        printf("# reader: %s (%s)\n", nhi_strerror(err), nhi_ledger_message(l));
        (void)fflush(stdout);
    }
    nhi_ledger_close(l);
    return err;
}

static int count_event(const struct nhi_event *e, void *ctx)
{
    (void)e;
    ++*(int *)ctx;
    return 0;
}

static int count_task(const struct nhi_task *t, void *ctx)
{
    (void)t;
    ++*(int *)ctx;
    return 0;
}

/* As many events as tasks except the first one; returns how many. */
static int pairs(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_READ);
    int tasks = 0, events = 0;

    assert_int_equal(nhi_task_each(l, NULL, count_task, &tasks), NHI_OK);
    assert_int_equal(nhi_event_each(l, 0, 1000000, count_event, &events), NHI_OK);
    nhi_ledger_close(l);
    assert_int_equal(tasks - 1, events);
    return events;
}

static void sound(void)
{
    const char *text = NULL;
    sqlite3_stmt *st;
    sqlite3 *db;

    assert_int_equal(sqlite3_open_v2(STATE_LEDGER, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    text = (const char *)sqlite3_column_text(st, 0);
    assert_string_equal(text, "ok");
    sqlite3_finalize(st);
    sqlite3_close(db);
}

/* ---- many at once ---- */

static atomic_int *left; /* writers */
static bool stay;        /* half of the writers keep the ledger open */

static int work(int i)
{
    struct nhi_ledger *l = NULL;
    int k, failed = 0;
    char id[32];

    if (i >= WRITERS) {
        while (atomic_load(left) > 0)
            failed += read_once(NULL) != NHI_OK;
        return failed != 0;
    }
    if (i % 2 == 0 && stay && nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l) != NHI_OK)
        failed++;
    for (k = 0; k < TRANSACTIONS && failed == 0; k++) {
        snprintf(id, sizeof(id), "w%d-%d", i, k);
        failed += (l != NULL ? add_pair(l, id, NULL) : write_once(id)) != NHI_OK;
    }
    nhi_ledger_close(l);
    atomic_fetch_sub(left, 1);
    return failed != 0;
}

static void at_once(bool some_stay)
{
    stay = some_stay;
    left = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(left, MAP_FAILED);
    atomic_store(left, WRITERS);
    assert_int_equal(state_parallel(WRITERS + READERS, work), 0);
    assert_int_equal(pairs(), WRITERS * TRANSACTIONS);
    sound();
    (void)munmap(left, sizeof(*left));
}

static void many_at_once(void **state)
{
    (void)state;
    at_once(true);
}

/* Every writer may be the first after a pause, when readers find it making the index. */
static void many_that_come_and_go(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        if (round > 0)
            (void)state_ready(NULL);
        at_once(false);
    }
}

/* The same moment, made longer: the index is emptied and held as a first writer does before it fills it. A reader that
 * comes then gets its answer when the writer has finished. */
static void reader_meets_a_first_writer(void **state)
{
    struct flock held = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 128, .l_len = 1 };
    int status, fd = open(STATE_LEDGER "-shm", O_RDWR | O_CLOEXEC);
    pid_t reader, writer;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_SETLK, &held), 0);
    assert_int_equal(ftruncate(fd, 3), 0);
    (void)fflush(stdout);
    reader = fork();
    assert_true(reader >= 0);
    if (reader == 0)
        _exit(read_once(NULL) != NHI_OK);
    (void)usleep(50000);
    writer = fork();
    assert_true(writer >= 0);
    if (writer == 0)
        _exit(write_once("first") != NHI_OK);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(fd);
}

/* ---- stopped ---- */

/* Opened to read, or to write before. */
static enum nhi_err open_reader(bool from_writer, struct nhi_ledger **l)
{
    enum nhi_err err = nhi_ledger_open(NHI_STATE_DIR, from_writer ? NHI_LEDGER_WRITE : NHI_LEDGER_READ, l);

    return err == NHI_OK && from_writer ? nhi_ledger_only_reads(*l) : err;
}

/* A reader that is stopped in its transaction. Continued, it reads to the end. */
static pid_t stopped_reader(bool from_writer)
{
    int status;
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct nhi_ledger *l = NULL;
        struct nhi_settings s;
        struct nhi_task t;
        int failed;

        /* Otherwise a test that fails leaves it, and a program that reads our output waits for ever. */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        failed = open_reader(from_writer, &l) != NHI_OK || nhi_ledger_begin(l, NOW) != NHI_OK ||
                 nhi_ledger_settings(l, &s) != NHI_OK;
        if (failed == 0) {
            (void)raise(SIGSTOP);
            failed = nhi_task_get(l, "build-1", &t) != NHI_OK || nhi_task_get(l, "while-1", &t) != NHI_ERR_NOT_FOUND;
        }
        nhi_ledger_close(l);
        _exit(failed);
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    return pid;
}

static void carry_on(pid_t pid)
{
    int status;

    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* The normal work of all others while one is stopped. */
static void others_go_on(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);
    pid_t second;

    assert_int_equal(add_pair(l, "while-1", NULL), NHI_OK);
    assert_int_equal(read_once("while-1"), NHI_OK);
    assert_int_equal(add_pair(l, "while-2", NULL), NHI_OK);
    nhi_ledger_close(l); /* checkpoints as far as it gets */
    assert_int_equal(read_once("while-2"), NHI_OK);
    assert_int_equal(write_once("while-3"), NHI_OK);
    assert_int_equal(read_once("while-3"), NHI_OK);
    second = fork();
    assert_true(second >= 0);
    if (second == 0)
        _exit(write_once("while-4") != NHI_OK || read_once("while-4") != NHI_OK);
    assert_int_equal(waitpid(second, NULL, 0), second);
    assert_int_equal(read_once("while-4"), NHI_OK);
}

/* A commit whose writer was killed before it closed: the log has what the database does not have. */
static void leave_a_log(void)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(add_pair(state_open(NHI_LEDGER_WRITE), "in-the-log", NULL) != NHI_OK);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void stopped(bool writer_first, bool with_log, bool from_writer)
{
    struct nhi_ledger *l = NULL;
    pid_t pid;

    if (with_log)
        leave_a_log();
    if (writer_first) {
        struct nhi_settings s;

        l = state_open(NHI_LEDGER_WRITE);
        assert_int_equal(nhi_ledger_settings(l, &s), NHI_OK);
    }
    (void)alarm(HANG);
    pid = stopped_reader(from_writer);
    others_go_on();
    nhi_ledger_close(l);
    assert_int_equal(write_once("while-5"), NHI_OK);
    (void)alarm(0);
    carry_on(pid);
    assert_int_equal(pairs(), 5 + with_log);
    /* When nobody is in the way, the log is folded in and emptied. */
    nhi_ledger_close(state_open(NHI_LEDGER_WRITE));
    sound();
}

static void stopped_beside_a_writer(void **state)
{
    (void)state;
    stopped(true, false, false);
}

static void stopped_beside_a_writer_with_a_log(void **state)
{
    (void)state;
    stopped(true, true, false);
}

/* No process has the index open: the reader is the first, and must not take what a first writer needs. */
static void stopped_as_the_first(void **state)
{
    (void)state;
    stopped(false, false, false);
}

static void stopped_as_the_first_with_a_log(void **state)
{
    (void)state;
    stopped(false, true, false);
}

/* One that has written before it reads. */
static void stopped_that_wrote(void **state)
{
    (void)state;
    stopped(false, true, true);
    (void)state_ready(NULL);
    stopped(true, false, true);
}

static off_t log_size(void)
{
    struct stat st;

    assert_int_equal(stat(STATE_LEDGER "-wal", &st), 0);
    assert_int_equal(nhi_ledger_has_log(NHI_STATE_DIR), st.st_size > 33);
    return st.st_size;
}

static void empty_log(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);

    nhi_ledger_empty_log(l);
    nhi_ledger_close(l);
}

/* The log is emptied once nobody is in the way, and stays in its place. */
static void log_is_emptied(void **state)
{
    struct stat st;

    (void)state;
    leave_a_log();
    assert_true(log_size() > 33);
    assert_int_equal(read_once("in-the-log"), NHI_OK);
    empty_log();
    assert_int_equal(log_size(), 0);
    assert_int_equal(stat(STATE_LEDGER "-shm", &st), 0);
    assert_int_equal(read_once("in-the-log"), NHI_OK);
}

/* A writer leaves it with a few rows, which the next one reads; many are not kept. */
static void only_a_short_log_stays(void **state)
{
    char detail[4000], id[16];
    off_t before = 0, now;
    int kept = 0, k;

    (void)state;
    empty_log();
    memset(detail, 'x', sizeof(detail) - 1);
    memcpy(detail, "{\"a\":\"", 6);
    memcpy(detail + sizeof(detail) - 3, "\"}", 3);
    for (k = 0; k < 200 && (now = log_size()) >= before; k++) {
        kept += now > before;
        before = now;
        snprintf(id, sizeof(id), "k-%d", k);
        assert_int_equal(write_with(id, detail), NHI_OK);
        assert_int_equal(read_once(id), NHI_OK);
    }
    assert_true(kept > 3);
    assert_int_equal(log_size(), 0);
    assert_true(before < 1048576);
    assert_int_equal(pairs(), k);
    sound();
}

static void log_is(const void *bytes, size_t len)
{
    state_spill(STATE_LEDGER "-wal", bytes, len);
    (void)alarm(HANG);
    assert_int_equal(read_once(NULL), NHI_OK);
    (void)alarm(0);
}

/* A log with a header and no page in it makes SQLite's readers try for ten seconds and give up: no writer of ours may
 * leave one, wherever it is killed. */
static void no_bare_header(void **state)
{
    struct nhi_ledger *l;
    char log[64] = "";
    struct stat st;

    (void)state;
    leave_a_log();
    assert_int_equal(state_slurp(STATE_LEDGER "-wal", log, 32), 32);
    empty_log();
    log_is(log, 0);
    log_is(log, 33);
    log_is(log, sizeof(log));
    memset(log, 0, sizeof(log));
    log_is(log, 33);
    log_is(log, 0);
    l = state_begin();
    assert_int_equal(stat(STATE_LEDGER "-wal", &st), 0);
    assert_true(st.st_size > 32);
    nhi_ledger_rollback(l);
    assert_int_equal(read_once(NULL), NHI_OK);
    nhi_ledger_close(l);
}

/* ---- killed ---- */

static _Noreturn void write_until_killed(int round, int fd)
{
    struct nhi_ledger *l = NULL;
    char id[32];

    for (int k = 0;; k++) {
        snprintf(id, sizeof(id), "r%d-%d", round, k);
        if (l == NULL && nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l) != NHI_OK)
            _exit(1);
        if (add_pair(l, id, "{\"some\":\"more bytes, so that one commit is more than one page\"}") != NHI_OK ||
            write(fd, &k, sizeof(k)) != sizeof(k))
            _exit(1);
        if (k % 3 == 2) {
            nhi_ledger_close(l);
            l = NULL;
        }
    }
}

static void killed(void **state)
{
    int round, k, more, reported = 0, said, status, fds[2], had = 0;

    (void)state;
    for (round = 0; round < KILLS; round++) {
        char id[32];
        pid_t pid;
        int now;

        assert_int_equal(pipe(fds), 0);
        (void)fflush(stdout);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_until_killed(round, fds[1]);
        close(fds[1]);
        said = 0;
        for (more = (int)(state_random() % 5); more > 0; more--)
            if (read(fds[0], &k, sizeof(k)) == sizeof(k))
                said = k + 1;
        (void)usleep(state_random() % 1000);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (read(fds[0], &k, sizeof(k)) == sizeof(k))
            said = k + 1;
        close(fds[0]);
        if (said > 0) {
            snprintf(id, sizeof(id), "r%d-%d", round, said - 1);
            assert_int_equal(read_once(id), NHI_OK);
        }
        /* What was reported, and at most the one that was under way. */
        now = pairs();
        assert_in_range(now - had, said, said + 1);
        had = now;
        reported += said;
        if (round % 20 == 0)
            sound();
    }
    assert_true(reported > KILLS);
    assert_int_equal(write_once("after"), NHI_OK);
}

/* ---- no space ---- */

static void full_disk(void **state)
{
    static char detail[20000];
    struct nhi_ledger *l;
    int n, had, fits = 0;
    enum nhi_err err = NHI_OK;
    char id[32];

    (void)state;
    state_reset("2m");
    state_ledger();
    memset(detail, 'x', sizeof(detail) - 1);
    l = state_open(NHI_LEDGER_WRITE);
    assert_int_equal(add_pair(l, "before", NULL), NHI_OK);
    state_disk_fill();
    for (n = 0; n < 100 && err == NHI_OK; n++) {
        snprintf(id, sizeof(id), "full-%d", n);
        err = add_pair(l, id, detail);
        fits += err == NHI_OK;
    }
    assert_true(err == NHI_ERR_FULL || err == NHI_ERR_SYS);
    had = pairs();
    assert_int_equal(had, 1 + fits);
    assert_int_equal(read_once("before"), NHI_OK);
    assert_int_equal(add_pair(l, "again", detail), err);
    nhi_ledger_close(l);
    /* No process has it open now: readers first, then a writer, which may fail but breaks nothing. */
    assert_int_equal(read_once("before"), NHI_OK);
    err = write_once("small");
    assert_true(err == NHI_OK || err == NHI_ERR_FULL || err == NHI_ERR_SYS);
    had += err == NHI_OK;
    assert_int_equal(read_once("before"), NHI_OK);
    assert_int_equal(pairs(), had);
    state_disk_free();
    assert_int_equal(write_once("room"), NHI_OK);
    assert_int_equal(read_once("room"), NHI_OK);
    assert_int_equal(pairs(), had + 1);
    sound();
}

/* The same handle works when there is space again. */
static void room_again(void **state)
{
    static char detail[20000];
    struct nhi_ledger *l;
    enum nhi_err err = NHI_OK;
    char id[32];
    int n, fits = 0;

    (void)state;
    state_reset("2m");
    state_ledger();
    memset(detail, 'x', sizeof(detail) - 1);
    l = state_open(NHI_LEDGER_WRITE);
    state_disk_fill();
    for (n = 0; n < 100 && err == NHI_OK; n++) {
        snprintf(id, sizeof(id), "full-%d", n);
        err = add_pair(l, id, detail);
        fits += err == NHI_OK;
    }
    assert_true(err == NHI_ERR_FULL || err == NHI_ERR_SYS);
    state_disk_free();
    assert_int_equal(add_pair(l, "room", detail), NHI_OK);
    nhi_ledger_close(l);
    assert_int_equal(pairs(), fits + 1);
    sound();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(many_at_once, state_ready),
        cmocka_unit_test_setup(many_that_come_and_go, state_ready),
        cmocka_unit_test_setup(reader_meets_a_first_writer, state_ready),
        cmocka_unit_test_setup(stopped_beside_a_writer, state_ready),
        cmocka_unit_test_setup(stopped_beside_a_writer_with_a_log, state_ready),
        cmocka_unit_test_setup(stopped_as_the_first, state_ready),
        cmocka_unit_test_setup(stopped_as_the_first_with_a_log, state_ready),
        cmocka_unit_test_setup(stopped_that_wrote, state_ready),
        cmocka_unit_test_setup(log_is_emptied, state_ready),
        cmocka_unit_test_setup(only_a_short_log_stays, state_ready),
        cmocka_unit_test_setup(no_bare_header, state_ready),
        cmocka_unit_test_setup(killed, state_ready),
        cmocka_unit_test_setup(full_disk, state_ready),
        cmocka_unit_test_setup(room_again, state_ready),
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("ledger_shared", tests, NULL, NULL);
}
