/* SPDX-License-Identifier: ISC */
/*
 * What nss_nhi keeps between two calls: as long as it is right, across fork, chroot, another uid and dlclose, and
 * whatever is put in the place of the file.
 * Invariants: 10, 18, 20.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_write.h"
#include "tests/lib/state.h"

#define UID 65537

static void *lib;
static nss_getpwnam_r *by_name;
static nss_getpwuid_r *by_uid;

static void load(void)
{
    const char *build = getenv("BUILD");
    char path[1024];
    void *sym;

    snprintf(path, sizeof(path), "%s/libnss_nhi.so.2", build != NULL ? build : "build");
    lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL) {
        printf("not ok 1 - cannot go on: %s\n", dlerror());
        exit(1);
    }
    sym = dlsym(lib, "_nss_nhi_getpwnam_r");
    memcpy(&by_name, &sym, sizeof(sym));
    sym = dlsym(lib, "_nss_nhi_getpwuid_r");
    memcpy(&by_uid, &sym, sizeof(sym));
}

/* Publishes ci-bot with this number in its gecos, and others accounts beside it. */
static enum nhi_err publish_with(int number, uint32_t others)
{
    struct nhi_account a = { .name = "ci-bot", .uid = UID, .home = "/home/ci-bot", .shell = "/bin/sh" };
    struct nhi_snapshot_writer *w;
    enum nhi_err err = nhi_snapshot_begin(UID - 1, 999999, &w);

    if (err != NHI_OK)
        return err;
    snprintf(a.gecos, sizeof(a.gecos), "%d", number);
    err = nhi_snapshot_add(w, &a);
    for (uint32_t i = 0; i < others && err == NHI_OK; i++) {
        snprintf(a.name, sizeof(a.name), "other-%u", i);
        a.uid++;
        err = nhi_snapshot_add(w, &a);
    }
    if (err == NHI_OK)
        return nhi_snapshot_publish(w);
    nhi_snapshot_abort(w);
    return err;
}

static void publish(int number)
{
    assert_int_equal(publish_with(number, 0), NHI_OK);
}

/* The number that a look-up finds, or -1000 - the error. */
static int ask(void)
{
    char buf[1024];
    struct passwd pw;
    int why = 0;
    enum nss_status status = by_name("ci-bot", &pw, buf, sizeof(buf), &why);

    if (status == NSS_STATUS_UNAVAIL)
        return -1000 - why;
    if (status != NSS_STATUS_SUCCESS || pw.pw_uid != UID)
        return -1;
    return atoi(pw.pw_gecos);
}

/* The mappings of a snapshot in this process. */
static int mappings(void)
{
    char line[1024];
    FILE *f = fopen("/proc/self/maps", "re");
    int n = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL)
        n += strstr(line, NHI_SNAPSHOT_QUICK) != NULL;
    fclose(f);
    return n;
}

