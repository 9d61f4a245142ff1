/* SPDX-License-Identifier: ISC */
#include "tests/lib/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnhi/base/proc.h"
#include "libnhi/ledger/ledger_agent.h"
#include "libnhi/ledger/ledger_issuer.h"
#include "libnhi/ledger/ledger_policy.h"
#include "libnhi/ledger/ledger_task.h"
#include "libnhi/ledger/publish.h"
#include "libnhi/session/session.h"

#define FILLER NHI_STATE_DIR "/filler"

static void must(bool ok, const char *what)
{
    if (!ok) {
        printf("not ok 1 - cannot go on: %s: %s\n", what, strerror(errno));
        (void)fflush(stdout);
        _exit(99);
    }
}

#define MUST(x) must((x), #x)

bool state_enter(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        printf("1..0 # SKIP needs root and a mount namespace of its own\n");
        return false;
    }
    (void)umask(022);
    MUST(mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=0755") == 0);
    MUST(mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") == 0);
    /* A session that is registered here must not move this process to a cgroup of the machine. */
    MUST(access("/sys/fs/cgroup", F_OK) != 0 || mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, "mode=0755") == 0);
    MUST(mkdir(NHI_STATE_DIR, 0755) == 0);
    MUST(mkdir(NHI_RUN_DIR, 0700) == 0);
    return true;
}

void state_reset(const char *size)
{
    char options[64];

    (void)umount2(NHI_STATE_DIR, MNT_DETACH);
    (void)umount2(NHI_RUN_DIR, MNT_DETACH);
    snprintf(options, sizeof(options), "mode=0755,size=%s", size);
    MUST(mount("tmpfs", NHI_STATE_DIR, "tmpfs", 0, options) == 0);
    MUST(mount("tmpfs", NHI_RUN_DIR, "tmpfs", 0, "mode=0700") == 0);
    MUST(mkdir(STATE_GRANTS, 0700) == 0);
}

int state_empty(void **state)
{
    (void)state;
    state_reset("256m");
    return 0;
}

int state_ready(void **state)
{
    (void)state_empty(state);
    state_ledger();
    return 0;
}

void state_issuer(struct nhi_ledger *l, const char *kid)
{
    struct nhi_issuer i = { .own = true, .max_ttl = 86400, .agents = "*", .accounts = "*", .services = "*" };

    snprintf(i.kid, sizeof(i.kid), "%s", kid);
    snprintf((char *)i.pk, sizeof(i.pk), "key of %s", kid);
    MUST(nhi_issuer_add(l, &i, STATE_NOW) == NHI_OK);
}

void state_agent(struct nhi_ledger *l, const char *name, uint32_t uid)
{
    struct nhi_agent a = { .review_by = STATE_NOW + 86400,
                           .owner = "ops@example.org",
                           .purpose = "builds",
                           .account = { .uid = uid, .home = "/home/a", .shell = "/bin/sh" } };

    snprintf(a.account.name, sizeof(a.account.name), "%s", name);
    MUST(nhi_agent_add(l, &a, STATE_NOW) == NHI_OK);
}

void state_ledger(void)
{
    struct nhi_task task = { .id = "build-1", .agent = "ci-bot", .deadline = STATE_NOW + 7200 };
    struct nhi_rule rule = { .name = "all", .agents = "ci-bot", .accounts = "ci-bot deploy", .services = "sshd sudo" };
    struct nhi_settings set;
    struct nhi_ledger *l;

    MUST(nhi_ledger_create(NHI_STATE_DIR, STATE_HOST, STATE_UID_MIN, STATE_UID_MAX, STATE_NOW) == NHI_OK);
    l = state_begin();
    MUST(nhi_ledger_settings(l, &set) == NHI_OK);
    set.unsupervised = true;
    MUST(nhi_ledger_set(l, &set) == NHI_OK);
    state_issuer(l, "k1");
    state_agent(l, "ci-bot", STATE_UID_MIN + 1);
    state_agent(l, "other-bot", STATE_UID_MIN + 2);
    MUST(nhi_task_open(l, &task, STATE_NOW) == NHI_OK);
    MUST(nhi_policy_replace(l, &rule, 1, STATE_HASH, STATE_NOW) == NHI_OK);
    state_end(l);
}

struct nhi_ledger *state_open(enum nhi_ledger_mode mode)
{
    struct nhi_ledger *l = NULL;

