/* SPDX-License-Identifier: ISC */
/*
 * A flood of replies that cannot be verified, through the real libpam: all are counted, in one file of one size, and a
 * good ticket is permitted meanwhile.
 * Invariant: 21.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/base/paths.h"
#include "libnhi/grant/denials.h"
#include "libnhi/ledger/event.h"
#include "libnhi/ledger/fold.h"
#include "libnhi/ledger/fold_refused.h"
#include "libnhi/ledger/ledger_event.h"
#include "libnhi/session/session.h"
#include "tests/lib/calls.h"

#define FLOOD 10000
#define FLOODERS 4
#define TRIES 500 /* with one dead ticket */
#define COUNTS NHI_RUN_DIR "/" NHI_DENIALS_FILE

static struct nhi_denials last;
static int times, answer;

static int take(const struct nhi_denials *d, void *ctx)
{
    (void)ctx;
    last = *d;
    times++;
    return answer;
}

static uint64_t of_reason(enum nhi_reason r)
{
    uint64_t n = 0;

    for (unsigned s = 0; s < NHI_DENIAL_SERVICES; s++)
        n += last.count[r][s];
    return n;
}

/* A process must read the log, or writers to it wait. */
static pid_t reader;

static int stop_reader(void **state)
{
    (void)state;
    return kill(reader, SIGKILL) != 0 || waitpid(reader, NULL, 0) != reader;
}

static int empty(void **state)
{
    (void)fresh(state);
    assert_int_equal(nhi_session_make_dir(NHI_RUN_DIR), NHI_OK);
    (void)fflush(stdout);
    reader = fork();
    assert_true(reader >= 0);
    if (reader == 0)
        for (;; (void)usleep(1000))
            (void)world_reason();
    times = answer = 0;
    memset(&last, 0, sizeof(last));
    return 0;
}

static off_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}

static int files_in(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    int n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* Half of them are no tickets, the others are signed by an unknown key. */
static _Noreturn void knock(const char *good)
{
    char *forged = strdup(good), *at = forged + strlen("v4.public.") + 20;
    struct world_call c = login("ci-bot", "v4.public.rubbish");
    int i, let_in = 0;

    *at = *at == 'A' ? 'B' : 'A';
    c.rhost = "192.0.2.66";
    for (i = 0; i < FLOOD / FLOODERS; i++) {
        c.reply = i % 2 == 0 ? "v4.public.rubbish" : forged;
        let_in += world_run_here(&c, WORLD_AUTH, NULL) == PAM_SUCCESS;
    }
    _exit(let_in != 0);
}

static void flood(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct world_call c = login("ci-bot", NULL);
    char *text = world_mint(&t);
    pid_t pid[FLOODERS];
    int status;
    off_t size;

    (void)state;
    (void)fflush(stdout);
    for (int i = 0; i < FLOODERS; i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);
        if (pid[i] == 0)
            knock(text);
    }
    c.reply = text;
    for (int i = 0; i < 5; i++)
        assert_int_equal(world_run(&c, WORLD_AUTH | WORLD_ACCOUNT), PAM_SUCCESS);
    for (int i = 0; i < FLOODERS; i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    size = size_of(COUNTS);
    assert_in_range(size, 1, 8192);
    assert_int_equal(world_records('d'), 0);
    assert_int_equal(world_records('g'), 5);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
    assert_int_equal(times, 1);
    assert_int_equal(last.total, FLOOD);
    assert_int_equal(of_reason(NHI_DENY_MALFORMED) + of_reason(NHI_DENY_SIGNATURE), FLOOD);
    assert_int_equal(of_reason(NHI_DENY_MALFORMED), FLOOD / 2);
    assert_int_equal(last.count[NHI_DENY_MALFORMED][NHI_DENIAL_SSHD], FLOOD / 2);
    assert_int_equal(last.sample_count, NHI_DENIALS_SAMPLES);
    for (int i = 0; i < NHI_DENIALS_SAMPLES; i++) {
        assert_string_equal(last.samples[i].service, "sshd");
        assert_string_equal(last.samples[i].account, "ci-bot");
        assert_string_equal(last.samples[i].from, "192.0.2.66");
    }
    assert_int_equal(size_of(COUNTS), size);
    assert_int_equal(files_in(NHI_RUN_DIR), 6); /* and the denials, the sessions, and the published state */
    nhi_text_free(text);
}

static void add(enum nhi_reason reason)
{
    nhi_denials_add(NHI_RUN_DIR, reason, "sudo", "ci-bot", "", 1800000000);
}

static void taken_once(void **state)
{
    (void)state;
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_ERR_NOT_FOUND);
    add(NHI_DENY_NO_TICKET);
    add(NHI_DENY_NO_TICKET);
    answer = 1;
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
    assert_int_equal(last.total, 2);
    answer = 0;
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
    assert_int_equal(times, 2);
    assert_int_equal(last.count[NHI_DENY_NO_TICKET][NHI_DENIAL_SUDO], 2);
    assert_int_equal(last.sample_count, 2);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
    assert_int_equal(times, 2);
    add(NHI_DENY_SIGNATURE);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
    assert_int_equal(last.total, 1);
    assert_int_equal(last.samples[0].reason, NHI_DENY_SIGNATURE);
    assert_string_equal(last.samples[0].from, "");
}

