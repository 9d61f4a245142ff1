/* SPDX-License-Identifier: ISC */
/* Which accounts lead to root: by number and by the whole membership, from files of the test's own. */
/* Invariant: 14. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libnhi/check/privileged.h"
#include "libnhi/snapshot/snapshot.h"
#include "libnhi/snapshot/snapshot_write.h"
#include "tests/lib/state.h"

static const char *const names[] = { "root",   "sudo",           "wheel",  "admin",   "adm",
                                     "shadow", "disk",           "kmem",   "lxd",     "lxc",
                                     "incus",  "incus-admin",    "docker", "libvirt", "kvm",
                                     "staff",  "systemd-journal" };

static void spill(const char *path, const char *text)
{
    state_spill(path, text, strlen(text));
}

/* These lines, in addition to bob and carol. */
static void hosts_files(const char *passwd, const char *group)
{
    char text[8192];

    snprintf(text, sizeof(text), "bob:x:1001:1001::/:/bin/sh\ncarol:x:1002:1001::/:/bin/sh\n%s", passwd);
    spill("/etc/passwd", text);
    snprintf(text, sizeof(text), "bob:x:1001:\nvideo:x:44:bob,carol\n%s", group);
    spill("/etc/group", text);
}

static void is(const char *name, bool privileged, const char *because)
{
    struct nhi_host_account l;

    assert_int_equal(nhi_host_account_by_name(name, &l), NHI_OK);
    assert_string_equal(l.name, name);
    assert_int_equal(l.privileged, privileged);
    assert_string_equal(l.because, because);
}

static void ordinary(void **state)
{
    struct nhi_host_account l;

    (void)state;
    hosts_files("", "");
    is("bob", false, "");
    assert_int_equal(nhi_host_account_of("carol", 1002, true, &l), NHI_OK);
    assert_string_equal(l.name, "carol");
    assert_int_equal(l.uid, 1002);
    assert_int_equal(l.gid, 1001);
    assert_false(l.privileged);
}

static void unknown(void **state)
{
    struct nhi_host_account l = { .uid = 7 };

    (void)state;
    hosts_files("", "");
    assert_int_equal(nhi_host_account_by_name("mallory", &l), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_host_account_by_name("", &l), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_host_account_of("bob", 4242, true, &l), NHI_ERR_NOT_FOUND);
    assert_int_equal(nhi_host_account_of("bob", 1002, true, &l), NHI_ERR_NOT_FOUND);
    assert_int_equal(l.uid, 7);
}

static void numbers(void **state)
{
    (void)state;
    hosts_files("root:x:0:0::/:/bin/sh\ntoor:x:0:1001::/:/bin/sh\nzed:x:1003:0::/:/bin/sh\n", "root:x:0:\n");
    is("root", true, "uid 0");
    is("toor", true, "uid 0");
    is("zed", true, "gid 0");
}

/* A member of gid 0 is one under any name of that group, also if no group has a telling name. */
static void member_of_gid_0(void **state)
{
    struct nhi_host_account l;

    (void)state;
    hosts_files("", "zero:x:0:bob\n");
    assert_int_equal(nhi_host_account_by_name("bob", &l), NHI_OK);
    assert_true(l.privileged);
    hosts_files("", "zero:x:0:bob\ndocker:x:990:\n");
    assert_int_equal(nhi_host_account_by_name("bob", &l), NHI_OK);
    assert_true(l.privileged);
    assert_string_equal(l.because, "gid 0");
    is("carol", false, "");
}

static void each_group(void **state)
{
    char group[128], passwd[128];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        /* As a member, and as the primary group. */
        snprintf(group, sizeof(group), "%s:x:77:someone,bob\n", names[i]);
        hosts_files("dave:x:1004:77::/:/bin/sh\n", group);
        is("bob", true, names[i]);
        is("dave", true, names[i]);
        is("carol", false, "");
        assert_true(nhi_group_is_privileged(names[i], 77));
        /* By number: another name for the same group. */
        snprintf(group, sizeof(group), "%s:x:77:\nfriends:x:77:bob\n", names[i]);
        snprintf(passwd, sizeof(passwd), "erin:x:1005:1005::/:/bin/sh\n");
        hosts_files(passwd, group);
        is("bob", true, names[i]);
        is("erin", false, "");
    }
    assert_true(nhi_group_is_privileged("anything", 0));
    assert_true(nhi_group_is_privileged(NULL, 0));
    assert_false(nhi_group_is_privileged("video", 44));
    assert_false(nhi_group_is_privileged(NULL, 44));
    assert_false(nhi_group_is_privileged("sud", 44));
    assert_false(nhi_group_is_privileged("sudoers", 44));
}

