/* SPDX-License-Identifier: ISC */
/*
 * Name look-ups through glibc: nhi with 100,000 accounts compared with files with 100,000 lines, and both with the
 * fastest look-up that is possible. Root is needed for a private mount namespace, in which /etc/passwd, /run and
 * /var/lib are this program's; nothing outside is touched.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/accounts.h"
#include "tests/lib/bench.h"

#define ACCOUNTS 100000u
#define BATCHES 31
#define SMALL_FILE "/var/lib/small"

enum op { SYSCALL, OPEN_READ_CLOSE, BY_NAME, BY_UID, MISS_NAME, MISS_UID, NEVER_OURS, GROUPS, OPS };

static const struct {
    const char *name;
    int nhi_per_batch, files_per_batch; /* a pass over a long passwd file takes milliseconds */
} ops[OPS] = {
    [SYSCALL] = { "getppid", 20000, 0 },
    [OPEN_READ_CLOSE] = { "open, read, close", 5000, 0 },
    [BY_NAME] = { "getpwnam_r", 2000, 3 },
    [BY_UID] = { "getpwuid_r", 2000, 3 },
    [MISS_NAME] = { "getpwnam_r, no such name", 2000, 1 },
    [MISS_UID] = { "getpwuid_r, no such uid", 2000, 1 },
    [NEVER_OURS] = { "getpwuid_r, system uid", 5000, 1 },
    [GROUPS] = { "getgrouplist", 2000, 0 },
};

/* The results of the measuring children. */
struct figures {
    double nhi[OPS], files[OPS];
};

static void die(const char *what)
{
    fprintf(stderr, "bench_nss: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void once(enum op op, uint32_t i)
{
    char name[64], buf[4096];
    gid_t groups[64];
    struct passwd pw, *got = NULL;
    int rc = 0, fd, n = 64;

    switch (op) {
    case SYSCALL:
        (void)syscall(SYS_getppid);
        return;
    case OPEN_READ_CLOSE:
        fd = open(SMALL_FILE, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, buf, sizeof(buf)) <= 0 || close(fd) != 0)
            die(SMALL_FILE);
        return;
    case BY_NAME:
        snprintf(name, sizeof(name), "agent-%05u", i);
        rc = getpwnam_r(name, &pw, buf, sizeof(buf), &got);
        break;
    case BY_UID:
        rc = getpwuid_r(ACCOUNTS_UID_MIN + 1 + i, &pw, buf, sizeof(buf), &got);
        break;
    case MISS_NAME:
        snprintf(name, sizeof(name), "absent-%05u", i);
        rc = getpwnam_r(name, &pw, buf, sizeof(buf), &got);
        break;
    case MISS_UID:
        rc = getpwuid_r(ACCOUNTS_UID_MIN + 1 + ACCOUNTS + i, &pw, buf, sizeof(buf), &got);
        break;
    case NEVER_OURS:
        rc = getpwuid_r(500 + i % 400, &pw, buf, sizeof(buf), &got);
        break;
    case GROUPS:
        snprintf(name, sizeof(name), "agent-%05u", i);
        if (getgrouplist(name, ACCOUNTS_UID_MIN + 1 + i, groups, &n) < 2)
            die("getgrouplist");
        return;
    case OPS:
        break;
    }
    if (rc != 0 || (got != NULL) != (op == BY_NAME || op == BY_UID) ||
        (got != NULL && pw.pw_uid != ACCOUNTS_UID_MIN + 1 + i)) {
        fprintf(stderr, "bench_nss: %s gave a wrong answer\n", ops[op].name);
        exit(1);
    }
}

/* Median over batches, in ns per operation. */
static double measure(enum op op, int per_batch)
{
    static uint32_t next = 12345;
    double batch[BATCHES];

    if (per_batch == 0)
        return 0;
    once(op, 0); /* loads modules */
    for (int b = 0; b < BATCHES; b++) {
        double start = now_us();

        for (int k = 0; k < per_batch; k++) {
            next = next * 1664525u + 1013904223u;
            once(op, (next >> 8) % ACCOUNTS);
        }
        batch[b] = (now_us() - start) * 1e3 / per_batch;
    }
    return median(batch, BATCHES);
}

static void measure_all(const char *service, struct figures *f)
{
    enum op op;

    if (__nss_configure_lookup("passwd", service) != 0 || __nss_configure_lookup("group", service) != 0 ||
        __nss_configure_lookup("initgroups", service) != 0)
        die("__nss_configure_lookup");
    for (op = 0; op < OPS; op++)
        if (strcmp(service, "files") == 0)
            f->files[op] = measure(op, ops[op].files_per_batch);
        else
            f->nhi[op] = measure(op, ops[op].nhi_per_batch);
}

static void publish(const char *service, struct figures *f)
{
    enum nhi_err err = accounts_publish(NULL, ACCOUNTS);

    (void)service;
    (void)f;
    if (err != NHI_OK) {
        fprintf(stderr, "bench_nss: publish: %s\n", nhi_strerror(err));
        exit(1);
    }
}

/* Runs work in a child with memory of its own. Returns its peak RSS in KiB. */
static long in_child(void (*work)(const char *, struct figures *), const char *service, struct figures *f)
{
    struct rusage usage;
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        work(service, f);
        _exit(0);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        die("fork");
    if (status != 0)
        exit(1);
    return usage.ru_maxrss;
}

static void write_passwd(const char *to)
{
    FILE *out = fopen(to, "we");

    if (out == NULL)
        die(to);
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        struct nhi_account a = accounts_nth(i);

        fprintf(out, "%s:*:%u:%u:%s:%s:%s\n", a.name, a.uid, a.uid, a.gecos, a.home, a.shell);
    }
    if (fclose(out) != 0)
        die(to);
}