static void hostile_names(void **state)
{
    char *big = malloc(65537);

    (void)state;
    memset(big, 'x', 65536);
    big[65536] = '\0';
    nhi_denials_add(NHI_RUN_DIR, NHI_DENY_SUBJECT, "su\n", "a b", "host.example.org", 1);
    nhi_denials_add(NHI_RUN_DIR, NHI_DENY_SUBJECT, big, big, big, 1);
    nhi_denials_add(NHI_RUN_DIR, NHI_DENY_SUBJECT, "", "\033[2J", "fe80::1%\n", 1);
    nhi_denials_add(NHI_RUN_DIR, (enum nhi_reason)NHI_REASON_COUNT, "su", "a", "", 1);
    free(big);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
    assert_int_equal(last.total, 3);
    for (size_t i = 0; i < last.sample_count; i++) {
        assert_string_equal(last.samples[i].service, "?");
        assert_string_equal(last.samples[i].account, "?");
        assert_string_equal(last.samples[i].from, "?");
    }
}

/* Killed anywhere, at most its own denial is not counted, and the rest continues. */
static void killed(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    for (int i = 0; i < 100; i++) {
        (void)fflush(stdout);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            for (;;)
                add(NHI_DENY_MALFORMED);
        (void)usleep((useconds_t)(rand() % 1000));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        add(NHI_DENY_SIGNATURE);
    }
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
    assert_int_equal(of_reason(NHI_DENY_SIGNATURE), 100);
    assert_int_equal(last.total, 100 + of_reason(NHI_DENY_MALFORMED));
}

/* Stopped while it counts, it holds up neither another that counts nor the supervisor. */
static void stopped(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    for (int i = 0; i < 50; i++) {
        (void)fflush(stdout);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            for (;;)
                add(NHI_DENY_MALFORMED);
        (void)usleep((useconds_t)(rand() % 1000));
        assert_int_equal(kill(pid, SIGSTOP), 0);
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        (void)alarm(10);
        add(NHI_DENY_SIGNATURE);
        assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
        (void)alarm(0);
        assert_int_equal(of_reason(NHI_DENY_SIGNATURE), 1);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }
}

/* A process that records the counts, and is stopped with them, holds up neither the supervisor nor one that counts, and
 * nothing is lost. */
static void stopped_while_telling(void **state)
{
    int fd;

    (void)state;
    add(NHI_DENY_MALFORMED);
    fd = open(COUNTS, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    (void)alarm(10);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_ERR_BUSY);
    add(NHI_DENY_MALFORMED);
    (void)alarm(0);
    close(fd);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
    assert_int_equal(last.total, 2);
}

/* A supervisor that is short of memory removes nothing that it merely could not read. */
static void no_memory(void **state)
{
    const struct rlimit none = { 0, RLIM_INFINITY };
    struct rlimit had;
    enum nhi_err err;

    (void)state;
    add(NHI_DENY_MALFORMED);
    assert_int_equal(getrlimit(RLIMIT_AS, &had), 0);
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    err = nhi_denials_take(NHI_RUN_DIR, take, NULL);
    assert_int_equal(setrlimit(RLIMIT_AS, &had), 0);
    assert_int_equal(err, NHI_ERR_NOMEM);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
    assert_int_equal(last.total, 1);
}

/* Another file in its place: nothing is counted, nothing waits, and the supervisor removes it. */
static void something_else(void **state)
{
    (void)state;
    world_write(COUNTS, "short", 0600);
    add(NHI_DENY_MALFORMED);
    assert_int_equal(size_of(COUNTS), 5);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_ERR_FORMAT);
    assert_int_equal(size_of(COUNTS), -1);
    assert_int_equal(mkfifo(COUNTS, 0600), 0);
    (void)alarm(10);
    add(NHI_DENY_MALFORMED);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_ERR_FORMAT);
    (void)alarm(0);
    add(NHI_DENY_MALFORMED);
    assert_int_equal(chmod(COUNTS, 0644), 0);
    add(NHI_DENY_MALFORMED);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_ERR_FORMAT);
    assert_int_equal(times, 0);
}