    MUST(nhi_ledger_open(NHI_STATE_DIR, mode, &l) == NHI_OK);
    MUST(mode == NHI_LEDGER_READ ||
         nhi_ledger_publishes(l, NHI_STATE_DIR, NHI_RUN_DIR, nhi_ledger_patience(mode)) == NHI_OK);
    return l;
}

struct nhi_ledger *state_begin(void)
{
    struct nhi_ledger *l = state_open(NHI_LEDGER_WRITE);

    MUST(nhi_ledger_begin(l, STATE_NOW) == NHI_OK);
    return l;
}

void state_end(struct nhi_ledger *l)
{
    MUST(nhi_ledger_commit(l) == NHI_OK);
    nhi_ledger_close(l);
}

void state_unpublish(void)
{
    struct dirent *e;
    DIR *d = opendir(NHI_RUN_DIR);

    MUST(d != NULL);
    while ((e = readdir(d)) != NULL)
        if (strncmp(e->d_name, "state", 5) == 0)
            MUST(unlinkat(dirfd(d), e->d_name, 0) == 0);
    closedir(d);
}

void state_jti(unsigned n, char *jti)
{
    snprintf(jti, NHI_JTI_LEN + 1, "%021uA", n);
}

struct nhi_ticket state_ticket(unsigned n)
{
    struct nhi_ticket t = { .kid = "k1",
                            .agent = "ci-bot",
                            .task = "build-1",
                            .host = STATE_HOST,
                            .accounts = "ci-bot deploy",
                            .services = "sshd sudo",
                            .iat = STATE_NOW,
                            .exp = STATE_NOW + 3600 };

    state_jti(n, t.jti);
    return t;
}

struct nhi_grant state_grant(unsigned n, unsigned id)
{
    struct nhi_grant g = { .at = STATE_NOW,
                           .reason = NHI_PERMIT,
                           .source = NHI_FROM_PROMPT,
                           .service = "sshd",
                           .subject = "ci-bot",
                           .rule = "all",
                           .rhost = "192.0.2.7",
                           .ticket = state_ticket(n) };
    pid_t parent;

    state_jti(id, g.id);
    g.id[0] = 'g';
    MUST(nhi_boot_id(g.boot) == NHI_OK);
    MUST(nhi_proc_read(getpid(), &g.self, &parent) == NHI_OK);
    MUST(nhi_proc_read(parent, &g.parent, &parent) == NHI_OK);
    g.ns = nhi_proc_namespace();
    return g;
}

int state_parallel(int n, int (*fn)(int))
{
    int i, status, failed = 0;
    static pid_t pids[1024];

    MUST(n <= (int)(sizeof(pids) / sizeof(pids[0])));
    (void)fflush(stdout);
    for (i = 0; i < n; i++) {
        pids[i] = fork();
        MUST(pids[i] >= 0);
        if (pids[i] == 0)
            _exit(fn(i));
    }
    for (i = 0; i < n; i++) {
        MUST(waitpid(pids[i], &status, 0) == pids[i]);
        failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    return failed;
}

void state_disk_fill(void)
{
    static const char block[4096];
    int fd = open(FILLER, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    MUST(fd >= 0);
    while (write(fd, block, sizeof(block)) > 0)
        ;
    MUST(errno == ENOSPC);
    close(fd);
}

void state_disk_free(void)
{
    MUST(unlink(FILLER) == 0);
}

int state_count(const char *dir, const char *prefix)
{
    struct dirent *e;
    int n = 0;
    DIR *d = opendir(dir);

    if (d == NULL)
        return 0;
    while ((e = readdir(d)) != NULL)
        n += e->d_name[0] != '.' && (prefix == NULL || strncmp(e->d_name, prefix, strlen(prefix)) == 0);
    closedir(d);
    return n;
}

size_t state_slurp(const char *path, void *buf, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    MUST(fd >= 0);
    n = read(fd, buf, max);
    MUST(n >= 0);
    close(fd);
    return (size_t)n;
}

void state_spill(const char *path, const void *buf, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    MUST(fd >= 0);
    MUST(write(fd, buf, len) == (ssize_t)len);
    close(fd);
}

uint32_t state_random(void)
{
    static uint64_t x = UINT64_C(0x9e3779b97f4a7c15);

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 32);
}
