/* SPDX-License-Identifier: ISC */
/* Which files and directories are trusted, and replacing one whole. */
/* Invariants: 16, 20. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/state.h"

#define DIR_A NHI_STATE_DIR "/a"
#define DIR_B DIR_A "/b"

static enum nhi_err opens(const char *path)
{
    int fd = -1, flags;
    enum nhi_err err = nhi_dir_open(path, &fd);

    assert_int_equal(fd >= 0, err == NHI_OK);
    if (fd >= 0) {
        flags = fcntl(fd, F_GETFD);
        assert_true((flags & FD_CLOEXEC) != 0);
        close(fd);
    }
    return err;
}

static int two_deep(void **state)
{
    (void)state_empty(state);
    return mkdir(DIR_A, 0755) != 0 || mkdir(DIR_B, 0700) != 0;
}

static void directories(void **state)
{
    (void)state;
    assert_int_equal(opens("/"), NHI_OK);
    assert_int_equal(opens(DIR_B), NHI_OK);
    assert_int_equal(opens(DIR_B "///"), NHI_OK);
    assert_int_equal(opens(DIR_B "/../b/."), NHI_OK);
    assert_int_equal(opens(DIR_B "/none"), NHI_ERR_NOT_FOUND);
    assert_int_equal(opens(NULL), NHI_ERR_ARG);
    assert_int_equal(opens(""), NHI_ERR_ARG);
    assert_int_equal(opens("var/lib"), NHI_ERR_ARG);
    state_spill(DIR_A "/file", "x", 1);
    assert_int_equal(opens(DIR_A "/file"), NHI_ERR_NOT_FOUND);
    assert_int_equal(opens(DIR_A "/file/x"), NHI_ERR_NOT_FOUND);
}

/* Each mode and owner, of the directory and of its parent. */
static void others_can_write(void **state)
{
    static const char *const dirs[] = { DIR_A, DIR_B };
    static const mode_t bad[] = { 0775, 0757, 01777, 0770, 0720, 0702 };

    (void)state;
    for (size_t d = 0; d < 2; d++) {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            assert_int_equal(chmod(dirs[d], bad[i]), 0);
            assert_int_equal(opens(DIR_B), NHI_ERR_UNSAFE);
        }
        assert_int_equal(chmod(dirs[d], 0755), 0);
        assert_int_equal(chown(dirs[d], 1, 0), 0);
        assert_int_equal(opens(DIR_B), NHI_ERR_UNSAFE);
        assert_int_equal(chown(dirs[d], 0, 1), 0);
        assert_int_equal(opens(DIR_B), NHI_OK);
    }
}

/* A link is followed, and its target must be safe. */
static void links(void **state)
{
    (void)state;
    assert_int_equal(symlink(DIR_B, NHI_STATE_DIR "/link"), 0);
    assert_int_equal(opens(NHI_STATE_DIR "/link"), NHI_OK);
    assert_int_equal(chmod(DIR_A, 0777), 0);
    assert_int_equal(opens(NHI_STATE_DIR "/link"), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(DIR_A, 0755), 0);
    assert_int_equal(symlink("loop", NHI_STATE_DIR "/loop"), 0);
    assert_int_not_equal(opens(NHI_STATE_DIR "/loop"), NHI_OK);
    assert_int_equal(symlink("nowhere", NHI_STATE_DIR "/dangling"), 0);
    assert_int_equal(opens(NHI_STATE_DIR "/dangling"), NHI_ERR_NOT_FOUND);
}