/* For a verified ticket 64 denials have a record in an hour, and the rest is counted: none is lost. */
static void more_than_fits(void **state)
{
    struct nhi_ticket t = world_ticket();
    struct world_call c = login("ci-bot", NULL);
    char *text;

    (void)state;
    snprintf(t.services, sizeof(t.services), "cron");
    text = world_mint(&t);
    c.reply = text;
    for (int i = 0; i < 70; i++)
        assert_int_equal(world_run_here(&c, WORLD_AUTH, NULL), PAM_AUTH_ERR);
    assert_int_equal(world_records('d'), 64);
    assert_int_equal(nhi_denials_take(NHI_RUN_DIR, take, NULL), NHI_OK);
    assert_int_equal(last.total, 6);
    assert_int_equal(of_reason(NHI_DENY_SERVICE), 6);
    nhi_text_free(text);
}

struct told {
    uint64_t count;
    int events, lines;
};

static int see(const struct nhi_event *e, void *ctx)
{
    const char *count = strstr(e->detail, "\"count\":");
    struct told *t = ctx;

    if (strcmp(e->kind, "denial") != 0 && strcmp(e->kind, "refused") != 0)
        return 0;
    t->events++;
    t->count += strcmp(e->kind, "denial") == 0 ? 1 : strtoull(count + strlen("\"count\":"), NULL, 10);
    return 0;
}

/* As the supervisor does, at any time, or when the hour has passed. */
static void fold(int64_t now, struct told *out)
{
    struct nhi_ledger *l;

    assert_int_equal(nhi_ledger_open(NHI_STATE_DIR, NHI_LEDGER_WRITE, &l), NHI_OK);
    assert_int_equal(nhi_fold(NHI_STATE_DIR, l, now, NULL), NHI_OK);
    assert_int_equal(nhi_fold_refused(NHI_RUN_DIR, l, now, NULL), NHI_OK);
    out->count = 0;
    out->events = 0;
    assert_int_equal(nhi_event_each(l, 0, INT32_MAX, see, out), NHI_OK);
    nhi_ledger_close(l);
}

static int lines_of(const char *log)
{
    int n = 0;

    for (; (log = strstr(log, "denied: ")) != NULL; log++)
        n++;
    return n;
}

static struct told try_dead_ticket(char *text)
{
    static const char *const accounts[] = { "ci-bot", "deploy", "batch" };
    struct told told = { .count = 0 };
    struct world_call c;

    for (int i = 0; i < TRIES; i++) {
        c = login(accounts[i % 3], text);
        assert_int_equal(world_run_here(&c, WORLD_AUTH, NULL), PAM_AUTH_ERR);
        told.lines += lines_of(world_log());
        (void)world_reason();
        if (i % 50 == 0)
            fold(time(NULL), &told);
    }
    return told;
}

/* A dead ticket adds this much to the ledger and to the log in an hour, and no more, however often it is folded
 * meanwhile and at whatever account it is tried; and all of it is counted. */
static void dead_ticket(void **state)
{
    struct nhi_ticket t;
    struct told told;
    time_t began;
    char *text;

    do {
        (void)fresh(state);
        t = world_ticket();
        t.iat -= 7200;
        t.exp = t.iat + 900;
        text = world_mint(&t);
        began = time(NULL);
        told = try_dead_ticket(text);
        nhi_text_free(text);
    } while (began / 3600 != time(NULL) / 3600);
    assert_in_range(told.lines, 64, 80);
    fold(began + 3600, &told);
    assert_int_equal(told.count, TRIES);
    assert_in_range(told.events, 64, 80);
    assert_int_equal(world_records('d'), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flood, empty, stop_reader),
        cmocka_unit_test_setup_teardown(taken_once, empty, stop_reader),
        cmocka_unit_test_setup_teardown(hostile_names, empty, stop_reader),
        cmocka_unit_test_setup_teardown(killed, empty, stop_reader),
        cmocka_unit_test_setup_teardown(stopped, empty, stop_reader),
        cmocka_unit_test_setup_teardown(something_else, empty, stop_reader),
        cmocka_unit_test_setup_teardown(more_than_fits, empty, stop_reader),
        cmocka_unit_test_setup_teardown(stopped_while_telling, empty, stop_reader),
        cmocka_unit_test_setup_teardown(no_memory, empty, stop_reader),
        cmocka_unit_test(dead_ticket),
    };

    if (!world_enter())
        return 0;
    return cmocka_run_group_tests_name("pam_denials", tests, NULL, NULL);
}