/* The namespace, its files, and the module that was built with this program: glibc uses a loaded library with the
 * soname that it looks for. */
static void prepare(void)
{
    char lib[4096];
    ssize_t len = readlink("/proc/self/exe", lib, sizeof(lib) - 64);
    FILE *small;

    if (len < 0)
        die("/proc/self/exe");
    lib[len] = '\0';
    for (int up = 0; up < 3; up++) /* BUILD/tests/bench/bench_nss */
        *strrchr(lib, '/') = '\0';
    strcat(lib, "/libnss_nhi.so.2");
    if (dlopen(lib, RTLD_NOW) == NULL) {
        fprintf(stderr, "bench_nss: %s\n", dlerror());
        exit(1);
    }
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        fprintf(stderr, "bench_nss: not measured: a private mount namespace needs root (%s)\n", strerror(errno));
        exit(1);
    }
    if (mount("tmpfs", "/var/lib", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0 || mkdir("/var/lib/nhi", 0755) != 0)
        die("/var/lib");
    if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
        die("/run");
    write_passwd("/var/lib/passwd");
    if (mount("/var/lib/passwd", "/etc/passwd", NULL, MS_BIND, NULL) != 0)
        die("/etc/passwd");
    small = fopen(SMALL_FILE, "we");
    if (small == NULL || fputs("small\n", small) < 0 || fclose(small) != 0)
        die(SMALL_FILE);
}

static double size_of(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        die(path);
    return (double)st.st_size / (1 << 20);
}

int main(void)
{
    struct figures *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long rss_publish, rss_nhi, rss_files;
    enum op op;

    if (f == MAP_FAILED)
        die("mmap");
    prepare();
    rss_publish = in_child(publish, NULL, f);
    rss_nhi = in_child(measure_all, "nhi", f);
    rss_files = in_child(measure_all, "files", f);
    printf("%u accounts in nhi, %u lines in files; median of %d batches\n\n", ACCOUNTS, ACCOUNTS, BATCHES);
    printf("%-28s %10s %12s %10s %12s %10s\n", "", "nhi ns", "files ns", "nhi/files", "nhi/open..", "nhi/getppid");
    for (op = 0; op < OPS; op++) {
        printf("%-28s %10.0f ", ops[op].name, f->nhi[op]);
        if (ops[op].files_per_batch > 0)
            printf("%12.0f %10.5f ", f->files[op], f->nhi[op] / f->files[op]);
        else
            printf("%12s %10s ", "-", "-");
        printf("%12.2f %10.1f\n", f->nhi[op] / f->nhi[OPEN_READ_CLOSE], f->nhi[op] / f->nhi[SYSCALL]);
    }
    printf("\nfile: nhi %.1f MiB, files %.1f MiB\n", size_of(NHI_SNAPSHOT_PATH), size_of("/etc/passwd"));
    printf("peak RSS: lookups through nhi %ld KiB, through files %ld KiB, publishing %ld KiB\n", rss_nhi, rss_files,
           rss_publish);
    return 0;
}