/* From now on, in this process. */
static void deny_call(unsigned number, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* A path without links is opened by one call; the longer way would ask for links first. */
static void at_once(void **state)
{
    (void)state;
#ifdef SYS_readlink
    deny_call(SYS_readlink, EIO);
#endif
    deny_call(SYS_readlinkat, EIO);
    assert_int_equal(opens(DIR_B), NHI_OK);
    assert_int_equal(opens(DIR_B "/none"), NHI_ERR_SYS);
}

/* An older kernel, and a program that may not make that call. */
static void without_openat2(void **state)
{
    const unsigned errors_of_openat2[] = { ENOSYS, EPERM };
    pid_t pid;
    int status;

    for (size_t i = 0; i < 2; i++) {
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            deny_call(SYS_openat2, errors_of_openat2[i]);
            directories(state);
            assert_int_equal(two_deep(state), 0);
            others_can_write(state);
            assert_int_equal(two_deep(state), 0);
            links(state);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(two_deep(state), 0);
    }
}

static int dir_a(void)
{
    int fd = -1;

    assert_int_equal(nhi_dir_open(DIR_A, &fd), NHI_OK);
    return fd;
}

static enum nhi_err reads(const char *name, int secret, unsigned long max)
{
    unsigned long len = 77;
    char *text = NULL;
    int fd = dir_a();
    enum nhi_err err = nhi_file_read(fd, name, secret, max, &text, &len);

    close(fd);
    assert_int_equal(text != NULL, err == NHI_OK);
    if (text != NULL) {
        assert_int_equal(strlen(text), len);
        free(text);
    } else {
        assert_int_equal(len, 77);
    }
    return err;
}

static void files(void **state)
{
    (void)state;
    state_spill(DIR_A "/f", "0123456789", 10);
    assert_int_equal(reads("f", 1, 10), NHI_OK);
    assert_int_equal(reads("f", 1, 9), NHI_ERR_TOO_LONG);
    assert_int_equal(reads("none", 1, 9), NHI_ERR_NOT_FOUND);
    assert_int_equal(chmod(DIR_A "/f", 0644), 0);
    assert_int_equal(reads("f", 0, 10), NHI_OK);
    assert_int_equal(reads("f", 1, 10), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(DIR_A "/f", 0610), 0);
    assert_int_equal(reads("f", 1, 10), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(DIR_A "/f", 0664), 0);
    assert_int_equal(reads("f", 0, 10), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(DIR_A "/f", 0602), 0);
    assert_int_equal(reads("f", 0, 10), NHI_ERR_UNSAFE);
    assert_int_equal(chmod(DIR_A "/f", 0600), 0);
    assert_int_equal(chown(DIR_A "/f", 1, 0), 0);
    assert_int_equal(reads("f", 0, 10), NHI_ERR_UNSAFE);
    state_spill(DIR_A "/empty", "", 0);
    assert_int_equal(reads("empty", 1, 10), NHI_OK);
    assert_int_equal(symlink("empty", DIR_A "/link"), 0);
    assert_int_equal(reads("link", 1, 10), NHI_ERR_UNSAFE);
    assert_int_equal(reads("b", 1, 10), NHI_ERR_UNSAFE);
    /* Nobody is on its other end: opening it must not wait. */
    assert_int_equal(mkfifo(DIR_A "/fifo", 0600), 0);
    (void)alarm(10);
    assert_int_equal(reads("fifo", 1, 10), NHI_ERR_UNSAFE);
    (void)alarm(0);
}

static void replaced(void **state)
{
    char back[16];
    struct stat st;
    int fd = dir_a();

    (void)state;
    (void)umask(0777);
    assert_int_equal(nhi_file_replace(fd, "f", 0640, "first", 5), NHI_OK);
    (void)umask(022);
    assert_int_equal(stat(DIR_A "/f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    /* What an earlier attempt left, and even a link in its place, does not get in the way. */
    assert_int_equal(symlink("/etc/passwd-not", DIR_A "/.f.nhi-new"), 0);
    assert_int_equal(nhi_file_replace(fd, "f", 0600, "second", 6), NHI_OK);
    assert_int_equal(state_slurp(DIR_A "/f", back, sizeof(back)), 6);
    assert_memory_equal(back, "second", 6);
    assert_int_equal(access("/etc/passwd-not", F_OK), -1);
    assert_int_equal(access(DIR_A "/.f.nhi-new", F_OK), -1);
    assert_int_equal(nhi_file_replace(fd, "f", 0600, "", 0), NHI_OK);
    assert_int_equal(state_slurp(DIR_A "/f", back, sizeof(back)), 0);
    close(fd);
}

/* Of killed writers; not of a live one. */
static void swept(void **state)
{
    static const char *const left[] = { ".f.nhi-new", ".f.0a1b2c3d.part" };
    static const char *const kept[] = { "f", "f.new", ".new", ".e.new", ".mark", ".mark.4711", ".other", ".g.part" };
    int fd = dir_a();
    char path[64];

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        snprintf(path, sizeof(path), DIR_A "/%s", i < 2 ? left[i] : kept[i - 2]);
        if (i < 9)
            state_spill(path, "x", 1);
        else
            assert_int_equal(mkdir(path, 0700), 0);
    }
    nhi_file_sweep_all(DIR_A, time(NULL) - 60);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(faccessat(fd, left[i], F_OK, 0), 0);
    nhi_file_sweep_all(DIR_A, time(NULL) + 60);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(faccessat(fd, left[i], F_OK, 0), -1);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(faccessat(fd, kept[i], F_OK, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(nhi_file_replace(fd, "f", 0600, "y", 1), NHI_OK);
    assert_int_equal(nhi_file_remove(fd, "f"), NHI_OK);
    assert_int_equal(nhi_file_remove(fd, "f"), NHI_OK);
    assert_int_equal(faccessat(fd, "f", F_OK, AT_SYMLINK_NOFOLLOW), -1);
    close(fd);
}

/* Owner, mode, label and, if requested, the time. */
static void looks_like_another(void **state)
{
    const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000, .tv_nsec = 3 } };
    int fd = dir_a(), like;
    char value[8] = "";
    struct stat st;

    (void)state;
    state_spill(DIR_A "/like", "x", 1);
    like = open(DIR_A "/like", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fchown(like, 0, 4242), 0);
    assert_int_equal(fchmod(like, 0440), 0);
    assert_int_equal(fsetxattr(like, "trusted.nhi", "label", 5, 0), 0);
    assert_int_equal(futimens(like, times), 0);
    for (int dated = 0; dated <= 1; dated++) {
        assert_int_equal(nhi_file_replace_like(fd, "f", like, dated, "text"), NHI_OK);
        assert_int_equal(stat(DIR_A "/f", &st), 0);
        assert_int_equal(st.st_mode & 07777, 0440);
        assert_int_equal(st.st_gid, 4242);
        assert_int_equal(getxattr(DIR_A "/f", "trusted.nhi", value, sizeof(value)), 5);
        assert_memory_equal(value, "label", 5);
        assert_int_equal(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 3, dated);
    }
    close(like);
    close(fd);
}

static void no_room(void **state)
{
    static const char big[8192] = "x";
    char back[16];
    int fd;

    (void)state;
    state_reset("1m");
    assert_int_equal(mkdir(DIR_A, 0755), 0);
    fd = dir_a();
    assert_int_equal(nhi_file_replace(fd, "f", 0600, "old", 3), NHI_OK);
    state_disk_fill();
    assert_int_equal(nhi_file_replace(fd, "f", 0600, big, sizeof(big)), NHI_ERR_FULL);
    assert_int_equal(state_slurp(DIR_A "/f", back, sizeof(back)), 3);
    assert_memory_equal(back, "old", 3);
    assert_int_equal(access(DIR_A "/.f.nhi-new", F_OK), -1);
    state_disk_free();
    close(fd);
}

static void descriptors_stay_the_same(void **state)
{
    int before = dup(0), after;

    (void)state;
    close(before);
    (void)opens(DIR_B "/none");
    assert_int_equal(chmod(DIR_A, 0777), 0);
    (void)opens(DIR_B);
    assert_int_equal(chmod(DIR_A, 0755), 0);
    (void)reads("b", 1, 1);
    (void)reads("none", 1, 1);
    state_spill(DIR_A "/f", "0123456789", 10);
    (void)reads("f", 1, 1);
    after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

static void errors(void **state)
{
    (void)state;
    assert_int_equal(nhi_err_from_errno(ENOENT), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_err_from_errno(ENOSPC), NHI_ERR_FULL);
    assert_int_equal(nhi_err_from_errno(EDQUOT), NHI_ERR_FULL);
    assert_int_equal(nhi_err_from_errno(ENOMEM), NHI_ERR_NOMEM);
    assert_int_equal(nhi_err_from_errno(EEXIST), NHI_ERR_EXISTS);
    assert_int_equal(nhi_err_from_errno(EMFILE), NHI_ERR_SYS);
    assert_int_equal(nhi_err_from_errno(EACCES), NHI_ERR_SYS);
    assert_int_equal(nhi_err_from_errno(0), NHI_ERR_SYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(directories, two_deep),
        cmocka_unit_test_setup(others_can_write, two_deep),
        cmocka_unit_test_setup(links, two_deep),
        cmocka_unit_test_setup(without_openat2, two_deep),
        cmocka_unit_test_setup(files, two_deep),
        cmocka_unit_test_setup(replaced, two_deep),
        cmocka_unit_test_setup(swept, two_deep),
        cmocka_unit_test_setup(looks_like_another, two_deep),
        cmocka_unit_test(no_room),
        cmocka_unit_test_setup(descriptors_stay_the_same, two_deep),
        cmocka_unit_test(errors),
        cmocka_unit_test_setup(at_once, two_deep), /* the last one: its filter stays */
    };

    if (!state_enter())
        return 0;
    return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