/* Of many groups, the last one counts like the first. */
static void many_groups(void **state)
{
    static char text[65536];
    size_t used = 0;

    (void)state;
    hosts_files("", "");
    for (int i = 0; i < 1500; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "g%d:x:%d:bob\n", i, 20000 + i);
    spill("/etc/group", text);
    is("bob", false, "");
    snprintf(text + used, sizeof(text) - used, "docker:x:990:bob\n");
    spill("/etc/group", text);
    is("bob", true, "docker");
}

/* More groups than any account has: an error, not a "no". */
static void too_many_groups(void **state)
{
    static char text[262144];
    size_t used = 0;
    struct nhi_host_account l;

    (void)state;
    hosts_files("", "");
    for (int i = 0; i < 5000; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "g%d:x:%d:bob\n", i, 20000 + i);
    spill("/etc/group", text);
    assert_int_not_equal(nhi_host_account_by_name("bob", &l), NHI_OK);
}

/* Groups whose lines are longer than the first buffer are read all the same. */
static void long_lines(void **state)
{
    static char text[131072];
    size_t used;

    (void)state;
    hosts_files("", "");
    used = (size_t)snprintf(text, sizeof(text), "docker:x:990:");
    for (int i = 0; i < 5000; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "member%d,", i);
    snprintf(text + used, sizeof(text) - used, "bob\n");
    spill("/etc/group", text);
    is("bob", true, "docker");
}

static void long_name(void **state)
{
    char line[128], name[40];
    struct nhi_host_account l;

    (void)state;
    memset(name, 'n', sizeof(name));
    name[33] = '\0';
    snprintf(line, sizeof(line), "%s:x:1009:1009::/:/bin/sh\n", name);
    hosts_files(line, "");
    assert_int_equal(nhi_host_account_by_name(name, &l), NHI_ERR_TOO_LONG);
    assert_int_equal(nhi_host_account_of(name, 1009, true, &l), NHI_ERR_TOO_LONG);
    name[32] = '\0';
    snprintf(line, sizeof(line), "%s:x:1009:1009::/:/bin/sh\n", name);
    hosts_files(line, "");
    is(name, false, "");
}

/* Of two lines with one name, the one with the uid that the host has found. */
static void by_name_and_number(void **state)
{
    struct nhi_host_account l;

    (void)state;
    hosts_files("twin:x:1010:1001::/:/bin/sh\ntwin:x:1011:990::/:/bin/sh\n", "docker:x:990:\n");
    assert_int_equal(nhi_host_account_of("twin", 1010, true, &l), NHI_OK);
    assert_false(l.privileged);
    assert_int_equal(nhi_host_account_of("twin", 1011, true, &l), NHI_OK);
    assert_string_equal(l.because, "docker");
    assert_int_equal(nhi_host_account_of("twin", 1012, true, &l), NHI_ERR_NOT_FOUND);
    is("twin", false, "");
}

/* A second group with the name and another gid: sudo matches the name. */
static void each_number_of_a_name(void **state)
{
    (void)state;
    hosts_files("", "sudo:x:27:\nsudo:x:20010:bob\n");
    is("bob", true, "sudo");
    hosts_files("dave:x:1004:20010::/:/bin/sh\n", "sudo:x:27:\nsudo:x:20010:\n");
    is("dave", true, "sudo");
    is("carol", false, "");
}

static void not_read(const char *name)
{
    struct nhi_host_account l;
    enum nhi_err err = nhi_host_account_by_name(name, &l);

    assert_true(err != NHI_OK && err != NHI_ERR_NOT_FOUND);
}