/* Runs fn in a child. 0: it returned 0; -1: it could not be started; else a number that follows from a line of fn. */
static int in_child(int (*fn)(void))
{
    int status;
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        (void)alarm(60); /* only to prevent hanging for ever */
        _exit(fn());
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#define NOT(line) ((line) % 250 + 1)
#define WANT(x) \
    do { \
        if (!(x)) \
            return NOT(__LINE__); \
    } while (0)

static int fresh(void **state)
{
    (void)state_empty(state);
    (void)umount2(NHI_PUBLIC_DIR, MNT_DETACH);
    (void)unlink(NHI_SNAPSHOT_QUICK);
    (void)rmdir(NHI_SNAPSHOT_QUICK);
    return 0;
}

/* ---- as long as it is right ---- */

#ifndef __SANITIZE_ADDRESS__ /* which makes system calls of its own */
/* In strict mode, any system call but write and exit is the end. */
static int ask_strictly(void)
{
    char buf[1024];
    struct passwd pw;
    int why, number = ask();

    if (number != 1 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
        syscall(SYS_exit, 2);
    for (int i = 0; i < 1000; i++)
        if (ask() != 1 || by_uid(UID, &pw, buf, sizeof(buf), &why) != NSS_STATUS_SUCCESS ||
            by_name("absent", &pw, buf, sizeof(buf), &why) != NSS_STATUS_NOTFOUND ||
            by_uid(UID + 1, &pw, buf, sizeof(buf), &why) != NSS_STATUS_NOTFOUND)
            syscall(SYS_exit, 3);
    syscall(SYS_exit, 0);
    return 4;
}

static void no_system_call(void **state)
{
    int result = -1;

    (void)state;
    publish(1);
    /* Once a second it looks at the path: such a second may begin just then. */
    for (int i = 0; i < 20 && result != 0; i++) {
        result = in_child(ask_strictly);
        assert_true(result == 0 || result == 1000 + SIGKILL);
    }
    assert_int_equal(result, 0);
}
#endif

/* Each publication is seen by the next look-up, and no mapping is left behind. */
static int follow(void)
{
    for (int i = 0; i < 300; i++) {
        WANT(publish_with(i, 0) == NHI_OK);
        WANT(ask() == i && ask() == i);
        WANT(mappings() == 1);
    }
    return 0;
}

static void follows(void **state)
{
    (void)state;
    assert_int_equal(in_child(follow), 0);
}

static void same_content_stays(void **state)
{
    struct stat one, two;

    (void)state;
    publish(1);
    assert_int_equal(stat(NHI_SNAPSHOT_QUICK, &one), 0);
    publish(1);
    assert_int_equal(stat(NHI_SNAPSHOT_QUICK, &two), 0);
    assert_int_equal(one.st_ino, two.st_ino);
    assert_int_equal(chmod(NHI_SNAPSHOT_QUICK, 0600), 0);
    publish(1);
    assert_int_equal(stat(NHI_SNAPSHOT_QUICK, &two), 0);
    assert_int_equal(two.st_mode & 07777, 0644);
    assert_int_equal(stat(NHI_PUBLIC_DIR, &two), 0);
    assert_int_equal(two.st_mode & 07777, 0755);
}

/* ---- what a host process does ---- */

static time_t second(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

/* Until a second has begun in which the next look-up looks at the path. */
static void next_second(void)
{
    for (time_t then = second(); second() < then + 1;)
        (void)usleep(10000);
}

static int fork_twice(void)
{
    int status;
    pid_t pid;

    WANT(ask() == 1);
    pid = fork();
    if (pid == 0) {
        WANT(ask() == 1);
        WANT(publish_with(2, 0) == NHI_OK);
        WANT(ask() == 2);
        _exit(0);
    }
    WANT(waitpid(pid, &status, 0) == pid && status == 0);
    WANT(ask() == 2 && mappings() == 1);
    return 0;
}

static int other_uid(void)
{
    WANT(ask() == 1);
    WANT(setuid(1234) == 0);
    WANT(ask() == 1 && mappings() == 1);
    return 0;
}

static int other_root(void)
{
    int status;
    pid_t pid;

    WANT(ask() == 1);
    pid = fork();
    if (pid == 0) {
        WANT(mkdir("/run/root", 0755) == 0 && chroot("/run/root") == 0);
        WANT(ask() == 1);
        next_second();
        WANT(ask() == 1);
        /* The parent publishes: what is kept was replaced, and nothing newer can be reached from here. */
        (void)kill(getpid(), SIGSTOP);
        WANT(ask() == -1000 - ENOENT);
        _exit(0);
    }
    WANT(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    WANT(publish_with(2, 0) == NHI_OK);
    (void)kill(pid, SIGCONT);
    WANT(waitpid(pid, &status, 0) == pid && status == 0);
    return 0;
}

static int no_files(void)
{
    const struct rlimit none = { 0, 0 };

    WANT(ask() == 1);
    WANT(setrlimit(RLIMIT_NOFILE, &none) == 0);
    WANT(ask() == 1);
    return 0;
}

#ifndef __SANITIZE_ADDRESS__ /* which needs memory, and a library that stays */
static int no_memory(void)
{
    const struct rlimit none = { 0, 0 };

    WANT(setrlimit(RLIMIT_AS, &none) == 0);
    WANT(ask() == 1 && ask() == 1);
    return 0;
}

static int unload(void)
{
    for (int i = 0; i < 50; i++) {
        WANT(ask() == 1 && mappings() == 1);
        WANT(dlclose(lib) == 0 && mappings() == 0);
        load();
    }
    return 0;
}
#endif

static void host_processes(void **state)
{
    static int (*const all[])(void) = {
        fork_twice, other_uid, other_root, no_files,
#ifndef __SANITIZE_ADDRESS__
        no_memory,  unload,
#endif
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        publish(1);
        print_message("%zu\n", i);
        assert_int_equal(in_child(all[i]), 0);
    }
}

/* ---- what is in the place of the file ---- */

enum { FIFO, DIRECTORY, LINK, NOISE, EMPTY, LONG_HOLE, SOCKET, KINDS };

static bool put(int what)
{
    static const char noise[100] = "noise";

    (void)unlink(NHI_SNAPSHOT_QUICK);
    switch (what) {
    case FIFO:
        return mkfifo(NHI_SNAPSHOT_QUICK, 0644) == 0;
    case DIRECTORY:
        return mkdir(NHI_SNAPSHOT_QUICK, 0755) == 0;
    case LINK:
        return symlink(NHI_SNAPSHOT_PATH, NHI_SNAPSHOT_QUICK) == 0;
    case NOISE:
        state_spill(NHI_SNAPSHOT_QUICK, noise, sizeof(noise));
        return chmod(NHI_SNAPSHOT_QUICK, 0644) == 0;
    case EMPTY:
        state_spill(NHI_SNAPSHOT_QUICK, noise, 0);
        return chown(NHI_SNAPSHOT_QUICK, 0, 0) == 0;
    case LONG_HOLE:
        state_spill(NHI_SNAPSHOT_QUICK, noise, 0);
        return truncate(NHI_SNAPSHOT_QUICK, (off_t)8 << 30) == 0;
    case SOCKET:
        return mknod(NHI_SNAPSHOT_QUICK, S_IFSOCK | 0644, 0) == 0;
    default:
        return false;
    }
}

static int is_unavailable(void)
{
    int got = ask();

    WANT(got == -1000 - EIO || got == -1000 - EACCES || got == -1000 - ENXIO);
    WANT(mappings() == 0);
    return 0;
}

static int is_missing(void)
{
    WANT(ask() == -1000 - ENOENT);
    return 0;
}

static int ask_once(void)
{
    WANT(ask() > 0);
    return 0;
}

static int changes_owner(void)
{
    WANT(chown(NHI_SNAPSHOT_QUICK, 1234, 0) == 0 && ask() == -1000 - EACCES);
    WANT(chown(NHI_SNAPSHOT_QUICK, 0, 0) == 0 && chmod(NHI_SNAPSHOT_QUICK, 0664) == 0 && ask() == -1000 - EACCES);
    WANT(chmod(NHI_SNAPSHOT_QUICK, 0644) == 0 && ask() == 1);
    return 0;
}

static int kind;

static int stays(void)
{
    WANT(ask() == 1);
    WANT(put(kind));
    WANT(ask() == 1);
    next_second();
    WANT(ask() == 1 && mappings() == 1);
    return 0;
}

/* A process that has a mapping stays with it; one that has none gets an error, and no other answer. Publishing puts it
 * right, or fails. */
static void hostile_files(void **state)
{
    (void)state;
    publish(1);
    assert_int_equal(in_child(changes_owner), 0);
    for (kind = 0; kind < KINDS; kind++) {
        print_message("%d\n", kind);
        assert_int_equal(in_child(stays), 0);
        assert_int_equal(in_child(is_unavailable), 0);
        if (kind == DIRECTORY) {
            assert_int_not_equal(publish_with(1, 0), NHI_OK);
            assert_int_equal(rmdir(NHI_SNAPSHOT_QUICK), 0);
        }
        publish(1);
    }
}

static int outlives(void)
{
    WANT(ask() == 1);
    WANT(unlink(NHI_SNAPSHOT_QUICK) == 0);
    next_second();
    WANT(ask() == 1 && mappings() == 1);
    /* Nobody could mark the file that this process has. */
    WANT(publish_with(2, 0) == NHI_OK);
    next_second();
    WANT(ask() == 2 && mappings() == 1);
    return 0;
}

static int by_descriptor(void)
{
    WANT(ask() == 3 && ask() == 3 && mappings() == 0);
    return 0;
}

static void vanished(void **state)
{
    (void)state;
    publish(1);
    assert_int_equal(in_child(outlives), 0);
    publish(3);
    assert_int_equal(unlink(NHI_SNAPSHOT_QUICK), 0);
    assert_int_equal(in_child(by_descriptor), 0);
    assert_int_equal(unlink(NHI_SNAPSHOT_PATH), 0);
    assert_int_equal(in_child(is_missing), 0);
}

static bool quick_exists(void)
{
    return access(NHI_SNAPSHOT_QUICK, F_OK) == 0;
}

/* A file system that has a disk, or another kind: nothing is written there, and nothing there is mapped. */
static void no_tmpfs(void **state)
{
    static char bytes[4096];
    size_t len;

    (void)state;
    publish(3);
    len = state_slurp(NHI_SNAPSHOT_QUICK, bytes, sizeof(bytes));
    assert_int_equal(mount("ramfs", NHI_PUBLIC_DIR, "ramfs", 0, "mode=0755"), 0);
    state_spill(NHI_SNAPSHOT_QUICK, bytes, len);
    assert_int_equal(chmod(NHI_SNAPSHOT_QUICK, 0644), 0);
    assert_int_equal(in_child(by_descriptor), 0);
    publish(3);
    assert_false(quick_exists());
    assert_int_equal(in_child(by_descriptor), 0);
}

static int outgrows(void)
{
    WANT(ask() == 2 && mappings() == 1);
    WANT(publish_with(3, 1000) == NHI_OK);
    WANT(!quick_exists());
    WANT(ask() == 3 && mappings() == 0);
    return 0;
}

/* Others need the tmpfs, too. */
static void no_room(void **state)
{
    (void)state;
    publish(1);
    assert_int_equal(mount("tmpfs", NHI_PUBLIC_DIR, "tmpfs", 0, "mode=0755,size=160k"), 0);
    publish(2);
    assert_true(quick_exists());
    assert_int_equal(in_child(outgrows), 0);
}

/* Users other than root can write there: nothing is published, and the error says so only if something is there. */
static void unsafe_directory(void **state)
{
    (void)state;
    publish(1);
    assert_int_equal(chmod(NHI_PUBLIC_DIR, 0777), 0);
    assert_int_equal(publish_with(2, 0), NHI_ERR_UNSAFE);
    assert_int_equal(unlink(NHI_SNAPSHOT_QUICK), 0);
    publish(3);
    assert_false(quick_exists());
    assert_int_equal(in_child(by_descriptor), 0);
    assert_int_equal(chmod(NHI_PUBLIC_DIR, 0755), 0);
}

/* ---- while it is exchanged ---- */

#define READERS 32
#define EXCHANGES 300

static _Atomic int *published; /* what a look-up that begins now must find at least; shared by all processes */

static void *read_always(void *failed)
{
    int last = 0, before;

    do {
        before = atomic_load(published);
        for (int i = 0; i < 16; i++) {
            int got = ask();

            if (got < before || got < last)
                return failed;
            last = got;
        }
        sched_yield();
    } while (before < EXCHANGES);
    return NULL;
}

static int one_process(int number)
{
    const int threads = READERS / 8;
    pthread_t t[READERS / 8];
    void *failed = NULL;

    if (number == 0) {
        for (int i = 2; i <= EXCHANGES; i++) {
            if (publish_with(i, 0) != NHI_OK)
                return 2;
            atomic_store(published, i);
        }
        return 0;
    }
    for (int i = 0; i < threads; i++)
        if (pthread_create(&t[i], NULL, read_always, t) != 0)
            return 3;
    /* Children that are forked while the threads are inside ask as well. */
    while (atomic_load(published) < EXCHANGES)
        if (in_child(ask_once) != 0)
            return 4;
    for (int i = 0; i < threads; i++) {
        void *one;

        (void)pthread_join(t[i], &one);
        failed = failed != NULL ? failed : one;
    }
    return failed != NULL || ask() != EXCHANGES || mappings() != 1;
}

#define LEVELS 12

static bool follows_once(int number)
{
    return publish_with(number, 0) == NHI_OK && ask() == number && ask() == number;
}

/* Interrupts a look-up that is never taken up again, as in a child that was forked while another thread was inside. */
static void deeper(int sig)
{
    static int level = 1;
    struct itimerval soon = { .it_value = { .tv_usec = 500 } };
    int before;

    (void)sig;
    if (!follows_once(++level))
        _exit(2);
    if (level < LEVELS) {
        (void)setitimer(ITIMER_REAL, &soon, NULL);
        while (ask() == level)
            ;
        _exit(3);
    }
    before = mappings();
    for (int i = 1; i <= 20; i++)
        if (!follows_once(level + i))
            _exit(4);
    _exit(mappings() <= before ? 0 : 5);
}

static int interrupted(void)
{
    struct sigaction on = { .sa_handler = deeper, .sa_flags = SA_NODEFER };
    struct itimerval soon = { .it_value = { .tv_usec = 500 } };

    WANT(sigaction(SIGALRM, &on, NULL) == 0 && setitimer(ITIMER_REAL, &soon, NULL) == 0);
    while (ask() == 1)
        ;
    return 4;
}

/* Each of them has its mapping for ever. When there are as many as may be kept, other calls read for themselves, and
 * leave nothing. */
static void never_finished(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        publish(1);
        assert_int_equal(in_child(interrupted), 0);
    }
}

/* No look-up finds less than had been published before it began. */
static void exchanged(void **state)
{
    (void)state;
    published = mmap(NULL, sizeof(*published), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(published, MAP_FAILED);
    publish(1);
    atomic_store(published, 1);
    assert_int_equal(state_parallel(1 + 8, one_process), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test_setup(no_system_call, fresh),
#endif
        cmocka_unit_test_setup(follows, fresh),        cmocka_unit_test_setup(same_content_stays, fresh),
        cmocka_unit_test_setup(host_processes, fresh), cmocka_unit_test_setup(hostile_files, fresh),
        cmocka_unit_test_setup(vanished, fresh),       cmocka_unit_test_setup(no_tmpfs, fresh),
        cmocka_unit_test_setup(no_room, fresh),        cmocka_unit_test_setup(unsafe_directory, fresh),
        cmocka_unit_test_setup(never_finished, fresh), cmocka_unit_test_setup(exchanged, fresh),
    };

    if (!state_enter())
        return 0;
    load();
    return cmocka_run_group_tests_name("nss_kept", tests, NULL, NULL);
}