/* What cannot be read makes no account ordinary. */
static void unreadable(void **state)
{
    static char text[2 << 20];

    (void)state;
    hosts_files("", "sudo:x:27:bob\n");
    assert_int_equal(unlink("/etc/group"), 0);
    not_read("bob");
    assert_int_equal(mkdir("/etc/group", 0755), 0);
    not_read("bob");
    assert_int_equal(rmdir("/etc/group"), 0);
    assert_int_equal(mkfifo("/etc/group", 0644), 0);
    not_read("bob");
    assert_int_equal(unlink("/etc/group"), 0);
    memset(text, 'm', sizeof(text) - 1);
    memcpy(text, "big:x:77:", 9);
    spill("/etc/group", text);
    not_read("bob");
    hosts_files("", "");
    assert_int_equal(unlink("/etc/passwd"), 0);
    not_read("bob");
}

/* ---- other sources: a program that answers as these tests demand ---- */

#define PROGRAM LIBEXECDIR "/nhi-nss-ask"

static void sources(const char *passwd, const char *group)
{
    char text[256];

    snprintf(text, sizeof(text), "passwd: %s\ngroup:\t%s\n", passwd, group);
    spill("/etc/nsswitch.conf", text);
}

static void only_files(void)
{
    sources("files", "files");
    (void)unlink(PROGRAM);
}

static int no_sources(void **state)
{
    (void)state;
    only_files();
    return 0;
}

static void answers(const char *lines)
{
    char text[2048];

    sources("files nhi other", "files [SUCCESS=merge] other [NOTFOUND=return] # sss");
    snprintf(text, sizeof(text),
             "#!/bin/sh\necho \"$*\" >/etc/asked\nexec 2>/etc/noise\nenv >/etc/environment\n"
             "ls /proc/self/fd | tr '\\n' ' ' >/etc/descriptors\ncat <<'E'\n%s\nE\n",
             lines);
    spill(PROGRAM, text);
    assert_int_equal(chmod(PROGRAM, 0755), 0);
}

static const char *slurp(const char *path)
{
    static char text[512];
    FILE *f = fopen(path, "re");
    size_t n;

    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static struct nhi_host_account look_up(const char *name, const uint32_t *uid)
{
    struct nhi_host_account l;

    assert_int_equal(uid != NULL ? nhi_host_account_of(name, *uid, true, &l) : nhi_host_account_by_name(name, &l),
                     NHI_OK);
    return l;
}

/* Its groups there count like those of the files, by number and by name; those of the files are asked about. */
static void groups_from_elsewhere(void **state)
{
    struct nhi_host_account l;

    (void)state;
    hosts_files("", "docker:x:990:\n");
    answers("? other\ng 20001\n.");
    is("bob", false, "");
    assert_string_equal(slurp("/etc/asked"), "groups bob 1001 44\n");
    answers("? other\ng 990\n.");
    is("bob", true, "docker");
    answers("? other\ng 20010\np sudo\n.");
    is("bob", true, "sudo");
    answers("? other\ng 0\n.");
    is("bob", true, "gid 0");
    answers("? other\ng 0\np gid 0\n.");
    is("bob", true, "gid 0");
    answers("? other\ng 20001\n.");
    l = look_up("bob", NULL);
    assert_string_equal(l.blind, "");
}

/* An account that does not exist here: by name, by number, and with its groups there and here. */
static void account_from_elsewhere(void **state)
{
    const uint32_t uid = 20001, other = 20002;
    struct nhi_host_account l;

    (void)state;
    hosts_files("", "docker:x:990:lena\n");
    answers("? other\na 20001 20000\ng 20001\n.");
    l = look_up("nina", &uid);
    assert_int_equal(l.uid, 20001);
    assert_int_equal(l.gid, 20000);
    assert_false(l.privileged);
    assert_string_equal(slurp("/etc/asked"), "account nina\n");
    assert_int_equal(nhi_host_account_of("nina", other, true, &l), NHI_ERR_NOT_FOUND);
    is("lena", true, "docker");
    answers("? other\na 20001 990\n.");
    is("nina", true, "docker");
    answers("? other\na 0 20000\n.");
    is("nina", true, "uid 0");
    answers("? one\na 20001 20000\n? two\na 20002 990\n.");
    l = look_up("nina", &other);
    assert_string_equal(l.because, "docker");
    l = look_up("nina", &uid);
    assert_false(l.privileged);
    answers("? other\n.");
    assert_int_equal(nhi_host_account_by_name("nina", &l), NHI_ERR_NOT_FOUND);
}

static void is_blind(const char *what)
{
    struct nhi_host_account l = look_up("bob", NULL);

    assert_false(l.privileged);
    assert_false(l.goes_on);
    assert_string_equal(l.blind, what);
}

/* A missing answer is not a "no", and what is known counts all the same. */
static void no_answer(void **state)
{
    (void)state;
    hosts_files("", "docker:x:990:carol\n");
    answers("? other\nb is not available\n.");
    is_blind("other is not available");
    is("carol", true, "docker");
    answers("? one\ng 20001\n? other\n");
    is_blind("other did not answer in time");
    answers("? one\nb is not available\n? other\ng 990\n.");
    is("bob", true, "docker");
    only_files();
    sources("files", "files other");
    is_blind("nhi-nss-ask did not answer in time");
    sources("files other", "files");
    is_blind("nhi-nss-ask did not answer in time");
    spill("/etc/nsswitch.conf", "# group: other\ngroup: files\ninitgroups: other\n");
    is_blind("nhi-nss-ask did not answer in time");
    spill("/etc/nsswitch.conf", "# group: other\nhosts: dns\ngroup : files nhi [!UNAVAIL=return] nhi\ngroups: x\n");
    is("bob", false, "");
}

/* It hangs: the two seconds end it, and its earlier output is known. */
static void frozen(void **state)
{
    struct timespec before, after;

    (void)state;
    hosts_files("", "");
    answers("? other");
    spill(PROGRAM, "#!/bin/sh\necho '? other'\nexec sleep 1000\n");
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    is_blind("other did not answer in time");
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    /* It did not end by itself. */
    assert_true(after.tv_sec - before.tv_sec < 600);
}

static int signals;

static void count_signal(int sig)
{
    (void)sig;
    signals++;
}

/* An agent's own account is permitted without the groups that cannot be asked for, as long as each group that it has is
 * known. */
static void own_account(void **state)
{
    struct nhi_account a = { .uid = 70001, .home = "/", .shell = "/bin/sh", .groups = { 5000 }, .group_count = 1 };
    struct nhi_snapshot_writer *w = NULL;
    struct nhi_host_account l;
    const uint32_t other = 1010;

    (void)state;
    memcpy(a.name, "ci-bot", 7);
    assert_int_equal(nhi_snapshot_begin(70000, 70099, &w), NHI_OK);
    assert_int_equal(nhi_snapshot_add(w, &a), NHI_OK);
    assert_int_equal(nhi_snapshot_publish(w), NHI_OK);
    hosts_files("", "team:x:5000:\n");
    is("ci-bot", false, "");
    answers("? other\nb is not available\n.");
    l = look_up("ci-bot", &a.uid);
    assert_true(l.own && l.goes_on);
    assert_string_equal(l.blind, "other is not available");
    assert_string_equal(slurp("/etc/asked"), "groups ci-bot 70000 5000 70001\n");
    answers("? other");
    l = look_up("ci-bot", &a.uid);
    assert_true(l.own && l.goes_on);
    /* The program could not ask: a caller of su can cause that. */
    spill(PROGRAM, "#!/bin/sh\nkill -9 $$\n");
    l = look_up("ci-bot", &a.uid);
    assert_true(l.own && !l.goes_on);
    assert_int_equal(unlink(PROGRAM), 0);
    l = look_up("ci-bot", &a.uid);
    assert_true(l.own && !l.goes_on);
    answers("? one\ng 20010\n? other\nb is not available\n.");
    l = look_up("ci-bot", &a.uid);
    assert_true(l.own && !l.goes_on);
    hosts_files("", "");
    answers("? other\nb is not available\n.");
    l = look_up("ci-bot", &a.uid);
    assert_false(l.goes_on);
    /* Another account with that name. */
    assert_int_equal(nhi_host_account_of("ci-bot", other, true, &l), NHI_ERR_BUSY);
    hosts_files("ci-bot:x:1010:1010::/:/bin/sh\n", "");
    l = look_up("ci-bot", &other);
    assert_false(l.own || l.goes_on);
    hosts_files("", "team:x:5000:\ndocker:x:990:ci-bot\n");
    l = look_up("ci-bot", &a.uid);
    assert_string_equal(l.because, "docker");
    only_files();
    hosts_files("", "docker:x:5000:\n");
    is("ci-bot", true, "docker");
    assert_int_equal(unlink(NHI_SNAPSHOT_PATH), 0);
}

/* The host process notices nothing: no signal, no child, no descriptor; and reveals nothing. */
static void unnoticed(void **state)
{
    struct sigaction act = { .sa_handler = count_signal }, was;
    sigset_t before, after;
    int fd = dup(1), again;

    (void)state;
    hosts_files("", "");
    answers("? other\n.");
    assert_int_equal(setenv("LD_PRELOAD_NOT", "x", 1), 0);
    assert_int_equal(sigaction(SIGCHLD, &act, &was), 0);
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &before), 0);
    is("bob", false, "");
    assert_int_equal(signals, 0);
    assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &after), 0);
    assert_memory_equal(&before, &after, sizeof(long));
    assert_int_equal(sigaction(SIGCHLD, &was, &act), 0);
    assert_ptr_equal(act.sa_handler, count_signal);
    again = dup(1);
    assert_int_equal(again, fd + 1);
    close(again);
    close(fd);
    assert_null(strstr(slurp("/etc/environment"), "LD_PRELOAD_NOT"));
    /* 3 is ls's own. */
    assert_string_equal(slurp("/etc/descriptors"), "0 1 2 3 ");
    assert_string_equal(slurp("/etc/noise"), "");
}

/* A caller of sudo has chosen its limits and its groups: the limits do not reach the program, the groups count. */
static void of_the_caller(void **state)
{
    struct rlimit files, size;
    gid_t groups[] = { 990 };
    unsigned uid = 1;
    long limit = 0;
    int status;
    pid_t pid;

    (void)state;
    hosts_files("", "docker:x:990:\n");
    answers("? other\n.");
    spill(PROGRAM, "#!/bin/sh\n{ ulimit -n; ulimit -f; id -ru; } >/etc/asked\necho .\n");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &size), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_true(size.rlim_max == RLIM_INFINITY && files.rlim_max >= 256);
    size.rlim_cur = files.rlim_cur = 16;
    pid = fork();
    if (pid == 0) {
        struct nhi_host_account l;
        int bad = setrlimit(RLIMIT_NOFILE, &files) != 0 || setrlimit(RLIMIT_FSIZE, &size) != 0 ||
                  setgroups(0, groups) != 0 || setresgid(1001, 0, 0) != 0 || setresuid(1001, 0, 0) != 0 ||
                  nhi_host_account_of("bob", 1001, true, &l) != NHI_OK || l.privileged || setgroups(1, groups) != 0 ||
                  nhi_host_account_of("bob", 1001, true, &l) != NHI_OK || !l.privileged ||
                  nhi_host_account_of("bob", 1001, false, &l) != NHI_OK || l.privileged ||
                  nhi_host_account_of("carol", 1002, true, &l) != NHI_OK || l.privileged;

        _exit(bad);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(sscanf(slurp("/etc/asked"), "%ld\nunlimited\n%u", &limit, &uid), 2);
    assert_true(limit >= 256);
    assert_int_equal(uid, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary),
        cmocka_unit_test(unknown),
        cmocka_unit_test(numbers),
        cmocka_unit_test(member_of_gid_0),
        cmocka_unit_test(each_group),
        cmocka_unit_test(many_groups),
        cmocka_unit_test(too_many_groups),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(long_name),
        cmocka_unit_test(by_name_and_number),
        cmocka_unit_test(each_number_of_a_name),
        cmocka_unit_test(unreadable),
        cmocka_unit_test_teardown(groups_from_elsewhere, no_sources),
        cmocka_unit_test_teardown(account_from_elsewhere, no_sources),
        cmocka_unit_test_teardown(no_answer, no_sources),
        cmocka_unit_test_teardown(frozen, no_sources),
        cmocka_unit_test_teardown(own_account, no_sources),
        cmocka_unit_test_teardown(unnoticed, no_sources),
        cmocka_unit_test_teardown(of_the_caller, no_sources),
    };

    if (!state_enter())
        return 0;
    if (mount("tmpfs", "/etc", "tmpfs", 0, "mode=0755") != 0 || (mkdir(LIBEXECDIR, 0755) != 0 && errno != EEXIST) ||
        mount("tmpfs", LIBEXECDIR, "tmpfs", 0, "mode=0755") != 0)
        return 1;
    spill("/etc/nsswitch.conf", "passwd: files\ngroup: files\n");
    return cmocka_run_group_tests_name("privileged", tests, NULL, NULL);
}
